"""Means by sample weight, as fastnn.sklearn has them: kernels and reference.

There is no public name for it; `fastnn.sklearn` is tested against scikit-learn itself.
"""

from functools import cache
from typing import Any

import numpy as np
import pytest
from grid import Tune
from helpers import Array, Kind, Options, arrays_of, assert_close, parametrize

from fastnn import MLP, SGD, Adam, reference
from fastnn.network import Network
from fastnn.regularization import Regularization
from fastnn.training.config import TrainingConfig
from fastnn.training.session import train_on_examples

OPTIMIZERS = {
    "plain": SGD(0.1),
    "momentum": SGD(0.05, momentum=0.9),
    "nesterov": SGD(0.05, momentum=0.9, nesterov=True),
    "adam": Adam(0.01),
}
SIZES = ((7, 5, 3), (30, 70, 20, 3), (40, 100, 17))
N_EXAMPLES = 23


def data(sizes: tuple[int, ...], density: float) -> tuple[Array, Array, Array]:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(N_EXAMPLES, sizes[0]))
    X *= generator.random(X.shape) < density
    weights = generator.random(N_EXAMPLES) + 0.2
    weights[[3, 4, 5, 6]] = 0, 0, 3, 1e-3
    return X, generator.integers(0, sizes[-1], N_EXAMPLES), weights


def new(kind: Kind, sizes: tuple[int, ...], activation: str) -> Network:
    options: Options = {"output_activation": "softmax", "loss": "cross_entropy", "dtype": "float64"}
    return kind(sizes, activation=activation, seed=1, **options)


def trained(kind: Kind, case: tuple[Any, ...], n_threads: int = 1) -> tuple[Network, list[float]]:
    """Return a network and its losses; a case has the parameters of the first test."""
    optimizer, batch_size, sizes, density, activation, dropout = case
    net = new(kind, sizes, activation)
    rates = *[dropout] * (len(sizes) - 2), 0.0
    regularization = Regularization(l2=1e-3, dropout=rates, by_weight=True)
    config = TrainingConfig(3, batch_size, optimizer, True, regularization, n_threads=n_threads)
    inputs, targets = net._data_checker.examples(*data(sizes, density))
    rows = np.arange(N_EXAMPLES)
    history = train_on_examples(net._engine, net._memory, inputs, targets, rows, config, None)
    return net, history.loss


oracle = cache(trained)


@pytest.mark.usefixtures("variant")
@parametrize("dropout", 0.0, 0.3)
@parametrize("density, activation", (1.0, "relu"), (0.2, "relu"), (0.2, "tanh"))
@parametrize("sizes", *SIZES, ids=str)
@parametrize("batch_size", 1, 4, 10, None)
@parametrize("optimizer", *OPTIMIZERS)
def test_kernels_equal_the_reference(
    optimizer: str,
    batch_size: int | None,
    sizes: tuple[int, ...],
    density: float,
    activation: str,
    dropout: float,
) -> None:
    assert_like_the_reference(
        (OPTIMIZERS[optimizer], batch_size, sizes, density, activation, dropout)
    )


def assert_like_the_reference(case: tuple[Any, ...], n_threads: int = 1) -> None:
    net, found = trained(MLP, case, n_threads)
    expected, losses = oracle(reference.MLP, case)
    np.testing.assert_allclose(found, losses, rtol=1e-10)
    assert_close(arrays_of(net), arrays_of(expected), rtol=1e-9, atol=1e-10)


@pytest.mark.usefixtures("variant")
@parametrize("dropout", 0.0, 0.3)
@parametrize("sizes", *SIZES, ids=str)
@parametrize("max_steps", 8, 512)
@parametrize("optimizer", "plain", "momentum", "nesterov")
def test_pending_updates_equal_the_reference(
    optimizer: str, max_steps: int, sizes: tuple[int, ...], dropout: float, tune: Tune
) -> None:
    """Per example, with pending updates of the first layer, and rings that are filled again."""
    tune(near_cache_bytes=0, max_pending_steps=max_steps, max_pending_deltas=max_steps)
    assert_like_the_reference((OPTIMIZERS[optimizer], 1, sizes, 0.2, "tanh", dropout))


@pytest.mark.usefixtures("variant")
@parametrize("n_threads", 1, 2)
@parametrize("max_listed", 0, 1 << 21)
@parametrize("sizes", *SIZES, ids=str)
@parametrize("batch_size", 4, None)
def test_batches_of_sparse_rows(
    batch_size: int | None, sizes: tuple[int, ...], max_listed: int, n_threads: int, tune: Tune
) -> None:
    tune(max_listed=max_listed, max_feature_major_parameters=0)
    case = OPTIMIZERS["plain"], batch_size, sizes, 0.1, "tanh", 0.0
    assert_like_the_reference(case, n_threads)


@parametrize("sizes", *SIZES, ids=str)
def test_the_reference_descends_the_weighted_objective(sizes: tuple[int, ...]) -> None:
    """One step for all examples is along the slopes of the weighted mean and its penalty."""
    X, y, weights = data(sizes, 1.0)
    case = SGD(0.1), None, sizes, 1.0, "tanh", 0.0
    _, losses = trained(reference.MLP, case)
    start = new(reference.MLP, sizes, "tanh")

    def objective() -> tuple[float, float]:
        outputs = start.predict(X)[np.arange(len(y)), y]
        penalty = sum(np.square(w).sum() for w in start.weights) * 1e-3 / 2 / weights.sum()
        return -float(np.average(np.log(outputs), weights=weights)), float(penalty)

    loss, penalty = objective()
    assert losses[0] == pytest.approx(loss, rel=1e-12)
    assert penalty > 1e-7 * loss
    h, weight = 1e-6, start.weights[0]
    before = weight[0, 0]
    weight[0, 0] = before + h
    up = sum(objective())
    weight[0, 0] = before - h
    slope = (up - sum(objective())) / (2 * h)
    weight[0, 0] = before
    gradients = start.gradients(X, y, sample_weight=weights).weights[0][0, 0]
    by_weight = (gradients * len(y) + 1e-3 * before) / weights.sum()
    assert abs(slope) > 1e-4
    assert slope == pytest.approx(by_weight, rel=1e-6)
