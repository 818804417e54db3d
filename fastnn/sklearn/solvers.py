"""scikit-learn's optimizers as rules of the engine, where those differ from the engine's own."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .. import optimizers
from ..arrays import Array
from ..optimizers import SGD, Optimizer

_MOST_SHRINKAGE = 0.5  # of weights by a plain step


def steady(optimizer: Optimizer, most_l2: float) -> Optimizer:
    """Return the same, but not plain if weights might shrink by most of what they are, or more.

    ``most_l2`` is the largest factor of the penalty for any batch.
    """
    rate = optimizer.learning_rate
    if type(optimizer) is not SGD or optimizer.momentum or not most_l2:
        return optimizer
    if isinstance(rate, float) and rate * most_l2 <= _MOST_SHRINKAGE:
        return optimizer
    return Momentum(rate)


def sgd(rate: float, momentum: float, nesterov: bool) -> Optimizer:
    """scikit-learn's."""
    return Momentum(rate, momentum, nesterov) if momentum else SGD(rate)


@dataclass(frozen=True)
class Momentum(SGD):
    """With any momentum from 0 to 1.

    scikit-learn's velocity is minus the rate times the one here: equal as long as the rate is.
    """

    slots = ("velocity",)

    def __post_init__(self) -> None:
        """All has been checked, by scikit-learn."""

    @property
    def rule(self) -> str:
        return "nesterov" if self.nesterov else "momentum"


@dataclass(frozen=True)
class Adam(optimizers.Adam):
    """With epsilon outside of the correction of the bias: the paper's "epsilon hat", section 2."""

    @property
    def constants(self) -> tuple[float, ...]:
        return *super().constants, 1.0

    def change(self, g: Array, slots: Sequence[Array], rate: float, number: int) -> Array:
        hat = self.epsilon / math.sqrt(1 - self.beta_2**number)
        inside = optimizers.Adam(self.learning_rate, self.beta_1, self.beta_2, hat)
        return inside.change(g, slots, rate, number)
