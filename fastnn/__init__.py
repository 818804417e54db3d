"""Multi-layer perceptrons on the CPU, fast.

`MLP` trains and runs a network, ``fastnn.datasets`` reads data, ``fastnn.reference.MLP`` is the
same in plain NumPy, and ``fastnn.isa`` names the kernel variant in use.
"""

from importlib import import_module as _import_module
from typing import Any as _Any

from . import datasets
from ._kernels import active as isa
from .activations import ELU, Activation, LeakyReLU
from .common.warning import TrainingWarning
from .datasets import one_hot
from .early_stopping import EarlyStopping
from .evaluation import Evaluation, Gradients
from .exchange.model_file import ModelFileError
from .history import History, Step
from .input_scaling import InputScaling
from .losses import Huber, Loss, Quantile
from .mlp import MLP
from .optimizers import LBFGS, SGD, Adagrad, Adam, AdamW, RMSprop, Rprop
from .schedules import Cosine, InverseScaling, Linear, OneCycle, ReduceOnPlateau, StepDecay
from .training.loop import TrainingDiverged

__all__ = [
    "ELU",
    "LBFGS",
    "MLP",
    "SGD",
    "Activation",
    "Adagrad",
    "Adam",
    "AdamW",
    "Cosine",
    "EarlyStopping",
    "Evaluation",
    "Gradients",
    "History",
    "Huber",
    "InputScaling",
    "InverseScaling",
    "LeakyReLU",
    "Linear",
    "Loss",
    "ModelFileError",
    "OneCycle",
    "Quantile",
    "RMSprop",
    "ReduceOnPlateau",
    "Rprop",
    "Step",
    "StepDecay",
    "TrainingDiverged",
    "TrainingWarning",
    "datasets",
    "isa",
    "one_hot",
]


def __getattr__(name: str) -> _Any:
    """Import rarely needed modules, which take long to import, on first access."""
    if name in ("reference", "sklearn"):
        return _import_module(f".{name}", __name__)
    if name == "__version__":
        from importlib.metadata import version

        return version("fastnn-mlp")
    homes = {
        "sklearn": ["MLPClassifier", "MLPRegressor"],
        "datasets": datasets.__all__,
        "MLP": [] if name.startswith("_") else dir(MLP),
    }
    hint = next((f": it is in {__name__}.{home}" for home in homes if name in homes[home]), "")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")
