"""The targets of examples: values or labels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..common.arrays import Array


@dataclass(frozen=True)
class Targets:
    """The outputs that examples should have: either values or labels, the other is None."""

    values: Array | None  # (n_examples, n_outputs), the network's dtype
    labels: Array | None  # (n_examples,) intp, each in 0 .. n_outputs-1
    weights: Array | None = None  # (n_examples,), the network's dtype; None: all 1
    # The largest -log of an output in a reported cross-entropy, for scikit-learn's users. The NumPy
    # engine ignores it.
    max_log_loss: float = math.inf
    names: tuple[str, ...] | None = None  # of the columns of y, if several have names

    @property
    def array(self) -> Array:
        """The values or the labels, whichever are given."""
        array = self.labels if self.values is None else self.values
        assert array is not None
        return array

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, rows: slice | Array) -> "Targets":
        given = self.values, self.labels, self.weights
        values, labels, weights = (None if array is None else array[rows] for array in given)
        return Targets(values, labels, weights, self.max_log_loss)

    @property
    def are_constant(self) -> bool:
        """Whether all examples whose weight is above 0 have the same target."""
        rows = self.with_positive_weight().array
        return bool((rows[-1] == rows[0]).all() and (rows == rows[0]).all())

    def with_positive_weight(self) -> "Targets":
        """Return the targets of examples whose weight is above 0."""
        if self.weights is None or self.weights.all():
            return self
        return self[np.flatnonzero(self.weights)]

    @staticmethod
    def concatenated(parts: "Sequence[Targets]") -> "Targets":
        """Return the targets of all parts, which must all be labels or all be values."""
        if len({part.labels is None for part in parts}) > 1:
            raise ValueError(
                "y must be labels in all blocks, or targets in all of them, got some of both"
            )
        labels = [part.labels for part in parts if part.labels is not None]
        values = [part.values for part in parts if part.values is not None]
        weights, given = None, [part.weights for part in parts if part.weights is not None]
        if given:
            dtype = given[0].dtype
            weights = np.concatenate(
                [np.ones(len(p), dtype) if p.weights is None else p.weights for p in parts]
            )
        return Targets(
            np.concatenate(values) if values else None,
            np.concatenate(labels) if labels else None,
            weights,
        )

    def with_relative_weights(self) -> "Targets":
        """Return a copy with weights of at most 1, whose sums cannot overflow.

        All weights are multiplied by one power of two, which is exact.
        """
        if self.weights is None:
            return self
        exponent = np.frexp(self.weights.max())[1]
        return replace(self, weights=np.ldexp(self.weights, -exponent))

    def weigh(self, rows: Array | slice, losses: Array, derivatives: Array) -> float:
        """Multiply derivatives by the weights in place; return the weighted sum of losses."""
        if self.weights is not None:
            weights = self.weights[rows]
            derivatives *= weights[:, np.newaxis]
            losses = losses * weights
        return float(losses.sum(dtype=np.float64))

    def divisor(self, rows: Array, by_weight: bool) -> float:
        """Return the divisor of sums over a batch: its size or, unless 0, its total weight."""
        total = 0.0
        if by_weight and self.weights is not None:
            total = float(self.weights[rows].sum(dtype=np.float64))
        return total or float(len(rows))

    def rows(self, rows: Array | slice, n_outputs: int, dtype: "np.dtype[Any]") -> Array:
        """Return targets of some examples, (n_rows, n_outputs); labels become one-hot rows."""
        if self.values is not None:
            return self.values[rows]
        assert self.labels is not None
        labels = self.labels[rows]
        one_hot = np.zeros((len(labels), n_outputs), dtype)
        one_hot[np.arange(len(labels)), labels] = 1
        return one_hot
