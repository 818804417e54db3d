"""The loss that scikit-learn reports, computed from the engine's."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import xlogy

from ..common.arrays import Array
from ..losses import LOSSES
from ..training.config import Observer

# A measurement of the norm takes a pass over the weights, an example some passes over those of its
# non-zero inputs: so many measurements per example cost a fifth of the training at most. A pass
# over few weights takes microseconds.
_FEW_WEIGHTS = 200_000
_NORMS_PER_EXAMPLE = 0.25
_MIN_NORMS = 2  # per epoch
_MAX_NORMS_ONE_BY_ONE = 16  # per epoch of steps of one example, between kernel calls
_LOG_OF_NOTHING = -700.0

MEANS = [name for name, loss in LOSSES.items() if loss.output_activation is None]
"""Names of the losses that are averaged over the outputs, as scikit-learn does."""


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
    the targets alone. To each it adds the L2 penalty; see `ReportedPenalty`.

    Parameters
    ----------
    estimator : Perceptron
        The estimator that is trained.
    y : ndarray, (n_samples, n_outputs)
        Targets of the examples that are trained on.
    weights : ndarray of shape (n_samples,) or None
        Sample weights of the same examples.
    batch_size : int
        Examples in a batch; the last of an epoch may be smaller.

    Attributes
    ----------
    order : ndarray of intp, (n_samples,)
        The order in which the present epoch visits the examples.
    """

    def __init__(self, estimator: Any, y: Array, weights: Array | None, batch_size: int) -> None:
        self._n_averaged = n_averaged(estimator)
        self.batch_size, self.starts = batch_size, np.arange(0, len(y), batch_size)
        self._n_in_batch = np.diff(self.starts, append=len(y))
        self._weights = None if weights is None else weights.astype(float)
        self._target_terms = None
        if estimator.loss == "poisson":
            y = y.astype(float)
            self._target_terms = (xlogy(y, y) - y).sum(axis=1)
        self.order = np.arange(len(y))

    def without_penalty(self, loss: float) -> float:
        """Return the reported loss of an epoch but for the penalty, given the engine's loss."""
        if self._target_terms is not None:
            terms = self._target_terms
            if self._weights is not None:
                terms = terms * self._weights
            loss += self.mean(np.add.reduceat(terms[self.order], self.starts))
        return loss / self._n_averaged

    def mean(self, sums: Array) -> float:
        """Return the mean per example of sums over batches, which are divided by sample weights."""
        divisors = self._n_in_batch
        if self._weights is not None:
            divisors = np.add.reduceat(self._weights[self.order], self.starts)
            # A batch without any weight counts its examples.
            divisors = np.where(divisors > 0, divisors, self._n_in_batch)
        return float((self._n_in_batch * sums / divisors).sum() / len(self.order))


class ReportedPenalty:
    """Measures the L2 penalty that scikit-learn reports with the loss of an epoch.

    It is that of the weights before each step, divided by the sum of the batch's sample weights.
    The squared norm of the weights is measured before each batch, if that costs little beside the
    training. Otherwise (many weights on sparse X, or one example at a time) it is measured some
    times in an epoch, and is assumed to change by the same factor in every step between.

    Parameters
    ----------
    estimator : Perceptron
        The estimator that is trained.
    loss : ReportedLoss
        The loss, whose batches are the penalty's.
    squared_norm : callable
        Returns the sum of the squares of all weights.
    density : float
        Fraction of non-zeros in X.
    """

    def __init__(
        self,
        estimator: Any,
        loss: ReportedLoss,
        squared_norm: Callable[[], float],
        density: float,
    ) -> None:
        self._alpha, self._loss, self._squared_norm = estimator.alpha, loss, squared_norm
        self._norms: list[float] = []
        n_measured = len(loss.starts)
        if loss.batch_size == 1:
            n_measured = _MAX_NORMS_ONE_BY_ONE
        elif sum(w.size for w in estimator.coefs_) > _FEW_WEIGHTS:
            n_measured = max(_MIN_NORMS, int(_NORMS_PER_EXAMPLE * density * len(loss.order)))
        self._batches_per_norm = -(-len(loss.starts) // n_measured)

    @property
    def observer(self) -> Observer | None:
        """Measures norms in the course of an epoch; None without a penalty."""
        if not self._alpha:
            return None
        n_rows = self._batches_per_norm * self._loss.batch_size
        return Observer(n_rows, lambda: self._norms.append(self._squared_norm()))

    def of_epoch(self) -> float:
        """Return the mean penalty of the epoch that has just ended."""
        if not self._alpha:
            return 0.0
        norms = np.array(self._norms)
        if self._batches_per_norm > 1:
            norms = self._interpolated(np.append(norms, self._squared_norm()))
        self._norms.clear()
        return self._loss.mean(self._alpha / 2 * norms)

    def _interpolated(self, norms: Array) -> Array:
        """Return the squared norm before each batch, given some of them and the last one after."""
        n = len(self._loss.starts)
        measured = np.append(np.arange(0, n, self._batches_per_norm), n)
        with np.errstate(divide="ignore"):  # all weights may be 0
            logarithms = np.maximum(np.log(norms), _LOG_OF_NOTHING)
        return np.exp(np.interp(np.arange(n), measured, logarithms))
