"""Learning rates that change during training.

Most schedules are functions of the step: one update of the parameters, that is one batch. The first
step of a schedule is step 0. `ReduceOnPlateau` depends on the results of epochs instead.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from .common.argument_checks import count, not_negative, number_between, one_of, positive
from .common.arrays import Array
from .common.call_errors import with_helpful_errors
from .common.parametrized import Settings
from .history import SIGNS

_MIN_CHANGE = 1e-8  # of a rate on a plateau, as in PyTorch

_fraction = partial(number_between, low=0, high=1, is_open=True)
_fraction_or_one = partial(number_between, low=0, high=1, is_open=True, has_high=True)


def _optional_length(value: int | None, what: str) -> int | None:
    return None if value is None else count(value, what, minimum=1)


class Schedule(Settings, ABC):
    """A learning rate that is a function of the step."""

    @abstractmethod
    def rates(self, steps: Array) -> Array:
        """Compute the learning rates of some steps.

        Parameters
        ----------
        steps : ndarray, (n,)
            Numbers of updates, from 0.

        Returns
        -------
        ndarray of float64, (n,)
        """

    def over(self, n_steps: int) -> "Schedule":
        """Return this schedule with ``n_steps``, if it was made without."""
        return self


def check_has_length(rate: object, argument: str, why: str) -> None:
    """Reject a schedule without ``n_steps`` where no call of ``train`` can supply it."""
    if getattr(rate, "n_steps", 0) is None:
        raise ValueError(f"{argument} must have n_steps{why}, got {rate!r}")


class _Finite(Schedule):
    """A schedule that ends after ``n_steps``."""

    n_steps: int | None

    def over(self, n_steps: int) -> Schedule:
        if self.n_steps is not None:
            return self
        return type(self)(**self.parameters, n_steps=n_steps)  # type: ignore[call-arg]

    @property
    def _known_n_steps(self) -> int:
        if self.n_steps is None:
            raise ValueError(
                f"n_steps of {type(self).__name__} must be given to compute rates outside of "
                "`train`, got None"
            )
        return self.n_steps


@with_helpful_errors
@dataclass(frozen=True)
class InverseScaling(Schedule):
    """``start`` / (step + 1)**``power``, the form of scikit-learn's "invscaling" [1]_.

    Parameters
    ----------
    start : float
        The learning rate of the first step, above 0.
    power : float, default 0.5
        Not negative; 0 means a constant learning rate.

    References
    ----------
    .. [1] H. Robbins and S. Monro, "A Stochastic Approximation Method", Annals of Mathematical
       Statistics 22 (1951), which proves convergence for 0.5 < power <= 1.
    """

    start: float
    power: float = 0.5

    name = "inverse_scaling"

    def __post_init__(self) -> None:
        self._check(start=positive, power=not_negative)

    def rates(self, steps: Array) -> Array:
        return self.start * (steps + 1.0) ** -self.power


@with_helpful_errors
@dataclass(frozen=True)
class StepDecay(Schedule):
    """Multiply the rate by ``factor`` after every ``every`` steps: PyTorch's ``StepLR``.

    Its formula is ``start`` * ``factor``**(step // ``every``).

    Parameters
    ----------
    start : float
        The learning rate of the first step, above 0.
    factor : float, default 0.1
        Above 0 and at most 1.
    every : int
        Number of steps, that is batches, between two changes.
    """

    start: float
    factor: float = 0.1
    every: int = field(kw_only=True)

    name = "step_decay"

    def __post_init__(self) -> None:
        self._check(start=positive, factor=_fraction_or_one, every=partial(count, minimum=1))

    def rates(self, steps: Array) -> Array:
        return self.start * self.factor ** (steps // self.every)


@dataclass(frozen=True)
class _FromStartToEnd(_Finite):
    start: float
    end: float = 0.0
    n_steps: int | None = None

    def __post_init__(self) -> None:
        self._check(start=positive, end=not_negative, n_steps=_optional_length)


@with_helpful_errors
@dataclass(frozen=True)
class Linear(_FromStartToEnd):
    """Change linearly from ``start`` to ``end``: PyTorch's ``LinearLR``.

    Its formula is ``start`` + (``end`` - ``start``) step / ``n_steps``, and ``end`` after that.

    Parameters
    ----------
    start : float
        The learning rate of the first step, above 0.
    end : float, default 0.0
        The learning rate from step ``n_steps`` on; not negative. It may be above ``start``.
    n_steps : int, optional
        Number of steps, that is batches, to the end; by default all steps of the training.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Linear
    >>> Linear(0.4, n_steps=4).rates(np.arange(6)).round(3).tolist()
    [0.4, 0.3, 0.2, 0.1, 0.0, 0.0]
    """

    name = "linear"

    def rates(self, steps: Array) -> Array:
        return np.interp(steps, [0, self._known_n_steps], [self.start, self.end])


@with_helpful_errors
@dataclass(frozen=True)
class Cosine(_FromStartToEnd):
    """Change from ``start`` to ``end`` along half a wave: PyTorch's ``CosineAnnealingLR`` [1]_.

    Its formula is ``end`` + (``start`` - ``end``) (1 + cos(pi step / ``n_steps``)) / 2, and ``end``
    after that: there are no restarts.

    Parameters
    ----------
    start : float
        The learning rate of the first step, above 0.
    end : float, default 0.0
        The learning rate from step ``n_steps`` on; not negative.
    n_steps : int, optional
        Number of steps, that is batches, to the end; by default all steps of the training.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts",
       ICLR (2017).
    """

    name = "cosine"

    def rates(self, steps: Array) -> Array:
        return _half_wave(self.start, self.end, steps / self._known_n_steps)


@with_helpful_errors
@dataclass(frozen=True)
class OneCycle(_Finite):
    """Increase to ``peak``, then decrease to almost 0: PyTorch's ``OneCycleLR`` [1]_.

    Both ways are half a wave, as in `Cosine`: from ``peak`` * ``start_factor`` at step 0 to
    ``peak`` at ``warm_up`` * ``n_steps`` - 1, and on to ``peak`` * ``end_factor`` at the last
    step, ``n_steps`` - 1. A warm-up that would end before step 0 is left out.

    Parameters
    ----------
    peak : float
        The highest learning rate, above 0.
    n_steps : int, optional
        Number of steps, that is batches, of the cycle; by default all steps of the training.
    warm_up : float, default 0.3
        The fraction of the steps in which the rate increases, between 0 and 1.
    start_factor, end_factor : float, default 1/25 and 4e-6
        The first and the last learning rate, as fractions of ``peak``; from 0 to 1.

    References
    ----------
    .. [1] L. N. Smith and N. Topin, "Super-Convergence: Very Fast Training of Neural Networks Using
       Large Learning Rates", arXiv:1708.07120 (2018).
    """

    peak: float
    n_steps: int | None = None
    warm_up: float = 0.3
    start_factor: float = 1 / 25
    end_factor: float = 4e-6

    name = "one_cycle"

    def __post_init__(self) -> None:
        from_0_to_1 = partial(number_between, low=0, high=1, has_high=True)
        self._check(
            peak=positive,
            n_steps=_optional_length,
            warm_up=_fraction,
            start_factor=from_0_to_1,
            end_factor=from_0_to_1,
        )

    def rates(self, steps: Array) -> Array:
        top, last = self.warm_up * self._known_n_steps - 1, self._known_n_steps - 1
        goes_up = steps < top
        from_step = np.where(goes_up, 0, top)
        to_step = np.where(goes_up, top, last)
        return self.peak * _half_wave(
            np.where(goes_up, self.start_factor, 1.0),
            np.where(goes_up, 1.0, self.end_factor),
            (steps - from_step) / (to_step - from_step),
        )


def _half_wave(start: float | Array, end: float | Array, progress: Array) -> Array:
    """Change from ``start`` to ``end`` as ``progress`` goes from 0 to 1; ``end`` after that."""
    return end + (start - end) / 2 * (1 + np.cos(np.pi * np.minimum(progress, 1)))


@dataclass(frozen=True)
class FunctionSchedule(Schedule):
    """A schedule by a function of the user.

    Parameters
    ----------
    function : callable
        It takes the number of a step, an int from 0, and returns the learning rate, not negative.
    """

    function: Callable[[int], float]

    name = "of_step"

    def rates(self, steps: Array) -> Array:
        rates = [
            not_negative(self.function(step), f"learning_rate at step {step}")
            for step in map(int, steps)
        ]
        return np.array(rates, np.float64)


@dataclass(frozen=True)
class Plateau:
    """The state of a `ReduceOnPlateau`.

    Attributes
    ----------
    rate : float
        The learning rate of the next epoch.
    best : float or None
        The best value; None before the first epoch.
    n_bad_epochs : int
        Number of epochs since the last improvement or reduction of the rate.
    cooldown_left : int
        Number of epochs to come that do not count as bad.
    """

    rate: float
    best: float | None = None
    n_bad_epochs: int = 0
    cooldown_left: int = 0


@with_helpful_errors
@dataclass(frozen=True)
class ReduceOnPlateau(Settings):
    """Reduce the rate when a value stops improving: PyTorch's ``ReduceLROnPlateau``.

    Parameters
    ----------
    start : float
        The learning rate of the first epoch, above 0.
    monitor : {"loss", "validation_loss", "validation_score"}, default "loss"
        The value that has to improve: a loss decreases, the score increases.
    factor : float, default 0.1
        The rate is multiplied by this; above 0 and below 1.
    patience : int, default 10
        Number of bad epochs that are tolerated: the rate is reduced after one more.
    min_delta : float, default 1e-4
        An epoch is bad unless it improves the best value by more than this fraction of it.
    cooldown : int, default 0
        Number of epochs after a reduction that do not count as bad.
    lowest : float, default 0.0
        The rate is not reduced below this, and not by 1e-8 or less.
    """

    start: float
    monitor: str = "loss"
    factor: float = 0.1
    patience: int = 10
    min_delta: float = 1e-4
    cooldown: int = 0
    lowest: float = 0.0

    name = "reduce_on_plateau"

    def __post_init__(self) -> None:
        self._check(
            start=positive,
            monitor=partial(one_of, known=SIGNS),
            factor=_fraction,
            patience=partial(count, minimum=0),
            min_delta=not_negative,
            cooldown=partial(count, minimum=0),
            lowest=not_negative,
        )

    def begin(self) -> Plateau:
        """Return the state before the first epoch."""
        return Plateau(self.start)

    def after(self, state: Plateau, value: float) -> Plateau:
        """Return the state after one more epoch.

        Parameters
        ----------
        state : Plateau
        value : float
            The monitored value of the epoch; NaN is no improvement.

        Returns
        -------
        Plateau
        """
        sign, best = SIGNS[self.monitor], state.best
        bound = -math.inf if best is None else sign * best + self.min_delta * abs(best)
        is_better = sign * value > bound
        rate, cooldown_left = state.rate, max(0, state.cooldown_left - 1)
        n_bad_epochs = 0 if is_better or state.cooldown_left else state.n_bad_epochs + 1
        if n_bad_epochs > self.patience:
            n_bad_epochs, cooldown_left = 0, self.cooldown
            reduced = max(rate * self.factor, self.lowest)
            if rate - reduced > _MIN_CHANGE:
                rate = reduced
        return Plateau(rate, float(value) if is_better else best, n_bad_epochs, cooldown_left)


SCHEDULES: dict[str, type[Settings]] = {
    kind.name: kind
    for kind in (InverseScaling, StepDecay, Linear, Cosine, OneCycle, ReduceOnPlateau)
}
"""The schedules that a name and parameters describe in full."""
