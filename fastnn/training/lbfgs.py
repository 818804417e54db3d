"""Training by scipy's L-BFGS-B, whose line search and memory make an epoch loop of their own.

That memory cannot be kept from one call to the next. What is kept instead is where the iterations
began: to go on, they are gone through again, which comes to the same bits. Where they would not,
on other data or by another objective, the loss at their beginning tells, and they begin anew.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import Array
from ..engine import Objective
from ..optimizers import LBFGS
from ..regularization import Regularization
from .monitor import Observer
from .state import TrainingState

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult


class FlatObjective:
    """Loss and gradient, with penalties, as functions of one flat vector in double.

    Parameters
    ----------
    objective : callable
        The loss to be minimized, but for the penalties.
    weights, biases : sequence of ndarray
        The parameters, which are changed.
    """

    def __init__(
        self,
        objective: Objective,
        weights: Sequence[Array],
        biases: Sequence[Array],
        regularization: Regularization,
    ) -> None:
        self._objective, self._weights, self._regularization = objective, weights, regularization
        self._parameters = [*weights, *biases]
        self._latest = math.nan, math.nan  # value and loss where it was last evaluated

    def __call__(self, flat: Array) -> tuple[float, Array]:
        with np.errstate(all="ignore"):  # a line search may go too far, which its value tells
            self.put(flat)
            return self.here()

    def here(self) -> tuple[float, Array]:
        """At the present parameters."""
        loss, of_weights, of_biases = self._objective()
        slopes = [
            g + self._regularization.slope(w)
            for g, w in zip(of_weights, self._weights, strict=True)
        ]
        value = loss + self.penalty()
        self._latest = value, loss
        return value, _joined([*slopes, *of_biases])

    def loss_of(self, value: float) -> float:
        """Return the loss without penalties at the present parameters, which have this value."""
        # Penalties may be so much larger that their difference to the value is mostly rounding.
        latest, loss = self._latest
        return loss if value == latest else value - self.penalty()

    def penalty(self) -> float:
        """At the present parameters."""
        return self._regularization.penalty(self._weights)

    def flat(self) -> Array:
        """Return the present parameters."""
        return _joined(self._parameters)

    def put(self, flat: Array) -> None:
        """Change them."""
        start = 0
        for array in self._parameters:
            array[...] = flat[start : start + array.size].reshape(array.shape)
            start += array.size


class Minimization:
    """Iterations from where the network stands.

    Parameters
    ----------
    objective : FlatObjective
        Of the network's parameters.
    parameters, beginning : sequence of ndarray
        Weights and biases, and those where the iterations of ``state`` began; both are kept up to
        date.
    """

    def __init__(
        self,
        objective: FlatObjective,
        parameters: Sequence[Array],
        beginning: Sequence[Array],
        optimizer: LBFGS,
        state: TrainingState,
        observer: Observer,
    ) -> None:
        self._objective, self._parameters, self._beginning = objective, parameters, beginning
        self._optimizer, self._state, self._observer = optimizer, state, observer

    def run(self, epochs: int) -> bool:
        """Make so many iterations; False, at the last finite parameters, if it diverged."""
        if not epochs:
            return True
        here = self._objective.flat()
        self._accepted, self._is_finite = here, True
        try:
            if not self._goes_on() or not self._iterate(epochs, self._state.n_steps, here):
                self._objective.put(here)
                for kept, parameters in zip(self._beginning, self._parameters, strict=True):
                    kept[...] = parameters
                self._state.n_steps, self._state.first_loss = 0, None
                self._iterate(epochs, 0, here)
        finally:
            self._objective.put(self._accepted)  # the line search, or Ctrl-C in it, has left others
        history = self._observer.history
        if self._is_finite and len(history) < epochs and not history.stopped:
            history.stopped = "nothing more is to be gained"
        return self._is_finite

    def _goes_on(self) -> bool:
        """Tell whether this is the objective of the iterations before."""
        if not self._state.n_steps:
            return False
        for kept, parameters in zip(self._beginning, self._parameters, strict=True):
            parameters[...] = kept
        with np.errstate(all="ignore"):
            return self._objective.here()[0] == self._state.first_loss

    def _iterate(self, epochs: int, n_before: int, here: Array) -> bool:
        """Make iterations after those before, which are to lead here; False if they do not."""
        try:
            from scipy import optimize
        except ImportError as error:
            raise ImportError(
                "the optimizer 'lbfgs' needs scipy, which fastnn-mlp[lbfgs] brings along"
            ) from error
        n_done = 0

        def evaluate(flat: Array) -> tuple[float, Array]:
            loss, gradient = self._objective(flat)
            self._is_finite = bool(np.isfinite(loss) and np.isfinite(gradient).all())
            if not self._is_finite:
                raise _NotFinite
            if self._state.first_loss is None:
                self._state.first_loss = loss
            return loss, gradient

        def after_iteration(intermediate_result: "OptimizeResult") -> None:
            nonlocal n_done
            n_done += 1
            if n_done < n_before:
                return
            self._objective.put(intermediate_result.x)
            if n_done == n_before:
                if not np.array_equal(self._objective.flat(), here):
                    raise _Elsewhere
                return
            self._accepted, self._state.n_steps = self._objective.flat(), n_done
            loss = self._objective.loss_of(float(intermediate_result.fun))
            if self._observer.see([loss], np.ones((1, 1))):
                raise StopIteration

        try:
            optimize.minimize(
                evaluate,
                self._objective.flat(),
                method="L-BFGS-B",
                jac=True,
                callback=after_iteration,
                options={
                    "maxiter": n_before + epochs,
                    "maxfun": np.iinfo(np.int32).max,
                    "maxcor": self._optimizer.memory,
                    "gtol": self._optimizer.tolerance,
                    "ftol": 0,  # the gradient says when it is over, not that the loss falls slowly
                },
            )
        except _NotFinite:
            pass
        except _Elsewhere:
            return False
        return n_done >= n_before


class _NotFinite(Exception):
    """The loss, or its gradient."""


class _Elsewhere(Exception):
    """The iterations before do not lead to where the network stands."""


def _joined(arrays: Sequence[Array]) -> Array:
    return np.concatenate([array.ravel() for array in arrays]).astype(np.float64)
