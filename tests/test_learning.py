"""Networks learn what networks of their kind can learn, and nothing else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import parametrize
from numpy.typing import NDArray

import fastnn
from fastnn import MLP, datasets

INPUTS = [[0, 0], [0, 1], [1, 0], [1, 1]]
TABLES = {
    "must": [0, 0, 1, 1],  # the first input, whatever the second
    "and": [0, 0, 0, 1],
    "or": [0, 1, 1, 1],
    "xor": [0, 1, 1, 0],
}


@parametrize("batch_size", 1, None)
@parametrize("hidden", [], [4], ids=["no hidden layer", "hidden layer"])
@parametrize("table", *TABLES)
@pytest.mark.filterwarnings("ignore:the outputs are the same:fastnn.TrainingWarning")  # of no line
def test_boolean_tables(table: str, hidden: list[int], batch_size: int | None) -> None:
    learnable = table != "xor" or bool(hidden)
    for seed in range(3):
        net = MLP([2, *hidden, 1], activation="tanh", seed=seed)
        net.train(INPUTS, TABLES[table], epochs=5000, batch_size=batch_size, learning_rate=0.5)
        accuracy = net.evaluate(INPUTS, TABLES[table]).score
        if learnable:
            assert accuracy == 1, f"seed {seed}"
            np.testing.assert_allclose(net.predict(INPUTS)[:, 0], TABLES[table], atol=0.2)
        else:  # no line separates the table
            assert accuracy <= 0.75, f"seed {seed}"


def split_iris(seed: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    X, y, *_ = datasets.load_iris()
    order = np.random.default_rng(seed).permutation(len(X))
    X, y = X[order], y[order]
    X = (X - X[:120].min(axis=0)) / (X[:120].max(axis=0) - X[:120].min(axis=0))
    return X[:120], y[:120], X[120:], y[120:]


@parametrize("batch_size", 1, 32, None)
@parametrize("dtype", "float32", "float64")
def test_iris(batch_size: int | None, dtype: str) -> None:
    # The same number of examples seen, and steps of a comparable length.
    rate = {1: 0.1, 32: 1.0, None: 3.0}[batch_size]
    scores = []
    for seed in range(5):
        X, y, X_test, y_test = split_iris(seed)
        net = MLP([4, 3, 3], dtype=dtype, seed=seed)
        net.train(X, y, epochs=1000, batch_size=batch_size, learning_rate=rate)
        scores.append(net.evaluate(X_test, y_test).score)
    assert np.median(scores) >= 0.93, scores


def test_regression() -> None:
    generator = np.random.default_rng(0)
    X = generator.uniform(-1, 1, (400, 2))
    y = np.sin(3 * X[:, 0]) + X[:, 1] ** 2
    net = MLP([2, 30, 1], activation="tanh", output_activation="identity", seed=0)
    net.train(X[:300], y[:300], epochs=300, learning_rate=0.03)
    result = net.evaluate(X[300:], y[300:])
    assert result.metric == "r2"
    assert result.score > 0.98


def test_gophernet(gophernet_folder: Path) -> None:
    """Its files and settings: full batch, a rate of 0.3 on the summed gradient, 5,000 epochs."""
    files = (gophernet_folder / name for name in ("train.csv", "test.csv"))
    train, test = (datasets.read_csv(path, targets=range(4, 7)) for path in files)
    assert (len(train.X), len(test.X)) == (120, 30)
    scores = []
    for seed in range(5):
        net = MLP([4, 3, 3], seed=seed)
        net.train(train.X, train.y, epochs=5000, batch_size=None, learning_rate=0.3 * 120)
        scores.append(net.evaluate(test.X, test.y).score)
    assert np.median(scores) >= 0.93, scores


@parametrize("batch_size", 1, 32)
def test_mnist_subset(mnist_folder: Path, batch_size: int) -> None:
    train, test = datasets.load_mnist(mnist_folder)
    net = MLP([784, 30, 10], seed=0)
    rate = 0.1 if batch_size == 1 else 1.5
    net.train(train.X[:6000], train.y[:6000], epochs=3, batch_size=batch_size, learning_rate=rate)
    result = net.evaluate(test.X[:2000], test.y[:2000])
    assert result.metric == "accuracy"
    assert result.score >= 0.85


def test_mnist_as_goml_prepares_it(mnist_folder: Path) -> None:
    """Targets of 0.01 and 0.99, inputs from 0.01 to 1, rate 0.2 (goml's 0.1 and factor of 2)."""
    train, test = datasets.load_mnist(mnist_folder)
    scale = np.float32(0.99)
    net = MLP([784, 30, 10], seed=0)
    net.train(
        train.X[:6000] * scale + np.float32(0.01),
        fastnn.one_hot(train.y[:6000], 10, 0.01, 0.99),
        epochs=2,
        learning_rate=0.2,
    )
    X = test.X[:2000] * scale + np.float32(0.01)
    assert (net.classify(X) == test.y[:2000]).mean() >= 0.85


@parametrize("activation", "relu", "gelu")
def test_mnist_by_softmax_and_cross_entropy(mnist_folder: Path, activation: str) -> None:
    train, test = datasets.load_mnist(mnist_folder)
    net = MLP([784, 60, 10], activation=activation, loss="cross_entropy", seed=0)
    for learning_rate in (0.02, 0.005):
        net.train(train.X[:10_000], train.y[:10_000], learning_rate=learning_rate)
    result = net.evaluate(test.X[:2000], test.y[:2000])
    assert result.score >= 0.92
    assert result.loss <= 0.3
