"""The network in plain NumPy: the specification, and what tests compare the kernels with.

`MLP` here has the constructor, the methods and the results of `fastnn.MLP`, for any real floating
dtype, and computes without kernels.
"""

from . import validation
from .engine.numpy_engine import NumpyEngine
from .network import Network


class MLP(Network):
    """See `fastnn.MLP`; ``dtype`` may be any real floating dtype."""

    _engine_class = NumpyEngine
    _checked_dtype = staticmethod(validation.float_dtype)
