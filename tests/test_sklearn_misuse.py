"""fastnn.sklearn: what is refused, in the words of those who use scikit-learn."""

from typing import Any

import numpy as np
import pytest
from helpers import parametrize
from numpy.typing import NDArray

from fastnn.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL: dict[str, Any] = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}


def labeled() -> tuple[NDArray[Any], NDArray[Any]]:
    X = np.random.default_rng(0).normal(size=(30, 3))
    return X, np.arange(30) % 3


@parametrize(
    "class_weight, said",
    ({0: -1}, "class_weight of label 0 must be at least 0 and finite, got -1"),
    ({1: np.nan}, "class_weight of label 1 must be at least 0 and finite, got nan"),
    ({2: "a"}, "class_weight of label 2 must be a number, got 'a'"),
    ({0: 0, 1: 0, 2: 0}, "class_weight must be above 0 for an example at least, got 0"),
    ids=str,
)
@parametrize("solver", "adam", "lbfgs")
def test_class_weight(class_weight: Any, said: str, solver: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        MLPClassifier(**SMALL, class_weight=class_weight, solver=solver).fit(*labeled())


def test_weights_that_class_weight_makes_0() -> None:
    X, y = labeled()
    net = MLPClassifier(**SMALL, class_weight={0: 0})
    with pytest.raises(ValueError, match="sample_weight times class_weight must be above 0"):
        net.fit(X, y, y == 0)


def test_scoring_is_checked_where_nothing_is_validated() -> None:
    with pytest.raises(ValueError, match=r"The 'scoring' parameter of MLPClassifier .* 'f7'"):
        MLPClassifier(**SMALL, scoring="f7").fit(*labeled())


def test_activation_of_layers_that_are_not_there() -> None:
    X, y = labeled()
    net = MLPClassifier(**SMALL).fit(X, y)
    before = net.predict_proba(X)
    with pytest.raises(ValueError, match=r"activation must be .* a list of 1, one per") as caught:
        net.set_params(activation=["relu", "relu"]).fit(X, y)
    assert "output_activation" not in str(caught.value)
    np.testing.assert_array_equal(net.set_params(activation="relu").predict_proba(X), before)


@parametrize(
    "arguments, said",
    ({"epochs": 3}, r"MLP\w+\(\) takes max_iter"),
    ({"batch_size": 3}, r"it is an argument of MLP\w+\(\)"),
    ({"lr": 0.1}, r"MLP\w+\(\) takes .*learning_rate_init"),
    ({"validation_data": ()}, r"did you mean X_val=..., y_val=...\?"),
    ids=str,
)
@parametrize("kind", MLPClassifier, MLPRegressor)
def test_arguments_of_fit(kind: Any, arguments: Any, said: str) -> None:
    (name,) = arguments
    said = rf"^{kind.__name__}.fit\(\) got an unexpected keyword argument '{name}': {said}$"
    with pytest.raises(TypeError, match=said):
        kind(**SMALL).fit(*labeled(), **arguments)


def test_arguments_of_other_methods() -> None:
    X, y = labeled()
    net = MLPClassifier(**SMALL)
    with pytest.raises(TypeError, match=r"^MLPClassifier.fit\(\) takes 3 arguments by position"):
        net.fit(X, y, None, X, y)
    with pytest.raises(TypeError, match=r"^MLPClassifier.transform\(\) got an unexpected"):
        net.fit(X, y).transform(X, layer=1)
    with pytest.raises(TypeError, match=r"^MLPClassifier\(\) got .*'epochs': did you mean max_it"):
        MLPClassifier(epochs=3)  # type: ignore[call-arg]


@parametrize(
    "parameter",
    {"optimizer": "adamw"},
    {"class_weight": "balanced"},
    {"dropout": 0.5},
    {"dropout": [0.5]},
    {"l1": 0.1},
    {"clip_norm": 1.0},
    {"max_norm": 1.0},
    {"scoring": "loss"},
    ids=str,
)
def test_to_sklearn_says_what_scikit_learn_has_not(parameter: dict[str, Any]) -> None:
    X, y = labeled()
    net = MLPClassifier(**SMALL, **parameter).fit(X, y)
    ((name, value),) = parameter.items()
    with pytest.raises(ValueError, match=r"^scikit-learn's MLPClassifier has no ") as caught:
        net.to_sklearn()
    assert f"{name}={value!r}" in str(caught.value)
    default = MLPClassifier().get_params()[name]
    assert f"set_params({name}={default!r})" in str(caught.value)
    back = net.set_params(**{name: default}).to_sklearn()
    np.testing.assert_allclose(back.predict_proba(X), net.predict_proba(X), atol=1e-12)
