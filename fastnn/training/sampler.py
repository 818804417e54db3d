"""The order in which an epoch goes through the examples, and the keys of its dropout."""

import numpy as np

from .. import validation
from ..arrays import Array
from .config import Plan


class Draws:
    """The random draws of each epoch: the order of the examples, then the key of the dropout.

    One batch of all examples has no order, and draws none; the user's function draws every one.
    """

    def __init__(self, plan: Plan, rows: Array, generator: "np.random.Generator") -> None:
        self._rows, self._generator = rows, generator
        self._order = plan.shuffle if callable(plan.shuffle) else None
        self._shuffles = plan.shuffle and plan.rows_per_batch(len(rows)) < len(rows)
        self._drops = any(plan.regularization.dropout)

    def orders_and_keys(self, n_epochs: int) -> tuple[Array, Array]:
        """Draw the orders and keys of that many epochs, epoch by epoch."""
        orders = np.empty((n_epochs, len(self._rows)), np.intp)
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
