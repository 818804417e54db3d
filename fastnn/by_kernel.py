"""The whole computation in the kernels: for one example at a time, and for small networks."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .functions import Array
from .inputs import Inputs
from .parameters import Parameters, aligned_zeros
from .validation import Targets

_WORK_PER_CALL = 20_000_000  # parameters visited: some milliseconds
_WORK_PER_UNIT = 16  # an activation, which may be a call of libm, in the same unit
_WORK_PER_EXAMPLE = 256  # what an example costs in any network

_DELTAS = 64  # that wait at most: more would save little, and fall out of the near caches
_BYTES_OF_DELTAS = 256 * 1024
_COLUMNS = 128  # examples side by side, at most


class _Descent(ABC):
    """Whole chunks of an epoch, or several epochs, in one kernel call; see `training.Descent`."""

    def __init__(self, parameters: Parameters, inputs: Inputs, targets: Targets) -> None:
        self._kernels = parameters.kernels
        self._inputs = inputs
        self._targets = self._kernels.Targets(targets.values, targets.labels, parameters.n_outputs)
        self.chunk = _examples_per_call(parameters, inputs.density())
        if inputs.is_ready:
            self._examples = inputs.examples(self._kernels)
        else:
            self.chunk = min(self.chunk, inputs.rows_per_part())

    def __call__(self, orders: Array, start: int, stop: int, losses: Array) -> None:
        if self._inputs.is_ready:
            self._train(self._examples, orders, start, stop, losses)
            return
        for epoch, order in enumerate(orders):
            one = slice(epoch, epoch + 1)
            examples = self._inputs.part(self._kernels, order[start:stop])
            self._train(examples, orders[one], start, stop, losses[one])

    @abstractmethod
    def _train(
        self, examples: Any, orders: Array, start: int, stop: int, losses: Array
    ) -> None: ...


class OneByOne(_Descent):
    """Stochastic gradient descent."""

    def __init__(
        self, parameters: Parameters, inputs: Inputs, targets: Targets, learning_rate: float
    ) -> None:
        super().__init__(parameters, inputs, targets)
        self._learning_rate = learning_rate
        self._workspace = workspace(parameters)
        self._postponed = _postponed(parameters, _deltas_that_wait(parameters, inputs))

    def _train(self, examples: Any, orders: Array, start: int, stop: int, losses: Array) -> None:
        self._kernels.train_one_by_one(
            self._workspace,
            self._postponed,
            examples,
            self._targets,
            orders,
            start,
            stop,
            self._learning_rate,
            losses,
        )


class SideBySide(_Descent):
    """Batches, for small networks."""

    def __init__(
        self,
        parameters: Parameters,
        inputs: Inputs,
        targets: Targets,
        batch_size: int,
        learning_rate: float,
    ) -> None:
        super().__init__(parameters, inputs, targets)
        self._batch_size, self._learning_rate = batch_size, learning_rate
        self._room = _side_by_side(parameters, batch_size)

    def _train(self, examples: Any, orders: Array, start: int, stop: int, losses: Array) -> None:
        self._kernels.train_side_by_side(
            self._room,
            examples,
            self._targets,
            orders,
            start,
            stop,
            self._batch_size,
            self._learning_rate,
            losses,
        )


def one_example(parameters: Parameters) -> Callable[[Any], Array | None]:
    """Predicts a single example that is a plain array, and returns None for all else."""
    return parameters.kernels.OneExample(
        parameters.network,
        np.ndarray,
        partial(workspace, parameters),
        partial(np.empty, dtype=parameters.flat.dtype),
    )


def predictor(parameters: Parameters, inputs: Inputs) -> Callable[[slice, Array], None]:
    """Fills an array with the outputs of a small network for some rows."""
    kernels, room = parameters.kernels, _side_by_side(parameters, len(inputs))

    def fill(rows: slice, outputs: Array) -> None:
        kernels.predict_side_by_side(room, inputs.part(kernels, rows), outputs)

    return fill


def workspace(parameters: Parameters) -> Any:
    """Room for one example."""
    network = parameters.network
    return parameters.kernels.Workspace(
        network,
        aligned_zeros(2 * network.n_units + network.n_listed, parameters.flat.dtype),
        np.empty(network.n_listed + len(parameters.layers), np.intp),
    )


def _postponed(parameters: Parameters, n_deltas: int) -> Any:
    first = parameters.layers[0]
    n_rows, dtype = first["fan_in"] + 3, parameters.flat.dtype
    length = parameters.room(first["fan_out"])
    return parameters.kernels.Postponed(
        aligned_zeros((n_deltas + 1) * length, dtype).reshape(n_deltas + 1, length),
        np.zeros(n_rows, dtype),
        np.zeros(n_rows, np.intp),
        np.zeros(n_rows, np.intp),
    )


def _deltas_that_wait(parameters: Parameters, inputs: Inputs) -> int:
    # To wait pays if the next example with the same input comes while the delta is still there.
    if inputs.density() * _DELTAS < 1:
        return 1
    length = int(parameters.layers["width"][0]) * parameters.flat.itemsize
    return max(8, min(_DELTAS, _BYTES_OF_DELTAS // length))


def _side_by_side(parameters: Parameters, n_examples: int) -> Any:
    network, dtype = parameters.network, parameters.flat.dtype
    columns = parameters.whole_vectors(min(n_examples, _COLUMNS))

    def matrix(n_rows: int) -> Array:
        return aligned_zeros(n_rows * columns, dtype).reshape(n_rows, columns)

    return parameters.kernels.SideBySide(
        workspace(parameters),
        matrix(int(parameters.layers["fan_in"][0]) + 3),
        matrix(network.n_units),
        matrix(network.n_units),
        aligned_zeros(parameters.flat.size, dtype),
    )


def _examples_per_call(parameters: Parameters, density: float) -> int:
    first = parameters.layers["biases"][0]  # where the weights of the first layer end
    work = density * first + parameters.flat.size - first
    work += _WORK_PER_UNIT * parameters.network.n_units + _WORK_PER_EXAMPLE
    return max(1, int(_WORK_PER_CALL // work))
