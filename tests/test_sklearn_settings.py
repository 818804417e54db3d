"""fastnn.sklearn against scikit-learn in settings drawn at random, unusual ones among them.

FASTNN_SETTINGS=1000 draws more of them. What is known, and documented, to differ is not drawn.
"""

import os
import warnings
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network as theirs
from helpers import parametrize
from numpy.typing import NDArray

import fastnn.sklearn as ours

N_SETTINGS = int(os.environ.get("FASTNN_SETTINGS", "40"))


class Setting(NamedTuple):
    """Targets of a kind, the parameters of an estimator, and the calls of its methods."""

    kind: str
    parameters: dict[str, Any]
    calls: list[tuple[str, Any, Any, Any]]  # method, X, y, sample_weight


def drawn(seed: int) -> Setting:
    rng = np.random.default_rng(seed)

    def one_of(*choices: Any) -> Any:
        return choices[rng.integers(len(choices))]

    solver = one_of("adam", "sgd", "lbfgs")
    kind = one_of("two classes", "classes", "labels", "number", "numbers", "counts")
    if (solver, kind) == ("lbfgs", "numbers"):
        kind = "labels"
    parameters = {
        "solver": solver,
        "hidden_layer_sizes": one_of((), (5,), (6, 4), (20,)),
        "activation": one_of("identity", "logistic", "tanh", "relu"),
        "alpha": one_of(0.0, 0.0, 1e-4, 0.1, 5.0),
        "max_iter": int(rng.integers(1, 12)),
        "tol": one_of(1e-4, 1e-2, 0.0),
        "random_state": int(rng.integers(1000)),
        "warm_start": one_of(True, False, False),
    }
    if kind == "counts":
        parameters["loss"] = "poisson"
    methods = one_of(["fit"], ["fit"] * 3)
    if solver == "lbfgs":
        parameters["max_fun"] = one_of(15000, 15000, 7)
    else:
        parameters |= {
            "batch_size": one_of("auto", 1, 7, 10_000),
            "learning_rate_init": one_of(1e-3, 1e-2) if solver == "sgd" else 1e-3,
            "shuffle": one_of(True, True, False),
            "early_stopping": not parameters["warm_start"] and one_of(True, False),
            "validation_fraction": one_of(0.1, 0.3),
            "n_iter_no_change": one_of(1, 2, 10),
        }
        if not parameters["early_stopping"]:
            methods = one_of(methods, ["partial_fit"] * 4, ["fit", "partial_fit", "fit"])
    if solver == "sgd":
        parameters |= {
            "learning_rate": one_of("constant", "invscaling", "adaptive"),
            "power_t": one_of(0.5, 0.1),
            "momentum": one_of(0.0, 0.5, 0.9, 1.0),
            "nesterovs_momentum": one_of(True, False),
        }
    if solver == "adam":
        parameters |= {"beta_1": one_of(0.9, 0.0), "beta_2": one_of(0.999, 0.5)}
        parameters |= {"epsilon": one_of(1e-8, 1e-2)}
    # Of saturated units the last bits count, which Adam makes whole steps of.
    scale = one_of(1.0, 1e-2) if solver == "adam" or kind == "counts" else one_of(1.0, 30.0)
    shape = int(rng.integers(20, 60)), int(rng.integers(1, 8))
    density, layout = one_of(1.0, 1.0, 0.3), one_of("dense", "dense", "csr", "csc")
    dtype = float if solver == "lbfgs" else one_of(float, "float32")
    weighting = one_of(None, None, "random", "some 0")
    if parameters.get("batch_size") in (1, 7) and weighting == "some 0":
        weighting = "random"
    calls = []
    for method in methods:
        X = rng.normal(size=shape) * (rng.random(shape) < density)
        y = _targets(kind, X, rng)
        X = (scale * X).astype(dtype)
        if layout != "dense":
            X = getattr(scipy.sparse, f"{layout}_array")(X)
        drawn_weights = rng.random(len(y)) + 0.1 if weighting else None
        if drawn_weights is not None and weighting == "some 0":
            drawn_weights[1::3] = 0
        calls.append((method, X, y, drawn_weights))
    return Setting(kind, parameters, calls)


def _targets(kind: str, X: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    z = X @ rng.normal(size=(X.shape[1], 3)) + 0.3 * rng.normal(size=(len(X), 3))
    if kind == "classes":
        y = z.argmax(axis=1)
        y[:12] = np.arange(12) % 3
        return y
    z[:6] = np.arange(6)[:, np.newaxis] % 2 - 0.5
    if kind == "two classes":
        return np.where(z[:, 0] > 0, "yes", "no")
    if kind == "labels":
        return (z > 0).astype(int)
    if kind == "counts":
        return rng.poisson(np.exp(z[:, 0].clip(-3, 2))).astype(float)
    return z[:, 0] if kind == "number" else z


def fitted(library: Any, setting: Setting, nudge: float = 0.0) -> dict[str, Any]:
    """Return what an estimator knows after all calls, on X with its last bits changed or not."""
    kind, parameters, calls = setting
    is_classifier = kind in ("two classes", "classes", "labels")
    estimator = getattr(library, "MLPClassifier" if is_classifier else "MLPRegressor")(**parameters)
    for method, X, y, weights in calls:
        given = {} if weights is None else {"sample_weight": weights}
        if is_classifier and method == "partial_fit":
            given["classes"] = np.arange(3) if kind == "labels" else np.unique(y)
        X = (X * (1 + nudge)).astype(X.dtype)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            getattr(estimator, method)(X, y, **given)
    return {
        "n_iter_": np.array(estimator.n_iter_),
        "t_": np.array(estimator.t_),
        "loss_": np.array(estimator.loss_),
        "loss_curve_": np.array(getattr(estimator, "loss_curve_", [])),
        "validation_scores_": np.array(getattr(estimator, "validation_scores_", None) or []),
        "parameters": np.concatenate(
            [np.ravel(array) for array in (*estimator.coefs_, *estimator.intercepts_)]
        ),
        "predictions": getattr(estimator, "predict_proba", estimator.predict)(X),
    }


def apart(found: dict[str, Any], expected: dict[str, Any], loss_tolerance: float = 0.0) -> float:
    """Return the largest difference, relative to the largest number of its kind."""
    most = 0.0
    for name, wanted in expected.items():
        if found[name].shape != wanted.shape:
            return np.inf
        if wanted.size:
            scale = max(1e-3, float(np.abs(wanted).max()))
            difference = float(np.abs(found[name] - wanted).max()) / scale
            if name.startswith("loss") and difference <= loss_tolerance:
                continue
            most = max(most, difference)
    return most


@parametrize("seed", *range(N_SETTINGS))
def test_same_as_theirs(seed: int) -> None:
    setting = drawn(seed)
    is_single = setting.calls[0][1].dtype == np.float32
    try:
        expected = fitted(theirs, setting)
    except ValueError as error:
        assert "non-finite parameter weights" in str(error), setting
        with pytest.raises(ValueError, match="non-finite parameter weights"):
            fitted(ours, setting)
        return
    if not expected["loss_"] < 1e10 or np.isnan(expected["loss_curve_"]).any():
        return  # it diverges, which theirs notices later
    # Of steps of one example, the penalty in reported losses is interpolated within an epoch.
    parameters = setting.parameters
    loss_tolerance = 1e-4 if parameters["alpha"] and parameters.get("batch_size") == 1 else 0.0
    found = apart(fitted(ours, setting), expected, loss_tolerance)
    # As far as theirs is from itself on data whose last bits are others, if that is more.
    bit = float(np.finfo(np.float32 if is_single else np.float64).eps)
    unsure = max(apart(fitted(theirs, setting, nudge), expected) for nudge in (bit, -bit))
    tolerance = max(1e-4 if is_single else 1e-9, 100 * unsure)
    assert found <= tolerance, f"{found:.2g} apart in {setting.parameters}"
