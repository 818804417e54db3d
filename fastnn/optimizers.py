"""The optimizers: hyper-parameters, slots per parameter, and formulas in NumPy.

The reference computes with the formulas; the tests compare the kernels with them. The kernels know
the formulas by the names of their rules. In the formulas, g is the mean gradient of a batch with
its penalties, and number is that of the step, from 1.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from .common import hints
from .common.argument_checks import (
    check_takes_one,
    count,
    flag,
    is_real,
    not_negative,
    number_between,
    positive,
)
from .common.arrays import Array
from .common.call_errors import with_helpful_errors
from .common.parametrized import Settings
from .schedules import SCHEDULES, ReduceOnPlateau, Schedule

LearningRate: TypeAlias = float | Schedule | ReduceOnPlateau | Callable[[int], float]
"""A number, a schedule, or a function of the step, counted from 0."""


class Optimizer(Settings, ABC):
    """The base class of all optimizers.

    Attributes
    ----------
    name : str
        The name in ``train`` and in model files.
    learning_rate : float, Schedule, ReduceOnPlateau or callable
        The rate.
    weight_decay : float
        Each step multiplies the weights by 1 - rate weight_decay, apart from their gradient.
    takes_batches : bool
        Whether the optimizer works with less than the full batch.
    """

    name: str
    learning_rate: LearningRate
    weight_decay: float = 0.0
    takes_batches = True

    @property
    @abstractmethod
    def slots(self) -> tuple[str, ...]:
        """Names of the numbers that are kept per parameter, initially 0."""

    @property
    @abstractmethod
    def rule(self) -> str:
        """The name of the formula in the kernels."""

    @property
    def constants(self) -> tuple[float, ...]:
        """The constants of the formula, in the order of the kernels."""
        return ()

    @abstractmethod
    def change(self, g: Array, slots: Sequence[Array], rate: float, number: int) -> Array:
        """Return the update to subtract, which may overwrite g; update the slots in place."""

    def settings(self) -> dict[str, Any]:
        """Return all arguments of the constructor except the learning rate."""
        return {name: x for name, x in self.parameters.items() if name != "learning_rate"}

    def can_resume(self, before: "Optimizer") -> bool:
        """Return whether this optimizer can resume with the slots of another one."""
        return (self.name, self.slots) == (before.name, before.slots)


_fraction = partial(number_between, low=0, high=1)


def checked_rate(value: LearningRate, what: str) -> LearningRate:
    """Check for a number above 0, a schedule, or a function."""
    if type(value) in SCHEDULES.values():  # exactly: model files cannot hold a user's subclass
        return value
    expected = f"{what} must be a number, a schedule such as Cosine(0.1) or a function of the step"
    if callable(value) and not isinstance(value, type | Schedule):
        check_takes_one(value, expected)
        return value
    if not is_real(value):
        raise TypeError(f"{expected}, got {value!r}{hints.for_schedule(value)}")
    return positive(value, what)  # type: ignore[arg-type]  # a number


@with_helpful_errors
@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent: the parameters change by -rate g, or by -rate v with v = momentum v + g.

    With Nesterov's momentum [1]_ they change by -rate (g + momentum v).

    Parameters
    ----------
    learning_rate : float, schedule or callable, default 0.1
        The rate: a number, or a function of the step.
    momentum : float, default 0.0
        From 0 to below 1.
    nesterov : bool, default False
        Whether to look ahead; this requires momentum.

    References
    ----------
    .. [1] I. Sutskever et al., "On the importance of initialization and momentum in deep learning",
       ICML 2013; as in PyTorch, the velocity v is without the rate.
    """

    name = "sgd"

    learning_rate: LearningRate = 0.1
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        self._check(learning_rate=checked_rate, momentum=_fraction, nesterov=flag)
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov of SGD must be False without momentum, got True")

    @property
    def slots(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()

    @property
    def rule(self) -> str:
        if not self.momentum:
            return "sgd"
        return "nesterov" if self.nesterov else "momentum"

    @property
    def constants(self) -> tuple[float, ...]:
        return (self.momentum,)

    def change(self, g: Array, slots: Sequence[Array], rate: float, number: int) -> Array:
        if not self.momentum:
            g *= rate
            return g
        (velocity,) = slots
        velocity *= self.momentum
        velocity += g
        return rate * (g + self.momentum * velocity if self.nesterov else velocity)


@with_helpful_errors
@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam [1]_: the mean of past gradients over the root of the mean of their squares.

    Parameters
    ----------
    learning_rate : float, schedule or callable, default 0.001
        The rate: a number, or a function of the step.
    beta_1, beta_2 : float, default 0.9, 0.999
        Factors by which the means decay at each step, from 0 to below 1.
    epsilon : float, default 1e-8
        Added to the root; above 0.

    References
    ----------
    .. [1] D. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
    """

    name = "adam"
    slots = ("mean", "mean_square")
    rule = "adam"

    learning_rate: LearningRate = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        self._check(
            learning_rate=checked_rate, beta_1=_fraction, beta_2=_fraction, epsilon=positive
        )

    @property
    def constants(self) -> tuple[float, ...]:
        return self.beta_1, self.beta_2, self.epsilon

    def change(self, g: Array, slots: Sequence[Array], rate: float, number: int) -> Array:
        mean, square = slots
        mean += (1 - self.beta_1) * (g - mean)
        square *= self.beta_2
        square += (1 - self.beta_2) * g * g
        unbiased_rate = rate / (1 - self.beta_1**number)
        root = np.sqrt(square) / math.sqrt(1 - self.beta_2**number)
        return unbiased_rate * mean / (root + self.epsilon)


@with_helpful_errors
@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay [1]_: each step first shrinks the weights.

    They are multiplied by 1 - rate weight_decay.

    Parameters
    ----------
    learning_rate : float, schedule or callable, default 0.001
        As in `Adam`, and so are the others.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999, 1e-8
    weight_decay : float, default 0.01
        Not negative; applied to weights, not to biases.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
    """

    name = "adamw"

    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check(weight_decay=not_negative)


@with_helpful_errors
@dataclass(frozen=True)
class RMSprop(Optimizer):
    """RMSprop: the gradient over the root of the mean of its past squares [1]_.

    Parameters
    ----------
    learning_rate : float, schedule or callable, default 0.001
        The rate: a number, or a function of the step.
    rho : float, default 0.9
        Factor by which the mean decays at each step, from 0 to below 1.
    epsilon : float, default 1e-8
        Added to the root; above 0.

    References
    ----------
    .. [1] T. Tieleman and G. Hinton, "Neural Networks for Machine Learning", lecture 6.5, 2012.
    """

    name = "rmsprop"
    slots = ("mean_square",)
    rule = "rmsprop"

    learning_rate: LearningRate = 0.001
    rho: float = 0.9
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        self._check(learning_rate=checked_rate, rho=_fraction, epsilon=positive)

    @property
    def constants(self) -> tuple[float, ...]:
        return self.rho, self.epsilon

    def change(self, g: Array, slots: Sequence[Array], rate: float, number: int) -> Array:
        (square,) = slots
        square *= self.rho
        square += (1 - self.rho) * g * g
        return rate * g / (np.sqrt(square) + self.epsilon)


@with_helpful_errors
@dataclass(frozen=True)
class Adagrad(Optimizer):
    """Adagrad: the gradient over the root of the sum of its past squares [1]_.

    Parameters
    ----------
    learning_rate : float, schedule or callable, default 0.01
        The rate: a number, or a function of the step.
    epsilon : float, default 1e-10
        Added to the root; above 0.

    References
    ----------
    .. [1] J. Duchi, E. Hazan and Y. Singer, "Adaptive Subgradient Methods for Online Learning and
       Stochastic Optimization", JMLR 12 (2011).
    """

    name = "adagrad"
    slots = ("sum_of_squares",)
    rule = "adagrad"

    learning_rate: LearningRate = 0.01
    epsilon: float = 1e-10

    def __post_init__(self) -> None:
        self._check(learning_rate=checked_rate, epsilon=positive)

    @property
    def constants(self) -> tuple[float, ...]:
        return (self.epsilon,)

    def change(self, g: Array, slots: Sequence[Array], rate: float, number: int) -> Array:
        (squares,) = slots
        squares += g * g
        return rate * g / (np.sqrt(squares) + self.epsilon)


@with_helpful_errors
@dataclass(frozen=True)
class Rprop(Optimizer):
    """Rprop: each parameter has its own step size, and moves against the sign of its gradient [1]_.

    A step size increases while the sign stays the same. When the sign changes, the step size
    decreases, and that step is left out. Rprop needs the full batch: ``batch_size=None``.

    Parameters
    ----------
    learning_rate : float, schedule or callable, default 0.01
        The size of the first step; later rates have no effect.
    shorter, longer : float, default 0.5, 1.2
        Factors of the step size: ``shorter``, between 0 and 1, when the sign changes; ``longer``,
        above 1, when it stays the same.
    shortest, longest : float, default 1e-6, 50
        The range of step sizes.

    References
    ----------
    .. [1] M. Riedmiller and H. Braun, "A direct adaptive method for faster backpropagation
       learning: the RPROP algorithm", ICNN 1993; without backtracking, as in PyTorch.
    """

    name = "rprop"
    takes_batches = False
    slots = ("last_gradient", "step_size")
    rule = "rprop"

    learning_rate: LearningRate = 0.01
    shorter: float = 0.5
    longer: float = 1.2
    shortest: float = 1e-6
    longest: float = 50.0

    def __post_init__(self) -> None:
        self._check(
            learning_rate=checked_rate,
            shorter=partial(number_between, low=0, high=1, is_open=True),
            longer=partial(number_between, low=1, high=math.inf, is_open=True),
            shortest=positive,
        )
        self._check(longest=partial(number_between, low=self.shortest, high=math.inf))

    @property
    def constants(self) -> tuple[float, ...]:
        return self.shorter, self.longer, self.shortest, self.longest

    def change(self, g: Array, slots: Sequence[Array], rate: float, number: int) -> Array:
        last, size = slots
        if number == 1:
            size[...] = rate
        agreement = np.sign(g) * np.sign(last)
        size *= np.where(agreement > 0, self.longer, np.where(agreement < 0, self.shorter, 1))
        np.clip(size, self.shortest, self.longest, out=size)
        last[...] = np.where(agreement < 0, 0, g)
        return size * np.sign(last)


@with_helpful_errors
@dataclass(frozen=True)
class LBFGS(Optimizer):
    """Limited-memory BFGS [1]_, scipy's ``fmin_l_bfgs_b``: for data sets of thousands of examples.

    It needs the full batch, ``batch_size=None``, and scipy, the extra ``lbfgs``. An epoch is one
    iteration with its line search; the loss of an epoch is measured after it. Training ends before
    ``epochs`` when it has converged. A call of ``train`` that resumes on the same data first
    repeats the earlier iterations, because scipy's memory cannot be saved: one call of many epochs
    costs less than many calls of a few.

    Parameters
    ----------
    memory : int, default 10
        Number of past steps that approximate the curvature.
    tolerance : float, default 1e-5
        Training ends when no element of the gradient is larger than this.

    References
    ----------
    .. [1] R. Byrd, P. Lu and J. Nocedal, "A Limited Memory Algorithm for Bound Constrained
       Optimization", SIAM Journal on Scientific Computing 16 (1995).
    """

    name = "lbfgs"
    takes_batches = False
    slots = ("beginning",)
    rule = "keep"
    learning_rate = 1.0  # unused: the line search finds the length of a step

    memory: int = 10
    tolerance: float = 1e-5

    def __post_init__(self) -> None:
        self._check(memory=partial(count, minimum=1), tolerance=not_negative)

    def change(self, g: Array, slots: Sequence[Array], rate: float, number: int) -> Array:
        raise NotImplementedError("scipy computes the steps of L-BFGS")


def check_makes_steps(optimizer: str | Optimizer, hint: str = "") -> None:
    """Reject L-BFGS, which cannot make a single step."""
    if optimizer == "lbfgs" or isinstance(optimizer, LBFGS):
        raise ValueError(
            f"optimizer must be one that makes a step for a batch, got {optimizer!r}{hint}"
        )


OPTIMIZERS: dict[str, type[Optimizer]] = {
    kind.name: kind for kind in (SGD, Adam, AdamW, RMSprop, Adagrad, Rprop, LBFGS)
}
