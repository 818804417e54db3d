"""The epoch loop: chunks, divergence, and who sees what came of an epoch."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from .. import validation
from ..arrays import Array, are_finite, copy_arrays
from ..engine import Descent, Epochs
from ..history import Step
from .config import Plan
from .monitor import Observer
from .sampler import Draws
from .state import Rates, TrainingState


class TrainingDiverged(ArithmeticError):
    """The loss or a parameter is no longer finite."""


def diverged(epoch: int) -> TrainingDiverged:
    """Return the error that says so."""
    return TrainingDiverged(
        f"training diverged in epoch {epoch}: the loss or a parameter became NaN or infinite. The "
        "network is as it was before that epoch, or the blocks of it held at the time. Try a "
        "smaller learning_rate if the optimizer has one, or scale the inputs to about [0, 1]"
    )


class Run:
    """The steps of one call of ``train``.

    However it ends, the arrays are finite, and parameters fit the optimizer's state.

    Parameters
    ----------
    arrays : sequence of ndarray
        All that a step changes: the parameters, and what the optimizer keeps.
    """

    def __init__(
        self,
        arrays: Sequence[Array],
        state: TrainingState,
        rates: Rates,
        plan: Plan,
        observer: Observer,
    ) -> None:
        self._arrays, self._backup = arrays, _Backup(arrays, state)
        self._checkpoint: _Backup | None = None
        self._state, self._rates, self._plan = state, rates, plan
        self._observer = observer
        self.is_stopped = False
        self.begin_epoch()

    @property
    def is_over(self) -> bool:
        """Whether there is no further epoch."""
        return self.is_stopped or len(self._observer.history) >= self._plan.epochs

    def train(self, descend: Descent, draws: Draws, n_examples: int) -> None:
        """Train for all epochs on the same examples."""
        while not self.is_over:
            if self._observer.sees_every_epoch:
                self.begin_epoch()
                self.go_on(descend, draws, n_examples)
                self.end_epoch()
                continue
            # Short epochs share a backup.
            n_left = self._plan.epochs - len(self._observer.history)
            n_epochs = min(n_left, max(1, descend.examples_per_backup // n_examples))
            epochs = self._next(draws, n_epochs, n_examples)
            losses = self._attempt(descend, epochs)
            if losses is not None:
                self._observer.see(losses, epochs.rates)
                continue
            # One of them diverged: go through them again one by one, to stop before that one.
            for epoch in range(n_epochs):
                one = epochs[epoch : epoch + 1]
                if n_epochs == 1 or (losses := self._attempt(descend, one)) is None:
                    raise diverged(len(self._observer.history) + 1)
                self._observer.see(losses, one.rates)

    def begin_epoch(self) -> None:
        """Begin an epoch with the next examples."""
        self._loss, self._n_seen, self._n_batches = 0.0, 0, 0

    def go_on(self, descend: Descent, draws: Draws, n_examples: int) -> None:
        """Train on examples that are the whole of an epoch, or a part."""
        epoch = self._next(draws, 1, n_examples)
        n_seen = self._n_seen
        losses = self._attempt(descend, epoch)
        if losses is None:
            raise diverged(len(self._observer.history) + 1)
        if not self.is_stopped:
            self._n_seen = n_seen + n_examples
        n_batches = self._plan.n_batches(n_examples)
        if self.is_stopped:
            n_batches = -(-(self._n_seen - n_seen) // self._plan.rows_per_batch(n_examples))
        self._last_rates = epoch.rates[:, :n_batches]
        self._n_batches += n_batches
        self._loss += losses[0] * (self._n_seen - n_seen)

    def end_epoch(self) -> None:
        """Those were the last examples of an epoch."""
        if not self._n_seen:
            raise ValueError("X must hold at least one example, got blocks without any")
        mean = self._loss / self._n_seen
        self.is_stopped |= self._observer.see([mean], self._last_rates)
        if self._plan.callback is not None and not are_finite(self._arrays):
            self._backup.restore()
            raise ValueError(
                "callback must leave weights and biases finite, got NaN or infinity in them after "
                f"epoch {len(self._observer.history)}. The network is as it was before that epoch, "
                "or the last blocks of it"
            )

    def _next(self, draws: Draws, n_epochs: int, n_examples: int) -> Epochs:
        # Rates may be refused, and then nothing is to have been drawn.
        rates = self._rates.upcoming(n_epochs, self._plan.n_batches(n_examples))
        orders, keys = draws.orders_and_keys(n_epochs)
        return Epochs(orders, rates, keys, self._state.n_steps)

    def _attempt(self, descend: Descent, epochs: Epochs) -> list[float] | None:
        """Mean losses of some epochs; None, and all as before, if one is not finite."""
        self._backup.take()
        self._latest, self._is_settled = self._backup, False
        losses = np.zeros(len(epochs))
        try:
            try:
                n_seen = self._descend(descend, epochs, losses)
            finally:
                self._settle(descend, epochs, losses)
        finally:  # once more: an interruption may come before the first, or in it
            self._settle(descend, epochs, losses)
        return (losses / n_seen).tolist() if self._is_finite else None

    def _descend(self, descend: Descent, epochs: Epochs, losses: Array) -> int:
        """Add up losses, up to one that is not finite; return the number of examples per epoch."""
        n_epochs, n_examples = epochs.orders.shape
        calls_back = self._plan.batch_callback is not None
        chunk = self._plan.rows_per_batch(n_examples) if calls_back else descend.chunk
        epochs_per_call = max(1, chunk // n_examples)
        for epoch in range(0, n_epochs, epochs_per_call):
            some = slice(epoch, min(epoch + epochs_per_call, n_epochs))
            for start, stop in self._parts(n_examples, chunk):
                if self._observer.keeps_before_step and (
                    calls_back or start == self._last_batch(n_examples)
                ):
                    descend.settle()
                    self._count(epochs)
                    self._observer.before_step()
                # A batch that is reported has a sum of its own: from the difference of two
                # running sums, what large losses before it have rounded away would be missing.
                sums = np.zeros(1) if calls_back else losses[some]
                descend(epochs[some], start, stop, sums)
                if calls_back:
                    losses[some] += sums
                if not _all_finite(losses[some]):
                    return n_examples
                if calls_back:
                    descend.settle()
                    self._count(epochs)
                    loss = float(sums[0]) / (stop - start)
                    self._call_back(epochs, start // chunk + 1, loss)
                if self.is_stopped:
                    self._n_seen += stop
                    return stop
                every = descend.examples_per_checkpoint
                if every and start // every < stop // every and stop < n_examples:
                    self._take_checkpoint(descend, epochs)
        return n_examples

    def _settle(self, descend: Descent, epochs: Epochs, losses: Array) -> None:
        """Leave whole steps, counted, and finite parameters."""
        if self._is_settled:
            return
        descend.settle()
        self._count(epochs)
        if epochs.is_in_step:
            self._latest.restore()
        self._is_finite = _all_finite(losses) and are_finite(self._arrays)
        if not self._is_finite:
            self._backup.restore()
        self._is_settled = True

    def _take_checkpoint(self, descend: Descent, epochs: Epochs) -> None:
        """Keep the parameters for the case that a later step is interrupted."""
        descend.settle()
        self._count(epochs)
        if self._checkpoint is None:
            self._checkpoint = _Backup(self._arrays, self._state)
        self._checkpoint.take()
        self._latest = self._checkpoint

    def _parts(self, n_examples: int, chunk: int) -> Iterator[tuple[int, int]]:
        """Return where the part of an epoch for each call begins and ends."""
        cuts = [*range(0, n_examples, chunk), n_examples]
        if self._observer.keeps_before_step:  # what is kept is there between two calls
            cuts = sorted({*cuts, self._last_batch(n_examples)})
        return pairwise(cuts)

    def _last_batch(self, n_examples: int) -> int:
        """Return where the last batch of an epoch begins."""
        rows_per_batch = self._plan.rows_per_batch(n_examples)
        return (n_examples - 1) // rows_per_batch * rows_per_batch

    def _count(self, epochs: Epochs) -> None:
        """Take note of the steps that were made since the backup."""
        for name in ("n_steps", "n_steps_of_schedule"):
            setattr(self._state, name, self._backup.counters[name] + int(epochs.n_done[0]))

    def _call_back(self, epoch: Epochs, n_done: int, loss: float) -> None:
        """Call the callback of batches, after so many of these examples."""
        assert self._plan.batch_callback is not None
        number, rates = len(self._observer.history) + 1, epoch.rates[0]
        given = float(rates[n_done - 1])
        step = Step(number, loss, given, batch=self._n_batches + n_done)
        if validation.answer(self._plan.batch_callback(step), "batch_callback"):
            self.is_stopped = True
            self._observer.history.stopped = "batch_callback said so"
        if step.learning_rate != given:
            self._rates.set(step.learning_rate)
            rates[n_done:] = step.learning_rate


def _all_finite(losses: Array) -> bool:
    # Mostly one, for which NumPy takes several microseconds.
    return all(map(math.isfinite, losses.tolist()))


class _Backup:
    """A copy of all that steps change, to go back to."""

    def __init__(self, arrays: Sequence[Array], state: TrainingState) -> None:
        self._arrays, self._state = arrays, state
        self._copies = [np.empty_like(array) for array in arrays]

    def take(self) -> None:
        """Copy what there is now."""
        copy_arrays(self._arrays, self._copies)
        self.counters = self._state.counters()

    def restore(self) -> None:
        """Go back to it."""
        copy_arrays(self._copies, self._arrays)
        vars(self._state).update(self.counters)
