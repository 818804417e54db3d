"""The loss that scikit-learn reports, given the engine's."""

from typing import Any

import numpy as np
from scipy.special import xlogy

from ..arrays import Array

MEANS = ("squared_error", "absolute_error", "huber", "quantile")


def most(dtype: "np.dtype[Any]") -> float:
    """Return what -log of a probability counts as, at most: scikit-learn clips to its epsilon."""
    return -float(np.log(np.finfo(dtype).eps))


def n_averaged(estimator: Any) -> int:
    """Return the number of outputs that a loss is a mean over, where it is one."""
    return int(estimator.n_outputs_) if estimator.loss in MEANS else 1


class Reported:
    """The losses of one fit, with the penalty.

    Those of numbers are means over the outputs as well: scikit-learn takes the mean there, but the
    sum for its gradient, and only the loss shows it. With "poisson" it is half the deviance, which
    has terms of the targets alone.

    Parameters
    ----------
    y : ndarray, (n_samples, n_outputs)
        Of the examples that are trained on.
    weights : ndarray or None
        Of all examples, of which ``rows`` are trained on.

    Attributes
    ----------
    n_averaged : int
        By which the engine's losses are divided: it is to count the penalty as often.
    order : ndarray
        In which the examples are visited.
    """

    def __init__(self, estimator: Any, y: Array, weights: Array | None, rows: Array) -> None:
        self.n_averaged = n_averaged(estimator)
        self.order = np.arange(len(y))
        self._weights = None if weights is None else weights[rows].astype(float)
        self._of_targets = None
        if estimator.loss == "poisson":
            y = y.astype(float)
            self._of_targets = (xlogy(y, y) - y).sum(axis=1)

    def of_epoch(self, loss: float, batch_size: int) -> float:
        """Return the loss of an epoch, given the engine's."""
        return (loss + self._rest(batch_size)) / self.n_averaged

    def _rest(self, batch_size: int) -> float:
        """Compute the mean of the terms of the targets alone."""
        if self._of_targets is None:
            return 0.0
        if self._weights is None:
            return float(self._of_targets.mean())
        starts = np.arange(0, len(self.order), batch_size)
        weights = self._weights[self.order]
        sums = np.add.reduceat(weights * self._of_targets[self.order], starts)
        divisors = np.add.reduceat(weights, starts)
        n_of_batches = np.diff(starts, append=len(self.order))
        means = np.divide(sums, divisors, out=np.zeros_like(sums), where=divisors > 0)
        return float((n_of_batches * means).sum() / len(self.order))
