"""Do what comes after each epoch: history, validation, schedule, stopping, callback, progress."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

from .. import validation
from ..arrays import Array
from ..evaluation import Evaluation
from ..history import History, Step
from ..optimizers import LBFGS
from ..schedules import ReduceOnPlateau
from . import progress
from .config import Plan
from .state import Rates, TrainingState

_Kept: TypeAlias = tuple[list[Array], dict[str, Any]]
"""Parameters and what the optimizer keeps, and how far it has come."""


class Observer:
    """Sees every epoch of one call of ``train``, and says when to stop.

    Parameters
    ----------
    arrays : sequence of ndarray
        What early stopping keeps, and restores, of the best epoch.
    evaluate : callable, optional
        How good the network is on the validation data.
    """

    def __init__(
        self,
        plan: Plan,
        state: TrainingState,
        rates: Rates,
        arrays: Sequence[Array],
        evaluate: Callable[[], Evaluation] | None = None,
    ) -> None:
        self.history = History()
        self._plan, self._state, self._rates, self._evaluate = plan, state, rates, evaluate
        self._arrays = arrays
        self._watch = plan.early_stopping.watch() if plan.early_stopping else None
        self._best: _Kept | None = None
        self._before_step: _Kept | None = None
        self._show: Callable[[Step], None] | None = None

    @property
    def keeps_before_step(self) -> bool:
        """Whether `before_step` must be called: before the last step of an epoch at least.

        The training loss of an epoch is measured before each of its steps, but that of an iteration
        of L-BFGS after it.
        """
        stopping = self._plan.early_stopping
        return (
            stopping is not None
            and stopping.restore_best
            and stopping.monitor == "loss"
            and not isinstance(self._plan.optimizer, LBFGS)
        )

    def before_step(self) -> None:
        """Keep the parameters that the loss of the next step is measured on."""
        self._before_step = self._copy()

    @property
    def sees_every_epoch(self) -> bool:
        """Whether epochs must be seen one by one."""
        return (
            self._plan.callback is not None
            or self._plan.batch_callback is not None
            or self._evaluate is not None
            or self._watch is not None
            or self._show is not None
            or self._rates.depends_on_epochs
        )

    def __enter__(self) -> "Observer":
        self._bar: AbstractContextManager[Callable[[Step], None] | None] = (
            progress.bar(self._plan.epochs) if self._plan.progress else nullcontext()
        )
        self._show = self._bar.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._bar.__exit__(*exception)

    def see(self, losses: Sequence[float], rates: Array) -> bool:
        """Take note of epochs with these losses and rates of steps; whether to stop."""
        history = self.history
        # Evaluated before anything is noted: an exception leaves all series equally long.
        evaluation = None if self._evaluate is None else self._evaluate()
        history.loss += losses
        history.learning_rate += rates[:, -1].tolist()
        if not self.sees_every_epoch:
            return False
        step = Step(len(history), history.loss[-1], history.learning_rate[-1])
        if evaluation is not None:
            history.validation_loss.append(evaluation.loss)
            history.validation_score.append(evaluation.score)
            history.metric = evaluation.metric
            step = Step(
                step.epoch, step.loss, step.learning_rate, evaluation.loss, evaluation.score
            )
        schedule = self._plan.optimizer.learning_rate
        if self._rates.depends_on_epochs and isinstance(schedule, ReduceOnPlateau):
            assert self._state.plateau is not None
            self._state.plateau = schedule.after(
                self._state.plateau, getattr(step, schedule.monitor)
            )
        is_over = self._is_over(step)
        if self._show is not None:
            self._show(step)
        if self._plan.callback is not None:
            given = step.learning_rate
            if validation.answer(self._plan.callback(step), "callback"):
                history.stopped = "the callback said so"
                is_over = True
            if step.learning_rate != given:
                self._rates.set(step.learning_rate)
        return is_over

    def _is_over(self, step: Step) -> bool:
        if self._watch is None:
            return False
        stopping = self._watch.stopping
        if self._watch.see(step.epoch, getattr(step, stopping.monitor)):
            self.history.best_epoch = step.epoch
            if stopping.restore_best:
                self._best = self._before_step or self._copy()
        if self._watch.is_over and self.history.stopped is None:
            self.history.stopped = (
                f"no better {stopping.monitor.replace('_', ' ')} for {stopping.patience} epochs"
            )
        return self._watch.is_over

    def restore_best(self, measure: Callable[[], float] | None) -> None:
        """Leave the network with the best parameters, if early stopping is to.

        Parameters
        ----------
        measure : callable, optional
            Returns the mean training loss now. After the last step it was not measured, and might
            be better than all before.
        """
        if self._best is None:
            return
        if (
            self._before_step is not None
            and measure is not None
            and self.history.best_epoch == len(self.history)
            and measure() < self.history.loss[-1]
        ):
            return
        arrays, counters = self._best
        for array, best in zip(self._arrays, arrays, strict=True):
            array[...] = best
        vars(self._state).update(counters)

    def _copy(self) -> _Kept:
        return [array.copy() for array in self._arrays], self._state.counters()
