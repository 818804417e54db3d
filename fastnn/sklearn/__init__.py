"""scikit-learn's multi-layer perceptrons, trained and run by fastnn.

`MLPClassifier` and `MLPRegressor` are scikit-learn's own classes except for the computation: change
the import, and everything works as before, faster. The same ``random_state`` gives the same initial
weights, shuffles and splits, and so the same network up to rounding. The extra "sklearn" installs
scikit-learn.
"""

try:
    from sklearn.callback import CallbackSupportMixin as _  # noqa: F401
except ImportError as error:
    raise ImportError(
        "fastnn.sklearn needs scikit-learn 1.9 or later, which fastnn-mlp[sklearn] brings along"
    ) from error

from .classifier import MLPClassifier
from .exchange import from_sklearn, register_onnx_converters
from .regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "from_sklearn", "register_onnx_converters"]
