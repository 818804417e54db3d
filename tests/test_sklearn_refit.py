"""fastnn.sklearn: parameters that change between the fits of one estimator."""

from typing import Any

import numpy as np
import pytest
import sklearn.neural_network as theirs
from helpers import parametrize
from numpy.typing import NDArray

from fastnn.sklearn import MLPClassifier, MLPRegressor, from_sklearn

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL: dict[str, Any] = {
    "hidden_layer_sizes": (4,),
    "max_iter": 4,
    "learning_rate_init": 0.01,
    "random_state": 0,
    "warm_start": True,
}
LBFGS: dict[str, Any] = {"solver": "lbfgs", "early_stopping": False}
ADAM: dict[str, Any] = {"solver": "adam", "early_stopping": False}
STOPPING: dict[str, Any] = {"solver": "adam", "early_stopping": True}


def numbers() -> tuple[NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    return X, np.tanh(X @ [1.0, -2.0, 0.5]) + 0.1 * rng.normal(size=60)


def gone_on(net: Any, parameters: dict[str, Any], method: str) -> Any:
    """Return scikit-learn's estimator after a fit that begins with the parameters of this one."""
    X, y = numbers()
    expected = theirs.MLPRegressor(**SMALL, **parameters).fit(X, y)
    expected.coefs_ = [np.array(w, order="C") for w in net.coefs_]
    expected.intercepts_ = [b.copy() for b in net.intercepts_]
    expected.loss_curve_, expected._no_improvement_count = [], 0
    del expected._optimizer
    if parameters["early_stopping"]:
        expected.validation_scores_, expected.best_validation_score_ = [], -np.inf
    else:
        expected.best_loss_ = np.inf
    return getattr(expected, method)(X, y)


@parametrize(
    "before, after, method",
    (LBFGS, ADAM, "fit"),
    (LBFGS, STOPPING, "fit"),
    (LBFGS, ADAM, "partial_fit"),
    (ADAM, STOPPING, "fit"),
    (STOPPING, ADAM, "fit"),
    ids=["lbfgs to adam", "lbfgs to stopping", "lbfgs to partial_fit", "on", "off"],
)
def test_goes_on_with_other_parameters(before: Any, after: Any, method: str) -> None:
    X, y = numbers()
    net = MLPRegressor(**SMALL, **before).fit(X, y)
    n_before = len(getattr(net, "loss_curve_", []))
    expected = gone_on(net, after, method)
    getattr(net.set_params(**after), method)(X, y)
    np.testing.assert_allclose(net.loss_curve_[n_before:], expected.loss_curve_, rtol=1e-9)
    np.testing.assert_allclose(net.predict(X), expected.predict(X), atol=1e-9)
    if after is STOPPING:
        np.testing.assert_allclose(net.validation_scores_, expected.validation_scores_, rtol=1e-9)


def test_all_changes_one_after_the_other() -> None:
    X, y = numbers()
    net = MLPClassifier(**SMALL)
    for parameters in (LBFGS, STOPPING, ADAM, STOPPING, LBFGS, ADAM):
        net.set_params(**parameters).fit(X, y > 0)
    net.partial_fit(X, y > 0)
    assert len(net.loss_curve_) == 4 * 4 + 1
    assert len(net.validation_scores_) == 2 * 4


def test_their_estimator_fitted_by_lbfgs_goes_on() -> None:
    X, y = numbers()
    net = from_sklearn(theirs.MLPRegressor(**SMALL, **LBFGS).fit(X, y))
    net.set_params(**ADAM).partial_fit(X, y)
    assert len(net.loss_curve_) == 1
