"""Conversion of scikit-learn's estimators, and converters for skl2onnx."""

import copy
from typing import Any

from .classifier import MLPClassifier
from .regressor import MLPRegressor


def from_sklearn(estimator: Any) -> MLPClassifier | MLPRegressor:
    """Make an estimator of fastnn of one of scikit-learn.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor of scikit-learn
        An estimator, fitted or not, which is copied.

    Returns
    -------
    MLPClassifier or MLPRegressor
        An estimator with the parameters and, if fitted, the attributes of the other, without the
        state of its optimizer: ``partial_fit`` begins with a new one.

    Raises
    ------
    TypeError
        If ``estimator`` is neither.
    """
    kinds = {kind._sklearn_class: kind for kind in (MLPClassifier, MLPRegressor)}
    kind = kinds.get(type(estimator))
    if kind is None:
        raise TypeError(
            "estimator must be an MLPClassifier or MLPRegressor of scikit-learn, got "
            f"{type(estimator).__module__}.{type(estimator).__qualname__}"
        )
    new = kind(**copy.deepcopy(estimator.get_params(deep=False)))
    fitted = {name: x for name, x in vars(estimator).items() if name != "_optimizer"}
    new.__setstate__({**vars(new), **copy.deepcopy(fitted)})
    return new


def register_onnx_converters() -> None:
    """Let skl2onnx convert these estimators as it converts those of scikit-learn.

    Call it once before ``skl2onnx.to_onnx`` or ``convert_sklearn``. The converters lack activations
    that scikit-learn lacks: `fastnn.MLP.export_onnx` writes those.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.
    """
    try:
        from skl2onnx import update_registered_converter
        from skl2onnx.common import shape_calculator
        from skl2onnx.operator_converters import multilayer_perceptron
    except ImportError as error:
        raise ImportError("converters for skl2onnx need skl2onnx: pip install skl2onnx") from error

    update_registered_converter(
        MLPClassifier,
        "FastnnMLPClassifier",
        shape_calculator.calculate_linear_classifier_output_shapes,
        multilayer_perceptron.convert_sklearn_mlp_classifier,
        options={
            "zipmap": [True, False, "columns"],
            "output_class_labels": [False, True],
            "nocl": [True, False],
        },
    )
    update_registered_converter(
        MLPRegressor,
        "FastnnMLPRegressor",
        shape_calculator.calculate_linear_regressor_output_shapes,
        multilayer_perceptron.convert_sklearn_mlp_regressor,
    )
