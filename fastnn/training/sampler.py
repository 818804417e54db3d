"""The order in which an epoch visits the examples, and the key of its dropout."""

import numpy as np

from .. import validation
from ..common.arrays import Array
from .config import TrainingConfig


class Sampler:
    """Draws for each epoch the order of the examples, then the key of the dropout.

    Where one batch holds all examples no order is drawn, except by a function of the user's.

    Parameters
    ----------
    config : TrainingConfig
    rows : ndarray of intp
        The rows of X to train on.
    generator : numpy.random.Generator
    """

    def __init__(
        self, config: TrainingConfig, rows: Array, generator: "np.random.Generator"
    ) -> None:
        self._rows, self._generator = rows, generator
        self._order = config.shuffle if callable(config.shuffle) else None
        self._shuffles = config.shuffle and config.rows_per_batch(len(rows)) < len(rows)
        self._drops = any(config.regularization.dropout)

    def __len__(self) -> int:
        return len(self._rows)

    def draw(self, n_epochs: int) -> tuple[Array, Array]:
        """Return the orders, (n_epochs, n_examples), and the dropout keys, (n_epochs,)."""
        orders = np.empty((n_epochs, len(self)), np.intp)
        keys = np.zeros(n_epochs, np.uint64)
        for epoch, order in enumerate(orders):
            if self._order is not None:
                order[...] = self._rows[validation.order(self._order(len(order)), len(order))]
            elif self._shuffles:
                order[...] = self._generator.permutation(self._rows)
            else:
                order[...] = self._rows
            if self._drops:
                keys[epoch] = self._generator.integers(2**64, dtype=np.uint64)
        return orders, keys
