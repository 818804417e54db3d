"""Multi-layer perceptrons on the CPU, fast.

`MLP` trains and runs a network, ``fastnn.datasets`` reads data, ``fastnn.reference.MLP`` is the
same in plain NumPy, and ``fastnn.isa`` names the kernel variant in use.
"""

from importlib.metadata import version as _version

from . import datasets
from ._kernels import variant as isa
from .datasets import one_hot
from .evaluation import Evaluation
from .functions import Activation
from .mlp import MLP
from .model_file import ModelFileError
from .training import History, Step, TrainingDiverged

__version__ = _version("fastnn-mlp")

__all__ = [
    "MLP",
    "Activation",
    "Evaluation",
    "History",
    "ModelFileError",
    "Step",
    "TrainingDiverged",
    "datasets",
    "isa",
    "one_hot",
]
