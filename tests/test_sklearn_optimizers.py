"""fastnn.sklearn with optimizers and schedules of fastnn: effects, and what is refused."""

from typing import Any

import numpy as np
import pytest
from helpers import parametrize
from numpy.typing import NDArray
from sklearn.base import clone

from fastnn import LBFGS, SGD, Adam, AdamW, Cosine, Linear, OneCycle, ReduceOnPlateau, Rprop
from fastnn.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

LINEAR: dict[str, Any] = {"hidden_layer_sizes": (), "random_state": 0, "warm_start": True}


def numbers() -> tuple[NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    return X, X @ [1.0, -2.0, 0.5] + 0.3 * rng.normal(size=40)


def begun(X: NDArray[Any], y: NDArray[Any], **parameters: Any) -> tuple[Any, NDArray[Any]]:
    """Return a linear model, and its weights with the bias as the last."""
    net = MLPRegressor(**LINEAR, max_iter=1).fit(X, y)
    return net.set_params(**parameters), weights_of(net)


def weights_of(net: Any) -> NDArray[Any]:
    return np.append(net.coefs_[0][:, 0], net.intercepts_[0])


@parametrize("schedule", OneCycle(0.5), Cosine(0.5), Linear(0.5), ids=lambda value: value.name)
def test_a_schedule_of_partial_fit_has_a_length(schedule: Any) -> None:
    net = MLPRegressor(**LINEAR, optimizer=SGD(schedule))
    with pytest.raises(ValueError, match="learning_rate of optimizer must have n_steps"):
        net.partial_fit(*numbers())
    assert not hasattr(net, "coefs_")


def test_a_schedule_goes_on_in_partial_fit() -> None:
    X, y = numbers()
    case = {**LINEAR, "shuffle": False, "batch_size": 20}
    net = MLPRegressor(**case, optimizer=SGD(Linear(0.1, n_steps=4)))
    net.partial_fit(X, y).partial_fit(X, y)
    expected = MLPRegressor(**case, max_iter=2, optimizer=SGD(Linear(0.1))).fit(X, y)
    np.testing.assert_allclose(weights_of(net), weights_of(expected), rtol=1e-12)


@parametrize(
    "parameters, said",
    (
        {"optimizer": AdamW(1e-3), "learning_rate_init": 0.5},
        r"learning_rate_init must be .* such as optimizer=AdamW\(learning_rate=0.5\)",
    ),
    (
        {"optimizer": "sgd", "momentum": 0.5},
        r"momentum must be left out .* got 0.5: .* optimizer=SGD\(0.001, momentum=0.5\)",
    ),
    (
        {"optimizer": "sgd", "nesterovs_momentum": False},
        r"nesterovs_momentum must be .* optimizer=SGD\(0.001, nesterov=False\)",
    ),
    ({"optimizer": "adamw", "momentum": 0.1}, "momentum must be .* which takes learning_rate,"),
    (
        {"optimizer": "adamw", "beta_1": 0.1},
        r"beta_1 must be .* optimizer=AdamW\(0.001, beta_1=0.1\)",
    ),
    ({"optimizer": "rmsprop", "beta_2": 0.1}, "beta_2 must be .* which takes .* rho"),
    (
        {"optimizer": "adagrad", "epsilon": 0.1},
        r"epsilon must be .* optimizer=Adagrad\(0.001, epsilon=0.1\)",
    ),
    ({"optimizer": "sgd", "power_t": 0.1}, "power_t must be left out"),
    ids=str,
)
def test_parameters_of_solvers_are_refused_beside_it(parameters: Any, said: str) -> None:
    net = clone(MLPRegressor(**parameters))
    assert net.get_params()["optimizer"] == parameters["optimizer"]
    with pytest.raises(ValueError, match=said):
        net.fit(*numbers())
    assert not hasattr(net, "coefs_")


def test_learning_rate_init_is_that_of_a_name() -> None:
    by_name = MLPRegressor(**LINEAR, max_iter=3, optimizer="adamw", learning_rate_init=0.5)
    by_object = MLPRegressor(**LINEAR, max_iter=3, optimizer=AdamW(0.5))
    assert by_name.fit(*numbers()).loss_curve_ == by_object.fit(*numbers()).loss_curve_


@parametrize("weighted", False, True, ids=["", "weighted"])
@parametrize("optimizer", "rprop", Rprop(0.02), ids=str)
def test_rprop_takes_the_full_batch(optimizer: Any, weighted: bool) -> None:
    X, y = numbers()
    rate = {"learning_rate_init": 0.02} if isinstance(optimizer, str) else {}
    net, weights = begun(X, y, optimizer=optimizer, alpha=2.0, max_iter=6, **rate)
    of_samples = np.random.default_rng(1).random(len(y)) + 0.5 if weighted else np.ones(len(y))
    net.fit(X, y, of_samples if weighted else None)
    rows, decays = np.c_[X, np.ones(len(X))], np.array([1.0, 1.0, 1.0, 0.0])
    last, size = np.zeros(4), np.full(4, 0.02)
    for _ in range(6):
        gradient = rows.T @ (of_samples * (rows @ weights - y)) + 2.0 * decays * weights
        gradient /= of_samples.sum()
        agreement = np.sign(gradient * last)
        size *= np.where(agreement > 0, 1.2, np.where(agreement < 0, 0.5, 1.0))
        last = np.where(agreement < 0, 0.0, gradient)
        weights = weights - size * np.sign(last)
    np.testing.assert_allclose(weights_of(net), weights, rtol=1e-9)


@parametrize("method", "fit", "partial_fit")
@parametrize(
    "parameters, said",
    ({"optimizer": Rprop(), "batch_size": 20}, "batch_size must be 'auto', .* got 20"),
    ({"optimizer": LBFGS()}, "optimizer must be one that makes a step .* solver='lbfgs'"),
    ids=["rprop", "lbfgs"],
)
def test_what_is_not_for_batches(parameters: Any, said: str, method: str) -> None:
    with pytest.raises(ValueError, match=said):
        getattr(MLPRegressor(**parameters), method)(*numbers())


class TestPlateau:
    """Schedules that monitor validation."""

    def test_is_that_of_the_validation_loss(self) -> None:
        X, y = numbers()
        X_val, y_val = 1.3 * X[:10], y[10:20]
        schedule = ReduceOnPlateau(1.5, monitor="validation_loss", factor=0.5, patience=0)
        given = {"optimizer": SGD(schedule), "batch_size": len(X), "alpha": 0.0, "max_iter": 8}
        net, weights = begun(X, y, **given)
        net.fit(X, y, X_val=X_val, y_val=y_val)
        rows, rows_val = (np.c_[each, np.ones(len(each))] for each in (X, X_val))
        rate, best, n_reduced = 1.5, np.inf, 0
        for _ in range(8):
            weights = weights - rate * rows.T @ (rows @ weights - y) / len(y)
            loss = np.square(rows_val @ weights - y_val).mean() / 2
            if loss < best * (1 - 1e-4):
                best = loss
            else:
                rate, n_reduced = rate / 2, n_reduced + 1
        assert 0 < n_reduced < 8
        np.testing.assert_allclose(weights_of(net), weights, rtol=1e-9)

    def test_of_classes_by_early_stopping(self) -> None:
        X, y = numbers()
        schedule = ReduceOnPlateau(0.1, monitor="validation_score", patience=0, factor=0.5)
        net = MLPClassifier((4,), optimizer=Adam(schedule), early_stopping=True, max_iter=12)
        net.set_params(random_state=0).fit(X, np.where(y > 0, "yes", "no"))
        plateau = net._network._memory.training.plateau  # type: ignore[union-attr]
        n_best, rate, best = 0, 0.1, -np.inf
        for score in net.validation_scores_:
            if score > best + 1e-4 * abs(best if np.isfinite(best) else 0):
                n_best, best = n_best + 1, score
            else:
                rate /= 2
        assert 0 < n_best < len(net.validation_scores_)
        assert plateau is not None and plateau.rate == pytest.approx(rate)

    def test_says_what_is_missing(self) -> None:
        net = MLPRegressor(optimizer=Adam(ReduceOnPlateau(0.1, monitor="validation_loss")))
        with pytest.raises(ValueError, match="for which early_stopping=True, or X_val and y_val"):
            net.fit(*numbers())
        with pytest.raises(ValueError, match="in partial_fit, which does not validate"):
            net.partial_fit(*numbers())
