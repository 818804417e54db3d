"""Batches of mostly zeros: inputs listed by example and, for the gradient, maybe by input."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse
from grid import Tune
from helpers import Array, assert_close, parametrize

from fastnn import MLP, SGD, reference
from fastnn.optimizers import Optimizer

pytestmark = pytest.mark.usefixtures("variant")

N_INPUTS = 43
LISTS = {  # examples per input to list them by input, and room for lists
    "by input": (0, 1 << 21),
    "by example": (np.inf, 1 << 21),
    "one at a time": (0, 0),
}


@pytest.fixture(params=LISTS)
def lists(request: pytest.FixtureRequest, tune: Tune) -> str:
    """A way through the inputs, which networks take for any of them."""
    name: str = request.param
    examples_per_input, room = LISTS[name]
    tune(
        min_density_for_gemm=np.inf,
        max_feature_major_parameters=0,
        min_examples_per_input=examples_per_input,
        max_listed=room,
    )
    return name


def rows(n_examples: int, dtype: Any, n_inputs: int = N_INPUTS) -> Array:
    """From full to empty, with inputs that no example has, among them the first and the last."""
    generator = np.random.default_rng(0)
    X = generator.standard_normal((n_examples, n_inputs))
    X[generator.random(X.shape) < np.linspace(0, 1, n_examples)[:, np.newaxis]] = 0
    X[:, [0, 1, n_inputs // 2, n_inputs - 1]] = 0
    return X.astype(dtype)


def trained(
    kind: Any,
    X: Any,
    n_hidden: int,
    dtype: str,
    optimizer: Optimizer,
    batch_size: int | None,
    **arguments: Any,
) -> list[Array]:
    net = kind([X.shape[1], n_hidden, 3], dtype=dtype, seed=1)
    y = np.arange(X.shape[0]) % 3
    net.train(X, y, epochs=3, batch_size=batch_size, optimizer=optimizer, **arguments)
    return [*net.weights, *net.biases, net.predict(X)]


def check(found: list[Array], expected: list[Array], dtype: str) -> None:
    assert_close(found, expected, atol=1e-4 if dtype == "float32" else 1e-12)


# Vectors hold 2 to 16 numbers, rows whole 64 bytes of them, and registers parts of 8 vectors.
@parametrize("dtype", "float32", "float64")
@parametrize("n_hidden", 1, 2, 15, 16, 17, 33, 48, 65, 80, 97, 112, 127, 128, 129, 145, 300)
@pytest.mark.usefixtures("lists")
def test_widths_of_layers_equal_the_reference(n_hidden: int, dtype: str) -> None:
    X, optimizer = rows(40, dtype), SGD(0.1, momentum=0.9)
    expected = trained(reference.MLP, X, n_hidden, dtype, optimizer, 7)
    check(trained(MLP, X, n_hidden, dtype, optimizer, 7), expected, dtype)


@parametrize("dtype", "float32", "float64")
@parametrize("n_inputs", 5, 17, 1000)  # the last has more weights than stay near
@parametrize("n_examples, batch_size", (1, 1), (2, 1), (40, 1), (40, 39), (300, 256), (600, None))
@pytest.mark.usefixtures("lists")
def test_sizes_of_batches_equal_the_reference(
    n_inputs: int, n_examples: int, batch_size: int | None, dtype: str
) -> None:
    X, optimizer = rows(n_examples, dtype, n_inputs), SGD(0.1, momentum=0.9)
    expected = trained(reference.MLP, X, 33, dtype, optimizer, batch_size)
    for given in (X, scipy.sparse.csr_array(X)):
        check(trained(MLP, given, 33, dtype, optimizer, batch_size), expected, dtype)


@parametrize("dtype", "float32", "float64")
@pytest.mark.usefixtures("lists")
def test_examples_without_nonzeros(dtype: str) -> None:
    X, optimizer = np.zeros((40, N_INPUTS), dtype), SGD(0.1, momentum=0.9)
    expected = trained(reference.MLP, X, 33, dtype, optimizer, 8)
    for given in (X, scipy.sparse.csr_array(X)):
        for n_threads in (1, 3):
            found = trained(MLP, given, 33, dtype, optimizer, 8, n_threads=n_threads)
            check(found, expected, dtype)


@pytest.mark.filterwarnings("ignore::fastnn.TrainingWarning")  # so much decay leaves a constant
@parametrize("dtype", "float32", "float64")
@parametrize("n_hidden", 3, 70)
@parametrize("batch_size", 24, 25, 100)
@parametrize("optimizer, l2", (SGD(0.1, momentum=0.9), 0), (SGD(0.5), 0), (SGD(0.5), 0.9), ids=str)
@pytest.mark.usefixtures("lists")
def test_any_number_of_threads_gives_the_same_bits(
    optimizer: Optimizer, l2: float, batch_size: int, n_hidden: int, dtype: str
) -> None:
    """Weights shrink by 0.55 a step: their pending scale factor is applied now and then."""
    X = rows(200, dtype, 20)  # fewer inputs than examples, and than threads
    expected = trained(reference.MLP, X, n_hidden, dtype, optimizer, batch_size, l2=l2)
    found = [
        trained(MLP, X, n_hidden, dtype, optimizer, batch_size, l2=l2, n_threads=n_threads)
        for n_threads in (1, 2, 3, 25)
    ]
    check(found[0], expected, dtype)
    for of_threads in found[1:]:
        assert [a.tobytes() for a in of_threads] == [a.tobytes() for a in found[0]]


def test_csr_and_csc_come_to_close_weights(tune: Tune) -> None:
    """In batches with many and with few examples per input."""
    tune(max_feature_major_parameters=0)
    X, optimizer, found = rows(512, "float64", 60), SGD(0.1), []
    X[np.random.default_rng(1).random(X.shape) < 0.8] = 0
    for examples_per_input in (0, 3, np.inf):
        tune(min_examples_per_input=examples_per_input)
        found += [trained(MLP, X, 20, "float64", optimizer, n) for n in (8, 256, 512)]
    for i in range(3):
        check(found[i], found[i + 3], "float64")
        check(found[i], found[i + 6], "float64")
