"""What is trained with PyTorch too: networks, data and settings, in fastnn's terms.

pytorch_parity.py trains all cases with PyTorch and writes the parameters they end with to
data/pytorch_parity.json, to which test_pytorch_parity.py holds fastnn.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastnn import (
    ELU,
    SGD,
    Activation,
    Adagrad,
    Adam,
    AdamW,
    Cosine,
    Huber,
    InverseScaling,
    LeakyReLU,
    Linear,
    Loss,
    OneCycle,
    Quantile,
    ReduceOnPlateau,
    RMSprop,
    Rprop,
    StepDecay,
)
from fastnn.network import Network
from fastnn.optimizers import Optimizer

RESULTS = Path(__file__).parent / "data" / "pytorch_parity.json"
SIZES = 5, 7, 4, 3
N_EXAMPLES, BATCH_SIZE, N_STEPS = 30, 6, 50

Array = NDArray[Any]
Kind = TypeVar("Kind", bound=Network)


@dataclass(frozen=True)
class Case:
    """Fifty steps: ten epochs of five batches each, in order, or fifty of one batch."""

    optimizer: Optimizer
    activation: str | Activation = "tanh"
    output_activation: str = "identity"
    loss: str | Loss = "squared_error"
    penalties: dict[str, float] = field(default_factory=dict)
    has_labels: bool = False
    has_sample_weight: bool = False

    @property
    def batch_size(self) -> int | None:
        return BATCH_SIZE if self.optimizer.takes_batches else None

    @property
    def epochs(self) -> int:
        return N_STEPS * (self.batch_size or N_EXAMPLES) // N_EXAMPLES

    def network(self, kind: type[Kind]) -> Kind:
        return kind.from_arrays(
            *initial_parameters(),
            activation=self.activation,
            output_activation=self.output_activation,
            loss=self.loss,
            dtype="float64",
        )

    def data(self) -> tuple[Array, Array, Array]:
        """X, y and what may be the sample_weight."""
        generator = np.random.default_rng(1)
        X = generator.normal(size=(N_EXAMPLES, SIZES[0]))
        drawn = generator.normal(size=(N_EXAMPLES, SIZES[-1])) + X[:, :3]
        y = {
            "cross_entropy": np.exp(drawn) / np.exp(drawn).sum(axis=1, keepdims=True),
            "binary_cross_entropy": drawn > 0,
            "poisson": np.round(np.exp(drawn)),
        }.get(str(self.loss), drawn)
        weights = generator.exponential(size=N_EXAMPLES)
        return X, y.argmax(axis=1) if self.has_labels else y, weights


def initial_parameters() -> tuple[list[Array], list[Array]]:
    """Weights (fan_in, fan_out) and biases (fan_out,) of all layers."""
    generator = np.random.default_rng(0)
    weights = [generator.normal(size=shape) / shape[0] ** 0.5 for shape in pairwise(SIZES)]
    return weights, [generator.normal(size=n) / 10 for n in SIZES[1:]]


OPTIMIZERS = {
    "sgd": Case(SGD(0.1)),
    "momentum": Case(SGD(0.05, momentum=0.9)),
    "nesterov": Case(SGD(0.05, momentum=0.9, nesterov=True)),
    "adam": Case(Adam(0.01)),
    "adam with other constants": Case(Adam(0.02, beta_1=0.8, beta_2=0.95, epsilon=1e-3)),
    "adamw": Case(AdamW(0.01, weight_decay=0.1)),
    "rmsprop": Case(RMSprop(0.01)),
    "rmsprop with other constants": Case(RMSprop(0.01, rho=0.99, epsilon=1e-4)),
    "adagrad": Case(Adagrad(0.05)),
    "rprop": Case(Rprop(0.01)),
    "rprop with other constants": Case(
        Rprop(0.02, shorter=0.4, longer=1.5, shortest=1e-3, longest=0.1)
    ),
}

LOSSES = {
    "squared error of sigmoids": Case(SGD(0.5), "sigmoid", "sigmoid"),
    "cross-entropy of labels": Case(SGD(0.2), "relu", "softmax", "cross_entropy", has_labels=True),
    "cross-entropy of targets": Case(SGD(0.2), "silu", "softmax", "cross_entropy"),
    "binary cross-entropy": Case(SGD(0.2), "gelu", "sigmoid", "binary_cross_entropy"),
    "absolute error": Case(SGD(0.03), "elu", loss="absolute_error"),
    "huber": Case(SGD(0.1), ELU(0.5), loss="huber"),
    "huber with another delta": Case(SGD(0.1), LeakyReLU(0.2), loss=Huber(0.3)),
    "quantile": Case(SGD(0.05), "softplus", loss=Quantile(0.3)),
    "poisson": Case(SGD(0.03), "leaky_relu", "exp", "poisson"),
}

SCHEDULES = {
    "step decay": Case(SGD(StepDecay(0.2, 0.5, every=12))),
    "linear": Case(SGD(Linear(0.2, 0.02, n_steps=40))),
    "cosine": Case(SGD(Cosine(0.2, 0.01, n_steps=50))),
    "cosine of adam": Case(Adam(Cosine(0.02, n_steps=50))),
    "one cycle": Case(SGD(OneCycle(0.3, n_steps=50))),
    "one cycle of momentum": Case(SGD(OneCycle(0.05, n_steps=50), momentum=0.9)),
    "reduce on plateau": Case(
        SGD(ReduceOnPlateau(0.4, factor=0.5, patience=0, min_delta=0.05, cooldown=1))
    ),
    "inverse scaling": Case(SGD(InverseScaling(0.3, 0.75))),
}

PENALTIES = {
    "l2": Case(SGD(0.1), penalties={"l2": 0.1}),
    "l2 of momentum": Case(SGD(0.03, momentum=0.9), penalties={"l2": 0.1}),
    "l2 of adam": Case(Adam(0.01), penalties={"l2": 0.1}),
    "l2 of adamw": Case(AdamW(0.01), penalties={"l2": 0.1}),
    "l2 of adagrad": Case(Adagrad(0.05), penalties={"l2": 0.1}),
    "l2 of rprop": Case(Rprop(0.01), penalties={"l2": 0.1}),
    "l1": Case(SGD(0.1), penalties={"l1": 0.03}),
    "l1 of rmsprop": Case(RMSprop(0.01), penalties={"l1": 0.03}),
    "l1 and l2": Case(SGD(0.1), penalties={"l1": 0.01, "l2": 0.05}),
    "clip_norm": Case(SGD(0.1), penalties={"clip_norm": 0.3}),
    "clip_norm and l2 of nesterov": Case(
        SGD(0.05, momentum=0.9, nesterov=True), penalties={"clip_norm": 0.3, "l2": 0.1}
    ),
    "max_norm": Case(SGD(0.1), penalties={"max_norm": 0.7}),
    "max_norm of adam": Case(Adam(0.03), penalties={"max_norm": 0.7}),
    "all of adam": Case(Adam(0.02), penalties={"l2": 0.05, "clip_norm": 0.5, "max_norm": 0.8}),
}

WEIGHTS = {
    "sample_weight": Case(SGD(0.1), has_sample_weight=True),
    "sample_weight of labels": Case(
        Adam(0.01),
        output_activation="softmax",
        loss="cross_entropy",
        has_labels=True,
        has_sample_weight=True,
    ),
    "sample_weight of binary cross-entropy": Case(
        RMSprop(0.01),
        output_activation="sigmoid",
        loss="binary_cross_entropy",
        has_sample_weight=True,
    ),
}

GROUPS = {
    "optimizers": OPTIMIZERS,
    "losses": LOSSES,
    "schedules": SCHEDULES,
    "penalties": PENALTIES,
    "weights": WEIGHTS,
}
CASES = {name: case for group in GROUPS.values() for name, case in group.items()}
