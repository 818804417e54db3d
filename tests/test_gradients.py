"""The kernels' gradients against central differences, in float64, on the real training step."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from grid import ONE_VARIANT, PATHS, over
from helpers import SOFTSIGN, Array, Kind, Options, arrays_of, assert_close, parameters, parametrize

import fastnn
from fastnn import ELU, Activation, Huber, LeakyReLU, Loss, Quantile, evaluation, losses, reference
from fastnn.activations import ACTIVATIONS
from fastnn.network import Network
from fastnn.regularization import Regularization

pytestmark = [
    pytest.mark.usefixtures("variant"),
    pytest.mark.emulated,
    # Sums other than 1 show whether they are counted.
    pytest.mark.filterwarnings("ignore:y holds rows with a sum below 1"),
]

ELEMENTWISE = [name for name, f in ACTIVATIONS.items() if f.is_elementwise]
FIRST, FURTHER = ELEMENTWISE[:4], ELEMENTWISE[4:]
ARCHITECTURES = [[5, 3], [5, 4, 3], [5, 4, 6, 3], [5, 4, 6, 2, 3]]
# Whole vectors and tails, either storage order, and more terms than a product takes at a time.
WIDE = [[40, 19], [40, 33, 19], [19, 40, 33, 5], [5, 150, 140, 3]]


def data(net: Network, n_examples: int) -> tuple[Array, Array]:
    generator = np.random.default_rng(5)
    X = generator.normal(size=(n_examples, net.layer_sizes[0]))
    X[generator.random(X.shape) < 0.2] = 0  # which the kernels skip
    y = generator.random((n_examples, net.layer_sizes[-1]))
    return X, y / len(y[0]) if net.loss == "cross_entropy" else y


def mean_loss(net: Network, X: Any, y: Any) -> float:
    """Return the loss of `evaluate`, which refuses to score one example."""
    return evaluation.mean_loss(net._engine, *net._data_checker.examples(X, y))


def gradients(net: Network, X: Any, y: Any, **options: Any) -> list[Array]:
    """Return what a full-batch step of rate 1 subtracts from each parameter."""
    trained = copy.copy(net)
    trained.train(X, y, batch_size=None, learning_rate=1, **options)
    return [old - new for old, new in zip(arrays_of(net), arrays_of(trained), strict=True)]


def central_differences(net: Network, loss: Callable[[], float]) -> list[tuple[int, Array, float]]:
    """Return the derivatives of the loss along random signs of one parameter array at a time."""
    h = 1e-6  # small enough to meet no kink
    generator = np.random.default_rng(9)
    result = []
    for which, parameter in enumerate(arrays_of(net)):
        values = parameter.copy()
        for _ in range(3):
            signs = generator.choice([-1.0, 1.0], size=parameter.shape)
            parameter[...] = values + h * signs
            above = loss()
            parameter[...] = values - h * signs
            below = loss()
            result.append((which, signs, (above - below) / (2 * h)))
        parameter[...] = values
    return result


def check(net: Network, n_examples: int) -> None:
    X, y = data(net, n_examples)
    for biases in net.biases:  # away from 0, and from the kink of a ReLU
        biases[:] = np.linspace(-0.5, 0.6, len(biases))
    found = gradients(net, X, y)
    by_itself = net.gradients(X, y)
    assert by_itself.loss == pytest.approx(mean_loss(net, X, y), rel=1e-12)
    assert_close(arrays_of(by_itself), found, rtol=1e-8, atol=1e-12)
    compare(found, central_differences(net, lambda: mean_loss(net, X, y)))


def compare(found: Sequence[Array], differences: list[tuple[int, Array, float]]) -> None:
    largest = max(abs(value) for *_, value in differences)
    assert largest > 1e-4, "all gradients vanish: the check shows nothing"
    for parameter in found:
        assert np.abs(parameter).max() > 1e-7, "the gradient of a whole layer vanishes"
    for which, signs, expected in differences:
        slope = (found[which] * signs).sum()
        assert slope == pytest.approx(expected, rel=1e-6, abs=1e-8 * largest), (
            f"parameter array {which}"
        )


# A path, and whether there is one example, choose the loops over layers, examples and units.  These
# hand vectors to functions of activations and losses that all share: a defect is one of such loops
# and of one of these, at most.


@over(strength=3, path=PATHS, activation=FIRST, sizes=ARCHITECTURES, n_examples=[1, 7])
def test_hidden_activation(path: str, activation: str, sizes: list[int], n_examples: int) -> None:
    check(fastnn.MLP(sizes, activation=activation, dtype="float64", seed=11), n_examples)


@over(path=PATHS, activation=FIRST, sizes=ARCHITECTURES[:2])
def test_output_activation(path: str, activation: str, sizes: list[int]) -> None:
    net = fastnn.MLP(sizes, output_activation=activation, dtype="float64", seed=11)
    check(net, n_examples=7)


@over(strength=3, path=PATHS, activation=[LeakyReLU(0.3), ELU(0.5), *FURTHER], n_examples=[1, 7])
def test_hidden_and_output_activations_with_parameters_or_by_z(
    path: str, activation: str | Activation, n_examples: int
) -> None:
    net = fastnn.MLP([5, 4, 17, 3], activation=activation, dtype="float64", seed=11)
    check(net, n_examples)
    output = fastnn.MLP([5, 4, 3], output_activation=activation, dtype="float64", seed=11)
    check(output, n_examples)


WITH_ANY_OUTPUTS = [name for name, loss in losses.LOSSES.items() if not loss.output_activation]
LOSSES = [
    ("softmax", "cross_entropy"),
    ("sigmoid", "binary_cross_entropy"),
    ("exp", "poisson"),
    *(
        (output, loss)
        for output in ("identity", "sigmoid", "gelu")
        for loss in (*WITH_ANY_OUTPUTS, Huber(0.2), Quantile(0.3))
    ),
]


@over(strength=3, path=PATHS, functions=LOSSES, n_outputs=[3, 17], n_examples=[1, 7])
def test_losses(
    path: str, functions: tuple[str, str | Loss], n_outputs: int, n_examples: int
) -> None:
    (output, loss), sizes = functions, [5, 20, n_outputs]
    net = fastnn.MLP(sizes, output_activation=output, loss=loss, dtype="float64", seed=11)
    check(net, n_examples)


REGRESSIONS = ["squared_error", "absolute_error", Huber(0.2), Quantile(0.3)]
PAIRS = [*LOSSES[:3], *((output, loss) for output in ELEMENTWISE for loss in REGRESSIONS)]


@parametrize("output, loss", *PAIRS, ids=str)
def test_every_loss_output_weighting_and_penalty(kind: Kind, output: str, loss: str | Loss) -> None:
    """Through `Network.gradients`, and with penalties through a step."""
    functions: Options = {"activation": "tanh", "output_activation": output, "loss": loss}
    net = kind([5, 8, 3], **functions, dtype="f8", seed=1)
    X, y = data(net, 7)
    for biases in net.biases:
        biases[:] = np.linspace(-0.5, 0.6, len(biases))
    weights = np.linspace(0, 3, 7)
    penalties = Regularization(l1=0.02, l2=0.3)

    def objective() -> float:
        return net.gradients(X, y, sample_weight=weights).loss

    assert objective() == pytest.approx(
        sum(w * mean_loss(net, X[[i]], y[[i]]) for i, w in enumerate(weights)) / 7, rel=1e-12
    )
    found = net.gradients(X, y, sample_weight=weights)
    differences = central_differences(net, objective)
    compare(arrays_of(found), differences)

    step = gradients(net, X, y, sample_weight=weights, l1=0.02, l2=0.3)
    with_penalties = central_differences(net, lambda: objective() + penalties.penalty(net.weights))
    compare(step, with_penalties)
    assert [slope for *_, slope in with_penalties] != [slope for *_, slope in differences]


@over(path=PATHS, make=[np.array, np.asfortranarray, scipy.sparse.csr_array], labeled=[False, True])
def test_gradients_of_more_examples_than_a_workspace_holds(
    path: str, make: Any, labeled: bool
) -> None:
    """The gradients equal the mean of parts, whatever the number of threads."""
    net = fastnn.MLP([20, 33, 4], activation="relu", dtype="float64", seed=1)
    X, y = data(net, 1200)
    y = y.argmax(axis=1) if labeled else y
    before = parameters(net)
    all_at_once = net.gradients(make(X), y)
    for own, of in zip(arrays_of(all_at_once), arrays_of(net), strict=True):
        assert (own.shape, own.dtype) == (of.shape, of.dtype)
    assert parameters(net) == before
    parts = [net.gradients(X[rows], y[rows]) for rows in (slice(0, 400), slice(400, 1200))]
    of_parts = (parts[0].loss + 2 * parts[1].loss) / 3
    assert all_at_once.loss == pytest.approx(of_parts, rel=1e-12)
    assert all_at_once.loss == pytest.approx(mean_loss(net, X, y), rel=1e-12)
    for layer in range(2):
        mean = (parts[0].weights[layer] + 2 * parts[1].weights[layer]) / 3
        np.testing.assert_allclose(all_at_once.weights[layer], mean, rtol=0, atol=1e-14)
        assert np.abs(mean).max() > 1e-4
    by_threads = net.gradients(make(X), y, n_threads=2)
    assert all(map(np.array_equal, by_threads.weights, all_at_once.weights))


@parametrize("make", np.array, np.asfortranarray, scipy.sparse.csr_array, ids=str)
def test_activations_of_every_layer(kind: Kind, make: Any) -> None:
    outputs: Options = {"output_activation": "softmax", "loss": "cross_entropy"}
    net = kind([20, 33, 7, 4], activation=["relu", SOFTSIGN], **outputs, dtype="f8", seed=1)
    X, _ = data(net, 700)
    expected, found = X, net.activations(make(X))
    assert len(found) == 3
    for layer, f in enumerate(net.activation_functions):
        expected = f.outputs(expected @ net.weights[layer] + net.biases[layer])
        np.testing.assert_allclose(found[layer], expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found[-1], net.predict(X), rtol=1e-9)
    single = net.activations(X[3])
    assert [a.shape for a in single] == [(33,), (7,), (4,)]
    np.testing.assert_allclose(single[1], found[1][3], rtol=1e-9, atol=1e-12)
    assert [a.shape for a in net.activations(np.empty((0, 20)))] == [(0, 33), (0, 7), (0, 4)]
    with pytest.raises(ValueError, match="X must have shape"):
        net.activations(np.ones((2, 3)))


def log_cosh(outputs: Array, targets: Array) -> tuple[Array, Array]:
    errors = outputs - targets
    return np.log(np.cosh(errors)).sum(axis=1), np.tanh(errors)


@parametrize("output", SOFTSIGN, "identity", "silu", ids=str)
def test_own_losses(kind: Kind, output: str | Activation) -> None:
    loss = Loss("log_cosh", log_cosh)
    net = kind([5, 9, 3], output_activation=output, loss=loss, dtype="float64", seed=4)
    check(net, n_examples=7)


@over(strength=3, path=PATHS, sizes=WIDE, activation=["tanh", "relu"], n_examples=[1, 3])
def test_wide_layers(path: str, sizes: list[int], activation: str, n_examples: int) -> None:
    check(fastnn.MLP(sizes, activation=activation, dtype="float64", seed=2), n_examples)


def test_an_activation_per_layer(path: str) -> None:
    activations = ["relu", "tanh", "sigmoid"]
    net = fastnn.MLP([5, 9, 8, 7, 3], activation=activations, dtype="float64", seed=4)
    check(net, n_examples=7)


@parametrize("output", SOFTSIGN, "identity", ids=["own", "built in"])
def test_own_activations(output: str | Activation) -> None:
    functions: Options = {"activation": [SOFTSIGN, "tanh"], "output_activation": output}
    net = fastnn.MLP([5, 9, 8, 3], **functions, dtype="float64", seed=4)
    check(net, n_examples=7)


@ONE_VARIANT
@parametrize(
    "activation", *(f for f in ACTIVATIONS.values() if f.is_elementwise), SOFTSIGN, ids=str
)
def test_activations_of_the_reference(activation: str | Activation) -> None:
    net = reference.MLP([5, 4, 6, 3], activation=activation, dtype="float64", seed=11)
    check(net, n_examples=7)


@ONE_VARIANT
@parametrize("output, loss", *LOSSES, ids=str)
def test_losses_of_the_reference(output: str, loss: str | Loss) -> None:
    net = reference.MLP([5, 4, 3], output_activation=output, loss=loss, dtype="float64", seed=11)
    check(net, n_examples=7)


def test_float32_gradients_agree_with_float64(path: str) -> None:
    exact = fastnn.MLP([40, 33, 19, 5], activation="tanh", dtype="float64", seed=2)
    single = fastnn.MLP([40, 33, 19, 5], activation="tanh", dtype="float32", seed=2)
    X, y = data(exact, n_examples=6)
    for found, expected in zip(gradients(single, X, y), gradients(exact, X, y), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
