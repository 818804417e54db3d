"""Weights of examples and of classes."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse
from helpers import Array, Kind, Options, assert_close, parametrize, refusal, unchanged
from helpers import kind_and_variant as kind_and_variant

from fastnn import MLP, Loss, reference
from fastnn.network import Network

LOSSES = [
    ("sigmoid", "squared_error"),
    ("softmax", "cross_entropy"),
    ("sigmoid", "binary_cross_entropy"),
    ("exp", "poisson"),
    ("identity", "huber"),
    ("tanh", Loss("mine", lambda a, t: (((a - t) ** 2).sum(axis=1) / 2, a - t))),
]


def data() -> tuple[Array, Array, Array]:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(45, 6))
    return X, generator.integers(3, size=45), generator.exponential(size=45)


def made(kind: Kind, output: str = "sigmoid", loss: Any = "squared_error") -> Network:
    sizes = [6, 20, 3]
    return kind(sizes, output_activation=output, loss=loss, dtype="float64", seed=1)


def assert_same(net: Network, other: Network) -> None:
    assert_close(net.weights, other.weights, atol=1e-10)


@parametrize("output, loss", *LOSSES, ids=str)
@parametrize("batch_size", 1, 7, None)
def test_kernels_agree_with_the_reference(
    variant: str, path: str, output: str, loss: Any, batch_size: int | None
) -> None:
    X, y, weights = data()
    nets = [made(kind, output, loss) for kind in (MLP, reference.MLP)]
    options: Options = {"epochs": 3, "batch_size": batch_size, "learning_rate": 0.05}
    losses = [net.train(X, y, sample_weight=weights, **options).loss for net in nets]
    assert losses[0] == pytest.approx(losses[1])
    assert_same(*nets)
    found, expected = (net.evaluate(X, y, sample_weight=weights) for net in nets)
    assert (found.loss, found.score) == pytest.approx((expected.loss, expected.score))
    assert found.score != nets[0].evaluate(X, y).score, "the weights do not show"


@parametrize("output, loss", *LOSSES, ids=str)
def test_a_whole_weight_is_a_repetition(kind: Kind, output: str, loss: Any) -> None:
    X, y, _ = data()
    times = np.arange(45) % 3  # some of them do not count at all
    net, other = (made(kind, output, loss) for _ in range(2))
    n = times.sum()
    net.train(X, y, batch_size=None, learning_rate=0.1 * 45 / n, sample_weight=times)
    other.train(X.repeat(times, axis=0), y.repeat(times), batch_size=None, learning_rate=0.1)
    assert_same(net, other)
    found = net.evaluate(X, y, sample_weight=times)
    expected = other.evaluate(X.repeat(times, axis=0), y.repeat(times))
    assert found.loss == pytest.approx(expected.loss)
    assert found.score == pytest.approx(expected.score)


def test_scores_of_a_regression(kind: Kind) -> None:
    X, _, weights = data()
    targets = np.random.default_rng(1).normal(size=(45, 3))
    targets[:, 2] = 5  # constant where the weights are not 0
    weights[:20] = 0
    targets[:20, 2] = 7
    net = made(kind, "identity")
    evaluation = net.evaluate(X, targets, sample_weight=weights)
    errors, mean = net.predict(X) - targets, np.average(targets, axis=0, weights=weights)
    r2 = 1 - weights @ errors**2 / np.maximum(weights @ (targets - mean) ** 2, 1e-9)
    assert evaluation.metric == "r2"
    assert evaluation.score == pytest.approx((r2[0] + r2[1] + 0) / 3)
    assert evaluation.loss == pytest.approx(
        np.average((errors**2).sum(axis=1) / 2, weights=weights)
    )


@parametrize("make", np.array, scipy.sparse.csr_array)
def test_classes(kind: Kind, make: Any) -> None:
    X, y, weights = data()
    y[y == 1] = 0
    y[:3] = 1
    of_class = {0: 0.5, 2: 3}
    nets = [made(kind) for _ in range(4)]
    nets[0].train(make(X), y, sample_weight=np.array([0.5, 1, 3])[y])
    nets[1].train(make(X), y, class_weight=of_class)
    assert_same(nets[0], nets[1])
    balanced = 45 / (3 * np.bincount(y))
    nets[2].train(X, y, sample_weight=weights * balanced[y])
    nets[3].train(X, y, class_weight="balanced", sample_weight=weights)
    assert_same(nets[2], nets[3])


def test_classes_of_a_single_output(kind: Kind) -> None:
    X, y, _ = data()
    y = (y == 2).astype(int)
    nets = [kind([6, 1], loss="binary_cross_entropy", dtype="float64", seed=1) for _ in range(2)]
    nets[0].train(X, y, class_weight="balanced")
    nets[1].train(X, y, sample_weight=(45 / (2 * np.bincount(y)))[y])
    assert_same(nets[0], nets[1])


AN_EXAMPLE = "must be above 0 for an example at least"


@parametrize(
    "options, words",
    ({"sample_weight": [1, 2]}, ("sample_weight must have shape (45,)", "(2,)")),
    ({"sample_weight": 2}, ("sample_weight must have shape (45,)", "got ()")),
    ({"sample_weight": "abc"}, ("sample_weight must be an array of real numbers",)),
    (
        {"sample_weight": [1.0] * 44 + [-1]},
        ("sample_weight", "not negative ", "got -1.0 at row 44"),
    ),
    ({"sample_weight": [np.nan] + [1.0] * 44}, ("sample_weight", "finite ", "got nan at row 0")),
    (
        {"sample_weight": [1e300] * 45},
        ("sample_weight", "finite ", "in float32, got 1e+300 at row 0"),
    ),
    ({"sample_weight": [0] * 45}, (f"sample_weight {AN_EXAMPLE}, got 0 for all",)),
    ({"class_weight": "even"}, ("class_weight must be None, ", "got 'even'")),
    ({"class_weight": [1, 2, 3]}, ("class_weight must be None, ", "got [1, 2, 3]")),
    ({"class_weight": {3: 1}}, ("class_weight must have labels from 0 to 2, got 3",)),
    ({"class_weight": {"a": 1}}, ("class_weight must have labels ", "got 'a'")),
    ({"class_weight": {1: -1}}, ("class_weight of label 1 must be at least 0",)),
    ({"class_weight": {1: "x"}}, ("class_weight of label 1 must be a number",)),
    ({"class_weight": {0: 1e300}}, ("class_weight must be finite ", "float32, got 1e+300 at row")),
    ({"class_weight": {0: 0, 1: 0, 2: 0}}, (f"class_weight {AN_EXAMPLE}",)),
    (
        {"sample_weight": [1e30] * 45, "class_weight": {0: 1e30}},
        ("sample_weight times class_weight must be finite ", "got inf at row"),
    ),
    ids=str,
)
def test_bad_weights(kind: Kind, options: Options, words: tuple[str, ...]) -> None:
    X, y, _ = data()
    net = kind([6, 3], seed=1)
    (value, *_) = options.values()
    error = TypeError if value in ("abc", [1, 2, 3], {1: "x"}) else ValueError
    with unchanged(net), refusal(error, *words):
        net.train(X, y, **options)
    if options.keys() == {"sample_weight"}:
        with refusal(error, *words):
            net.evaluate(X, y, **options)


@parametrize("y", np.zeros((45, 3)), np.full((45, 1), 0.5))
def test_class_weight_needs_labels(kind: Kind, y: Array) -> None:
    with refusal(ValueError, "class_weight must be None unless y holds labels"):
        kind([6, y.shape[1]]).train(data()[0], y, class_weight="balanced")
