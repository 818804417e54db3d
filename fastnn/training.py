"""The epoch loop: order, chunks, loss, divergence, history."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from . import validation
from .arrays import Array
from .finite import first_nonfinite


@dataclass(frozen=True)
class Step:
    """What a callback gets after each epoch.

    Attributes
    ----------
    epoch : int
        Epochs of this call of ``train`` that are done, from 1.
    loss : float
        Mean loss per example over the epoch, each taken before the update it led to.
    """

    epoch: int
    loss: float


@dataclass
class History:
    """What ``train`` returns.

    Attributes
    ----------
    loss : list of float
        One value per epoch, as in `Step`.
    """

    loss: list[float] = field(default_factory=list)


Callback = Callable[[Step], Any]


class TrainingDiverged(ArithmeticError):
    """The loss or a parameter is no longer finite."""


@dataclass(frozen=True)
class Plan:
    """The checked arguments of ``train``."""

    epochs: int
    batch_size: int | None  # None: all examples
    learning_rate: float
    shuffle: bool
    callback: Callback | None
    n_threads: int

    @classmethod
    def checked(
        cls,
        epochs: int,
        batch_size: int | None,
        learning_rate: float,
        shuffle: bool,
        callback: Callback | None,
        n_threads: int,
    ) -> "Plan":
        """Reject what is not a plan."""
        return cls(
            validation.count(epochs, "epochs", minimum=0),
            None if batch_size is None else validation.count(batch_size, "batch_size", minimum=1),
            validation.positive(learning_rate, "learning_rate"),
            validation.flag(shuffle, "shuffle"),
            validation.callback(callback),
            validation.count(n_threads, "n_threads", minimum=1),
        )

    def rows_per_batch(self, n_examples: int) -> int:
        """The batch size, at most all examples."""
        return n_examples if self.batch_size is None else min(self.batch_size, n_examples)

    def orders(self, n_examples: int, generator: "np.random.Generator") -> Callable[[], Array]:
        """Draws the order of an epoch; one batch of all examples has none, and draws none."""
        if self.shuffle and self.rows_per_batch(n_examples) < n_examples:
            return lambda: generator.permutation(n_examples)
        as_given = np.arange(n_examples)
        return lambda: as_given


class Descent(Protocol):
    """One way to compute gradient descent on some data.

    Attributes
    ----------
    chunk : int
        Examples per call: what takes some milliseconds, so that Ctrl-C is noticed in between.
    examples_per_backup : int
        What takes so long that to copy the parameters before it costs nothing.
    """

    chunk: int
    examples_per_backup: int

    def __call__(self, orders: Array, start: int, stop: int, losses: Array) -> None:
        """Train on the examples ``orders[e, start:stop]`` of one epoch e after the other.

        Their losses are added to ``losses[e]``. Several epochs come whole. Batches begin at
        multiples of the batch size, and the last of an epoch may be smaller. A batch may be spread
        over several calls.
        """


def train(
    storage: Sequence[Array], descend: Descent, next_order: Callable[[], Array], plan: Plan
) -> History:
    """Train the parameters in ``storage``; however it ends, they are finite."""
    if not _are_finite(storage):
        raise ValueError("weights and biases must be finite to train, got NaN or infinity in them")
    history = History()
    backup = [np.empty_like(parameters) for parameters in storage]
    while len(history.loss) < plan.epochs:
        # Short epochs share a backup, unless there is somebody to call in between.
        order = next_order()
        n_epochs = 1 if plan.callback else max(1, descend.examples_per_backup // len(order))
        n_more = min(n_epochs, plan.epochs - len(history.loss)) - 1
        orders = order[np.newaxis]
        if n_more:
            orders = np.stack([order, *(next_order() for _ in range(n_more))])
        losses = _descend(storage, backup, descend, orders)
        if losses is None and n_more:
            # One of them diverged: go through them again one by one, to stop before that one.
            for order in orders:
                losses_of_one = _descend(storage, backup, descend, order[np.newaxis])
                if losses_of_one is None:
                    break
                history.loss += losses_of_one
        if losses is None:
            raise TrainingDiverged(
                f"training diverged in epoch {len(history.loss) + 1}: the loss or a parameter "
                "became NaN or infinite. The network is as it was before that epoch. Try a smaller "
                "learning_rate, or scale the inputs to about [0, 1]"
            )
        history.loss += losses
        step = Step(len(history.loss), history.loss[-1])
        if plan.callback is not None and plan.callback(step):
            break
    return history


def _descend(
    storage: Sequence[Array], backup: Sequence[Array], descend: Descent, orders: Array
) -> list[float] | None:
    """Mean losses of some epochs; None, and the parameters as before, if one is not finite."""
    _copy(storage, backup)
    n_epochs, n_examples = orders.shape
    epochs_per_call = max(1, descend.chunk // n_examples)
    losses = np.zeros(n_epochs)
    is_finite = False
    try:
        for epoch in range(0, n_epochs, epochs_per_call):
            some = slice(epoch, epoch + epochs_per_call)
            for start in range(0, n_examples, descend.chunk):
                stop = min(start + descend.chunk, n_examples)
                descend(orders[some], start, stop, losses[some])
            if not np.isfinite(losses[some]).all():
                break
    finally:
        is_finite = bool(np.isfinite(losses).all()) and _are_finite(storage)
        if not is_finite:
            _copy(backup, storage)
    return (losses / n_examples).tolist() if is_finite else None


def _are_finite(arrays: Sequence[Array]) -> bool:
    return all(first_nonfinite(array) is None for array in arrays)


def _copy(arrays: Sequence[Array], to: Sequence[Array]) -> None:
    for array, copy in zip(arrays, to, strict=True):
        copy[...] = array
