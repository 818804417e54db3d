"""One example after the other through the kernels: for small batches and small networks."""

import numpy as np

from ._kernels import kernels_for
from .functions import Array
from .parameters import Parameters, aligned_zeros
from .validation import Targets

_WORK_PER_CALL = 20_000_000  # parameters visited: some milliseconds
_WORK_PER_UNIT = 16  # an activation, which may be a call of libm, in the same unit
_WORK_PER_EXAMPLE = 256  # what an example costs in any network


class Descent:
    """Whole chunks of an epoch in one kernel call; see `training.Descent`."""

    def __init__(
        self,
        parameters: Parameters,
        X: Array,
        targets: Targets,
        batch_size: int,
        learning_rate: float,
    ) -> None:
        self.chunk = _examples_per_call(parameters)
        self._train = kernels_for(parameters.flat.dtype).train
        gradient = np.zeros_like(parameters.flat) if batch_size > 1 else None
        scratch = aligned_zeros(2 * parameters.n_units, X.dtype)
        self._network = (parameters.flat, parameters.layers, scratch, gradient)
        self._data = (X, targets.values, targets.labels)
        self._step = (batch_size, learning_rate)

    def __call__(self, order: Array, start: int, stop: int) -> float:
        return self._train(*self._network, *self._data, order, start, stop, *self._step)


def predict(parameters: Parameters, X: Array, outputs: Array) -> None:
    """Fill ``outputs`` with the network's outputs for X."""
    kernel = kernels_for(parameters.flat.dtype).predict
    scratch = np.empty(parameters.n_units, X.dtype)
    chunk = _examples_per_call(parameters)
    for start in range(0, len(X), chunk):
        rows = slice(start, start + chunk)
        kernel(parameters.flat, parameters.layers, scratch, X[rows], outputs[rows])


def _examples_per_call(parameters: Parameters) -> int:
    work = parameters.flat.size + _WORK_PER_UNIT * parameters.n_units + _WORK_PER_EXAMPLE
    return max(1, _WORK_PER_CALL // work)
