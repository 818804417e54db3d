"""What is done with the estimators: a task is a row of this table."""

import importlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from .. import problems

Data = tuple[Any, NDArray[Any]]
Work = Callable[[], NDArray[Any]]
"""Does it once, and returns what it came to."""


@dataclass(frozen=True)
class Task:
    """Something that users of scikit-learn do.

    Attributes
    ----------
    data : str
        In words.
    load : callable
        The data.
    work : callable
        Makes what is timed, given the package's estimators, the data and parameters.
    at_least : float
        The goal of the project: how many times fastnn's time scikit-learn takes.
    """

    name: str
    data: str
    load: Callable[[], Data]
    work: Callable[[Any, Data, Mapping[str, Any]], Work]
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    at_least: float = 0

    def start(self, package: str) -> Work:
        """It, with the estimators of ``package``, and its data loaded."""
        warnings.simplefilter("ignore", ConvergenceWarning)
        return self.work(importlib.import_module(package), self.load(), self.parameters)


def _fit(package: Any, data: Data, parameters: Mapping[str, Any]) -> Work:
    X, y = data
    kind = package.MLPRegressor if y.dtype.kind == "f" else package.MLPClassifier

    def work() -> NDArray[Any]:
        estimator = kind(random_state=0, **parameters)
        return np.array([estimator.fit(X, y).loss_])

    return work


def _search(package: Any, data: Data, parameters: Mapping[str, Any]) -> Work:
    def work() -> NDArray[Any]:
        search = GridSearchCV(package.MLPClassifier(random_state=0), parameters, cv=3)
        return np.array(search.fit(*data).cv_results_["mean_test_score"])

    return work


def _one_row(package: Any, data: Data, parameters: Mapping[str, Any], method: str) -> Work:
    X, y = data
    estimator = package.MLPClassifier(random_state=0, max_iter=3).fit(X, y)
    of_rows = getattr(estimator, method)
    rows = [X[i : i + 1] for i in range(100)]
    return lambda: np.concatenate([of_rows(row) for row in rows])


def _scaled(name: str, n_rows: int | None = None) -> Data:
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return StandardScaler().fit_transform(X)[:n_rows], y[:n_rows]


def _dense(n_rows: int = 20_000) -> Data:
    generator = np.random.default_rng(0)
    X = generator.standard_normal((n_rows, 100))
    return X, (X[:, :10].sum(axis=1) > 0).astype(int)


def _mnist(n_rows: int | None = None) -> Data:
    train, _ = problems.mnist()
    return train.X[:n_rows].copy(), train.y[:n_rows]


def _text() -> Data:
    n_rows, n_columns, n_values = 10_000, 50_000, 100  # about as 20 newsgroups
    generator = np.random.default_rng(0)
    # Words are as rare as the inverse of their rank, or so.
    ranks = np.minimum((n_columns ** generator.random((n_rows, n_values))).astype(int), n_columns)
    rows = np.repeat(np.arange(n_rows), n_values)
    X = sparse.csr_array((np.ones(rows.size), (rows, ranks.ravel() - 1)), shape=(n_rows, n_columns))
    X.sum_duplicates()
    return X, generator.integers(4, size=n_rows)


_MNIST = "MNIST, float32"
_DENSE = "20,000 × 100 normal numbers"
_TEXT = "CSR, 10,000 × 50,000, up to 100 words in each"
_SGD = {"solver": "sgd", "batch_size": 1, "n_iter_no_change": 100}
_PLAIN = {**_SGD, "momentum": 0}

TASKS = (
    Task("fit, defaults", "digits", partial(_scaled, "digits"), _fit, at_least=1.5),
    Task("fit, defaults, 10 epochs", _DENSE, _dense, _fit, {"max_iter": 10}, 1.5),
    Task("fit, defaults, 3 epochs", _MNIST, _mnist, _fit, {"max_iter": 3}, 1.5),
    Task("fit, defaults", "breast cancer", partial(_scaled, "breast_cancer"), _fit),
    Task("fit, defaults", "diabetes", partial(_scaled, "diabetes"), _fit),
    *(
        Task(f"fit, sgd one by one{name}, 3 epochs", data, load, _fit, parameters, at_least)
        for name, sgd, at_least in ((", no momentum", _PLAIN, 60), (", momentum", _SGD, 25))
        for parameters in ({**sgd, "max_iter": 3},)
        for data, load in (
            ("digits", partial(_scaled, "digits")),
            ("5,000 × 100 normal numbers", partial(_dense, 5_000)),
            ("MNIST, 5,000 rows", partial(_mnist, 5_000)),
        )
    ),
    Task(
        "fit, sgd, no momentum, 2 epochs",
        _TEXT,
        _text,
        _fit,
        {"solver": "sgd", "momentum": 0, "max_iter": 2},
        25,
    ),
    Task("fit, sgd, 1 epoch", _TEXT, _text, _fit, {"solver": "sgd", "max_iter": 1}),
    Task("fit, defaults, 1 epoch", _TEXT, _text, _fit, {"max_iter": 1}),
    Task(
        "predict a row, 100 times",
        "digits",
        partial(_scaled, "digits"),
        partial(_one_row, method="predict"),
        at_least=6,
    ),
    Task(
        "predict_proba of a row, 100 times",
        "digits",
        partial(_scaled, "digits"),
        partial(_one_row, method="predict_proba"),
        at_least=6,
    ),
    Task(
        "GridSearchCV, 12 fits",
        "digits, 500 rows",
        partial(_scaled, "digits", 500),
        _search,
        {"alpha": [1e-4, 1e-2], "hidden_layer_sizes": [(30,), (100,)]},
        3,
    ),
)
