"""Sparse matrices of scipy as X."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from grid import ONE_VARIANT, PATHS, over
from helpers import Array, Kind, arrays_of, assert_close, parametrize, unchanged
from numpy.typing import NDArray

from fastnn import MLP, reference
from fastnn.network import Network

pytestmark = [pytest.mark.usefixtures("variant"), pytest.mark.emulated]

Make = Callable[[Array], Any]


def long_indices(X: Array) -> Any:
    matrix = scipy.sparse.csr_array(X)
    matrix.indices, matrix.indptr = matrix.indices.astype("i8"), matrix.indptr.astype("i8")
    return matrix


def short_indices(X: Array) -> Any:
    matrix = scipy.sparse.csr_array(X)
    matrix.indices = matrix.indices.astype("u2")
    return matrix


def unsorted(X: Array) -> Any:
    matrix = scipy.sparse.csr_array(X)
    for start, stop in zip(matrix.indptr, matrix.indptr[1:], strict=False):
        matrix.indices[start:stop] = matrix.indices[start:stop][::-1].copy()
        matrix.data[start:stop] = matrix.data[start:stop][::-1].copy()
    return matrix


def duplicates(X: Array, claims_to_be_canonical: bool = False) -> Any:
    matrix = scipy.sparse.csr_array(X)
    data, indices = np.repeat(matrix.data / 2, 2), np.repeat(matrix.indices, 2)
    matrix = scipy.sparse.csr_array((data, indices, matrix.indptr * 2), X.shape)
    if claims_to_be_canonical:
        matrix.has_canonical_format = True
    return matrix


def with_zeros(X: Array) -> Any:
    matrix = scipy.sparse.csr_array(np.where(X == 0, 9, X))
    matrix.data[matrix.data == 9] = 0
    return matrix


def excess_capacity(X: Array) -> Any:
    matrix = scipy.sparse.csr_array(X)
    matrix.data = np.concatenate([matrix.data, [7.0] * 5]).astype(X.dtype)
    matrix.indices = np.concatenate([matrix.indices, [99_999] * 5]).astype("i4")
    return matrix


MAKES: dict[str, Make] = {
    "csr_array": scipy.sparse.csr_array,
    "csr_matrix": scipy.sparse.csr_matrix,
    "csc_array": scipy.sparse.csc_array,
    "coo_matrix": scipy.sparse.coo_matrix,
    "lil_array": scipy.sparse.lil_array,
    "float64": lambda X: scipy.sparse.csr_array(X.astype(np.float64)),
    "integers": lambda X: scipy.sparse.csr_array(X.astype(np.int8)),
    "long indices": long_indices,
    "short indices": short_indices,
    "unsorted": unsorted,
    "duplicates": duplicates,
    "hidden duplicates": lambda X: duplicates(X, claims_to_be_canonical=True),
    "explicit zeros": with_zeros,
    "excess capacity": excess_capacity,
}


def dense(n_examples: int = 60, n_inputs: int = 40) -> NDArray[np.float32]:
    """Small integers, which every dtype holds and every sum of duplicates comes to exactly."""
    generator = np.random.default_rng(0)
    X = generator.integers(-3, 4, size=(n_examples, n_inputs)).astype(np.float32)
    X[generator.random(X.shape) < 0.8] = 0
    X[3] = 0
    return X


def results(net: Network, X: Any, batch_size: int | None) -> list[Array]:
    y = np.arange(60) % 3
    net.train(X, y, epochs=3, batch_size=batch_size, learning_rate=0.05)
    evaluation = net.evaluate(X, y)
    scores = np.array([evaluation.loss, evaluation.score])
    return [*arrays_of(net), net.predict(X), net.classify(X), scores]


@cache
def results_of_dense(batch_size: int | None) -> list[Array]:
    return results(reference.MLP([40, 20, 3], seed=1), dense(), batch_size)


def assert_the_same_as_dense(kind: Kind, made: str, batch_size: int | None) -> None:
    found = results(kind([40, 20, 3], seed=1), MAKES[made](dense()), batch_size)
    assert_close(found, results_of_dense(batch_size), atol=2e-5)


# The kernels get every matrix in one form.
@over(path=PATHS, made=MAKES, batch_size=[1, 7, None])
def test_the_same_as_dense(path: str, made: str, batch_size: int | None) -> None:
    assert_the_same_as_dense(MLP, made, batch_size)


@ONE_VARIANT
@parametrize("made", *MAKES)
def test_the_same_as_dense_in_the_reference(made: str) -> None:
    assert_the_same_as_dense(reference.MLP, made, batch_size=7)


@parametrize("n_hidden", 3, 20, 100)
@parametrize("dtype", "float32", "float64")
def test_rows_without_common_columns(dtype: str, n_hidden: int) -> None:
    """None of their updates is deferred."""
    generator = np.random.default_rng(0)
    X, y = np.zeros((50, 1000), dtype), generator.standard_normal(50)
    for row, n in zip(X, [0, 1, 3, 4, 5, 0, 8, 9, 20, 2] * 5, strict=True):
        row[generator.choice(1000, n, replace=False)] = generator.standard_normal(n)
    found = []
    for kind, make in ((MLP, scipy.sparse.csr_array), (MLP, np.array), (reference.MLP, np.array)):
        net = kind([1000, n_hidden, 1], output_activation="identity", dtype=dtype, seed=1)
        net.train(make(X), y, epochs=3, learning_rate=0.05)
        found.append(net.weights)
    sparse, same, expected = found
    for a, b, c in zip(sparse, same, expected, strict=True):
        assert a.tobytes() == b.tobytes()
        np.testing.assert_allclose(a, c, rtol=0, atol=1e-5 if dtype == "float32" else 1e-13)


def test_shapes(kind: Kind) -> None:
    net = kind([40, 3], seed=1)
    X = scipy.sparse.csr_array(dense())
    assert net.predict(X[:0]).shape == (0, 3)
    assert net.predict(scipy.sparse.csr_array((5, 40))).shape == (5, 3)
    row = scipy.sparse.coo_array(dense()[0])
    assert row.shape == (40,)
    assert net.predict(row).shape == (3,)
    assert net.classify(X[:2]).shape == (2,)
    for bad in (X[:, :39], X.T, row[:39]):
        with pytest.raises(ValueError, match=r"X must have shape \(n_examples, 40\)"):
            net.predict(bad)


def damaged(**parts: Any) -> Any:
    matrix = scipy.sparse.csr_array(dense())
    for name, change in parts.items():
        array = getattr(matrix, name).copy()
        change(array)
        setattr(matrix, name, array)
    return matrix


def put(index: int, value: float) -> Callable[[Array], None]:
    def change(array: Array) -> None:
        array[index] = value

    return change


@parametrize(
    "X, message",
    (damaged(indices=put(5, 40)), r"X must have column indices from 0 to 39, got 0 to 40"),
    (damaged(indices=put(5, -1)), r"X must have column indices from 0 to 39, got -1 to 39"),
    (damaged(indptr=put(-1, 10**6)), r"X must have an indptr that ascends from 0 to at most"),
    (damaged(indptr=put(0, 1)), r"X must have an indptr that ascends from 0"),
    (damaged(indptr=put(9, 10**6)), r"X must have an indptr that ascends from 0"),
    (damaged(data=put(7, np.nan)), r"X must be finite in float32, got nan at row 1, column \d+"),
    (damaged(data=put(-1, np.inf)), r"X must be finite in float32, got inf at row 59"),
    (
        scipy.sparse.csr_array(dense().astype(float) * 1e300),
        r"X must be finite in float32, got .*e\+300 at",
    ),
    ids=["beyond", "negative", "too long", "late", "descending", "nan", "inf", "float64"],
)
def test_a_damaged_matrix_is_an_error_before_any_kernel_runs(X: Any, message: str) -> None:
    net = MLP([40, 20, 3], seed=1)
    for call in (net.predict, net.classify, lambda X: net.train(X, np.arange(60) % 3)):
        with unchanged(net), pytest.raises(ValueError, match=message):
            call(X)


def test_complex_numbers_are_an_error() -> None:
    with pytest.raises(TypeError, match=r"X must be an array of real numbers, got .* complex64"):
        MLP([40, 3]).predict(scipy.sparse.csr_array(dense().astype(np.complex64)))


def test_training_copies_the_indices_that_it_checked() -> None:
    X, y = scipy.sparse.csr_array(dense()), np.arange(60) % 3
    untroubled, net = (MLP([40, 20, 3], seed=1) for _ in range(2))
    untroubled.train(X, y, epochs=3)

    def damage(step: object) -> None:
        X.indices[:] = 10**6
        X.indptr[1:] = 10**6

    net.train(X, y, epochs=3, callback=damage)
    assert net.weights[0].tobytes() == untroubled.weights[0].tobytes()
