"""Values that are missing in X, y or weights are refused, whatever marks them."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import Kind, parametrize, refusal
from numpy.testing import assert_array_equal

import fastnn
from fastnn.sklearn import MLPClassifier

Make = Callable[[], Any]


X = np.random.default_rng(1).random((5, 4))
LABELS = np.array([0, 2, 1, 0, 1])
TARGETS = np.eye(3)[LABELS]
WEIGHTS = np.ones(5)


def masked(array: Any, *place: int) -> Any:
    """The array as a masked one, with one value masked that is a wild number beneath."""
    found = np.ma.masked_array(array)
    found[place] = np.ma.masked
    return found


def refused(argument: str, size: int) -> Any:
    """Expect a refusal of one masked value among so many."""
    hint = "leave out their rows, or put numbers in their places, as by `filled`"
    return refusal(ValueError, f"{argument} must have no masked values, got 1 of {size}: {hint}")


@parametrize("method", "train", "train_batch", "evaluate", "gradients")
def test_masked_values_in_data(kind: Kind, method: str) -> None:
    net = kind([4, 6, 3], seed=1)
    before = pickle.dumps(net)
    for argument, size, given in (
        ("X", 20, (masked(X, 3, 1), LABELS)),
        ("X", 4, ([*X[:4], masked(X[4], 1)], LABELS)),
        ("y", 5, (X, masked(LABELS, 3))),
        ("y", 15, (X, masked(TARGETS, 3, 1))),
        ("y", 3, (X, tuple(masked(row, 0) for row in TARGETS))),
    ):
        with refused(argument, size):
            getattr(net, method)(*given)
    with refused("sample_weight", 5):
        getattr(net, method)(X, LABELS, sample_weight=masked(WEIGHTS, 2))
    assert pickle.dumps(net) == before


@parametrize("method", "predict", "classify", "activations")
def test_masked_values_in_X(kind: Kind, method: str) -> None:
    use = getattr(kind([4, 6, 3]), method)
    for size, given in (
        (20, masked(X, 3, 1)),
        (4, masked(X[0], 1)),
        (4, masked(X[:1].astype(np.float32), 0, 1)),
    ):
        with refused("X", size):
            use(given)


def test_masked_values_elsewhere(kind: Kind) -> None:
    net = kind([4, 6, 3])
    with refused("X", 20) as caught:
        net.train(X, LABELS, validation_data=(masked(X, 3, 1), LABELS))
    assert caught.value.__notes__ == ["in validation_data"]
    with refused("y", 5):
        net.train([(X, masked(LABELS, 1))])
    with refused("shuffle", 5):
        net.train(X, LABELS, shuffle=lambda n: masked(np.arange(n), 1))
    with refused("weights[0]", 1):
        kind.from_arrays([masked([[1.0]], 0, 0)], [[0.0]])
    with refused("labels", 5):
        fastnn.one_hot(masked(LABELS, 3), 3)
    with refused("shift", 4):
        fastnn.InputScaling(masked(np.zeros(4), 1), np.ones(4))


def test_masked_arrays_without_masked_values(kind: Kind) -> None:
    net = kind([4, 6, 3])
    given = np.ma.masked_array(X), np.ma.masked_array(LABELS, np.zeros(5, bool))
    assert net.evaluate(*given) == net.evaluate(X, LABELS)
    assert_array_equal(net.predict(list(given[0])), net.predict(X))


def test_masked_values_in_the_estimators() -> None:
    estimator = MLPClassifier((3,), max_iter=300, tol=1.0, random_state=1)
    with refused("X", 20):
        estimator.fit(masked(X, 3, 1), LABELS)
    with refused("y", 5):
        estimator.fit(X, masked(LABELS, 3))
    with refused("y", 5):
        estimator.partial_fit(X, masked(LABELS, 3), classes=[0, 1, 2])
    estimator.fit(X, LABELS)
    with refused("X", 20):
        estimator.predict(masked(X, 3, 1))


@parametrize(
    "make, message",
    (lambda: pd.DataFrame(X).replace(X[3, 1], np.nan), "nan at row 3, column 1"),
    (lambda: pd.DataFrame(X).replace(X[3, 1], np.nan).convert_dtypes(), "<NA> at row 3, column 1"),
    (lambda: pd.DataFrame([[1, 2, 3, pd.NA]] * 5), "<NA> at row 0, column 3"),
    (lambda: [[1, 2, 3, None]] * 5, "None at row 0, column 3"),
    (lambda: [[1, 2, 3, pd.NaT]] * 5, "NaT at row 0, column 3"),
    (lambda: np.array([[1, 2, 3, 4]] * 3 + [[1, "x", 3, 4]] * 2, object), "'x' at row 3, column 1"),
)
def test_other_marks_in_X(kind: Kind, make: Make, message: str) -> None:
    net = kind([4, 6, 3])
    for use in (net.predict, lambda given: net.train(given, LABELS)):
        with pytest.raises((TypeError, ValueError), match=f"^X must be .*{message}$"):
            use(make())


@parametrize(
    "make",
    lambda: [0, 2, None, 0, 1],
    lambda: [0, 2, np.nan, 0, 1],
    lambda: pd.Series([0, 2, pd.NA, 0, 1], dtype="Int64"),
    lambda: pd.array([0, 2, pd.NA, 0, 1], dtype="Int64"),
    lambda: pd.Series([0, 1, None, 0, 1], dtype="boolean"),
    lambda: pd.Series([0, 2, np.nan, 0, 1]).astype("category"),
)
def test_other_marks_in_y_and_weights(kind: Kind, make: Make) -> None:
    net = kind([4, 6, 3])
    with pytest.raises((TypeError, ValueError), match=r"^y must be .*(nan|<NA>|None) at row 2"):
        net.train(X, make())
    with pytest.raises((TypeError, ValueError), match=r"^sample_weight must be .* at row 2"):
        net.train(X, LABELS, sample_weight=make())
