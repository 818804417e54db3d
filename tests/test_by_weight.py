"""Means by sample weight, as fastnn.sklearn has them: kernels and reference.

There is no public name for it; `fastnn.sklearn` is tested against scikit-learn itself.
"""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from grid import Tune
from numpy.typing import NDArray

from fastnn import MLP, SGD, Adam, reference
from fastnn.network import Network
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


def data(sizes: tuple[int, ...], density: float) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(N_EXAMPLES, sizes[0]))
    X *= generator.random(X.shape) < density
    weights = generator.random(N_EXAMPLES) + 0.2
    weights[[3, 4, 5, 6]] = 0, 0, 3, 1e-3
    return X, generator.integers(0, sizes[-1], N_EXAMPLES), weights


def trained(
    kind: type[Network], case: tuple[Any, ...], n_threads: int = 1
) -> tuple[Network, list[float]]:
    """A network, and its losses; a case is what the first test is run over."""
    optimizer, batch_size, sizes, density, activation, dropout = case
    net = kind(
        sizes,
        activation=activation,
        output_activation="softmax",
        loss="cross_entropy",
        dtype="float64",
        seed=1,
    )
    plan = TrainingConfig.checked(
        len(sizes) - 1,
        epochs=3,
        batch_size=batch_size,
        optimizer=optimizer,
        learning_rate=None,
        shuffle=True,
        l1=0.0,
        l2=1e-3,
        dropout=dropout,
        clip_norm=None,
        max_norm=None,
        early_stopping=None,
        callback=None,
        batch_callback=None,
        progress=False,
        n_threads=n_threads,
        has_validation=False,
    )
    by_weight = replace(plan.regularization, by_weight=True)
    inputs, targets = net._data_checker.examples(*data(sizes, density))
    rows = np.arange(N_EXAMPLES)
    plan = replace(plan, regularization=by_weight)
    history = train_on_examples(net._engine, net._memory, inputs, targets, rows, plan, None)
    return net, history.loss


oracle = cache(trained)


@pytest.mark.usefixtures("variant")
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize(("density", "activation"), [(1.0, "relu"), (0.2, "relu"), (0.2, "tanh")])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("batch_size", [1, 4, 10, None])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
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
    for own, other in zip(
        (*net.weights, *net.biases), (*expected.weights, *expected.biases), strict=True
    ):
        np.testing.assert_allclose(own, other, rtol=1e-9, atol=1e-10)


@pytest.mark.usefixtures("variant")
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("most_steps", [8, 512])
@pytest.mark.parametrize("optimizer", ["plain", "momentum", "nesterov"])
def test_what_waits_comes_to_the_same(
    optimizer: str,
    most_steps: int,
    sizes: tuple[int, ...],
    dropout: float,
    tune: Tune,
) -> None:
    """Per example, with pending updates of the first layer, and rings that are filled again."""
    tune(near_cache_bytes=0, max_pending_steps=most_steps, max_pending_deltas=most_steps)
    assert_like_the_reference((OPTIMIZERS[optimizer], 1, sizes, 0.2, "tanh", dropout))


@pytest.mark.usefixtures("variant")
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("most_listed", [0, 1 << 21])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("batch_size", [4, None])
def test_batches_of_sparse_rows(
    batch_size: int | None,
    sizes: tuple[int, ...],
    most_listed: int,
    n_threads: int,
    tune: Tune,
) -> None:
    tune(max_listed=most_listed, max_feature_major_parameters=0)
    case = OPTIMIZERS["plain"], batch_size, sizes, 0.1, "tanh", 0.0
    assert_like_the_reference(case, n_threads)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_reference_minimizes_what_it_says(sizes: tuple[int, ...]) -> None:
    """One step for all examples is along the slopes of the weighted mean and its penalty."""
    X, y, weights = data(sizes, 1.0)
    case = SGD(0.1), None, sizes, 1.0, "tanh", 0.0
    _, losses = trained(reference.MLP, case)
    start = reference.MLP(
        sizes,
        activation="tanh",
        output_activation="softmax",
        loss="cross_entropy",
        dtype="float64",
        seed=1,
    )

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
