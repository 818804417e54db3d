"""The kernels against the NumPy reference: same seed, same data, same network."""

from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from grid import PATHS, Tune, over
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import fastnn
from fastnn import ELU, Activation, Huber, LeakyReLU, Quantile, datasets, evaluation, reference
from fastnn.network import Network

pytestmark = pytest.mark.usefixtures("variant")

TOLERANCE = {"float32": 1e-4, "float64": 1e-10}
BATCH_SIZES = [1, 2, 7, 32, None]
WIDTHS = st.sampled_from([1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65])


def scaled_iris() -> tuple[NDArray[Any], NDArray[Any]]:
    X, y, *_ = datasets.load_iris()
    return (X - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0)), y


def assert_same(net: Network, oracle: Network, X: NDArray[Any], tolerance: float) -> None:
    for kind in ("weights", "biases"):
        for layer, (found, expected) in enumerate(
            zip(getattr(net, kind), getattr(oracle, kind), strict=True)
        ):
            np.testing.assert_allclose(
                found, expected, rtol=0, atol=tolerance, err_msg=f"{kind} of layer {layer}"
            )
    np.testing.assert_allclose(net.predict(X), oracle.predict(X), rtol=0, atol=tolerance)


@cache
def oracle_on_iris(
    sizes: tuple[int, ...], activation: str, dtype: str, batch_size: int | None
) -> tuple[list[NDArray[Any]], Network, list[float]]:
    """Its initial weights, the reference after 20 epochs, and its losses."""
    # At rates of 0.1 and more a rounding error may push a ReLU across its kink and grow from there,
    # so that even the reference in float32 leaves the reference in float64.
    oracle = reference.MLP(sizes, activation=activation, dtype=dtype, seed=1)
    initial = [w.copy() for w in oracle.weights]
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
def test_iris_after_20_epochs(
    path: str, dtype: str, batch_size: int | None, activation: str, hidden: list[int]
) -> None:
    X, y = scaled_iris()
    sizes = 4, *hidden, 3
    initial, oracle, losses = oracle_on_iris(sizes, activation, dtype, batch_size)
    net = fastnn.MLP(sizes, activation=activation, dtype=dtype, seed=1)
    for found, expected in zip(net.weights, initial, strict=True):
        assert found.tobytes() == expected.tobytes(), "the initial weights differ"
    history = net.train(X, y, epochs=20, batch_size=batch_size, learning_rate=0.05)
    np.testing.assert_allclose(history.loss, losses, rtol=10 * TOLERANCE[dtype])
    assert losses[-1] < losses[0], "nothing was learnt: the comparison shows little"
    assert_same(net, oracle, X, TOLERANCE[dtype])


def after_targets(kind: type[Network], output: str, batch_size: int) -> Network:
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(60, 20)), generator.random((60, 2))
    net = kind([20, 17, 2], activation="relu", output_activation=output, dtype="float64", seed=1)
    net.train(X, y, epochs=20, batch_size=batch_size, learning_rate=0.05)
    return net


oracle_after_targets = cache(partial(after_targets, reference.MLP))


@pytest.mark.parametrize("output", ["identity", "tanh", "sigmoid", "relu"])
@pytest.mark.parametrize("batch_size", [1, 7])
def test_targets_and_output_activations(path: str, output: str, batch_size: int) -> None:
    X = np.random.default_rng(1).normal(size=(60, 20))
    net = after_targets(fastnn.MLP, output, batch_size)
    assert_same(net, oracle_after_targets(output, batch_size), X, 1e-10)


FUNCTIONS = [
    ("leaky_relu", "softmax", "cross_entropy"),
    ("elu", "sigmoid", "binary_cross_entropy"),
    ("softplus", "exp", "poisson"),
    ("silu", "identity", "absolute_error"),
    ("gelu", "gelu", Huber(0.1)),
    (LeakyReLU(0.3), "silu", Quantile(0.2)),
    (ELU(0.3), "softplus", "huber"),
]


def for_functions() -> tuple[NDArray[Any], NDArray[Any]]:
    generator = np.random.default_rng(0)
    Y = generator.random((40, 3))
    return generator.normal(size=(40, 20)), Y / Y.sum(
        axis=1, keepdims=True
    )  # as softmax takes them


def with_functions(
    kind: type[Network], functions: tuple[Any, str, Any], dtype: str, batch_size: int
) -> tuple[Network, list[float]]:
    """A trained network, and its losses: before, and of every epoch."""
    activation, output, loss = functions
    net = kind(
        [20, 17, 6, 3],
        activation=activation,
        output_activation=output,
        loss=loss,
        dtype=dtype,
        seed=1,
    )
    X, y = for_functions()
    before = net.evaluate(X, y).loss
    history = net.train(X, y, epochs=5, batch_size=batch_size, learning_rate=0.02)
    return net, [before, *history.loss]


oracle_with_functions = cache(partial(with_functions, reference.MLP))


# Of all factors: path and size of batches choose the loops, dtype and function what they call.
@pytest.mark.parametrize("functions", FUNCTIONS, ids=str)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("batch_size", [1, 7])
def test_further_functions(
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
    own = Activation("logistic", lambda z: 1 / (1 + np.exp(-z)), _logistic_derivative)
    X, y = scaled_iris()
    nets = [
        fastnn.MLP([4, 5, 3], activation=f, output_activation=f, dtype="float64", seed=1)
        for f in (own, "sigmoid")
    ]
    for net in nets:
        net.train(X, y, epochs=5, learning_rate=0.2)
    for found, expected in zip(nets[0].weights, nets[1].weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def _logistic_derivative(z: NDArray[Any]) -> NDArray[Any]:
    a: NDArray[Any] = 1 / (1 + np.exp(-z))
    return a * (1 - a)


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
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_any_shape(
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
    y: NDArray[Any] = generator.random((n_examples, sizes[-1]))
    if labeled and sizes[-1] > 1:
        y = generator.integers(sizes[-1], size=n_examples)
    net, oracle = (
        kind(sizes, activation=activation, dtype=dtype, seed=seed)
        for kind in (fastnn.MLP, reference.MLP)
    )
    # At a rate of 0.1 many outputs push one hidden unit so far that rounding errors grow: then
    # even the reference in float32 leaves that in float64 by more than the tolerance.
    for n in (net, oracle):
        n.train(X, y, epochs=3, batch_size=batch_size, learning_rate=0.02)
    tolerance = TOLERANCE[dtype] / 4  # what a saturated unit makes of rounding errors
    assert_same(net, oracle, X, tolerance)
    for rows in (0, 1, n_examples):
        np.testing.assert_allclose(
            net.predict(X[:rows]), oracle.predict(X[:rows]), rtol=0, atol=tolerance
        )
    found, expected = (
        evaluation.mean_loss(n._engine, *n._data_checker.examples(X, y)) for n in (net, oracle)
    )
    assert found == pytest.approx(expected, rel=1e-4)


def test_a_batch_of_several_blocks(path: str, tune: Tune) -> None:
    tune(max_columns=16, max_rows=16)
    X, y = scaled_iris()
    net, oracle = (kind([4, 6, 3], dtype="float64", seed=1) for kind in (fastnn.MLP, reference.MLP))
    for n in (net, oracle):
        n.train(X, y, epochs=10, batch_size=50, learning_rate=1)
        n.train(X, y, epochs=10, batch_size=None, learning_rate=1)
    assert_same(net, oracle, X, 1e-10)


@pytest.mark.parametrize("chunk", [1, 3, 40, 64])
def test_a_batch_spread_over_several_calls(path: str, chunk: int, tune: Tune) -> None:
    tune(
        max_columns=16,
        max_rows=16,
        work_per_example=0,
        work_per_batch_call=chunk * 500,
        work_per_call=chunk * 500,
    )  # a batch of 32 does not come whole
    X, y = scaled_iris()
    net, oracle = (kind([4, 6, 3], dtype="float64", seed=1) for kind in (fastnn.MLP, reference.MLP))
    for n in (net, oracle):
        n.train(X, y, epochs=10, batch_size=32, learning_rate=1)
    assert_same(net, oracle, X, 1e-10)


def test_a_gradient_is_added_up_before_the_parameters_take_it(path: str) -> None:
    """Each example's part of this step is less than half an ulp of the weight."""
    assert_step_of_a_whole_batch(n_examples=4096)


# With sparse inputs, a batch that comes whole steps row by row, as training per example does.
@pytest.mark.parametrize("path", ["feature-major", "example-major"], indirect=True)
def test_so_is_that_of_a_batch_that_comes_whole(path: str) -> None:
    """Each example's part of this step is a few ulps of the weight."""
    assert_step_of_a_whole_batch(n_examples=128)


def assert_step_of_a_whole_batch(n_examples: int) -> None:
    X, y = np.ones((n_examples, 1), np.float32), np.full((n_examples, 1), 1.0008, np.float32)
    net = fastnn.MLP([1, 1], output_activation="identity")
    net.weights[0][:] = 1
    net.train(X, y, batch_size=None, learning_rate=0.1)
    assert net.weights[0][0, 0] == pytest.approx(1 + 8e-5, abs=2e-7)
    assert net.biases[0][0] == pytest.approx(8e-5, abs=2e-7)
