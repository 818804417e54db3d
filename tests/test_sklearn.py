"""fastnn.sklearn: scikit-learn's own tests, and parity with it."""

import inspect
import os
import re
import subprocess
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network as theirs
from helpers import assert_close, parametrize
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import fastnn.sklearn as ours

# Of the 59 tests there, one is of a method of scikit-learn's NumPy code that is not used here.
NOT_FOR_US = ["test_gradient"]
N_TESTS = 59

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_their_tests() -> None:
    module = "sklearn.neural_network.tests.test_mlp"
    path = Path(sys.modules[theirs.__name__].__file__ or "").parent / "tests" / "test_mlp.py"
    # -P: not the package in a checkout, which is not compiled
    command = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        "-p",
        "scikit_learn_plugin",
        "--pyargs",
        module,
    ]
    command += ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(path.parent)]
    for name in NOT_FOR_US:
        command += ["--deselect", f"{path.name}::{name}"]
    here = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(command, capture_output=True, text=True, env=here, check=False)
    assert done.returncode == 0, done.stdout[-5000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed and int(passed[1]) == N_TESTS - len(NOT_FOR_US), done.stdout[-500:]


# Checks that would skip themselves: of a decision_function, which scikit-learn's classifier has not
# either, and of arrays of other libraries, which neither takes.
NO_CHECKS_FOR_MLPS = {
    "check_classifiers_multilabel_output_format_decision_function",
    "check_array_api_input",
}


@parametrize(
    "estimator, check",
    *[
        pytest.param(estimator, check, id=f"{type(estimator).__name__}-{check.func.__name__}")
        for kind in (ours.MLPClassifier, ours.MLPRegressor)
        for estimator, check in estimator_checks_generator(kind())
        if check.func.__name__ not in NO_CHECKS_FOR_MLPS
    ],
)
def test_checks_of_estimators(estimator: Any, check: Any) -> None:
    check(estimator)


def test_signatures_begin_like_theirs() -> None:
    for name in ("MLPClassifier", "MLPRegressor"):
        own, other = getattr(ours, name), getattr(theirs, name)
        given = list(inspect.signature(other).parameters.values())
        found = list(inspect.signature(own).parameters.values())
        assert [(p.name, p.kind, p.default) for p in found[: len(given)]] == [
            (p.name, p.kind, p.default) for p in given
        ]
        for method in ("fit", "partial_fit", "predict", "score"):
            wanted = inspect.signature(getattr(other, method)).parameters
            assert list(inspect.signature(getattr(own, method)).parameters)[: len(wanted)] == list(
                wanted
            )


def fit(kind: Any, X: Any, y: Any, sample_weight: Any = None, **parameters: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return kind(random_state=3, **parameters).fit(X, y, sample_weight)


@cache
def data(name: str) -> tuple[Any, NDArray[Any]]:
    """Some hundred examples of each of the kinds of targets."""
    generator = np.random.default_rng(0)
    if name == "sparse text":
        X, y = datasets.make_classification(500, 300, n_informative=30, n_classes=4, random_state=0)
        X *= generator.random(X.shape) < 0.05
        return scipy.sparse.csr_array(X), np.array(list("abcd"))[y]
    if name == "unscaled":
        return datasets.load_wine(return_X_y=True)
    if name == "unscaled, two classes":
        return datasets.load_breast_cancer(return_X_y=True)
    if name == "multi-label":
        return datasets.make_multilabel_classification(300, 20, random_state=0)
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    X = StandardScaler().fit_transform(X[:600])
    y = y[:600]
    return X, y if y.dtype.kind == "i" else y / y.std()


DATA = ["iris", "digits", "breast_cancer", "diabetes", "sparse text", "multi-label"]


def kinds(name: str) -> tuple[Any, Any]:
    if name == "diabetes":
        return theirs.MLPRegressor, ours.MLPRegressor
    return theirs.MLPClassifier, ours.MLPClassifier


# How far a reported penalty may be off that is interpolated within an epoch.
INTERPOLATED = 1e-3


def assert_same(found: Any, expected: Any, X: Any, tolerance: float) -> None:
    is_interpolated = found.alpha and found.batch_size == 1
    loss_tolerance = max(tolerance, INTERPOLATED) if is_interpolated else tolerance
    np.testing.assert_allclose(found.loss_curve_, expected.loss_curve_, rtol=loss_tolerance)
    assert_same_predictions(found, expected, X, tolerance)


def assert_same_predictions(found: Any, expected: Any, X: Any, tolerance: float) -> None:
    assert found.n_iter_ == expected.n_iter_
    assert found.t_ == expected.t_
    predicted, wanted = found.predict(X), expected.predict(X)
    assert predicted.dtype == wanted.dtype
    if wanted.dtype.kind == "f":
        np.testing.assert_allclose(predicted, wanted, rtol=0, atol=tolerance * np.abs(wanted).max())
    else:
        np.testing.assert_array_equal(predicted, wanted)


TOLERANCE = {"float64": 1e-6, "float32": 1e-3}
RATES = {"sgd": 0.01, "adam": 0.001}


@parametrize("dtype", *TOLERANCE)
@parametrize("solver", "sgd", "adam")
@parametrize("name", *DATA)
def test_same_seed_same_network(name: str, solver: str, dtype: str) -> None:
    """The bar of the project: 50 epochs, and they do learn something."""
    X, y = data(name)
    case = {"solver": solver, "max_iter": 50, "learning_rate_init": RATES[solver]}
    expected, found = (fit(kind, X.astype(dtype), y, **case) for kind in kinds(name))
    assert expected.loss_curve_[-1] < 0.9 * expected.loss_curve_[0]
    assert_same(found, expected, X.astype(dtype), TOLERANCE[dtype])
    assert [w.dtype for w in found.coefs_] == [w.dtype for w in expected.coefs_]


SETTINGS: dict[str, dict[str, Any]] = {
    "one by one": {"solver": "sgd", "batch_size": 1, "momentum": 0, "max_iter": 3},
    "one by one, momentum": {"solver": "sgd", "batch_size": 1, "max_iter": 3},
    "one by one, adam": {"batch_size": 1, "max_iter": 2},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.05},
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "tol": 1e-2,
        "learning_rate_init": 0.05,
        "max_iter": 60,
        "n_iter_no_change": 3,
    },
    "momentum of 1": {"solver": "sgd", "momentum": 1.0, "learning_rate_init": 1e-4},
    "no Nesterov": {"solver": "sgd", "nesterovs_momentum": False},
    "early stopping": {"early_stopping": True, "max_iter": 40, "tol": 1e-2},
    "as long as it helps": {"tol": 5e-2, "n_iter_no_change": 2, "max_iter": 200},
    "not shuffled": {"shuffle": False},
    "uneven batches": {"batch_size": 7},
    "tanh, two layers": {"activation": "tanh", "hidden_layer_sizes": (20, 10)},
    "logistic": {"activation": "logistic"},
    "identity": {"activation": "identity"},
    "strong penalty": {"alpha": 10.0, "batch_size": 20},
    "penalty that changes fast": {"alpha": 1.0, "batch_size": 5, "learning_rate_init": 0.02},
    "no penalty": {"alpha": 0.0},
    "no penalty, one by one": {"alpha": 0.0, "solver": "sgd", "batch_size": 1, "max_iter": 3},
}


@parametrize("weighted", False, True, ids=["", "weighted"])
@parametrize("setting", *SETTINGS)
@parametrize("name", "iris", "diabetes", "sparse text")
def test_same_for_every_setting(name: str, setting: str, weighted: bool) -> None:
    X, y = (part[:150] for part in data(name))
    weights = np.random.default_rng(1).random(len(y)) + 0.4 if weighted else None
    case = {"max_iter": 20, **SETTINGS[setting]}
    expected, found = (fit(kind, X, y, weights, **case) for kind in kinds(name))
    assert_same(found, expected, X, 1e-8)
    if case.get("early_stopping"):
        np.testing.assert_allclose(found.validation_scores_, expected.validation_scores_, rtol=1e-8)


@parametrize("weighted", False, True, ids=["", "weighted"])
@parametrize("name", "iris", "diabetes", "sparse text")
def test_a_step_that_takes_most_of_the_weights_or_all(name: str, weighted: bool) -> None:
    X, y = (part[:150] for part in data(name))
    weights = np.random.default_rng(1).random(len(y)) + 0.4 if weighted else None
    case = {"solver": "sgd", "momentum": 0, "batch_size": 1, "learning_rate_init": 1e-2}
    case |= {"alpha": 60.0, "max_iter": 2}
    expected, found = (fit(kind, X, y, weights, **case) for kind in kinds(name))
    assert_same_predictions(found, expected, X, 1e-8)


@parametrize("weighted", False, True, ids=["", "weighted"])
@parametrize("name", "iris", "diabetes", "sparse text")
def test_the_penalty_of_epochs_of_one_step_is_exact(name: str, weighted: bool) -> None:
    X, y = (part[:150] for part in data(name))
    weights = np.random.default_rng(1).random(len(y)) + 0.4 if weighted else None
    case = {"alpha": 10.0, "batch_size": 150, "max_iter": 20}
    expected, found = (fit(kind, X, y, weights, **case) for kind in kinds(name))
    np.testing.assert_allclose(found.loss_curve_, expected.loss_curve_, rtol=1e-9)


@parametrize("dtype", *TOLERANCE)
@parametrize("batch_size", 1, 50)
@parametrize("name", "unscaled", "unscaled, two classes")
def test_losses_of_what_is_most_unlikely(name: str, batch_size: int, dtype: str) -> None:
    """scikit-learn clips probabilities, but only for the loss, and rounds 1 - p next to 1."""
    X, y = data(name)
    X, case = X.astype(dtype), {"max_iter": 2, "batch_size": batch_size, "solver": "sgd"}
    case |= {"learning_rate_init": 1e-6, "alpha": 0.0}
    expected, found = (fit(kind, X, y, **case) for kind in kinds(name))
    tolerance = {"float64": 1e-9, "float32": 1e-4}[dtype]
    np.testing.assert_allclose(found.loss_curve_, expected.loss_curve_, rtol=tolerance)
    assert expected.loss_curve_[0] > 2, "none is unlikely"


@parametrize("weighted", False, True, ids=["", "weighted"])
@parametrize("n_targets", 1, 3)
@parametrize("loss", "squared_error", "poisson")
@parametrize("solver", "sgd", "adam")
def test_same_losses_of_regression(solver: str, loss: str, n_targets: int, weighted: bool) -> None:
    X, y = data("diabetes")
    y = y if n_targets == 1 else np.c_[y, y**2 / 3, 1 / (y + 1)]
    weights = np.random.default_rng(1).random(len(y)) + 0.1 if weighted else None
    case = {"solver": solver, "loss": loss, "max_iter": 20, "alpha": 1.0}
    expected, found = (fit(kind, X, y, weights, **case) for kind in kinds("diabetes"))
    assert_same(found, expected, X, 1e-9)


@parametrize("weighted", False, True, ids=["", "weighted"])
@parametrize("name", *DATA)
def test_lbfgs_comes_to_the_same(name: str, weighted: bool) -> None:
    X, y = data(name)
    weights = np.random.default_rng(1).random(len(y)) + 0.1 if weighted else None
    case = {"solver": "lbfgs", "max_iter": 20, "alpha": 0.1}
    expected, found = (fit(kind, X, y, weights, **case) for kind in kinds(name))
    assert found.loss_ == pytest.approx(expected.loss_, rel=1e-6)
    assert found.n_iter_ == expected.n_iter_
    assert_close(found.coefs_, expected.coefs_, atol=1e-4)


@parametrize("dtype", *TOLERANCE)
@parametrize(
    "y",
    [0, 1, 0, 1],
    [0, 1, 2, 1],
    [[0, 1], [1, 0], [0, 0], [1, 1]],
    ids=["two classes", "three classes", "labels"],
)
def test_lbfgs_clips_probabilities_as_theirs(y: Any, dtype: str) -> None:
    """A trial of the line search saturates them."""
    X, case = np.array([[0], [60], [70], [30]], dtype), {"solver": "lbfgs", "alpha": 0}
    # In single, theirs clips to the epsilon of that, and rounds what is computed in double here.
    tolerance = {"float64": 1e-12, "float32": 2e-2}[dtype]
    case |= {"max_iter": {"float64": 3, "float32": 1}[dtype], "hidden_layer_sizes": ()}
    expected, found = (fit(kind, X, np.array(y), **case) for kind in kinds("iris"))
    assert found.loss_ == pytest.approx(expected.loss_, rel=tolerance)
    np.testing.assert_allclose(found.coefs_[0], expected.coefs_[0], rtol=tolerance)


def test_lbfgs_comes_back_from_an_overflow_as_theirs() -> None:
    """A trial of the line search predicts infinite counts, of which the loss is NaN there."""
    rng = np.random.default_rng(413)
    X = rng.integers(-20, 20, size=(12, 1)).astype(float)
    y = rng.poisson(np.exp(X[:, 0] / 10))
    case = {"loss": "poisson", "hidden_layer_sizes": (3,), "solver": "lbfgs", "alpha": 0}
    with np.errstate(all="ignore"):
        expected, found = (
            kind(**case, max_iter=30, random_state=0).fit(X, y) for kind in kinds("diabetes")
        )
    assert found.loss_ == pytest.approx(expected.loss_, rel=1e-6)
    assert found.n_iter_ == expected.n_iter_


@parametrize("solver", "sgd", "adam")
def test_partial_fit_goes_on_as_theirs(solver: str) -> None:
    X, y = data("digits")
    nets = [
        kind(solver=solver, random_state=np.random.RandomState(3), learning_rate="invscaling")
        for kind in kinds("digits")
    ]
    for net in nets:
        for part in (slice(200), slice(200, 400), slice(400, 600)):
            net.partial_fit(X[part], y[part], classes=np.arange(10))
    assert_same(nets[1], nets[0], X, 1e-9)


def test_warm_start_with_early_stopping_ends_with_the_best_epoch_of_all_fits() -> None:
    """Theirs ends with the last epoch if no epoch of a later fit is the best: it differs."""
    X, y = data("diabetes")
    case = {"early_stopping": True, "warm_start": True, "random_state": 0}
    for kind in kinds("diabetes"):
        net = kind(hidden_layer_sizes=(8,), learning_rate_init=0.01, max_iter=15, **case).fit(X, y)
        best = [w.copy() for w in net.coefs_]
        net.set_params(learning_rate_init=0.5, max_iter=3).fit(X, y)
        assert np.argmax(net.validation_scores_) < 15, "an epoch of the first fit is the best"
        kept = [np.array_equal(*pair) for pair in zip(net.coefs_, best, strict=True)]
        assert all(kept) == (kind is ours.MLPRegressor)


def test_warm_start_goes_on_as_theirs() -> None:
    X, y = data("digits")
    nets = [
        kind(solver="sgd", random_state=3, warm_start=True, max_iter=5) for kind in kinds("digits")
    ]
    for net in nets:
        for _ in range(3):
            net.fit(X, y)
    assert len(nets[1].loss_curve_) == 15
    np.testing.assert_allclose(nets[1].loss_curve_, nets[0].loss_curve_, rtol=1e-9)


def test_one_class() -> None:
    X = np.random.default_rng(0).normal(size=(20, 3))
    for kind in kinds("iris"):
        assert set(fit(kind, X, ["yes"] * 20, max_iter=2).predict(X)) == {"yes"}


def test_diverging_without_early_stopping_is_their_error() -> None:
    X, y = data("diabetes")
    for kind in kinds("diabetes"):
        with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite parameter"):
            fit(kind, X, y * 1e200, solver="sgd", learning_rate_init=1.0, max_iter=5)
