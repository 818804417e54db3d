"""The state that training resumes from: slots, step counters, learning rates and snapshots."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..common.arrays import Array, copy_arrays
from ..optimizers import LearningRate, Optimizer
from ..regularization import Regularization
from ..schedules import FunctionSchedule, Plateau, ReduceOnPlateau, Schedule


@dataclass
class TrainingState:
    """The state that one call of ``train`` leaves to the next.

    Attributes
    ----------
    optimizer : Optimizer
        The optimizer that wrote the slots.
    slots : sequence of sequences of ndarray
        The optimizer's values per parameter: each slot has the layout of the engine's storage.
    n_steps : int
        Steps since the slots were 0.
    n_steps_of_schedule : int
        Steps since the present learning rate began.
    plateau : Plateau or None
        The state of a `ReduceOnPlateau`.
    first_loss : float or None
        Loss, with penalties, where the iterations of `LBFGS` began.
    """

    optimizer: Optimizer
    slots: Sequence[Sequence[Array]]
    n_steps: int = 0
    n_steps_of_schedule: int = 0
    plateau: Plateau | None = None
    first_loss: float | None = None

    @property
    def arrays(self) -> list[Array]:
        """The arrays of all slots."""
        return [array for slot in self.slots for array in slot]

    def with_slots(self, slots: Sequence[Sequence[Array]]) -> "TrainingState":
        """Return a copy with other slots, and without a learning rate that is a function."""
        optimizer = self.optimizer
        if not isinstance(optimizer.learning_rate, float | Schedule | ReduceOnPlateau):
            optimizer = type(optimizer)(**optimizer.settings())
        return replace(self, optimizer=optimizer, slots=slots)

    def counters(self) -> dict[str, Any]:
        """Return the attributes that change with each step or epoch, by name."""
        return {
            "n_steps": self.n_steps,
            "n_steps_of_schedule": self.n_steps_of_schedule,
            "plateau": self.plateau,
        }

    def resume(self, optimizer: Optimizer) -> None:
        """Continue with an optimizer that can use the slots; a new learning rate starts at 0."""
        if optimizer.learning_rate != self.optimizer.learning_rate:
            self.n_steps_of_schedule, self.plateau = 0, None
        self.optimizer = optimizer


class Snapshot:
    """A copy of parameters, slots and step counters that can be restored.

    Parameters
    ----------
    arrays : sequence of ndarray
        The parameters and the slots.
    state : TrainingState
    """

    def __init__(self, arrays: Sequence[Array], state: TrainingState) -> None:
        self._arrays, self._state = arrays, state
        self._copies = [np.empty_like(array) for array in arrays]

    def take(self) -> "Snapshot":
        """Copy the current values; return the snapshot."""
        copy_arrays(self._arrays, self._copies)
        self.counters = self._state.counters()
        return self

    def restore(self) -> None:
        """Write the copied values back."""
        copy_arrays(self._copies, self._arrays)
        vars(self._state).update(self.counters)


class Rates:
    """The learning rates of one call of ``train``.

    A schedule without a length of its own spans the call. A schedule with a length resumes where
    an equal one of the previous call stopped. A function of the step counts all steps.

    Parameters
    ----------
    state : TrainingState
        Its optimizer has the learning rate, and its counters tell the next step.
    n_steps : int or None
        Steps of the call, if known.
    regularization : Regularization
    """

    def __init__(
        self, state: TrainingState, n_steps: int | None, regularization: Regularization
    ) -> None:
        self._state = state
        # Each step multiplies the weights by 1 - rate * shrinkage, apart from their gradient.
        self._shrinkage = ("weight_decay", state.optimizer.weight_decay)
        # (With by_weight, l2 has no bound that is known here: sklearn/solvers.py checks it.)
        if state.optimizer.rule == "sgd" and not regularization.by_weight:
            self._shrinkage = ("l2", regularization.l2)
        given: LearningRate = state.optimizer.learning_rate
        self._schedule: float | Schedule = given if isinstance(given, float | int) else 0.0
        if isinstance(given, Schedule):
            self._schedule = given.over(n_steps) if n_steps else given
            if self._schedule != given:
                state.n_steps_of_schedule = 0
        elif callable(given):
            self._schedule = FunctionSchedule(given)
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
            first = (
                state.n_steps
                if isinstance(schedule, FunctionSchedule)
                else state.n_steps_of_schedule
            )
            rates = schedule.rates(np.arange(first, first + n_epochs * n_batches))
            rates = np.ascontiguousarray(rates, float).reshape(n_epochs, n_batches)
        else:
            rates = np.full((n_epochs, n_batches), float(schedule))
        self._check(float(rates.max()))
        return rates

    def _check(self, rate: float) -> None:
        name, strength = self._shrinkage
        if strength and not rate * strength < 1:
            raise ValueError(
                f"{name} times learning_rate must be below 1, for weights to shrink by less than "
                f"all of them at a step, got {strength} times {rate}"
            )

    def set(self, rate: float) -> None:
        """Replace the schedule by a constant rate for the rest of the call."""
        self._check(rate)
        self._schedule, self.depends_on_epochs = rate, False
