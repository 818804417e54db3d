"""scikit-learn's optimizers as rules of the engine, where they differ from the engine's own."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .. import optimizers
from ..common.arrays import Array
from ..optimizers import SGD, Optimizer

_MAX_SHRINKAGE = 0.5  # fraction of the weights that L2 may remove in one plain step


def steady(optimizer: Optimizer, max_l2: float) -> Optimizer:
    """Return an equal optimizer that tolerates any shrinkage of the weights.

    A plain step of `SGD` shrinks weights by a factor that must stay above 0.

    Parameters
    ----------
    optimizer : Optimizer
    max_l2 : float
        The largest L2 strength of any batch.
    """
    rate = optimizer.learning_rate
    if type(optimizer) is not SGD or optimizer.momentum or not max_l2:
        return optimizer
    if isinstance(rate, float) and rate * max_l2 <= _MAX_SHRINKAGE:
        return optimizer
    return Momentum(rate)


@dataclass(frozen=True)
class Momentum(SGD):
    """SGD with momentum from 0 to 1, inclusive.

    scikit-learn's velocity is minus the rate times this one: equal while the rate is constant.
    """

    slots = ("velocity",)

    def __post_init__(self) -> None:
        """Skip the checks: scikit-learn has made them."""

    @property
    def rule(self) -> str:
        return "nesterov" if self.nesterov else "momentum"


@dataclass(frozen=True)
class Adam(optimizers.Adam):
    """Adam that adds epsilon before the bias correction: the paper's "epsilon hat", section 2."""

    rule = "adam_epsilon_hat"

    def change(self, g: Array, slots: Sequence[Array], rate: float, number: int) -> Array:
        hat = self.epsilon / math.sqrt(1 - self.beta_2**number)
        inside = optimizers.Adam(self.learning_rate, self.beta_1, self.beta_2, hat)
        return inside.change(g, slots, rate, number)
