"""The state that training goes on from: the optimizer's memory and the schedule."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arrays import Array
from ..optimizers import LearningRate, Optimizer
from ..regularization import Regularization
from ..schedules import OfStep, Plateau, ReduceOnPlateau, Schedule


@dataclass
class TrainingState:
    """The state that the last call of ``train`` leaves to the next one.

    Attributes
    ----------
    optimizer : Optimizer
        The one that kept the slots.
    slots : sequence of sequences of ndarray
        What it keeps of every parameter: like the network's storage, per slot.
    n_steps : int
        That it made since the slots were 0.
    n_steps_of_schedule : int
        Of these, the last ones, with the present learning rate.
    plateau : Plateau or None
        The state of a `ReduceOnPlateau`.
    first_loss : float or None
        Of `LBFGS`, the loss where its iterations began, with penalties.
    """

    optimizer: Optimizer
    slots: Sequence[Sequence[Array]]
    n_steps: int = 0
    n_steps_of_schedule: int = 0
    plateau: Plateau | None = None
    first_loss: float | None = None

    @property
    def arrays(self) -> list[Array]:
        """Those of all slots."""
        return [array for slot in self.slots for array in slot]

    def with_slots(self, slots: Sequence[Sequence[Array]]) -> "TrainingState":
        """Return the same with other slots, and without a learning rate that is a function."""
        optimizer = self.optimizer
        rate = optimizer.learning_rate
        if not isinstance(rate, float | Schedule | ReduceOnPlateau):
            optimizer = type(optimizer)(**optimizer.settings())
        return replace(self, optimizer=optimizer, slots=slots)

    def counters(self) -> dict[str, Any]:
        """Return the numbers that count steps and epochs, by the names of the attributes."""
        return {
            "n_steps": self.n_steps,
            "n_steps_of_schedule": self.n_steps_of_schedule,
            "plateau": self.plateau,
        }

    def resume(self, optimizer: Optimizer) -> None:
        """Go on with an optimizer that can use the slots; another schedule starts anew."""
        if optimizer.learning_rate != self.optimizer.learning_rate:
            self.n_steps_of_schedule, self.plateau = 0, None
        self.optimizer = optimizer


class Rates:
    """The learning rates of one call of ``train``.

    A schedule without a length of its own spans the call. One that is equal to that of the last
    call goes on where it stood, if it has a length. Functions of the step count all steps.
    """

    def __init__(
        self, state: TrainingState, n_steps: int | None, regularization: Regularization
    ) -> None:
        self._state = state
        # By this times the rate weights shrink, apart from their gradient.
        self._shrinks_by = ("weight_decay", state.optimizer.weight_decay)
        # (What is by_weight has no bound that is known here; sklearn/solvers.py looks to that.)
        if state.optimizer.rule == "sgd" and not regularization.by_weight:
            self._shrinks_by = ("l2", regularization.l2)
        given: LearningRate = state.optimizer.learning_rate
        self._schedule: float | Schedule = given if isinstance(given, float | int) else 0.0
        if isinstance(given, Schedule):
            self._schedule = given.over(n_steps) if n_steps else given
            if self._schedule != given:
                state.n_steps_of_schedule = 0
        elif callable(given):
            self._schedule = OfStep(given)
        self.depends_on_epochs = isinstance(given, ReduceOnPlateau)
        if isinstance(given, ReduceOnPlateau) and state.plateau is None:
            state.plateau = given.begin()

    def upcoming(self, n_epochs: int, n_batches: int) -> Array:
        """Return the learning rates of the next steps, (n_epochs, n_batches)."""
        state, schedule = self._state, self._schedule
        if self.depends_on_epochs:
            assert state.plateau is not None
            schedule = state.plateau.rate
        if isinstance(schedule, Schedule):
            first = state.n_steps if isinstance(schedule, OfStep) else state.n_steps_of_schedule
            rates = schedule.rates(np.arange(first, first + n_epochs * n_batches))
            rates = np.ascontiguousarray(rates, float).reshape(n_epochs, n_batches)
        else:
            rates = np.full((n_epochs, n_batches), float(schedule))
        self._check(float(rates.max()))
        return rates

    def _check(self, rate: float) -> None:
        name, times = self._shrinks_by
        if times and not rate * times < 1:
            raise ValueError(
                f"{name} times learning_rate must be below 1, for weights to shrink by less than "
                f"all of them at a step, got {times} times {rate}"
            )

    def set(self, rate: float) -> None:
        """Leave the schedule for a rate of the user's, for what is left of the call."""
        self._check(rate)
        self._schedule, self.depends_on_epochs = rate, False
