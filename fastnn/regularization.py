"""Penalties, dropout and limits to norms, and their formulas in NumPy.

The reference computes with the formulas, and the tests hold the kernels to them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .arrays import Array


@dataclass(frozen=True)
class Regularization:
    """The settings of one call of ``train``; 0 is none.

    Attributes
    ----------
    by_weight : bool
        Whether the sums of gradients and losses over a batch, and l2, are divided by the weights of
        its examples, as in scikit-learn, and not by their number.
    counted_l2 : float
        How often the L2 penalty counts in the losses that are reported.
    """

    l1: float = 0.0
    l2: float = 0.0
    dropout: tuple[float, ...] = ()  # per layer, 0 for the last; () without any
    clip_norm: float = 0.0
    max_norm: float = 0.0
    by_weight: bool = False
    counted_l2: float = 0.0

    def of_batch(self, divisor: float) -> "Regularization":
        """Return the same for a batch whose sums are divided by this."""
        return replace(self, l2=self.l2 / divisor) if self.by_weight else self

    def counted(self, weights: Sequence[Array]) -> float:
        """Return what the reported loss of an example of the batch includes."""
        if not self.counted_l2:
            return 0.0
        return self.counted_l2 * replace(self, l1=0.0).penalty(weights)

    def penalty(self, weights: Sequence[Array]) -> float:
        """Compute what is added to the loss: l1 sum of sizes + l2 / 2 sum of squares."""
        return float(
            sum(
                self.l1 * np.abs(w).sum(dtype=np.float64)
                + self.l2 / 2 * np.square(w, dtype=np.float64).sum()
                for w in weights
            )
        )

    def slope(self, weights: Array) -> Array:
        """Compute the gradient of the penalty."""
        return self.l2 * weights + self.l1 * np.sign(weights)

    def clipping(self, gradients: Sequence[Array]) -> float:
        """By which gradients are multiplied to be, together, no longer than clip_norm."""
        if not self.clip_norm:
            return 1.0
        norm = np.sqrt(sum(np.square(g, dtype=np.float64).sum() for g in gradients))
        return float(min(1.0, self.clip_norm / (norm + 1e-6)))  # so in PyTorch's clip_grad_norm_

    def shorten(self, weights: Array) -> None:
        """Shorten the weights (fan_in, fan_out) that lead to a unit, if longer than max_norm."""
        if self.max_norm:
            norms = np.sqrt(np.square(weights).sum(axis=0))
            weights *= self.max_norm / np.maximum(norms, self.max_norm)


def _mixed(x: Array) -> Array:
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(0x7FEB352D)
    x = x ^ (x >> np.uint32(15))
    x = x * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def dropout_factors(
    rate: float, key: int, places: Array, layer: int, n_units: int, dtype: "np.dtype[np.floating]"
) -> Array:
    """By which the outputs of a layer are multiplied, (n_examples, n_units); see dropout.pxi.

    ``places`` are those of the examples in the order of the epoch, which ``key`` is for.
    """
    low, high = np.uint32(key & 0xFFFFFFFF), np.uint32(key >> 32)
    rows = _mixed(high ^ _mixed(low ^ places.astype(np.uint32)))
    rows = _mixed(rows ^ np.uint32(layer))
    units = np.arange(n_units, dtype=np.uint32) * np.uint32(0x9E3779B9)
    drawn = _mixed(rows[:, np.newaxis] + units) >> np.uint32(8)
    return np.where(drawn >= int(rate * (1 << 24)), 1 / (1 - rate), 0).astype(dtype)
