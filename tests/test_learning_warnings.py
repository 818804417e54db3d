"""Warnings about raw inputs, and about networks that have learnt a constant."""

import functools
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from helpers import Kind, Options, parameters, parametrize, unchanged
from sklearn import datasets

import fastnn
from fastnn import MLP, EarlyStopping, TrainingWarning
from fastnn.datasets import load_iris
from fastnn.network import Network
from fastnn.sklearn import MLPClassifier

RAW = {"wine": datasets.load_wine, "breast cancer": datasets.load_breast_cancer}


def standardized(X: Any) -> Any:
    return (X - X.mean(axis=0)) / X.std(axis=0)


def iris() -> tuple[Any, Any]:
    data = load_iris()
    return standardized(data.X), data.y


# Scales


SCALES = "X should have columns of similar scales"
WHAT_TO_DO = "subtract the mean of each column of X and divide by its standard deviation"


@parametrize("name", *RAW)
def test_raw_columns_of_very_different_scales(kind: Kind, name: str) -> None:
    X, y = RAW[name](return_X_y=True)
    largest = abs(X).max(axis=0)
    low, high = largest.argmin(), largest.argmax()
    columns = [f"up to {largest[column]:.3g} in column {column}" for column in (low, high)]
    expected = re.escape(f"{SCALES}, got absolute values of {' and '.join(columns)}: ")
    with pytest.warns(TrainingWarning, match=expected + f".*{WHAT_TO_DO}") as caught:
        kind([X.shape[1], 10, 3], seed=1).train(X, y)
    assert [warning.filename for warning in caught] == [__file__]
    kind([X.shape[1], 10, 3], seed=1).train(standardized(X), y)


def test_columns_are_called_by_their_names() -> None:
    frame, y = datasets.load_wine(return_X_y=True, as_frame=True)
    with pytest.warns(TrainingWarning, match="in column 'nonflavanoid_phenols' .* 'proline': "):
        MLP([13, 3], seed=1).train(frame, y)


FORMS: dict[str, Callable[[Any], Any]] = {
    "array": np.asarray,
    "list": np.ndarray.tolist,
    "Fortran": np.asfortranarray,
    "integers": np.int64,
    "CSR": scipy.sparse.csr_array,
    "CSC": lambda X: scipy.sparse.csc_array(X.astype(np.float32)),
}


@parametrize("form", *FORMS)
@parametrize("factor", 900, 1100)
def test_the_limit_is_a_thousand_in_all_forms_of_X(form: str, factor: float) -> None:
    generator = np.random.default_rng(0)
    X = generator.integers(-9, 10, size=(5000, 3)) * [1, 0, factor]
    X[0] = [10, 0, -10 * factor]
    y = generator.integers(2, size=5000)
    net = MLP([3, 2], seed=1)
    before = parameters(net)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net.train(FORMS[form](X), y, learning_rate=1e-6, batch_size=100)
    assert parameters(net) != before
    assert len(caught) == (factor > 1000)


def test_of_blocks_the_first_is_looked_at() -> None:
    X, y = np.random.default_rng(0).normal(size=(40, 2)) * [1, 5000], np.arange(40) % 2
    blocks = [(X[start : start + 10], y[start : start + 10]) for start in range(0, 40, 10)]
    with pytest.warns(TrainingWarning, match="X should have columns of similar scales") as caught:
        MLP([2, 2], seed=1).train(blocks, epochs=3, learning_rate=1e-6)
    assert [warning.filename for warning in caught] == [__file__]


def test_the_rows_that_count_are_looked_at() -> None:
    """Those of weight 0, and those that are held out, are not trained on."""
    X = np.random.default_rng(0).normal(size=(40, 2))
    X[:20, 0] *= 5000
    y = np.arange(40) % 2
    net = MLP([2, 2], seed=1)
    net.train(X, y, sample_weight=np.repeat([0.0, 1.0], 20), learning_rate=1e-6)
    with pytest.warns(TrainingWarning, match="X should have"):
        net.train(X, y, sample_weight=np.repeat([1.0, 0.0], 20), learning_rate=1e-6)


@functools.cache
def usual_inputs() -> Options:
    generator = np.random.default_rng(0)
    normal = generator.normal(size=(2000, 50))
    pixels = generator.integers(256, size=(2000, 50)) * (generator.random((2000, 50)) < 0.2)
    pixels[:, 0] = 0
    pixels[:, 1] = pixels[:, 1] > 0  # of the edge
    one_hot = np.eye(50)[generator.integers(40, size=2000)]
    words = scipy.sparse.random_array(
        (2000, 50_000), density=1e-3, format="csr", rng=generator, data_sampler=generator.normal
    )
    return {
        "normal": normal,
        "pixels": pixels,
        "pixels / 255": pixels / 255,
        "bytes": pixels.astype(np.uint8),
        "one-hot and normal": np.hstack([one_hot, normal]),
        "a constant column": np.hstack([np.ones((2000, 1)), normal * 100]),
        "words, most of them rare": words,
        "one row": normal[:1],
        "two rows": np.hstack([normal[:2]] * 20),
        "all 0": normal * 0,
        "almost too large": normal * 1e37,
    }


@parametrize("name", *usual_inputs())
def test_usual_inputs_are_no_reason_to_warn(name: str) -> None:
    X = usual_inputs()[name]
    y = np.random.default_rng(1).integers(2, size=X.shape[0])
    MLP([X.shape[1], 3, 2], seed=1).train(X, y, learning_rate=1e-4)


def test_mnist_is_no_reason_to_warn(mnist_folder: Path) -> None:
    train, _ = fastnn.datasets.load_mnist(mnist_folder)
    for X in (train.X[:5000], train.X[:5000] * 255):
        MLP([784, 10], seed=1).train(X, train.y[:5000], learning_rate=1e-4)


def test_what_the_network_scales_is_looked_at_scaled() -> None:
    X, y = datasets.load_wine(return_X_y=True)
    net = MLP([13, 3], seed=1)
    net.input_scaling = fastnn.InputScaling(X.mean(axis=0), X.std(axis=0))
    net.train(X, y)


def test_an_error_of_the_warning_changes_nothing(kind: Kind) -> None:
    X, y = datasets.load_wine(return_X_y=True)
    net = kind([13, 3], seed=1)
    before = parameters(net)
    with unchanged(net), pytest.raises(TrainingWarning):  # as in all tests
        net.train(X, y, validation_fraction=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        net.train(X, y)
    assert parameters(net) != before


# Outputs


def dead(net: Network) -> None:
    """No hidden unit is above 0 for any example, and so none has a gradient."""
    net.biases[0][:] = -1000


COLLAPSED = "^the outputs are the same for 150 examples of the training data whose targets differ: "


@parametrize("output_activation", "sigmoid", "softmax", "identity", "tanh")
@parametrize("in_blocks", False, True)
def test_dead_units(kind: Kind, output_activation: str, in_blocks: bool) -> None:
    net = kind([4, 8, 3], activation="relu", output_activation=output_activation, seed=1)
    dead(net)
    given = ([iris()],) if in_blocks else iris()
    with pytest.warns(TrainingWarning, match=COLLAPSED + ".*smaller learning_rate") as caught:
        net.train(*given, learning_rate=0.01)
    assert [warning.filename for warning in caught] == [__file__]
    assert len(set(net.classify(iris()[0]))) == 1


@parametrize("activation", "sigmoid", "relu")
def test_a_rate_that_is_far_too_large(kind: Kind, activation: str) -> None:
    """Outputs near 0 are constant, however many times one is the other."""
    net = kind([4, 8, 3], activation=activation, output_activation=activation, seed=1)
    with pytest.warns(TrainingWarning, match=COLLAPSED):
        net.train(*iris(), learning_rate=100.0, epochs=20)


def test_what_no_line_separates_takes_a_hidden_layer() -> None:
    net = MLP([2, 1], activation="tanh", seed=1)
    xor: Any = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    with pytest.warns(TrainingWarning, match="or try a smaller learning_rate, a hidden layer or"):
        net.train(*xor, epochs=5000, batch_size=None, learning_rate=0.5)


@parametrize("n_outputs", 1, 2)
def test_of_regression(n_outputs: int) -> None:
    X = iris()[0]
    y = 1e-4 * np.column_stack([X[:, 0], X[:, 1]])[:, :n_outputs]
    for factor in (0.0, 1.0):
        net = MLP([4, n_outputs], output_activation="identity", dtype="float64", seed=1)
        net.weights[0][:] = 1e-4 * factor * np.eye(4)[:, :n_outputs]
        net.biases[0][:] = 7
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            net.train(X, y, learning_rate=1e-12)
        assert len(caught) == (factor == 0), "what is learnt is as small as the targets"


def test_one_warning_per_call() -> None:
    X, y = datasets.load_wine(return_X_y=True)
    net = MLP([13, 10, 3], activation="relu", seed=1)
    dead(net)
    net.weights[0][:] = 0
    with pytest.warns(TrainingWarning) as caught:
        net.train(X, y)
    assert len(caught) == 1


def collapsing(**options: Any) -> Network:
    net = MLP([4, 8, 3], activation="relu", seed=1, **options)
    dead(net)
    return net


def test_where_there_is_nothing_to_learn() -> None:
    X, y = iris()
    for one_class in ({"y": np.zeros(150, int)}, {"y": y, "sample_weight": (y == 1) * 1.0}):
        with pytest.warns(TrainingWarning, match="one class only") as caught:
            collapsing().train(X, **one_class)
        assert len(caught) == 1
    collapsing().train(X * 0 + 1, y)
    collapsing().train(X, y, epochs=0)
    collapsing().train_batch(X, y)


def test_rare_classes_are_no_reason_to_warn() -> None:
    """Their outputs differ by little because their targets do."""
    X = np.random.default_rng(0).normal(size=(1000, 4))
    y = np.zeros(1000)
    y[10] = 1
    net = MLP([4, 1], loss="binary_cross_entropy", seed=1)
    net.weights[0][:], net.biases[0][:] = 0.1, -8  # probabilities of 0.0003, or so
    net.train(X, y, learning_rate=1e-9)


def test_the_network_that_is_left_is_looked_at() -> None:
    """Which is the best one, where the last would be a constant."""
    net = MLP([4, 8, 3], activation="sigmoid", seed=1)
    history = net.train(
        *iris(),
        epochs=20,
        learning_rate=lambda step: 0.1 if step < 10 * 150 else 100.0,
        validation_data=iris(),
        early_stopping=EarlyStopping(patience=30),
    )
    assert (history.best_epoch or 20) <= 10


@parametrize("solver", "adam", "lbfgs")
def test_scikit_learns_estimators_do_not_warn(solver: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator = MLPClassifier((5,), max_iter=3, random_state=0, solver=solver)
        estimator.fit(*datasets.load_wine(return_X_y=True))
    assert not any(issubclass(warning.category, TrainingWarning) for warning in caught)
