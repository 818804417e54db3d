"""The end of an epoch: history, validation, schedule, early stopping, callback and progress bar."""

from collections.abc import Callable, Sequence

from .. import validation
from ..common.arrays import Array
from ..evaluation import Evaluation
from ..history import History, Step
from ..optimizers import LBFGS
from ..schedules import ReduceOnPlateau
from .config import TrainingConfig
from .state import Rates, Snapshot, TrainingState


class Monitor:
    """Records the epochs of one call of ``train``, and decides when training stops.

    Parameters
    ----------
    config : TrainingConfig
    state : TrainingState
    rates : Rates
    arrays : sequence of ndarray
        Parameters and slots, which early stopping restores.
    evaluate : callable, optional
        Evaluates the network on the validation data.

    Attributes
    ----------
    history : History
    show : callable or None
        Shows a `Step` in the progress bar.
    """

    show: Callable[[Step], None] | None = None

    def __init__(
        self,
        config: TrainingConfig,
        state: TrainingState,
        rates: Rates,
        arrays: Sequence[Array],
        evaluate: Callable[[], Evaluation] | None = None,
    ) -> None:
        self.history = History()
        self._config, self._state, self._rates = config, state, rates
        self._arrays, self._evaluate = arrays, evaluate
        self._watch = config.early_stopping.watch() if config.early_stopping else None
        self._best: Snapshot | None = None
        self._before_step: Snapshot | None = None

    @property
    def keeps_before_step(self) -> bool:
        """Whether `before_step` must be called before the last step of each epoch, at least.

        The training loss of an epoch is measured before each step; L-BFGS measures it after each
        iteration.
        """
        stopping = self._config.early_stopping
        return (
            stopping is not None
            and stopping.restore_best
            and stopping.monitor == "loss"
            and not isinstance(self._config.optimizer, LBFGS)
        )

    def before_step(self) -> None:
        """Keep the parameters on which the next step measures its loss."""
        self._before_step = self._snapshot()

    @property
    def sees_every_epoch(self) -> bool:
        """Whether epochs must be recorded one at a time."""
        return (
            self._config.callback is not None
            or self._config.batch_callback is not None
            or self._evaluate is not None
            or self._watch is not None
            or self.show is not None
            or self._rates.depends_on_epochs
        )

    def record(self, losses: Sequence[float], rates: Array) -> bool:
        """Record epochs; return whether training stops.

        Parameters
        ----------
        losses : sequence of float
            The mean loss of each epoch.
        rates : ndarray, (n_epochs, n_batches)
            The learning rates of their steps.
        """
        history = self.history
        # Evaluated first: an exception leaves all series of the history equally long.
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
        schedule = self._config.optimizer.learning_rate
        if self._rates.depends_on_epochs and isinstance(schedule, ReduceOnPlateau):
            assert self._state.plateau is not None
            self._state.plateau = schedule.after(
                self._state.plateau, getattr(step, schedule.monitor)
            )
        is_over = self._stops_early(step)
        if self.show is not None:
            self.show(step)
        if self._config.callback is not None:
            given = step.learning_rate
            if validation.answer(self._config.callback(step), "callback"):
                history.stopped = "the callback said so"
                is_over = True
            if step.learning_rate != given:
                self._rates.set(step.learning_rate)
        return is_over

    def _stops_early(self, step: Step) -> bool:
        if self._watch is None:
            return False
        stopping = self._watch.stopping
        if self._watch.update(step.epoch, getattr(step, stopping.monitor)):
            self.history.best_epoch = step.epoch
            if stopping.restore_best:
                self._best = self._before_step or self._snapshot()
        if self._watch.is_over and self.history.stopped is None:
            self.history.stopped = (
                f"no better {stopping.monitor.replace('_', ' ')} for {stopping.patience} epochs"
            )
        return self._watch.is_over

    def restore_best(self, measure: Callable[[], float] | None) -> None:
        """Restore the parameters of the best epoch, if early stopping asks for it.

        Parameters
        ----------
        measure : callable, optional
            Returns the present mean training loss. The loss after the last step was not measured,
            and may be the best of all.
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
        self._best.restore()

    def _snapshot(self) -> Snapshot:
        return Snapshot(self._arrays, self._state).take()
