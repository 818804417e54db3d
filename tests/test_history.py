"""What training reports: steps, and the history in all its shapes."""

import json
import math
import re
import sys
from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from helpers import parametrize
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fastnn import MLP, Evaluation, evaluation
from fastnn.history import History, Step
from fastnn.training import monitor


def history(n_epochs: int, validated: bool = False) -> History:
    made = History([1 / (epoch + 1) for epoch in range(n_epochs)], [0.1] * n_epochs)
    if validated:
        made.validation_loss = [loss + 0.25 for loss in made.loss]
        made.validation_score = [1 - loss for loss in made.loss]
        made.metric = "accuracy"
    return made


class TestStep:
    def test_prints_briefly(self) -> None:
        assert repr(Step(3, 0.012341, 0.1)) == "Step(epoch=3, loss=0.01234, learning_rate=0.1)"
        assert str(Step(12345, 1.0, 0.1, 0.5, 0.9, batch=7)) == (
            "Step(epoch=12345, loss=1, learning_rate=0.1, validation_loss=0.5, "
            "validation_score=0.9, batch=7)"
        )

    def test_the_learning_rate_can_be_assigned(self) -> None:
        step = Step(1, 0.5, 0.1)
        step.learning_rate *= 0.5
        assert step == Step(1, 0.5, 0.05)
        step.learning_rate = 0
        assert step == Step(1, 0.5, 0.0)

    @parametrize("rate", -0.1, math.nan, math.inf)
    def test_only_to_what_is_one(self, rate: float) -> None:
        step = Step(1, 0.5, 0.1)
        with pytest.raises(ValueError, match=r"^learning_rate must be at least 0 and finite,"):
            step.learning_rate = rate
        with pytest.raises(TypeError, match=r"^learning_rate must be a number, got '0\.1'"):
            step.learning_rate = "0.1"  # type: ignore[assignment]
        assert step.learning_rate == 0.1

    @parametrize("name", "epoch", "loss", "validation_loss", "batch")
    def test_nothing_else_can_be(self, name: str) -> None:
        with pytest.raises(AttributeError, match=f"^{name} of a Step cannot be assigned"):
            setattr(Step(1, 0.5, 0.1), name, 2)


class TestHistory:
    def test_its_length_is_the_number_of_epochs(self) -> None:
        assert len(History()) == 0
        assert len(history(7)) == 7

    def test_goes_through_json(self) -> None:
        made = history(3, validated=True)
        made.best_epoch, made.stopped = 2, "no improvement"
        plain = made.to_dict()
        assert json.loads(json.dumps(plain)) == plain
        assert History(**plain) == made
        plain["loss"].append(7.0)
        assert len(made) == 3, "the lists are copies"

    @parametrize("n_epochs", 0, 3)
    @parametrize("validation_fraction", None, 0.5)
    @parametrize("stops", False, True)
    def test_is_a_data_frame(
        self, n_epochs: int, validation_fraction: float | None, stops: bool
    ) -> None:
        X = np.linspace(0, 1, 12).reshape(12, 1)
        made = MLP([1, 1], seed=1).train(
            X,
            X > 0.5,
            epochs=n_epochs,
            validation_fraction=validation_fraction,
            batch_callback=lambda step: stops and step.epoch == 2 and step.batch == 4,
        )
        frame = pd.DataFrame(made.to_dict())
        assert len(frame) == len(made) == min(n_epochs, 2 if stops else 3)
        series = ["loss", "learning_rate", "validation_loss", "validation_score"]
        if not n_epochs:
            return
        recorded = series if validation_fraction else series[:2]
        assert [name for name in series if name in frame] == recorded
        for name in recorded:
            assert frame[name].tolist() == getattr(made, name)

    def test_an_exception_leaves_its_lists_equally_long(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An epoch that could not be evaluated is in none of them."""
        net = MLP([1, 1], seed=1)
        histories: list[History] = []

        def new_history() -> History:
            histories.append(History())
            return histories[-1]

        monkeypatch.setattr(monitor, "History", new_history)
        evaluations = iter([Evaluation(0.5, 0.5, "accuracy")])
        monkeypatch.setattr(evaluation, "evaluate", lambda *data: next(evaluations))
        data = np.ones((4, 1)), np.ones(4)
        with pytest.raises(StopIteration):
            net.train(*data, epochs=3, validation_data=data)
        (made,) = histories
        assert made == History([made.loss[0]], [0.1], [0.5], [0.5], "accuracy")

    def test_prints_briefly(self) -> None:
        assert repr(History()) == "History(0 epochs)"
        assert repr(history(1)) == "History(1 epoch, loss 1, learning_rate 0.1)"
        made = history(300, validated=True)
        made.best_epoch, made.stopped = 120, "no improvement"
        assert repr(made) == (
            "History(300 epochs, loss 1 -> 0.003333, learning_rate 0.1, validation_loss 1.25 -> "
            "0.2533, validation_score (accuracy) 0 -> 0.9967, best epoch 120, "
            "stopped: no improvement)"
        )


class TestTable:
    def rows(self, made: History) -> list[list[str]]:
        found = re.findall("<tr>(.*?)</tr>", made._repr_html_())
        return [re.findall("<t[hd]>(.*?)</t[hd]>", row) for row in found]

    def test_of_a_few_epochs_shows_all(self) -> None:
        assert self.rows(history(2)) == [
            ["epoch", "loss", "learning_rate"],
            ["1", "1", "0.1"],
            ["2", "0.5", "0.1"],
        ]
        header, last = self.rows(history(1, validated=True))
        assert header[3:] == ["validation_loss", "validation_score (accuracy)"]
        assert last == ["1", "1", "0.1", "1.25", "0"]
        assert self.rows(History()) == [["epoch"]]

    @parametrize("n_epochs", 12, 13, 300)
    def test_of_many_epochs_shows_the_first_and_the_last(self, n_epochs: int) -> None:
        _, *rows = self.rows(history(n_epochs))
        assert len(rows) == 12
        assert rows[-1] == [str(n_epochs), f"{1 / n_epochs:.4g}", "0.1"]
        epochs = [row[0] for row in rows]
        if n_epochs == 12:
            assert epochs == [str(epoch) for epoch in range(1, 13)]
        else:
            assert epochs[:7] == ["1", "2", "3", "4", "5", "6", "…"]
            assert int(epochs[7]) == n_epochs - 4

    def test_is_escaped(self) -> None:
        made = history(2)
        made.stopped = "<b>"
        assert "stopped: &lt;b&gt;" in made._repr_html_()


class TestPlot:
    def axes(self) -> Axes:
        return Figure().subplots()

    def lines(self, axes: Axes) -> dict[str, Any]:
        return {str(line.get_label()): line for line in axes.get_lines()}

    def test_of_the_loss(self) -> None:
        given = self.axes()
        axes = history(3).plot(given)
        assert axes is given
        lines = self.lines(axes)
        assert list(lines) == ["loss"]
        assert lines["loss"].get_xydata().tolist() == [[1, 1], [2, 1 / 2], [3, 1 / 3]]
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "loss")
        assert len(given.figure.axes) == 1

    def test_of_all_there_is(self) -> None:
        made = history(3, validated=True)
        made.best_epoch = 2
        axes = made.plot(self.axes())
        left, right = axes.figure.axes
        assert left is axes
        assert list(self.lines(left)) == ["loss", "validation loss", "best epoch"]
        lines = self.lines(right)
        assert list(lines) == ["validation accuracy"]
        assert lines["validation accuracy"].get_ydata().tolist() == made.validation_score
        assert right.get_ylabel() == "validation accuracy"
        legend = right.get_legend()
        assert legend is not None, "under the curves it could not be read"
        assert [text.get_text() for text in legend.get_texts()] == [
            "loss",
            "validation loss",
            "best epoch",
            "validation accuracy",
        ]

    @parametrize("n_epochs", 0, 1, 300)
    @parametrize("scale", "linear", "log")
    def test_can_be_drawn(self, n_epochs: int, scale: str) -> None:
        axes = self.axes()
        axes.set_xscale(scale)
        axes.set_yscale(scale)
        history(n_epochs, validated=True).plot(axes)
        axes.figure.canvas.draw()

    @pytest.fixture
    def without_display(self) -> Iterator[None]:
        with matplotlib.rc_context({"backend": "agg"}):
            yield
            matplotlib.pyplot.close("all")

    @pytest.mark.usefixtures("without_display")
    def test_without_axes_makes_a_figure(self) -> None:
        first, second = history(3).plot(), history(3).plot()
        assert first.figure is not second.figure
        assert list(self.lines(first)) == ["loss"]

    def test_without_matplotlib_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        with pytest.raises(ImportError, match=re.escape("fastnn-mlp[plot]")):
            history(3).plot()
