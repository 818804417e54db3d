"""The network in plain NumPy: the specification, and what tests compare the kernels with.

`MLP` here has the constructor, the methods and the results of `fastnn.MLP`, for any real floating
dtype, and computes without kernels.
"""

from collections.abc import Sequence

from . import validation
from .activations import Activation
from .engine import Engine
from .engine.numpy_engine import NumpyEngine
from .losses import Loss
from .network import Network


class MLP(Network):
    """See `fastnn.MLP`; ``dtype`` may be any real floating dtype."""

    @staticmethod
    def _engine_class(activations: Sequence[Activation], loss: Loss) -> type[Engine]:
        return NumpyEngine

    _checked_dtype = staticmethod(validation.float_dtype)
