"""Activations and losses of users: one function per name, shapes, and numbers."""

import copy
import operator
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from helpers import Array, Kind, Options, arrays_of, assert_close, parametrize
from sklearn.base import clone

import fastnn
from fastnn import Activation, LeakyReLU, Loss
from fastnn.common.equality import are_equivalent
from fastnn.data.inputs import SparseInputs
from fastnn.sklearn import MLPRegressor


class Line:
    """A callable with a state, and no equality."""

    def __init__(self, slope: float) -> None:
        self.slope = np.array([slope])

    def __call__(self, z: Array) -> Array:
        return z * self.slope

    def derivative(self, z: Array) -> Array:
        return 0 * z + self.slope


class Unhashable(Line):
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unhashable) and bool(self.slope == other.slope)


def of_functions(slope: float) -> Activation:
    return Activation(
        "line", {2: np.positive, 3: np.negative}[int(slope)], lambda z: np.ones_like(z)
    )


def of_closures(slope: float) -> Activation:
    def derivative(z: Array, s: float = slope) -> Array:
        return 0 * z + s

    return Activation("line", lambda z: z * slope, derivative)


def of_partials(slope: float) -> Activation:
    return Activation("line", partial(np.multiply, slope), partial(np.full_like, fill_value=slope))


def of_callables(slope: float) -> Activation:
    return Activation("line", Line(slope), Line(slope).derivative)


def of_unhashables(slope: float) -> Activation:
    return Activation("line", Unhashable(slope), Unhashable(slope).derivative)


each_making = parametrize(
    "make", of_functions, of_closures, of_partials, of_callables, of_unhashables
)


@each_making
def test_equal_activations_are_one(
    kind: Kind, make: Callable[[float], Activation], tmp_path: Path
) -> None:
    first, second = make(2), make(2)
    for other in (second, copy.deepcopy(first)):
        network = kind([3, 4, 4, 2], activation=[first, other], output_activation=second)
        assert all(f is first for f in network.activation_functions)
    network.save(tmp_path / "model")
    loaded = kind.load(tmp_path / "model", activations=[second, first])
    X = np.ones((2, 3), np.float32)
    assert (loaded.predict(X) == network.predict(X)).all()


@each_making
def test_different_activations_of_one_name_are_refused(
    kind: Kind, make: Callable[[float], Activation], tmp_path: Path
) -> None:
    message = "activation must have different names for different activations, got ['line', 'line'"
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        kind([3, 4, 4, 2], activation=[make(2), make(3)])
    kind([3, 4, 2], activation=make(2)).save(tmp_path / "model")
    message = "activations must have different names for different functions, got two of the name "
    with pytest.raises(ValueError, match="^" + re.escape(message + "'line'")):
        kind.load(tmp_path / "model", activations=[make(2), make(3)])


def test_equal_losses_are_one(tmp_path: Path) -> None:
    def loss(factor: float) -> Loss:
        return Loss("mine", lambda a, t: (factor * abs(a - t).sum(axis=1), factor * np.sign(a - t)))

    fastnn.MLP([3, 2], loss=loss(2)).save(tmp_path / "model")
    fastnn.MLP.load(tmp_path / "model", losses=[loss(2), loss(2)])
    message = "losses must have different names for different functions, got two of the name 'mine'"
    with pytest.raises(ValueError, match="^" + message):
        fastnn.MLP.load(tmp_path / "model", losses=[loss(2), loss(3)])


def test_load_takes_built_in_activations(tmp_path: Path) -> None:
    activations = [LeakyReLU(0.1), LeakyReLU(0.2)]
    fastnn.MLP([3, 4, 4, 2], activation=activations).save(tmp_path / "model")
    assert (
        list(fastnn.MLP.load(tmp_path / "model", activations=activations).activation_functions[:2])
        == activations
    )


def test_scikit_learn_clones_own_activations() -> None:
    """`clone` copies each element of a list by itself."""
    line = of_callables(2)
    estimator = clone(
        MLPRegressor(hidden_layer_sizes=(4, 4), activation=[line, line], max_iter=1, tol=1e9)
    )
    X = np.random.default_rng(1).random((9, 3))
    with pytest.warns(UserWarning, match="Maximum iterations"):
        estimator.fit(X, X[:, 0])
    assert np.isfinite(estimator.predict(X)).all()


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def recursive(depth: int) -> Callable[[], Any]:
    def function() -> Any:
        return depth, function

    return function


@parametrize(
    "one, other, expected",
    (1.0, 1.0, True),
    (1.0, 1, False),
    (np.tanh, np.tanh, True),
    (np.tanh, np.sin, False),
    (np.arange(3), np.arange(3), True),
    (np.arange(3), np.arange(3.0), False),
    (Slotted([1]), Slotted([1]), True),
    (Slotted([1]), Slotted([2]), False),
    (operator.itemgetter(1), operator.itemgetter(1), True),
    (operator.itemgetter(1), operator.itemgetter(2), False),
    (np.vectorize(abs), np.vectorize(abs), True),
    (np.vectorize(abs), np.vectorize(round), False),
    (open, print, False),
    (recursive(1), recursive(1), False),  # nothing tells, in finite time
    ((i for i in range(3)), (i for i in range(3)), False),
)
def test_equivalence(one: Any, other: Any, expected: bool) -> None:
    assert are_equivalent(one, other) is expected
    assert are_equivalent(one, one)


# Shapes


@parametrize("n_outputs", 1, 2, 3)
def test_one_loss_per_output_is_refused(kind: Kind, n_outputs: int) -> None:
    """Whatever the number of outputs."""
    loss = Loss("of outputs", lambda a, t: (((a - t) ** 2).mean(axis=0), a - t))
    with pytest.raises(ValueError, match="'of outputs' must return losses"):
        kind([4, n_outputs], loss=loss)


def test_shapes_are_checked_in_every_batch(kind: Kind) -> None:
    """These functions return the right shapes when they are tried out, with few rows."""

    def shrunk(result: Array) -> Array:
        return result if len(result) < 10 else result[:1]

    def squares(a: Array, t: Array) -> Any:
        return ((a - t) ** 2).sum(axis=1), shrunk(2 * (a - t))

    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(20, 2)), rng.uniform(size=(20, 3))
    net = kind([2, 3], loss=Loss("squares", squares), seed=1)
    expected = r"losses and derivatives of shapes \(20,\) and \(20, 3\).*got \(20,\) and \(1, 3\)"
    for call in (net.evaluate, net.gradients, partial(net.train, batch_size=20)):
        with pytest.raises(ValueError, match=expected):
            call(X, Y)
    for part, activation in {
        "derivative": Activation("own", np.positive, lambda z: shrunk(0 * z + 1)),
        "function": Activation("own", lambda z: shrunk(z * 1), np.ones_like),
    }.items():
        net = kind([2, 3, 3], activation=activation, seed=1)
        expected = rf"'own' must have a {part} .*, got \(1, 3\) for \(20, 3\)"
        with pytest.raises(ValueError, match=expected):
            net.train(X, Y, batch_size=20)


# Numbers

TANH = Activation("own tanh", np.tanh, lambda z: 1 - np.tanh(z) ** 2)
SQUARES = Loss("own squares", lambda a, t: (0.5 * ((a - t) ** 2).sum(axis=1), a - t))


def trained(hidden: str | Activation, loss: str | Loss, X: Any, **options: Any) -> fastnn.MLP:
    Y = np.random.default_rng(1).normal(size=(60, 2))
    net = fastnn.MLP(
        [20, 6, 2],
        activation=hidden,
        output_activation="identity",
        loss=loss,
        dtype="float64",
        seed=1,
    )
    net.train(X, Y, epochs=3, **options)
    return net


@parametrize("make", np.array, scipy.sparse.csr_array, ids=["dense", "sparse"])
@parametrize(
    "options",
    {"batch_size": 1},
    {"batch_size": 7, "optimizer": "adam"},
    {"batch_size": None, "l2": 1e-3, "clip_norm": 0.1},
    {"batch_size": 7, "dropout": 0.3},
    ids=str,
)
@parametrize(
    "hidden, loss",
    (TANH, "squared_error"),
    ("tanh", SQUARES),
    (TANH, SQUARES),
    ids=["activation", "loss", "both"],
)
def test_own_formulas_of_built_in_functions_train_the_same_network(
    hidden: str | Activation, loss: str | Loss, options: Options, make: Any
) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 20)) * (rng.random((60, 20)) < 0.3)
    expected = trained("tanh", "squared_error", X, **options)
    net = trained(hidden, loss, make(X), **options)
    assert_close(arrays_of(net), arrays_of(expected), atol=1e-12)
    np.testing.assert_allclose(net.predict(make(X)), expected.predict(X), rtol=0, atol=1e-12)


def test_sparse_rows_never_become_dense(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Array:
        raise AssertionError("sparse rows became dense")

    monkeypatch.setattr(SparseInputs, "array", refuse)
    X = scipy.sparse.random_array((60, 20), density=0.1, rng=0).tocsr()
    net = trained(TANH, SQUARES, X, batch_size=7)
    net.evaluate(X, net.predict(X))
    net.gradients(X, net.predict(X))


@parametrize("batch_size", 50, None)
@parametrize("dropout", 0.0, 0.3)
def test_batches_may_exceed_the_rows_computed_at_a_time(
    batch_size: int | None, dropout: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    X = np.random.default_rng(0).normal(size=(60, 20))
    options: Options = {"batch_size": batch_size, "dropout": dropout}
    expected = trained(TANH, SQUARES, X, **options)
    expected_loss = expected.evaluate(X, X[:, :2]).loss
    monkeypatch.setattr("fastnn.engine.numpy_engine.MAX_ROWS", 16)
    net = trained(TANH, SQUARES, X, **options)
    assert_close(net.weights, expected.weights, atol=1e-12)
    np.testing.assert_allclose(net.predict(X), expected.predict(X), rtol=0, atol=1e-12)
    assert net.evaluate(X, X[:, :2]).loss == pytest.approx(expected_loss, rel=1e-9)


def test_an_activation_may_reuse_its_array() -> None:
    buffers: dict[tuple[int, ...], Array] = {}

    def tanh(z: Array) -> Array:
        return np.tanh(z, out=buffers.setdefault(z.shape, np.empty_like(z)))

    X, Y = np.random.default_rng(0).normal(size=(2, 20, 6))
    reusing, expected = (
        fastnn.MLP(
            [6, 5, 5, 6],
            activation=Activation("own", f, TANH.derivative),
            output_activation="identity",
            seed=1,
        )
        for f in (tanh, np.tanh)
    )
    for net in (reusing, expected):
        net.train(X, Y, epochs=3, batch_size=5)
    np.testing.assert_array_equal(reusing.weights[0], expected.weights[0])
    np.testing.assert_array_equal(reusing.activations(X)[0], expected.activations(X)[0])


def test_a_loss_is_called_once_per_batch() -> None:
    n_rows: list[int] = []

    def squares(a: Array, t: Array) -> Any:
        n_rows.append(len(a))
        return SQUARES.function(a, t)

    net = fastnn.MLP([20, 2], loss=Loss("counted", squares), seed=1)
    n_rows.clear()  # it was tried out
    rng = np.random.default_rng(0)
    net.train(rng.normal(size=(30, 20)), rng.uniform(0.1, 0.9, size=(30, 2)), batch_size=10)
    assert n_rows == [10, 10, 10]


def test_columns_of_a_sparse_matrix_do_not_divide_batches() -> None:
    """Its zeros take no memory, and each part would make a dense gradient."""
    n_rows: list[int] = []

    def squares(a: Array, t: Array) -> Any:
        n_rows.append(len(a))
        return SQUARES.function(a, t)

    net = fastnn.MLP([1_000_000, 2], loss=Loss("counted", squares), seed=1)
    n_rows.clear()  # it was tried out
    X = scipy.sparse.random_array((200, 1_000_000), density=1e-5, rng=0).tocsr()
    net.train(X, np.arange(200) % 2, batch_size=100)
    assert n_rows == [100, 100]
