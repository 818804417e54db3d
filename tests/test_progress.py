"""The progress bar, as it is written to a file."""

import sys
from collections.abc import Iterable, Iterator
from io import StringIO

import pytest

from fastnn import MLP
from fastnn.history import Step
from fastnn.training.progress import bar


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def written(file: StringIO, steps: Iterable[Step], epochs: int, **options: bool) -> str:
    with bar(epochs, file=file, **options) as show:
        for step in steps:
            show(step)
    return file.getvalue()


STEPS = [Step(1, 0.5, 0.1), Step(2, 0.012341, 0.05)]


def test_the_last_line_stays() -> None:
    text = written(StringIO(), STEPS, epochs=2)
    *_, last, end = text.replace("\r", "\n").split("\n")
    assert end == ""
    assert last.startswith("100%")
    assert " 2/2 [" in last
    assert "epoch/s" in last
    assert last.endswith(", loss=0.01234, learning_rate=0.05]")


def test_the_validation_loss_is_shown() -> None:
    text = written(StringIO(), [Step(1, 0.5, 0.1, 0.75, 0.9)], epochs=1)
    assert text.endswith("loss=0.5, learning_rate=0.1, validation_loss=0.75]\n")


def test_what_ended_early_stays_as_it_was() -> None:
    assert " 2/300 [" in written(StringIO(), STEPS, epochs=300).replace("\r", "\n").split("\n")[-2]


def test_nothing_stays_when_nothing_should() -> None:
    text = written(StringIO(), STEPS, epochs=2, leave=False)
    assert text.split("\r")[-2].strip() == ""
    assert text.endswith("\r")


def test_only_on_a_terminal() -> None:
    assert written(StringIO(), STEPS, epochs=2, only_on_terminal=True) == ""
    assert "2/2" in written(Terminal(), STEPS, epochs=2, only_on_terminal=True)


def test_an_error_ends_the_line() -> None:
    def steps() -> Iterator[Step]:
        yield STEPS[0]
        raise ZeroDivisionError

    file = StringIO()
    with pytest.raises(ZeroDivisionError):
        written(file, steps(), epochs=3)
    assert " 1/3 [" in file.getvalue()
    assert file.getvalue().endswith("]\n")


def test_without_a_standard_error_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    for only_on_terminal in (False, True):
        with bar(2, only_on_terminal=only_on_terminal) as show:
            show(STEPS[0])
    assert len(MLP([2, 2, 1]).train([[0.0, 1.0]], [1.0], epochs=3, progress=True)) == 3
    assert "1/2" in written(StringIO(), STEPS[:1], epochs=2)
