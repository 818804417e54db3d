"""Training by scipy's L-BFGS-B: the whole of it, for its line search is its own epoch loop."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .arrays import Array
from .observer import Observer
from .optimizers import LBFGS
from .plan import Objective
from .regularisation import Regularisation

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult


def minimize(
    objective: Objective,
    weights: Sequence[Array],
    biases: Sequence[Array],
    optimizer: LBFGS,
    regularisation: Regularisation,
    epochs: int,
    observer: Observer,
) -> bool:
    """Train for so many iterations; False, at the last finite parameters, if it diverged."""
    try:
        from scipy import optimize
    except ImportError as error:
        raise ImportError(
            "the optimizer 'lbfgs' needs scipy, which fastnn-mlp[lbfgs] brings along"
        ) from error
    parameters = [*weights, *biases]
    is_finite = True
    accepted = _flat(parameters)

    def put(flat: Array) -> None:
        start = 0
        for array in parameters:
            array[...] = flat[start : start + array.size].reshape(array.shape)
            start += array.size

    def loss_and_gradient(flat: Array) -> tuple[float, Array]:
        nonlocal is_finite
        put(flat)
        loss, of_weights, of_biases = objective()
        slopes = [g + regularisation.slope(w) for g, w in zip(of_weights, weights, strict=True)]
        gradient = _flat([*slopes, *of_biases])
        is_finite = bool(np.isfinite(loss) and np.isfinite(gradient).all())
        if not is_finite:
            raise _NotFinite
        return loss + regularisation.penalty(weights), gradient

    def after_iteration(intermediate_result: "OptimizeResult") -> None:
        nonlocal accepted
        accepted = intermediate_result.x.copy()
        put(accepted)
        loss = float(intermediate_result.fun) - regularisation.penalty(weights)
        if observer.see([loss], np.ones((1, 1))):
            raise StopIteration

    try:
        if epochs:
            optimize.minimize(
                loss_and_gradient,
                accepted,
                method="L-BFGS-B",
                jac=True,
                callback=after_iteration,
                options={
                    "maxiter": epochs,
                    "maxfun": np.iinfo(np.int32).max,
                    "maxcor": optimizer.memory,
                    "gtol": optimizer.tolerance,
                    "ftol": 0,  # the gradient says when it is over, not that the loss falls slowly
                },
            )
    except _NotFinite:
        pass
    finally:
        put(accepted)  # the line search, or Ctrl-C in it, has left others
    if is_finite and len(observer.history) < epochs and not observer.history.stopped:
        observer.history.stopped = "nothing more is to be gained"
    return is_finite


class _NotFinite(Exception):
    """The loss, or its gradient."""


def _flat(arrays: Sequence[Array]) -> Array:
    return np.concatenate([array.ravel() for array in arrays]).astype(np.float64)
