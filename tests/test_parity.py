"""The kernels against the NumPy reference: same seed, same data, same network."""

from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from grid import PATHS, Tune, over
from helpers import (
    TOLERANCE,
    Array,
    Kind,
    Options,
    assert_close,
    assert_same_parameters,
    on_both,
    parameters,
    parametrize,
)
from hypothesis import given
from hypothesis import strategies as st

import fastnn
from fastnn import ELU, Activation, Huber, LeakyReLU, Quantile, datasets, evaluation, reference
from fastnn.network import Network

pytestmark = pytest.mark.usefixtures("variant")

BATCH_SIZES = [1, 2, 7, 32, None]
WIDTHS = st.sampled_from([1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65])


def scaled_iris() -> tuple[Array, Array]:
    X, y, *_ = datasets.load_iris()
    return (X - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0)), y


def assert_same(net: Network, oracle: Network, X: Array, tolerance: float = 1e-10) -> None:
    assert_same_parameters(net, oracle, tolerance)
    np.testing.assert_allclose(net.predict(X), oracle.predict(X), rtol=0, atol=tolerance)


@cache
def oracle_on_iris(
    sizes: tuple[int, ...], activation: str, dtype: str, batch_size: int | None
) -> tuple[list[bytes], Network, list[float]]:
    """Return the initial parameters, the reference after 20 epochs, and its losses."""
    # At rates of 0.1 and more a rounding error may push a ReLU across its kink and grow from there,
    # so that even the reference in float32 leaves the reference in float64.
    oracle = reference.MLP(sizes, activation=activation, dtype=dtype, seed=1)
    initial = parameters(oracle)
    X, y = scaled_iris()
    loss = oracle.train(X, y, epochs=20, batch_size=batch_size, learning_rate=0.05).loss
    return initial, oracle, loss


# Path, size of batches and dtype choose the code.  That of an activation is the same for all, but
# zeros of a ReLU are skipped, which is a matter of the layer and the path.
@over(
    strength=3,
    path=PATHS,
    dtype=TOLERANCE,
    batch_size=BATCH_SIZES,
    activation=["sigmoid", "tanh", "relu", "identity"],
    hidden=[[], [3], [8, 5]],
)
def test_kernels_equal_the_reference_after_20_epochs_on_iris(
    path: str, dtype: str, batch_size: int | None, activation: str, hidden: list[int]
) -> None:
    X, y = scaled_iris()
    sizes = 4, *hidden, 3
    initial, oracle, losses = oracle_on_iris(sizes, activation, dtype, batch_size)
    net = fastnn.MLP(sizes, activation=activation, dtype=dtype, seed=1)
    assert parameters(net) == initial, "the initial weights differ"
    history = net.train(X, y, epochs=20, batch_size=batch_size, learning_rate=0.05)
    np.testing.assert_allclose(history.loss, losses, rtol=10 * TOLERANCE[dtype])
    assert losses[-1] < losses[0], "nothing was learnt: the comparison shows little"
    assert_same(net, oracle, X, TOLERANCE[dtype])


def after_targets(kind: Kind, output: str, batch_size: int) -> Network:
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(60, 20)), generator.random((60, 2))
    net = kind([20, 17, 2], activation="relu", output_activation=output, dtype="float64", seed=1)
    net.train(X, y, epochs=20, batch_size=batch_size, learning_rate=0.05)
    return net


oracle_after_targets = cache(partial(after_targets, reference.MLP))


@parametrize("output", "identity", "tanh", "sigmoid", "relu")
@parametrize("batch_size", 1, 7)
def test_kernels_equal_the_reference_by_output_activation(
    path: str, output: str, batch_size: int
) -> None:
    X = np.random.default_rng(1).normal(size=(60, 20))
    net = after_targets(fastnn.MLP, output, batch_size)
    assert_same(net, oracle_after_targets(output, batch_size), X)


FUNCTIONS = [
    ("leaky_relu", "softmax", "cross_entropy"),
    ("elu", "sigmoid", "binary_cross_entropy"),
    ("softplus", "exp", "poisson"),
    ("silu", "identity", "absolute_error"),
    ("gelu", "gelu", Huber(0.1)),
    (LeakyReLU(0.3), "silu", Quantile(0.2)),
    (ELU(0.3), "softplus", "huber"),
]


def for_functions() -> tuple[Array, Array]:
    generator = np.random.default_rng(0)
    Y = generator.random((40, 3))
    X = generator.normal(size=(40, 20))
    return X, Y / Y.sum(axis=1, keepdims=True)  # as softmax takes them


def with_functions(
    kind: Kind, functions: tuple[Any, str, Any], dtype: str, batch_size: int
) -> tuple[Network, list[float]]:
    """A trained network, and its losses: before, and of every epoch."""
    activation, output, loss = functions
    options: Options = {"output_activation": output, "loss": loss, "dtype": dtype}
    net = kind([20, 17, 6, 3], activation=activation, seed=1, **options)
    X, y = for_functions()
    before = net.evaluate(X, y).loss
    history = net.train(X, y, epochs=5, batch_size=batch_size, learning_rate=0.02)
    return net, [before, *history.loss]


oracle_with_functions = cache(partial(with_functions, reference.MLP))


# Of all factors: path and size of batches choose the loops, dtype and function what they call.
@parametrize("functions", *FUNCTIONS, ids=str)
@parametrize("dtype", *TOLERANCE)
@parametrize("batch_size", 1, 7)
def test_kernels_equal_the_reference_by_loss(
    path: str, functions: tuple[Any, str, Any], dtype: str, batch_size: int
) -> None:
    net, found_losses = with_functions(fastnn.MLP, functions, dtype, batch_size)
    oracle, losses = oracle_with_functions(functions, dtype, batch_size)
    X, y = for_functions()
    np.testing.assert_allclose(found_losses, losses, rtol=10 * TOLERANCE[dtype])
    assert losses[-1] < losses[0], "nothing was learnt: the comparison shows little"
    assert_same(net, oracle, X, TOLERANCE[dtype])
    found, expected = net.evaluate(X, y), oracle.evaluate(X, y)
    assert found.loss == pytest.approx(expected.loss, rel=10 * TOLERANCE[dtype])
    assert found.score == pytest.approx(expected.score, rel=1e-3)
    assert found.metric == expected.metric


def test_own_activation_equals_the_built_in_one() -> None:
    def logistic(z: Array) -> Array:
        return 1 / (1 + np.exp(-z))

    own = Activation("logistic", logistic, lambda z: logistic(z) * (1 - logistic(z)))
    net, built_in = (
        fastnn.MLP([4, 5, 3], activation=f, output_activation=f, dtype="float64", seed=1)
        for f in (own, "sigmoid")
    )
    for each in (net, built_in):
        each.train(*scaled_iris(), epochs=5, learning_rate=0.2)
    assert_close(net.weights, built_in.weights, atol=1e-10)


# Three epochs teach some of them nothing.
@pytest.mark.filterwarnings("ignore::fastnn.TrainingWarning")
@given(
    sizes=st.lists(WIDTHS, min_size=2, max_size=4),
    n_examples=st.integers(1, 20),
    batch_size=st.sampled_from([1, 3, None]),
    labeled=st.booleans(),
    activation=st.sampled_from(["sigmoid", "tanh", "relu"]),
    density=st.sampled_from([0.0, 0.1, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
@parametrize("dtype", *TOLERANCE)
def test_kernels_equal_the_reference_for_any_shape(
    path: str,
    dtype: str,
    sizes: list[int],
    n_examples: int,
    batch_size: int | None,
    labeled: bool,
    activation: str,
    density: float,
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(n_examples, sizes[0]))
    X[generator.random(X.shape) >= density] = 0
    y: Array = generator.random((n_examples, sizes[-1]))
    if labeled and sizes[-1] > 1:
        y = generator.integers(sizes[-1], size=n_examples)
    net, oracle = on_both(sizes, activation=activation, dtype=dtype, seed=seed)
    # At a rate of 0.1 many outputs push one hidden unit so far that rounding errors grow: then
    # even the reference in float32 leaves that in float64 by more than the tolerance.
    for n in (net, oracle):
        n.train(X, y, epochs=3, batch_size=batch_size, learning_rate=0.02)
    tolerance = TOLERANCE[dtype] / 4  # what a saturated unit makes of rounding errors
    assert_same(net, oracle, X, tolerance)
    parts = X[:0], X[:1], X
    assert_close(map(net.predict, parts), map(oracle.predict, parts), atol=tolerance)
    found, expected = (
        evaluation.mean_loss(n._engine, *n._data_checker.examples(X, y)) for n in (net, oracle)
    )
    assert found == pytest.approx(expected, rel=1e-4)


def test_a_batch_may_exceed_the_workspace(path: str, tune: Tune) -> None:
    tune(max_columns=16, max_rows=16)
    X, y = scaled_iris()
    net, oracle = on_both([4, 6, 3])
    for n in (net, oracle):
        n.train(X, y, epochs=10, batch_size=50, learning_rate=1)
        n.train(X, y, epochs=10, batch_size=None, learning_rate=1)
    assert_same(net, oracle, X)


@parametrize("chunk", 1, 3, 40, 64)
def test_a_batch_may_take_several_kernel_calls(path: str, chunk: int, tune: Tune) -> None:
    tune(max_columns=16, max_rows=16, work_per_example=0)
    tune(work_per_batch_call=chunk * 500, work_per_call=chunk * 500)  # less than a batch of 32
    X, y = scaled_iris()
    net, oracle = on_both([4, 6, 3])
    for n in (net, oracle):
        n.train(X, y, epochs=10, batch_size=32, learning_rate=1)
    assert_same(net, oracle, X)


def test_gradients_are_summed_before_the_update(path: str) -> None:
    """The contribution of each example to this step is below half an ulp of the weight."""
    assert_step_of_a_whole_batch(n_examples=4096)


# With sparse inputs, a batch in one call steps row by row, as per-example training does.
@pytest.mark.parametrize("path", ["feature-major", "example-major"], indirect=True)
def test_gradients_of_a_batch_in_one_call_are_summed_before_the_update(path: str) -> None:
    """The contribution of each example to this step is a few ulps of the weight."""
    assert_step_of_a_whole_batch(n_examples=128)


def assert_step_of_a_whole_batch(n_examples: int) -> None:
    X, y = np.ones((n_examples, 1), np.float32), np.full((n_examples, 1), 1.0008, np.float32)
    net = fastnn.MLP([1, 1], output_activation="identity")
    net.weights[0][:] = 1
    net.train(X, y, batch_size=None, learning_rate=0.1)
    assert net.weights[0][0, 0] == pytest.approx(1 + 8e-5, abs=2e-7)
    assert net.biases[0][0] == pytest.approx(8e-5, abs=2e-7)
