"""A contender that computes something else is found out, and one that is missing is named."""

import numpy as np
import pytest

from . import runner
from .__main__ import main
from .catalog import JOBS
from .contenders import FASTNN, NUMPY, Contender
from .jobs import Job, Tolerance, Training
from .nearest import nearest
from .peers import Outcome, Peer
from .problems import Examples
from .test_bench import load
from .verification import Expectation, MismatchError, check, expectation


def untrained(job: Job, peer_class: type[Peer], examples: Examples) -> Expectation:
    start = job.prepare(peer_class, examples).outcome()
    return Expectation(start, start)


TRAININGS = {
    f"{job.name}, as {contender.name} does it": done
    for job in JOBS
    if isinstance(job, Training)
    for contender in job.contenders
    if contender == FASTNN or nearest(job, contender).note
    for done in [nearest(job, contender).job]
}


@pytest.mark.parametrize("job", TRAININGS.values(), ids=TRAININGS)
def test_training_goes_far_beyond_the_tolerance(job: Job) -> None:
    examples = load(job)
    expected = expectation(job, NUMPY.load(), examples)
    of_numbers, of_changes = job.tolerance(examples)
    tolerance = Tolerance(50 * of_numbers, of_changes)
    for name, before in expected.before.items():
        of_one = Expectation({name: before}, {name: expected.after[name]})
        with pytest.raises(MismatchError, match="expected a difference"):
            check({name: before}, of_one, tolerance)


BEFORE = {"a": np.array([0.5, 0.0])}
EXPECTED = Expectation(BEFORE, {"a": np.array([1.0, -2.0])})


@pytest.mark.parametrize(
    "got",
    [
        {"a": np.array([1.0, -2.1])},
        {"a": np.array([1.0, np.nan])},
        {"a": np.array([1.0, np.inf])},
        {"a": np.array([1.0])},
        {"a": np.array([1.0, -2.0], np.float32)},
        {"b": np.array([1.0, -2.0])},
        {},
    ],
    ids=["far", "nan", "inf", "shape", "dtype", "other", "missing"],
)
def test_check_finds_a_mismatch(got: Outcome) -> None:
    with pytest.raises(MismatchError):
        check(got, EXPECTED, Tolerance(of_numbers=0.02, of_changes=0.02))


def test_check_tolerates_rounding() -> None:
    check({"a": np.array([1.07, -2.0])}, EXPECTED, Tolerance(of_numbers=0.04, of_changes=0))


def test_check_tolerates_a_part_of_what_changed() -> None:
    tolerance = Tolerance(of_numbers=0, of_changes=0.04)
    check({"a": np.array([1.07, -2.0])}, EXPECTED, tolerance)
    with pytest.raises(MismatchError):
        check({"a": np.array([1.09, -2.0])}, EXPECTED, tolerance)


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["bench", *arguments])
    main()


def test_a_mismatch_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runner, "expectation", untrained)
    with pytest.raises(SystemExit, match="1"):
        run_main(monkeypatch, "--only", "iris 4-3-3: train, batch 32")
    assert "batch 32, fastnn: weights[0]: expected a difference" in capsys.readouterr().out


def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        Contender,
        "missing",
        lambda contender: None if contender == FASTNN else f"{contender.name} is a stranger",
    )
    run_main(monkeypatch, "--only", "iris 4-3-3: predict")
    printed = capsys.readouterr().out
    assert "- JAX: JAX is a stranger" in printed
    assert "| iris 4-3-3: predict, all rows |" in printed


def test_a_contender_that_is_not_installed_is_missing() -> None:
    contender = Contender("x", "x:X", ("fastnn-mlp", "no-such-distribution"))
    assert contender.missing() == "no-such-distribution is not installed"
