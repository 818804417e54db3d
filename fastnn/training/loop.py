"""The epoch loop: train chunk by chunk, undo what diverged, report each epoch to the monitor."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from .. import validation
from ..common.arrays import Array, are_finite
from ..engine import Epochs, Trainer
from ..history import Step
from .config import TrainingConfig
from .monitor import Monitor
from .sampler import Sampler
from .state import Rates, Snapshot, TrainingState


class TrainingDiverged(ArithmeticError):
    """The loss or a parameter is no longer finite."""


def diverged(epoch: int) -> TrainingDiverged:
    """Return the error for an epoch that diverged."""
    return TrainingDiverged(
        f"training diverged in epoch {epoch}: the loss or a parameter became NaN or infinite. The "
        "network is as it was before that epoch, or the blocks of it held at the time. Try a "
        "smaller learning_rate if the optimizer has one, or scale the inputs to about [0, 1]"
    )


class EpochLoop:
    """Makes the steps of one call of ``train``.

    However the loop ends, parameters and slots are finite and of the same step.

    Parameters
    ----------
    arrays : sequence of ndarray
        The arrays that a step changes: parameters and slots.
    state : TrainingState
    rates : Rates
    config : TrainingConfig
    monitor : Monitor

    Attributes
    ----------
    is_stopped : bool
        Whether a callback or early stopping has ended the training.
    """

    def __init__(
        self,
        arrays: Sequence[Array],
        state: TrainingState,
        rates: Rates,
        config: TrainingConfig,
        monitor: Monitor,
    ) -> None:
        self._arrays, self._backup = arrays, Snapshot(arrays, state)
        self._checkpoint: Snapshot | None = None
        self._state, self._rates, self._config = state, rates, config
        self._monitor = monitor
        self.is_stopped = False
        self.begin_epoch()

    @property
    def is_over(self) -> bool:
        """Whether there is no further epoch."""
        return self.is_stopped or len(self._monitor.history) >= self._config.epochs

    def train(self, trainer: Trainer, sampler: Sampler) -> None:
        """Train for all epochs on the same examples."""
        while not self.is_over:
            if self._monitor.sees_every_epoch:
                self.begin_epoch()
                self.train_part(trainer, sampler)
                self.end_epoch()
                continue
            # Short epochs share a backup.
            n_left = self._config.epochs - len(self._monitor.history)
            n_epochs = min(n_left, max(1, trainer.examples_per_backup // len(sampler)))
            epochs = self._draw(sampler, n_epochs)
            if (attempt := self._attempt(trainer, epochs)) is not None:
                self._monitor.record(attempt[0], epochs.rates)
                continue
            # One of the epochs diverged: repeat them one at a time, to stop before that epoch.
            for epoch in range(n_epochs):
                one = epochs[epoch : epoch + 1]
                if n_epochs == 1 or (attempt := self._attempt(trainer, one)) is None:
                    raise diverged(len(self._monitor.history) + 1)
                self._monitor.record(attempt[0], one.rates)

    def begin_epoch(self) -> None:
        """Begin an epoch; `train_part` and `end_epoch` follow."""
        self._loss, self._n_seen, self._n_batches = 0.0, 0, 0

    def train_part(self, trainer: Trainer, sampler: Sampler) -> None:
        """Train on examples that are the whole or a part of the epoch."""
        epoch = self._draw(sampler, 1)
        attempt = self._attempt(trainer, epoch)
        if attempt is None:
            raise diverged(len(self._monitor.history) + 1)
        (loss,), n_seen = attempt
        n_batches = -(-n_seen // self._config.rows_per_batch(len(sampler)))
        self._last_rates = epoch.rates[:, :n_batches]
        self._n_batches += n_batches
        self._n_seen += n_seen
        self._loss += loss * n_seen

    def end_epoch(self) -> None:
        """Report the epoch to the monitor."""
        if not self._n_seen:
            raise ValueError("X must hold at least one example, got blocks without any")
        mean = self._loss / self._n_seen
        self.is_stopped |= self._monitor.record([mean], self._last_rates)
        if self._config.callback is not None and not are_finite(self._arrays):
            self._backup.restore()
            raise ValueError(
                "callback must leave weights and biases finite, got NaN or infinity in them after "
                f"epoch {len(self._monitor.history)}. The network is as it was before that epoch, "
                "or the last blocks of it"
            )

    def _draw(self, sampler: Sampler, n_epochs: int) -> Epochs:
        # Rates come first: if they are refused, nothing has been drawn.
        rates = self._rates.upcoming(n_epochs, self._config.n_batches(len(sampler)))
        orders, keys = sampler.draw(n_epochs)
        return Epochs(orders, rates, keys, self._state.n_steps)

    def _attempt(self, trainer: Trainer, epochs: Epochs) -> tuple[list[float], int] | None:
        """Train for some epochs; undo them and return None if a number is not finite.

        Returns
        -------
        list of float
            The mean loss of each epoch.
        int
            Examples per epoch: fewer than all if a callback stopped the training.
        """
        self._latest = self._backup.take()
        self._is_settled = False
        losses = np.zeros(len(epochs))
        try:
            try:
                n_seen = self._train_chunks(trainer, epochs, losses)
            finally:
                self._settle(trainer, epochs, losses)
        finally:  # again: an interruption may come before or during the first call
            self._settle(trainer, epochs, losses)
        return ((losses / n_seen).tolist(), n_seen) if self._is_finite else None

    def _train_chunks(self, trainer: Trainer, epochs: Epochs, losses: Array) -> int:
        """Add up losses until one is not finite; return the number of examples per epoch."""
        n_epochs, n_examples = epochs.orders.shape
        calls_back = self._config.batch_callback is not None
        chunk = self._config.rows_per_batch(n_examples) if calls_back else trainer.chunk
        observer = self._config.observer
        if observer is not None:
            chunk = min(chunk, observer.n_rows)
        epochs_per_call = max(1, chunk // n_examples)
        for epoch in range(0, n_epochs, epochs_per_call):
            some = slice(epoch, min(epoch + epochs_per_call, n_epochs))
            for start, stop in self._chunks(n_examples, chunk):
                if self._monitor.keeps_before_step and (
                    calls_back or start == self._last_batch(n_examples)
                ):
                    self._flush(trainer, epochs)
                    self._monitor.before_step()
                if observer is not None and start % observer.n_rows == 0:
                    self._flush(trainer, epochs)
                    observer.call()
                # A reported batch has a sum of its own: the difference of two running sums would
                # lack what large losses before it have rounded away.
                sums = np.zeros(1) if calls_back else losses[some]
                trainer(epochs[some], start, stop, sums)
                if calls_back:
                    losses[some] += sums
                if not _all_finite(losses[some]):
                    return n_examples
                if calls_back:
                    self._flush(trainer, epochs)
                    loss = float(sums[0]) / (stop - start)
                    self._call_batch_callback(epochs, start // chunk + 1, loss)
                if self.is_stopped:
                    return stop
                every = trainer.examples_per_checkpoint
                if every and start // every < stop // every and stop < n_examples:
                    self._take_checkpoint(trainer, epochs)
        return n_examples

    def _settle(self, trainer: Trainer, epochs: Epochs, losses: Array) -> None:
        """Complete or undo the attempt: whole steps, which are counted, and finite parameters."""
        if self._is_settled:
            return
        self._flush(trainer, epochs)
        if epochs.is_in_step:
            self._latest.restore()
        self._is_finite = _all_finite(losses) and are_finite(self._arrays)
        if not self._is_finite:
            self._backup.restore()
        self._is_settled = True

    def _take_checkpoint(self, trainer: Trainer, epochs: Epochs) -> None:
        """Keep the parameters, to restore them if a later step is interrupted."""
        self._flush(trainer, epochs)
        if self._checkpoint is None:
            self._checkpoint = Snapshot(self._arrays, self._state)
        self._latest = self._checkpoint.take()

    def _chunks(self, n_examples: int, chunk: int) -> Iterator[tuple[int, int]]:
        """Return the first and the end row of each chunk of an epoch."""
        cuts = [*range(0, n_examples, chunk), n_examples]
        if self._monitor.keeps_before_step:  # between two calls
            cuts = sorted({*cuts, self._last_batch(n_examples)})
        return pairwise(cuts)

    def _last_batch(self, n_examples: int) -> int:
        """Return the first row of the last batch of an epoch."""
        rows_per_batch = self._config.rows_per_batch(n_examples)
        return (n_examples - 1) // rows_per_batch * rows_per_batch

    def _flush(self, trainer: Trainer, epochs: Epochs) -> None:
        """Apply pending factors to the parameters, and count the steps since the backup."""
        trainer.flush()
        for name in ("n_steps", "n_steps_of_schedule"):
            setattr(self._state, name, self._backup.counters[name] + int(epochs.n_done[0]))

    def _call_batch_callback(self, epoch: Epochs, n_done: int, loss: float) -> None:
        """Report a batch: the last of ``n_done`` of these examples' batches."""
        assert self._config.batch_callback is not None
        number, rates = len(self._monitor.history) + 1, epoch.rates[0]
        given = float(rates[n_done - 1])
        step = Step(number, loss, given, batch=self._n_batches + n_done)
        if validation.answer(self._config.batch_callback(step), "batch_callback"):
            self.is_stopped = True
            self._monitor.history.stopped = "batch_callback said so"
        if step.learning_rate != given:
            self._rates.set(step.learning_rate)
            rates[n_done:] = step.learning_rate


def _all_finite(losses: Array) -> bool:
    # Mostly one loss, for which NumPy takes several microseconds.
    return all(map(math.isfinite, losses.tolist()))
