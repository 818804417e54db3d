"""fastnn.sklearn beyond scikit-learn: further parameters, exchange, life among other estimators."""

import copy
import doctest
import pickle
import warnings
from functools import cache
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn
import sklearn.neural_network as theirs
from helpers import Options, assert_close, parametrize
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.callback import ScoringMonitor
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastnn
import fastnn.sklearn as ours
from fastnn.sklearn import (
    MLPClassifier,
    MLPRegressor,
    classifier,
    from_sklearn,
    register_onnx_converters,
    regressor,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL: Options = {"hidden_layer_sizes": (8,), "max_iter": 15, "random_state": 0}


@cache
def labeled() -> tuple[NDArray[Any], NDArray[Any]]:
    X, y = datasets.load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), np.array(["setosa", "versicolor", "virginica"])[y]


@cache
def numbers() -> tuple[NDArray[Any], NDArray[Any]]:
    X, y = datasets.load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X), y / y.std()


def fitted(**parameters: Any) -> MLPClassifier:
    return MLPClassifier(**{**SMALL, **parameters}).fit(*labeled())


def both(name: str, **parameters: Any) -> tuple[Any, Any]:
    """Return scikit-learn's estimator and ours, not fitted."""
    theirs_, ours_ = (getattr(module, name)(**{**SMALL, **parameters}) for module in (theirs, ours))
    return theirs_, ours_


def assert_same_probabilities(found: Any, expected: Any, atol: float = 1e-12) -> None:
    X, _ = labeled()
    np.testing.assert_allclose(found.predict_proba(X), expected.predict_proba(X), rtol=0, atol=atol)


class TestParameters:
    def test_class_weight(self) -> None:
        X, y = labeled()
        weights = {"setosa": 1.0, "versicolor": 2.0, "virginica": 0.5}
        by_sample = MLPClassifier(**SMALL).fit(X, y, [weights[label] for label in y])
        assert fitted(class_weight=weights).loss_curve_ == by_sample.loss_curve_
        assert by_sample.loss_curve_ != fitted().loss_curve_
        y = np.where(np.arange(len(y)) < 10, "setosa", "virginica")
        balanced = MLPClassifier(**SMALL, class_weight="balanced").fit(X, y)
        counts = [len(y) / 2 / (y == label).sum() for label in y]
        assert balanced.loss_curve_ == MLPClassifier(**SMALL).fit(X, y, counts).loss_curve_

    def test_class_weight_in_partial_fit(self) -> None:
        X, y = labeled()
        nets = MLPClassifier(**SMALL, class_weight={"setosa": 3.0}), MLPClassifier(**SMALL)
        for net, weights in zip(nets, (None, np.where(y == "setosa", 3.0, 1.0)), strict=True):
            net.partial_fit(X, y, classes=np.unique(y), sample_weight=weights)
        assert nets[0].loss_curve_ == nets[1].loss_curve_
        with pytest.raises(ValueError, match="class_weight 'balanced' is not supported"):
            MLPClassifier(class_weight="balanced").partial_fit(X, y, classes=np.unique(y))

    def test_activation_of_each_layer(self) -> None:
        case: Options = {"hidden_layer_sizes": (8, 5)}
        one, each = (fitted(**case, activation=f) for f in ("tanh", ("tanh", "tanh")))
        assert one.loss_curve_ == each.loss_curve_
        own = fastnn.Activation("own", np.tanh, lambda z: 1 - np.tanh(z) ** 2)
        mixed = fitted(**case, activation=["gelu", own])
        assert mixed.loss_curve_[-1] < mixed.loss_curve_[0] != one.loss_curve_[0]
        with pytest.raises(ValueError, match="activation"):
            fitted(**case, activation=["tanh"])

    @parametrize(
        "loss", "absolute_error", "huber", "quantile", fastnn.Quantile(0.9), fastnn.Huber(0.3)
    )
    def test_losses(self, loss: Any) -> None:
        X, y = numbers()
        long = {**SMALL, "max_iter": 200, "learning_rate_init": 0.01}
        net = MLPRegressor(**long, loss=loss).fit(X, y)
        assert net.loss_curve_[-1] < 0.7 * net.loss_curve_[0]
        if loss == fastnn.Quantile(0.9):
            assert 0.8 < (y < net.predict(X)).mean() < 0.97
        predictions = net.predict(X)
        expected = net._new_network(None)._engine.loss.values(
            predictions[:, None], predictions[:, None], y[:, None]
        )
        late = MLPRegressor(**{**SMALL, "max_iter": 1}, loss=loss, alpha=0, warm_start=True)
        late.set_params(learning_rate_init=1e-12, warm_start=True)
        late.fit(X, y)
        late.coefs_, late.intercepts_ = net.coefs_, net.intercepts_
        assert late.fit(X, y).loss_ == pytest.approx(expected.mean(), rel=1e-6)

    @parametrize(
        "parameter",
        *({"dropout": 0.5}, {"dropout": [0.3]}, {"l1": 0.1}, {"clip_norm": 0.01}),
        *({"max_norm": 0.1}, {"optimizer": "adamw"}),
        {"optimizer": fastnn.SGD(0.1, momentum=0.9)},
        {"optimizer": fastnn.Adam(fastnn.Cosine(0.01))},
        ids=str,
    )
    def test_have_an_effect(self, parameter: Options) -> None:
        other = fitted(**parameter)
        assert other.loss_curve_ != fitted().loss_curve_
        assert np.isfinite(other.loss_curve_).all()
        assert fitted(**parameter).loss_curve_ == other.loss_curve_

    def test_optimizer_is_that_of_the_engine(self) -> None:
        net = fitted(optimizer=fastnn.SGD(0.1, momentum=0.9))
        expected = fitted(solver="sgd", learning_rate_init=0.1, nesterovs_momentum=False)
        np.testing.assert_allclose(net.loss_curve_, expected.loss_curve_, rtol=1e-12)

    @parametrize("batch_size", 1, 20)
    def test_a_penalty_that_takes_most_of_the_weights(self, batch_size: int) -> None:
        """A plain step cannot shrink them by more than all."""
        X, y = labeled()
        case = {**SMALL, "max_iter": 3, "alpha": 40.0, "batch_size": batch_size}
        given = fastnn.SGD(fastnn.Linear(0.04, n_steps=10**9))
        net = MLPClassifier(**case, optimizer=given).fit(X, y)
        rate = {"solver": "sgd", "learning_rate_init": 0.04, "momentum": 0.0}
        expected = theirs.MLPClassifier(**case, **rate).fit(X, y)
        np.testing.assert_allclose(net.predict_proba(X), expected.predict_proba(X), rtol=1e-7)

    def test_n_jobs_changes_nothing(self) -> None:
        X, y = datasets.load_digits(return_X_y=True)
        nets = [MLPClassifier(**SMALL, n_jobs=n).fit(X, y) for n in (None, 2, -1)]
        assert nets[0].loss_curve_ == nets[1].loss_curve_ == nets[2].loss_curve_
        np.testing.assert_array_equal(nets[0].predict_proba(X), nets[1].predict_proba(X))

    def test_progress(self, capsys: pytest.CaptureFixture[str]) -> None:
        fitted(progress=True)
        assert "15/15" in capsys.readouterr().err

    @parametrize(
        "parameter",
        *({"activation": "rleu"}, {"activation": "softmax"}, {"optimizer": "lbfgs"}),
        *({"dropout": 1.0}, {"l1": -1}, {"clip_norm": 0}, {"n_jobs": "all"}),
        *({"class_weight": "even"}, {"scoring": "accurac"}),
        {"optimizer": "sgd", "learning_rate": "adaptive"},
        {"solver": "lbfgs", "dropout": 0.5},
        {"solver": "lbfgs", "optimizer": "adamw"},
        ids=str,
    )
    def test_bad_ones_are_named(self, parameter: Options) -> None:
        with pytest.raises((ValueError, TypeError), match=list(parameter)[-1]):
            fitted(early_stopping=True, **parameter)


def accuracy_of(net: Any, X: Any, y: Any) -> float:
    return float(accuracy_score(y, net.predict(X)))


class TestValidation:
    def test_on_data_of_the_users(self) -> None:
        X, y = labeled()
        net = MLPClassifier(**SMALL).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
        expected = MLPClassifier(**SMALL).fit(X[::2], y[::2])
        assert net.loss_curve_ == expected.loss_curve_
        assert len(net.validation_scores_) == net.n_iter_
        assert net.validation_scores_[-1] == expected.score(X[1::2], y[1::2])

    def test_stops_early_by_them(self) -> None:
        X, y = labeled()
        case = {**SMALL, "max_iter": 200, "early_stopping": True, "learning_rate_init": 0.05}
        net = MLPClassifier(**case).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
        assert net.n_iter_ < 200
        assert net.score(X[1::2], y[1::2]) == net.best_validation_score_
        assert net.best_validation_score_ == max(net.validation_scores_)

    @parametrize("scoring", "loss", "neg_log_loss", "f1_macro", accuracy_of)
    def test_scoring(self, scoring: Any) -> None:
        net = fitted(early_stopping=True, scoring=scoring)
        assert len(net.validation_scores_) == net.n_iter_
        if scoring in ("loss", "neg_log_loss"):
            assert net.best_validation_score_ < 0
            other = fitted(early_stopping=True, scoring="loss")
            np.testing.assert_allclose(net.validation_scores_, other.validation_scores_, rtol=1e-9)

    @parametrize(
        "options, said",
        ({"sample_weight_val": np.ones(150)}, "sample_weight_val must be left out"),
        ({"y_val": ["rose"] * 150}, "y_val must have no other classes"),
        ({"y_val": None}, "X_val and y_val must be given together"),
        ({"X_val": np.ones((150, 3))}, "3 features, but MLPClassifier is expecting 4"),
    )
    def test_data_that_do_not_fit(self, options: Options, said: str) -> None:
        X, y = labeled()
        given = {} if "sample_weight_val" in options else {"X_val": X, "y_val": y}
        with pytest.raises(ValueError, match=said):
            MLPClassifier(**SMALL).fit(X, y, **{**given, **options})

    def test_what_diverges_keeps_the_best_epoch(self) -> None:
        X, y = numbers()
        net = MLPRegressor(
            solver="sgd", learning_rate_init=1.0, activation="identity", early_stopping=True
        )
        with np.errstate(all="ignore"), pytest.warns(ConvergenceWarning, match="NaN or infinite"):
            net.fit(X, y)
        assert np.isnan(net.loss_curve_[-1])
        assert all(np.isfinite(w).all() for w in net.coefs_)


class TestSetAfterFit:
    """Parameters that are set between the calls of a fitted estimator, as scikit-learn has it."""

    def test_activation(self) -> None:
        X, y = labeled()
        expected, found = both("MLPClassifier")
        for net in (expected, found):
            net.fit(X, y).set_params(activation="tanh")
        assert_same_probabilities(found, expected)
        assert_same_probabilities(pickle.loads(pickle.dumps(found)), found, atol=0)
        for net in (expected, found):
            net.partial_fit(X, y)
        assert_same_probabilities(found, expected, atol=1e-9)
        found.set_params(activation="rleu")
        again = pickle.loads(pickle.dumps(found)).set_params(activation="tanh")
        assert_same_probabilities(again, expected, atol=1e-9)

    @parametrize("solver", "sgd", "adam")
    def test_optimizer_of_partial_fit(self, solver: str) -> None:
        X, y = numbers()
        nets = both("MLPRegressor", solver=solver)
        for net in nets:
            net.partial_fit(X, y).partial_fit(X, y)
            net.set_params(learning_rate_init=0.5, momentum=0.1, beta_1=0.1, epsilon=1.0)
            net.partial_fit(X, y).partial_fit(X, y)
        np.testing.assert_allclose(nets[1].predict(X), nets[0].predict(X), atol=1e-9)

    def test_partial_fit_by_lbfgs(self) -> None:
        """Which scikit-learn has for the regressor alone."""
        X, y = numbers()
        nets = both("MLPRegressor", solver="lbfgs")
        for net in nets:
            net.partial_fit(X, y)
        np.testing.assert_allclose(nets[1].predict(X), nets[0].predict(X), atol=1e-6)
        assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")


class TestTransform:
    def test_is_the_last_hidden_layer(self) -> None:
        net = fitted(hidden_layer_sizes=(8, 5))
        X = hidden = labeled()[0]
        for w, b in zip(net.coefs_[:-1], net.intercepts_[:-1], strict=True):
            hidden = np.maximum(hidden @ w + b, 0)
        np.testing.assert_allclose(net.transform(X), hidden, atol=1e-12)
        assert list(net.get_feature_names_out())[:2] == ["mlpclassifier0", "mlpclassifier1"]
        assert net.set_output(transform="pandas").transform(X).shape == (len(X), 5)

    def test_says_what_is_missing(self) -> None:
        X, _ = labeled()
        with pytest.raises(NotFittedError):
            MLPClassifier().transform(X)
        with pytest.raises(ValueError, match="hidden_layer_sizes"):
            fitted(hidden_layer_sizes=()).transform(X)


class TestCopies:
    """Parameters are live views, whatever way the estimator came by them."""

    @parametrize(
        "copied",
        lambda net, path: pickle.loads(pickle.dumps(net)),
        lambda net, path: copy.deepcopy(net),
        lambda net, path: copy.copy(net),
        lambda net, path: joblib.load(joblib.dump(net, path / "net.joblib")[0]),
        lambda net, path: joblib.load(joblib.dump(net, path / "m")[0], mmap_mode="r"),
        ids=["pickle", "deepcopy", "copy", "joblib", "joblib, mapped"],
    )
    @parametrize("solver", "sgd", "adam")
    def test_go_on_like_the_original(self, solver: str, copied: Any, tmp_path: Any) -> None:
        X, y = labeled()
        net = MLPClassifier(**SMALL, solver=solver, momentum=0.99, learning_rate_init=0.05)
        net.partial_fit(X, y, classes=np.unique(y)).partial_fit(X, y)
        other = copied(net, tmp_path)
        assert_same_probabilities(other, net, atol=0)
        before = [w.copy() for w in net.coefs_]
        other.partial_fit(X, y)
        assert_close(net.coefs_, before)
        net.partial_fit(X, y)
        assert other.loss_curve_ == net.loss_curve_
        assert_same_probabilities(other, net, atol=0)

    def test_parameters_assigned_or_written_to(self) -> None:
        X, y = labeled()
        expected, net = both("MLPClassifier")
        for estimator in (net, expected):
            estimator.fit(X, y).coefs_[0][0] += 0.5
            estimator.coefs_[1] = estimator.coefs_[1] * 2
            estimator.intercepts_ = [b + 0.1 for b in estimator.intercepts_]
            estimator.intercepts_[0][1] = 0.3
        assert_same_probabilities(net, expected)
        for estimator in (net, expected):
            estimator.partial_fit(X, y)
        assert_same_probabilities(net, expected, atol=1e-6)

    def test_unfitted(self) -> None:
        net = pickle.loads(pickle.dumps(MLPClassifier(alpha=3)))
        assert net.alpha == 3
        for method in (net.predict, net.predict_proba):
            with pytest.raises(NotFittedError):
                method(labeled()[0])


class TestAmongOthers:
    def test_in_pipeline_and_search(self) -> None:
        X, y = labeled()
        pipe = make_pipeline(StandardScaler(), MLPClassifier(**SMALL, learning_rate_init=0.05))
        search = GridSearchCV(pipe, {"mlpclassifier__dropout": [0.0, 0.5]}, cv=2).fit(X, y)
        assert search.best_score_ > 0.5
        assert cross_val_score(clone(pipe), X, y, cv=2, n_jobs=2).mean() > 0.5
        calibrated = CalibratedClassifierCV(MLPClassifier(**SMALL), cv=2).fit(X, y)
        assert calibrated.predict_proba(X).shape == (len(X), 3)

    def test_feature_names(self) -> None:
        X, y = labeled()
        frame = pd.DataFrame(X, columns=list("abcd"))
        net = MLPClassifier(**SMALL).fit(frame, y)
        assert list(net.feature_names_in_) == list("abcd")
        np.testing.assert_array_equal(net.predict(frame), fitted().predict(X))
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            net.predict(X)
        with pytest.raises(ValueError, match="feature names should match"):
            net.predict(frame[list("dcba")])

    def test_sparse_labels_stay_sparse(self) -> None:
        X, y = labeled()[0], scipy.sparse.csr_matrix(np.eye(3, dtype=int)[np.arange(150) % 3])
        for rows in (X, X.tolist()):
            expected, found = (net.fit(X, y).predict(rows) for net in both("MLPClassifier"))
            assert type(found) is type(expected)
            np.testing.assert_array_equal(found.toarray(), expected.toarray())

    def test_dtype_of_predictions(self) -> None:
        X, y = numbers()
        single = X.astype(np.float32), y.astype(np.float32)
        nets = [net.fit(*single) for net in both("MLPRegressor")]
        for dtype in (np.float32, np.float64, int):
            expected, found = (net.predict(X.astype(dtype)) for net in nets)
            assert found.dtype == expected.dtype

    def test_callbacks_when_iterations_run_out(self) -> None:
        X, y = numbers()
        net = MLPRegressor(**{**SMALL, "max_iter": 3}, solver="lbfgs")
        net.set_callbacks(ScoringMonitor(scoring="r2")).fit(X, y)
        assert net.n_iter_ == 3

    def test_one_row_is_checked_like_many(self) -> None:
        X, net = labeled()[0], fitted()
        for bad in (X[:1, :3], np.full((1, 4), np.nan), X[:0], X[0]):
            with pytest.raises(ValueError, match=r"features|NaN|sample|2D"):
                net.predict(bad)
        assert net.predict(X[:1].astype(np.float32)).shape == (1,)
        assert net.predict(X[:1].tolist()).shape == (1,)

    def test_metadata_routing(self) -> None:
        X, y = labeled()
        weights = np.where(y == "setosa", 5.0, 1.0)
        with sklearn.config_context(enable_metadata_routing=True):
            net = MLPClassifier(**SMALL).set_fit_request(sample_weight=True)
            scaler = StandardScaler().set_fit_request(sample_weight=False)
            routed = make_pipeline(scaler, net).fit(X, y, sample_weight=weights)
        expected = MLPClassifier(**SMALL).fit(StandardScaler().fit_transform(X), y, weights)
        assert routed[-1].loss_curve_ == expected.loss_curve_

    def test_callbacks_of_scikit_learn(self) -> None:
        X, y = labeled()
        monitor = ScoringMonitor(scoring="accuracy")
        net = MLPClassifier(**SMALL).set_callbacks(monitor).fit(X, y)
        recorder = _Recorder()
        clone(net).set_callbacks(recorder).fit(X, y)
        assert [task for task, _ in recorder.seen].count("epoch") == net.n_iter_
        assert net.loss_curve_ == fitted().loss_curve_

    @parametrize("solver", "adam", "lbfgs")
    def test_callbacks_can_stop(self, solver: str) -> None:
        X, y = labeled()
        recorder = _Recorder(stop_after=4)
        net = MLPClassifier(**SMALL, solver=solver).set_callbacks(recorder).fit(X, y)
        assert net.n_iter_ == 4
        scores = [score for task, score in recorder.seen if task == "epoch"]
        assert len(scores) == 4
        assert scores[-1] == net.score(X, y) > scores[0]


class _Recorder:
    """A callback of scikit-learn's protocol."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.seen: list[tuple[str, float]] = []
        self._stop_after = stop_after

    def setup(self, estimator: Any, context: Any) -> None: ...

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, X: Any, y: Any, fitted_estimator: Any
    ) -> bool:
        self.seen.append((context.task_name, fitted_estimator.score(X, y)))
        return len(self.seen) == self._stop_after


class TestExchange:
    def test_from_sklearn_and_back(self) -> None:
        X, y = labeled()
        original = theirs.MLPClassifier(**SMALL).fit(X, y)
        net = from_sklearn(original)
        assert isinstance(net, MLPClassifier)
        assert_same_probabilities(net, original)
        back = net.to_sklearn()
        assert type(back) is theirs.MLPClassifier
        assert back.get_params() == original.get_params()
        assert_same_probabilities(back, original, atol=0)
        assert back.loss_curve_ == original.loss_curve_
        net.coefs_[0][:] = 0
        assert_same_probabilities(back, original, atol=0)
        for estimator in (original, back, net):
            estimator.partial_fit(X, y)

    def test_of_regression(self) -> None:
        X, y = numbers()
        net = MLPRegressor(**SMALL).fit(X, y)
        back = net.to_sklearn()
        np.testing.assert_allclose(back.predict(X), net.predict(X), atol=1e-12)
        np.testing.assert_array_equal(from_sklearn(back).predict(X), net.predict(X))

    def test_unfitted(self) -> None:
        assert from_sklearn(theirs.MLPRegressor(alpha=2)).alpha == 2
        assert MLPRegressor(alpha=2).to_sklearn().alpha == 2

    def test_what_they_do_not_know_is_refused(self) -> None:
        with pytest.raises(ValueError, match="activation"):
            fitted(activation="gelu").to_sklearn()
        with pytest.raises(TypeError, match="MLPClassifier or MLPRegressor of scikit-learn"):
            from_sklearn(StandardScaler())

    @parametrize("targets", "labels", "two labels", "numbers")
    def test_skl2onnx(self, targets: str) -> None:
        import onnxruntime
        from skl2onnx import to_onnx

        register_onnx_converters()
        X, y = numbers() if targets == "numbers" else labeled()
        if targets == "two labels":
            y = y == "setosa"
        X = X.astype(np.float32)
        net = (MLPRegressor if targets == "numbers" else MLPClassifier)(**SMALL).fit(X, y)
        options = {} if targets == "numbers" else {"options": {"zipmap": False}}
        onnx = to_onnx(make_pipeline(net), X[:1], **options)
        session = onnxruntime.InferenceSession(
            onnx.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        outputs = session.run(None, {session.get_inputs()[0].name: X})
        if targets == "numbers":
            np.testing.assert_allclose(outputs[0][:, 0], net.predict(X), atol=1e-5)
        else:
            np.testing.assert_array_equal(outputs[0], net.predict(X))
            np.testing.assert_allclose(outputs[1], net.predict_proba(X), atol=1e-5)


def test_ctrl_c_is_a_warning() -> None:
    class Interrupting(_Recorder):
        def on_fit_task_end(self, estimator: Any, context: Any, **unused: Any) -> bool:
            if estimator.n_iter_ == 3 and context.task_name == "epoch":
                raise KeyboardInterrupt
            return False

    X, y = labeled()
    net = MLPClassifier(**SMALL).set_callbacks(Interrupting())
    with pytest.warns(UserWarning, match="interrupted by user"):
        net.fit(X, y)
    assert net.n_iter_ == 3
    net.predict(X)


def test_docstring_examples() -> None:
    for module in (classifier, regressor):
        result = doctest.testmod(module)
        assert result.attempted and not result.failed


@parametrize(
    "estimator",
    MLPClassifier((2,), max_iter=1, batch_size=10),
    MLPClassifier((2,), max_iter=1, solver="lbfgs"),
    MLPClassifier((2,), batch_size=1000, max_iter=500, tol=1.0),
    make_pipeline(StandardScaler(), MLPClassifier((2,), max_iter=1)),
    GridSearchCV(MLPClassifier((2,), max_iter=1), {"alpha": [1.0]}, cv=2, refit=False),
    ids=["sgd", "lbfgs", "batch size", "pipeline", "search"],
)
def test_warnings_point_at_the_caller(estimator: Any) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(*labeled())
    assert caught
    assert {warning.filename for warning in caught} == {__file__}
