"""How outputs become labels: what a network keeps of the targets it was trained on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Array, Kind, copies_of, parametrize
from helpers import kind_and_variant as kind_and_variant

from fastnn import MLP
from fastnn.data_record import DataRecord
from fastnn.network import Network

X = np.random.default_rng(0).normal(size=(12, 2))


def trained(kind: Kind, y: Any, output: str | None = None, **options: Any) -> Network:
    y = np.array(y)
    net = kind([2, 1 if y.ndim == 1 else y.shape[1]], output_activation=output, seed=1, **options)
    net.train(X[: len(y)], y, learning_rate=1e-3)
    return net


@parametrize(
    "output, levels, threshold",
    ("sigmoid", (0, 1), 0.5),
    ("sigmoid", (0.2, 0.6), 0.4),
    ("tanh", (-1, 1), 0.0),
    ("tanh", (0, 1), 0.5),
    ("tanh", (-0.5, 1), 0.25),
    ("identity", (-1, 1), 0.0),
    ("identity", (0, 1), 0.5),
    ("identity", (1, 2), 1.5),
    ("relu", (5, 7), 6.0),
    ("sigmoid", (0, 0.5), 0.25),
    ("sigmoid", (0.6, 0.9), 0.75),
)
def test_the_threshold_is_halfway_between_the_levels(
    kind: Kind, output: str, levels: tuple[float, float], threshold: float
) -> None:
    net = trained(kind, np.tile(levels, 6), output, dtype="float64")
    assert net.threshold == pytest.approx(threshold)
    outputs = net.predict(X)[:, 0]
    np.testing.assert_array_equal(net.classify(X), outputs > threshold)
    assert not net.is_multilabel


def test_the_threshold_before_a_training(kind: Kind) -> None:
    for output, threshold in {"tanh": 0, "sigmoid": 0.5, "relu": 0.5, "identity": 0.5}.items():
        net = kind([1, 1], output_activation=output)
        net.weights[0][:] = 1
        assert net.threshold == threshold
        assert net.classify(np.array([[-9.0], [9.0]])).tolist() == [0, 1]


def test_labels_are_as_plain_as_before() -> None:
    net = MLP([2, 3], output_activation="tanh", seed=1)
    net.train(X, np.arange(12) % 3)
    assert not net.is_multilabel
    np.testing.assert_array_equal(net.classify(X), net.predict(X).argmax(axis=1))


ONE_HOT = [1, 0, 0], [0, 1, 0], [0, 0, 1]
MULTI_HOT = [1, 0, 0], [1, 1, 0], [0, 0, 0]


@parametrize("output", "sigmoid", "tanh", "identity")
@parametrize("low, high", (0, 1), (0.01, 0.99), (-1, 1))
def test_multi_hot_rows_make_each_output_a_label(
    kind: Kind, output: str, low: float, high: float
) -> None:
    if output == "sigmoid" and low < 0:
        return  # out of reach
    for rows, is_multilabel in ((ONE_HOT, False), (MULTI_HOT, True)):
        y = np.where(np.tile(rows, (4, 1)) == 1, high, low)
        net = trained(kind, y, output)
        assert net.is_multilabel == is_multilabel
        outputs = net.predict(X)
        expected = outputs > (low + high) / 2 if is_multilabel else outputs.argmax(axis=1)
        np.testing.assert_array_equal(net.classify(X), expected)
        np.testing.assert_array_equal(net.classify(X[0]), expected[0])


def test_that_rows_are_multi_hot_is_not_forgotten(kind: Kind) -> None:
    net = trained(kind, MULTI_HOT * 4)
    for y in (ONE_HOT * 4, [0, 1, 2] * 4, np.random.default_rng(0).uniform(size=(12, 3))):
        net.train(X, np.array(y))
        assert net.is_multilabel
    net.train(X, np.array(MULTI_HOT * 4))
    # A part that is one-hot by chance is scored as the whole.
    y = np.array(ONE_HOT)
    right = ((net.predict(X[:3]) > 0.5) == y).all(axis=1).mean()
    assert net.evaluate(X[:3], y).score == pytest.approx(right)


def test_binary_cross_entropy_needs_no_evidence(kind: Kind) -> None:
    assert kind([2, 3], loss="binary_cross_entropy").is_multilabel
    assert not kind([2, 1], loss="binary_cross_entropy").is_multilabel
    assert not kind([2, 3], loss="cross_entropy").is_multilabel


Train = Callable[[Network, Array], None]


def in_batches(net: Network, y: Array) -> None:
    for row in range(len(y)):
        net.train_batch(X[row : row + 1], y[row : row + 1], learning_rate=1e-3)


def in_blocks(net: Network, y: Array) -> None:
    net.train([(X[row : row + 1], y[row : row + 1]) for row in range(len(y))], learning_rate=1e-3)


def row_by_row(net: Network, y: Array) -> None:
    for row in range(len(y)):
        net.train(X[row : row + 1], y[row : row + 1], learning_rate=1e-3)


@parametrize("train", in_batches, in_blocks, row_by_row)
@parametrize(
    "y, threshold, is_multilabel",
    ([[1, 0, 0], [1, 1, 0]], 0.5, True),
    ([[1, 0, 0], [0, 0, 0]], 0.5, True),
    ([[0, 0, 0], [1, 0, 0]], 0.5, True),
    ([[0.01, 0.01, 0.01], [0.99, 0.01, 0.01]], 0.5, True),
    ([[1, 0, 0], [0, 1, 0]], 0.5, False),
    ([[0.25, 0.75], [0.75, 0.25]], 0.5, False),
    # Quantities: the first rows had two levels, or one, by chance.
    ([[0.3, 0.7], [0.4, 0.4], [0.2, 0.9]], 0.5, False),
    ([[0.5, 0.5], [0.4, 0.8], [0.2, 0.9]], 0.5, False),
    ([[-1], [1], [1], [-1]], 0.0, False),
    ([[1], [0.2]], 0.6, False),
)
def test_streams_show_their_levels_row_by_row(
    kind: Kind, train: Train, y: Any, threshold: float, is_multilabel: bool
) -> None:
    y = np.array(y, float)
    net = kind([2, y.shape[1]], output_activation="tanh" if y.min() < 0 else "sigmoid", seed=1)
    train(net, y)
    assert net.threshold == pytest.approx(threshold)
    assert net.is_multilabel == is_multilabel


@parametrize("train", in_batches, in_blocks, row_by_row)
def test_streams_of_quantities_are_scored_as_such(kind: Kind, train: Train) -> None:
    net = kind([2, 1], seed=1)
    train(net, np.linspace(0, 1, 12))
    assert net.evaluate(X[:2], [0.2, 0.8]).metric == "r2"
    assert net.evaluate(X[:2], [0, 1]).metric == "r2"


def test_another_data_set_brings_its_own_levels(kind: Kind) -> None:
    net = trained(kind, np.tile([0, 1], 6), "tanh")
    for levels in ([0.01, 0.99], [-1, 1], [0, 1]):
        net.train(X, np.tile(levels, 6))
        assert net.threshold == pytest.approx(np.mean(levels))
        assert net.evaluate(X, np.tile([0, 1], 6)).metric == "accuracy"


def test_files_pickles_and_copies_keep_it(kind: Kind, tmp_path: Path) -> None:
    for net in (
        trained(kind, np.where(np.tile(MULTI_HOT, (4, 1)) == 1, 1, -1), "tanh"),
        trained(kind, np.tile([0.25, 0.5], 6)),
        trained(kind, np.linspace(0, 1, 12)),
        kind([2, 1], output_activation="tanh"),
    ):
        for other in copies_of(net, tmp_path):
            assert other._memory.data == net._memory.data
            assert (other.threshold, other.is_multilabel) == (net.threshold, net.is_multilabel)
            np.testing.assert_array_equal(other.classify(X), net.classify(X))


def test_what_is_refused_leaves_no_trace(kind: Kind) -> None:
    net = kind([2, 1], seed=1)
    for y, options in (
        ([7, 8] * 6, {}),
        ([0, 1] * 6, {"epochs": -1}),
        ([0, 1] * 6, {"validation_fraction": 0.01}),
        ([0.1, 0.2, 0.3, 0.4] * 3, {"validation_data": (X[:1], [0.5])}),
    ):
        with pytest.raises(ValueError, match=" must "):
            net.train(X, y, **options)
        assert net._memory.data == DataRecord()
