"""Early stopping: what is an improvement, when it is over, and what was best."""

import math
from dataclasses import FrozenInstanceError

import pytest
from helpers import parametrize

from fastnn import EarlyStopping


def watched(stopping: EarlyStopping, values: list[float]) -> tuple[list[int], int, int | None]:
    """The epochs that were best when they came, the number of epochs, and the best of all."""
    watch, bests = stopping.watch(), []
    for epoch, value in enumerate(values, start=1):
        if watch.update(epoch, value):
            bests.append(epoch)
        if watch.is_over:
            break
    return bests, epoch, watch.best_epoch


def test_losses_get_better_downwards() -> None:
    for monitor in ("loss", "validation_loss"):
        losses = [3.0, 2.0, 2.5, 1.0, 1.0, 1.5, 0.5]
        assert watched(EarlyStopping(monitor, patience=2), losses) == ([1, 2, 4], 6, 4)


def test_scores_get_better_upwards() -> None:
    scores = [-0.5, 0.2, 0.1, 0.4, 0.4, 0.3, 0.9]
    assert watched(EarlyStopping("validation_score", patience=2), scores) == ([1, 2, 4], 6, 4)


def test_patience_counts_from_the_last_improvement() -> None:
    losses = [1.0, 2.0, 0.9, 2.0, 0.8, 2.0, 2.0]
    assert watched(EarlyStopping(patience=2), losses) == ([1, 3, 5], 7, 5)
    assert watched(EarlyStopping(patience=1), losses) == ([1], 2, 1)
    assert watched(EarlyStopping(patience=3), losses)[1] == len(losses)


@parametrize("monitor, sign", ("loss", -1), ("validation_score", 1))
def test_an_improvement_is_more_than_min_delta(monitor: str, sign: int) -> None:
    stopping = EarlyStopping(monitor, patience=9, min_delta=0.25)
    # From 1 on by 0.25, which is not enough; by 0.5; then in small steps, measured from 1.5.
    values = [1.0, 1.25, 1.5, 1.625, 1.75, 1.875]
    assert watched(stopping, [sign * value for value in values])[0] == [1, 3, 6]


def test_nan_is_no_improvement() -> None:
    nan = math.nan
    assert watched(EarlyStopping(patience=2), [nan, 1.0, nan, nan, 0.5]) == ([2], 4, 2)
    assert watched(EarlyStopping(patience=2), [nan] * 5) == ([], 2, None)


def test_every_training_has_a_watch_of_its_own() -> None:
    stopping = EarlyStopping(patience=1)
    first = stopping.watch()
    first.update(1, 1.0)
    first.update(2, 2.0)
    assert first.is_over
    second = stopping.watch()
    assert not second.is_over
    assert second.best_epoch is None
    assert second.update(1, 5.0)


def test_description() -> None:
    stopping = EarlyStopping()
    assert stopping.parameters == {
        "monitor": "validation_loss",
        "patience": 10,
        "min_delta": 0.0,
        "restore_best": True,
    }
    assert eval(repr(stopping)) == stopping == EarlyStopping(**stopping.parameters)
    assert stopping != EarlyStopping(patience=9)
    with pytest.raises(FrozenInstanceError):
        stopping.patience = 3  # type: ignore[misc]
