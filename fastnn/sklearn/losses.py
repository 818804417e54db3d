"""The loss that scikit-learn reports, computed from the engine's."""

from typing import Any

import numpy as np
from scipy.special import xlogy

from ..arrays import Array

MEANS = ("squared_error", "absolute_error", "huber", "quantile")
"""Losses that scikit-learn averages over the outputs."""


def max_log_loss(dtype: "np.dtype[Any]") -> float:
    """Return the largest -log of a probability: scikit-learn clips those to its epsilon."""
    return -float(np.log(np.finfo(dtype).eps))


def n_averaged(estimator: Any) -> int:
    """Return the number of outputs over which the loss of the estimator is a mean."""
    return int(estimator.n_outputs_) if estimator.loss in MEANS else 1


class ReportedLoss:
    """Converts the engine's loss of an epoch to the loss that scikit-learn reports.

    The engine sums over the outputs. scikit-learn does so, too, for the gradient, but reports the
    mean for the losses in `MEANS`. With "poisson" it reports half the deviance, which has terms of
    the targets alone.

    Parameters
    ----------
    estimator : Perceptron
    y : ndarray, (n_samples, n_outputs)
        The targets of the samples that are trained on.
    weights : ndarray or None
        The weights of all samples.
    rows : ndarray of intp
        The samples that are trained on.

    Attributes
    ----------
    n_averaged : int
        Divisor of the engine's loss, which counts the penalty as often.
    order : ndarray of intp
        The order in which the present epoch visits the samples.
    """

    def __init__(self, estimator: Any, y: Array, weights: Array | None, rows: Array) -> None:
        self.n_averaged = n_averaged(estimator)
        self.order = np.arange(len(y))
        self._weights = None if weights is None else weights[rows].astype(float)
        self._target_terms = None
        if estimator.loss == "poisson":
            y = y.astype(float)
            self._target_terms = (xlogy(y, y) - y).sum(axis=1)

    def of_epoch(self, loss: float, batch_size: int) -> float:
        """Return the reported loss of an epoch, given the engine's."""
        return (loss + self._mean_of_target_terms(batch_size)) / self.n_averaged

    def _mean_of_target_terms(self, batch_size: int) -> float:
        if self._target_terms is None:
            return 0.0
        if self._weights is None:
            return float(self._target_terms.mean())
        starts = np.arange(0, len(self.order), batch_size)
        weights = self._weights[self.order]
        sums = np.add.reduceat(weights * self._target_terms[self.order], starts)
        divisors = np.add.reduceat(weights, starts)
        batch_sizes = np.diff(starts, append=len(self.order))
        means = np.divide(sums, divisors, out=np.zeros_like(sums), where=divisors > 0)
        return float((batch_sizes * means).sum() / len(self.order))
