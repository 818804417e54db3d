"""Outputs that are NaN or infinite are errors, and no labels or scores."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from helpers import SOFTSIGN, Error, Kind, Options, parameters, parametrize, refusal
from helpers import kind_and_variant as kind_and_variant

from fastnn import MLP, Loss, Step, TrainingDiverged, reference
from fastnn.activations import ACTIVATIONS
from fastnn.common.arrays import Array
from fastnn.network import Network
from fastnn.sklearn import MLPClassifier, MLPRegressor

X: Array = np.random.default_rng(1).random((600, 20)) + 0.1
LABELS = np.arange(600) % 3
PARAMETERS = "weights and biases must be finite to predict, got NaN or infinity in them"

EVERY_USE: list[Callable[[Network], Any]] = [
    lambda net: net.predict(X[0].astype(net.dtype)),  # the quick way
    lambda net: net.predict(X[:1].astype(net.dtype)),
    lambda net: net.predict(X[0].tolist()),
    lambda net: net.predict(X[:2]),
    lambda net: net.predict(X),
    lambda net: net.predict(X, n_threads=2),
    lambda net: net.predict(scipy.sparse.csr_matrix(X)),
    lambda net: net.classify(X[0]),
    lambda net: net.classify(X),
    lambda net: net.activations(X[:9]),
    lambda net: net.evaluate(X[:9], LABELS[:9]),
    lambda net: net.evaluate(X, LABELS),
]


@parametrize("sizes", (20, 8, 3), (20, 100, 40, 3))
@parametrize("dtype", "float32", "float64")
@parametrize("place", "weights", "biases")
def test_nan_in_the_parameters(kind: Kind, sizes: tuple[int, ...], dtype: str, place: str) -> None:
    must = "weights and biases must be finite to"
    for layer in range(len(sizes) - 1):
        net = kind(sizes, dtype=dtype, seed=1)
        getattr(net, place)[layer][..., 1] = np.nan
        assert_refused_by_every_use(net)
        with refusal(ValueError, f"{must} compute grad"):
            net.gradients(X, LABELS)
        with refusal(ValueError, f"{must} train"):
            net.train(X, LABELS)


def assert_refused_by_every_use(
    net: Network, error: Error = ValueError, message: str = PARAMETERS
) -> None:
    for use in EVERY_USE:
        with refusal(error, message):
            use(net)


@parametrize(
    "activation", *(name for name, f in ACTIVATIONS.items() if f.is_elementwise), SOFTSIGN, ids=str
)
def test_no_activation_hides_nan(kind: Kind, activation: Any) -> None:
    net = kind([20, 8, 8, 3], activation=activation, output_activation=activation, seed=1)
    net.biases[0][5] = np.nan
    assert_refused_by_every_use(net)


def test_overflow(kind: Kind) -> None:
    net = kind([20, 3], output_activation="identity", seed=1)
    net.weights[0][:, 2] = 3e38
    must = "outputs must be finite in float32, got inf for output 2 of example"
    assert_refused_by_every_use(net, FloatingPointError, f"{must} 0: scale the ")
    large = X[:5] * 1e-30
    large[3] = 1
    with refusal(FloatingPointError, f"{must} 3: "):
        net.predict(large)


def test_validation_data_that_overflow(kind: Kind) -> None:
    net = kind([20, 3], output_activation="identity", seed=1)
    net.weights[0][...] = 1e30
    small = X * 1e-30
    with refusal(FloatingPointError, "outputs must be finite in float32"):
        net.train(small, LABELS, learning_rate=1e-3, validation_data=(X * 1e9, LABELS))
    assert all(np.isfinite(w).all() for w in net.weights)
    assert np.isfinite(net.predict(small)).all()


def test_a_loss_of_the_users_that_is_nan(kind: Kind) -> None:
    loss = Loss("mine", lambda a, t: (np.where(t[:, 0] > 5, np.nan, 0 * a[:, 0]), 0 * a))
    net = kind([20, 1], output_activation="identity", loss=loss, seed=1)
    message = "loss 'mine' must be a number, got NaN for outputs that are finite"
    y = np.arange(10.0)
    with refusal(FloatingPointError, message):
        net.evaluate(X[:10], y)
    with refusal(FloatingPointError, message):
        net.train(X[:5], y[:5], validation_data=(X[:10], y))
    assert net.evaluate(X[:5], y[:5]).loss == 0


@parametrize("epoch", 1, 2, 3)
@parametrize("blocks", False, True)
def test_a_callback_that_leaves_nan(kind: Kind, epoch: int, blocks: bool) -> None:
    net = kind([20, 8, 3], seed=1)
    before = [parameters(net)]

    def callback(step: Step) -> None:
        if step.epoch == epoch:
            net.weights[0][0, 0] = np.nan
        else:
            before.append(parameters(net))

    given: Any = ([(X, LABELS)],) if blocks else (X, LABELS)
    must = "callback must leave weights and biases finite, got NaN or infinity in them after"
    with refusal(ValueError, f"{must} epoch {epoch}. The network is as it was befo"):
        net.train(*given, epochs=3, callback=callback)
    assert parameters(net) == before[-1]


def test_a_callback_per_batch_that_leaves_nan(kind: Kind) -> None:
    net = kind([20, 8, 3], seed=1)
    before = parameters(net)
    with pytest.raises(TrainingDiverged):
        net.train(X, LABELS, batch_callback=lambda step: net.weights[0].fill(np.nan))
    assert parameters(net) == before


def test_limits_are_no_errors(kind: Kind) -> None:
    """A weighted input beyond the range of float32 makes a sigmoid 1, and a rectifier 0."""
    net = kind([20, 8, 3], activation="relu", seed=1)
    net.weights[0][:, 0] = -3e38
    net.biases[1][2] = 3e38
    for X_ in (X, X[0], X[:1].astype(np.float32)):
        outputs = net.predict(X_)
        assert np.isfinite(outputs).all()
        assert (outputs[..., 2] == 1).all()


def test_what_is_not_looked_at(kind: Kind) -> None:
    """As the docstring of `predict` says; the reference multiplies by 0, and finds it."""
    net = kind([20, 8, 3], seed=1)
    net.weights[0][4] = np.nan
    without = X[0].astype(np.float32)
    without[4] = 0
    if kind is reference.MLP:
        with refusal(ValueError, PARAMETERS):
            net.predict(without)
    else:
        assert np.isfinite(net.predict(without)).all()
    with pytest.raises(ValueError, match=r"to compute gradients"):
        net.gradients([without], [1])


def test_the_estimators() -> None:
    quick: Options = {"max_iter": 20, "tol": 1e9, "n_iter_no_change": 1, "random_state": 1}
    classifier = MLPClassifier((5,), **quick).fit(X, LABELS)
    classifier.coefs_[0][:, 1] = np.nan
    for given in (X, X[:1], X.tolist()):
        with refusal(ValueError, PARAMETERS):
            classifier.predict(given)
    regressor = MLPRegressor(hidden_layer_sizes=(5,), **quick).fit(X, X[:, 0])
    regressor.intercepts_[1][0] = 1e308
    regressor.coefs_[1][:] = 1e308
    with pytest.raises(FloatingPointError, match=r"^outputs must be finite in float64"):
        regressor.predict(X)


def test_a_validation_score_of_outputs_that_overflow_is_nan_as_in_scikit_learn() -> None:
    regressor = MLPRegressor(
        hidden_layer_sizes=(), max_iter=3, tol=1e9, n_iter_no_change=1, random_state=1
    )
    with np.errstate(all="ignore"):
        regressor.fit(X * 1e-150, X[:, 0], X_val=np.full((3, 20), 1e308), y_val=[1.0, 2, 3])
    assert np.isnan(regressor.validation_scores_).all()


def test_a_larger_range_helps(variant: str) -> None:
    net = MLP([20, 3], output_activation="identity", dtype="float64", seed=1)
    net.weights[0][:, 2] = 3e38
    assert np.isfinite(net.predict(X)).all()
