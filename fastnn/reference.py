"""The network in plain NumPy: specification, oracle and opponent of the kernels.

`MLP` here has the constructor, the methods and the results of `fastnn.MLP`, for any real floating
dtype, with no kernel in its numerics.
"""

from . import validation
from .engine.numpy_engine import NumpyEngine
from .network import Network


class MLP(Network):
    """See `fastnn.MLP`; ``dtype`` may be any real floating dtype."""

    _engine_class = NumpyEngine
    _checked_dtype = staticmethod(validation.float_dtype)
