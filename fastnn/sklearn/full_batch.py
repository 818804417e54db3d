"""Fitting by "lbfgs": scipy's L-BFGS-B, with the engine's loss and gradient of all examples."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import optimize
from sklearn.exceptions import ConvergenceWarning

from .. import internals
from ..common.arrays import Array
from ..common.warning import warn
from ..mlp import MLP
from ..regularization import Regularization
from . import losses

_OVERFLOW = 1e300  # larger losses come from "exp" outputs near the largest float64


def minimize(
    estimator: Any,
    network: MLP,
    X: Any,
    y: Array,
    sample_weight: Array | None,
    max_loss: float,
) -> None:
    """Minimize the loss with its penalties, starting from the parameters of the network.

    The gradient is that of the loss. In scikit-learn it is not with several targets: only the loss
    is divided by their number, which may mislead the line search.

    Parameters
    ----------
    estimator : Perceptron
    network : MLP
        The estimator's own network.
    X : ndarray or sparse matrix, (n_samples, n_features)
    y : ndarray, (n_samples, n_outputs)
        Numbers, or binary indicators of the labels.
    sample_weight : ndarray or None
    max_loss : float
        The largest -log of a probability.
    """
    n_samples = X.shape[0]
    if sample_weight is None:
        total, weights = float(n_samples), None
    else:
        total = float(sample_weight.sum())
        weights = sample_weight * (n_samples / total)
    inputs, targets = internals.checked_examples(network, X, estimator._targets(y), weights)
    targets = replace(targets, max_log_loss=max_loss)
    regularization = Regularization(l1=estimator.l1, l2=estimator.alpha / total)
    objective = internals.flat_objective(
        network, (inputs, targets), regularization, estimator._n_threads()
    )

    def evaluate(flat: Array) -> tuple[float, Array]:
        loss, slopes = objective(flat)
        # As in scikit-learn: the line search recovers from NaN, but ends at infinity.
        return (loss if loss < _OVERFLOW else np.nan), slopes

    tasks, numbers = estimator._tasks, itertools.count(1)

    def after_iteration(intermediate_result: Any) -> None:
        number = next(numbers)
        if estimator.verbose:
            print(f"Iteration {number}, loss = {intermediate_result.fun:.8f}")
        if tasks is not None and tasks.are_watched:
            objective.move_to(intermediate_result.x)
            if tasks.end():
                raise StopIteration
            if number < estimator.max_iter:
                tasks.begin()

    if tasks is not None:
        tasks.begin()
    result = optimize.minimize(
        evaluate,
        objective.flat(),
        method="L-BFGS-B",
        jac=True,
        callback=after_iteration,
        options={
            "maxfun": estimator.max_fun,
            "maxiter": estimator.max_iter,
            "gtol": estimator.tol,
        },
    )
    objective.move_to(result.x)
    if tasks is not None:
        tasks.end()  # an iteration that was not completed
    estimator.n_iter_ = min(result.nit, estimator.max_iter)
    if result.status != 0:
        _warn_of_no_convergence(result, estimator)
    reported = losses.ReportedLoss(estimator, y, weights, n_samples)
    loss = objective.loss_of(float(result.fun))
    estimator.loss_ = reported.without_penalty(loss) + objective.penalty()


def _warn_of_no_convergence(result: Any, estimator: Any) -> None:
    """Warn as scikit-learn does, but with the location of the call of ``fit``."""
    advice = "scale the data"
    if estimator.n_iter_ == estimator.max_iter:
        advice = f"increase the number of iterations (max_iter={estimator.max_iter}), or {advice}"
    warn(
        f"lbfgs failed to converge after {estimator.n_iter_} iteration(s) (status={result.status}):"
        f"\n{result.message}\nYou might want to {advice}.",
        ConvergenceWarning,
    )
