"""Penalties, dropout and limits of norms, and their formulas in NumPy.

The reference computes with the formulas; the tests compare the kernels with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .common.arrays import Array


@dataclass(frozen=True)
class Regularization:
    """The settings of one call of ``train``; 0 means none.

    Attributes
    ----------
    l1, l2 : float
        Factors of the penalties on weights.
    dropout : tuple of float
        Fraction of units dropped per layer, 0 for the last one; () without dropout.
    clip_norm : float
        Limit of the norm of all gradients together.
    max_norm : float
        Limit of the norm of the weights of each unit.
    by_weight : bool
        Whether sums of gradients and losses over a batch, and l2, are divided by the sum of the
        weights of its examples, as in scikit-learn, instead of by their number.
    """

    l1: float = 0.0
    l2: float = 0.0
    dropout: tuple[float, ...] = ()
    clip_norm: float = 0.0
    max_norm: float = 0.0
    by_weight: bool = False

    def for_batch(self, divisor: float) -> "Regularization":
        """Return the settings for a batch whose sums are divided by ``divisor``."""
        return replace(self, l2=self.l2 / divisor) if self.by_weight else self

    def penalty(self, weights: Sequence[Array]) -> float:
        """Compute the penalty: l1 times the sum of |w|, plus l2 / 2 times the sum of w²."""
        return float(
            sum(
                self.l1 * np.abs(w).sum(dtype=np.float64)
                + self.l2 / 2 * np.square(w, dtype=np.float64).sum()
                for w in weights
            )
        )

    def penalty_gradient(self, weights: Array) -> Array:
        """Compute the gradient of the penalty."""
        return self.l2 * weights + self.l1 * np.sign(weights)

    def clip_factor(self, gradients: Sequence[Array]) -> float:
        """Compute the factor that limits the norm of all gradients together to clip_norm."""
        if not self.clip_norm:
            return 1.0
        norm = np.sqrt(sum(np.square(g, dtype=np.float64).sum() for g in gradients))
        return float(min(1.0, self.clip_norm / (norm + 1e-6)))  # as in PyTorch's clip_grad_norm_

    def limit_norms(self, weights: Array) -> None:
        """Limit the norm of the weights (fan_in, fan_out) of each unit to max_norm, in place."""
        if self.max_norm:
            norms = np.sqrt(np.square(weights).sum(axis=0))
            weights *= self.max_norm / np.maximum(norms, self.max_norm)


def _hash(x: Array) -> Array:
    """Mix the bits of 32-bit integers."""
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(0x7FEB352D)
    x = x ^ (x >> np.uint32(15))
    x = x * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def dropout_factors(
    rate: float, key: int, places: Array, layer: int, n_units: int, dtype: "np.dtype[np.floating]"
) -> Array:
    """Compute the factors of the outputs of a layer, (n_examples, n_units), as in math/dropout.pxi.

    ``places`` are the positions of the examples in the order of the epoch that has this ``key``.
    """
    low, high = np.uint32(key & 0xFFFFFFFF), np.uint32(key >> 32)
    rows = _hash(high ^ _hash(low ^ places.astype(np.uint32)))
    rows = _hash(rows ^ np.uint32(layer))
    units = np.arange(n_units, dtype=np.uint32) * np.uint32(0x9E3779B9)
    drawn = _hash(rows[:, np.newaxis] + units) >> np.uint32(8)
    return np.where(drawn >= int(rate * (1 << 24)), 1 / (1 - rate), 0).astype(dtype)
