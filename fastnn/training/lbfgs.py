"""Training by scipy's L-BFGS-B, whose line search and memory make an epoch loop of their own.

scipy's memory cannot be kept from one call to the next. The state keeps the parameters at the start
of the iterations instead: the next call repeats the iterations from there, with the same bits. On
other data, or with another objective, the loss at the start differs, and the iterations begin anew.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..common.arrays import Array, copy_arrays
from ..engine import Engine, Objective
from ..optimizers import LBFGS
from ..regularization import Regularization
from .config import TrainingConfig
from .loop import diverged
from .monitor import Monitor
from .state import TrainingState

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult


class FlatObjective:
    """Loss and gradient, with penalties, as functions of one flat vector in double precision.

    Parameters
    ----------
    objective : callable
        Returns the loss without penalties, and its gradients, at the present parameters.
    engine : Engine
        The engine whose parameters are changed.
    regularization : Regularization
        The penalties.
    """

    def __init__(
        self, objective: Objective, engine: Engine, regularization: Regularization
    ) -> None:
        self._objective, self._regularization = objective, regularization
        self._weights, self._parameters = engine.weights, engine.parameters
        self._latest = math.nan, math.nan  # value and loss of the last evaluation

    def __call__(self, flat: Array) -> tuple[float, Array]:
        """Move to ``flat``; return the value and the gradient there."""
        with np.errstate(all="ignore"):  # overflow in a line search shows in the value
            self.move_to(flat)
            return self.evaluate()

    def evaluate(self) -> tuple[float, Array]:
        """Return the value and the gradient at the present parameters."""
        loss, of_weights, of_biases = self._objective()
        slopes = [
            g + self._regularization.penalty_gradient(w)
            for g, w in zip(of_weights, self._weights, strict=True)
        ]
        value = loss + self.penalty()
        self._latest = value, loss
        return value, _flattened([*slopes, *of_biases])

    def loss_of(self, value: float) -> float:
        """Return the loss without penalties at the present parameters, which have this value."""
        # Where penalties are much larger than the loss, the difference is mostly rounding error.
        latest, loss = self._latest
        return loss if value == latest else value - self.penalty()

    def penalty(self) -> float:
        """Return the penalty at the present parameters."""
        return self._regularization.penalty(self._weights)

    def flat(self) -> Array:
        """Return the present parameters as one vector."""
        return _flattened(self._parameters)

    def move_to(self, flat: Array) -> None:
        """Set the parameters."""
        start = 0
        for array in self._parameters:
            array[...] = flat[start : start + array.size].reshape(array.shape)
            start += array.size


def minimize(
    objective: Objective,
    engine: Engine,
    config: TrainingConfig,
    state: TrainingState,
    monitor: Monitor,
) -> None:
    """Train by L-BFGS.

    Parameters
    ----------
    objective : callable
        Returns the loss without penalties, and its gradients, at the present parameters.
    engine : Engine
    config : TrainingConfig
        Its optimizer is `LBFGS`.
    state : TrainingState
        Its slot holds the parameters where the iterations began.
    monitor : Monitor

    Raises
    ------
    TrainingDiverged
        If the loss or the gradient is not finite; the parameters are the last finite ones.
    """
    assert isinstance(config.optimizer, LBFGS)
    if not config.epochs:
        return
    flat_objective = FlatObjective(objective, engine, config.regularization)
    minimization = _Minimization(flat_objective, config.optimizer, state, monitor)
    (slot,) = state.slots
    weights, biases = engine.views(slot)
    if not minimization.run(config.epochs, engine.parameters, [*weights, *biases]):
        raise diverged(len(monitor.history) + 1)
    if len(monitor.history) < config.epochs and not monitor.history.stopped:
        monitor.history.stopped = "converged"


class _Minimization:
    """The iterations of one call of ``train``."""

    def __init__(
        self,
        objective: FlatObjective,
        optimizer: LBFGS,
        state: TrainingState,
        monitor: Monitor,
    ) -> None:
        self._objective, self._optimizer = objective, optimizer
        self._state, self._monitor = state, monitor
        self._accepted, self._is_finite = objective.flat(), True

    def run(self, epochs: int, parameters: Sequence[Array], start: Sequence[Array]) -> bool:
        """Make iterations; return whether all were finite.

        Parameters
        ----------
        epochs : int
            Number of iterations.
        parameters : sequence of ndarray
            Weights and biases.
        start : sequence of ndarray
            The parameters where the iterations began; updated if they begin anew.
        """
        present, state = self._accepted, self._state
        try:
            resumes = False
            if state.n_steps:
                copy_arrays(start, parameters)
                with np.errstate(all="ignore"):
                    resumes = self._objective.evaluate()[0] == state.first_loss
            if not resumes or not self._iterate(epochs, state.n_steps, present):
                self._objective.move_to(present)
                copy_arrays(parameters, start)
                state.n_steps, state.first_loss = 0, None
                self._iterate(epochs, 0, present)
        finally:
            # A line search, which Ctrl-C may interrupt, leaves parameters that were not accepted.
            self._objective.move_to(self._accepted)
        return self._is_finite

    def _iterate(self, epochs: int, n_before: int, present: Array) -> bool:
        """Repeat the ``n_before`` earlier iterations, and make new ones: scipy cannot resume.

        Returns False if the previous iterations do not lead to the present parameters.
        """
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
            self._objective.move_to(intermediate_result.x)
            if n_done == n_before:
                if not np.array_equal(self._objective.flat(), present):
                    raise _Elsewhere
                return
            self._accepted, self._state.n_steps = self._objective.flat(), n_done
            loss = self._objective.loss_of(float(intermediate_result.fun))
            if self._monitor.record([loss], np.ones((1, 1))):
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
                    "ftol": 0,  # converged by the gradient, not where the loss falls slowly
                },
            )
        except _NotFinite:
            pass
        except _Elsewhere:
            return False
        return n_done >= n_before


class _NotFinite(Exception):
    """The loss or the gradient is not finite."""


class _Elsewhere(Exception):
    """Raised if repeating the earlier iterations does not lead to the present parameters."""


def _flattened(arrays: Sequence[Array]) -> Array:
    return np.concatenate([array.ravel() for array in arrays]).astype(np.float64)
