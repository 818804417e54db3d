"""The engine in plain NumPy: the specification of the kernels, and the way of users' functions.

Large batches are computed some thousand rows at a time, so that memory stays small. Rows of a
sparse X are multiplied by scipy and never become dense.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from ..common.arrays import Array
from ..data.inputs import Inputs
from ..data.targets import Targets
from ..regularization import dropout_factors
from .base import Engine, Epochs, Objective, StepRule

# Computed at a time: BLAS is no faster with more, and they take memory.
MAX_ROWS = 4096
MAX_BYTES = 1 << 25  # of X, z, activations and deltas

LayerFactors = Callable[[int], Array | float]
"""Returns what dropout multiplies the outputs of a layer by."""


class NumpyEngine(Engine):
    """Computes as the formulas say, with no kernel."""

    def _allocate(self) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        return (
            tuple(np.empty(shape, self.dtype) for shape in pairwise(self.layer_sizes)),
            tuple(np.zeros(fan_out, self.dtype) for fan_out in self.layer_sizes[1:]),
        )

    def storage(self) -> Sequence[Array]:
        return *self.weights, *self.biases

    def squared_norm(self) -> float:
        return float(sum(np.square(w, dtype=np.float64).sum() for w in self.weights))

    def new_slot(self) -> list[Array]:
        return [np.zeros_like(parameters) for parameters in self.storage()]

    def views(self, storage: Sequence[Array]) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        n_layers = len(self.layer_sizes) - 1
        return tuple(storage[:n_layers]), tuple(storage[n_layers:])

    def trainer(
        self, inputs: Inputs, targets: Targets, batch_size: int, rule: StepRule
    ) -> "_Trainer":
        return _Trainer(self, inputs, targets, batch_size, rule)

    def objective(self, inputs: Inputs, targets: Targets, n_threads: int) -> Objective:
        rows, gradients = np.arange(len(inputs)), self.new_slot()

        def objective() -> tuple[float, tuple[Array, ...], tuple[Array, ...]]:
            with np.errstate(all="ignore"):
                loss = _gradients(self, inputs, targets, rows, gradients, len(rows))
            return loss / len(rows), *self.views(gradients)

        return objective

    def outputs_and_loss(self, inputs: Inputs, targets: Targets) -> tuple[Array, float]:
        outputs, loss = self._new_outputs(len(inputs), self.layer_sizes[-1]), 0.0
        with np.errstate(all="ignore"):
            for rows in _ranges(self, inputs, len(inputs)):
                zs, activations = forward(self, inputs.matrix(rows))
                outputs[rows] = activations[-1]
                of_rows = targets.rows(rows, self.layer_sizes[-1], self.dtype)
                losses = self.loss.values(zs[-1], activations[-1], of_rows)
                if targets.weights is not None:
                    losses = losses * targets.weights[rows]
                loss += float(losses.sum(dtype=np.float64))
        return outputs, loss

    def all_outputs(self, inputs: Inputs) -> list[Array]:
        return all_outputs(self, inputs)

    def outputs(self, inputs: Inputs, n_threads: int) -> Array:
        # BLAS brings threads of its own, which make better use of whole matrices.
        outputs = self._new_outputs(len(inputs), self.layer_sizes[-1])
        with np.errstate(all="ignore"):
            for rows in _ranges(self, inputs, len(inputs)):
                outputs[rows] = forward(self, inputs.matrix(rows))[1][-1]
        return outputs

    def _new_outputs(self, n_examples: int, n_outputs: int) -> Array:
        return np.empty((n_examples, n_outputs), self.dtype)


def all_outputs(engine: Engine, inputs: Inputs) -> list[Array]:
    """Compute the outputs of every layer of any engine's network, (n_examples, fan_out)."""
    outputs = [np.empty((len(inputs), n), engine.dtype) for n in engine.layer_sizes[1:]]
    with np.errstate(all="ignore"):
        for rows in _ranges(engine, inputs, len(inputs)):
            activations = forward(engine, inputs.matrix(rows))[1][1:]
            for of_layer, of_rows in zip(outputs, activations, strict=True):
                of_layer[rows] = of_rows
    return outputs


def _ranges(engine: Engine, inputs: Inputs, n_rows: int) -> Iterator[slice]:
    """Yield ranges of rows that are computed together."""
    step = _rows_per_part(engine, inputs)
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def _rows_per_part(engine: Engine, inputs: Inputs) -> int:
    n_held = inputs.n_inputs * (inputs.density if inputs.is_sparse else 1)
    row_bytes = engine.dtype.itemsize * (n_held + 3 * sum(engine.layer_sizes[1:]))
    return max(1, min(MAX_ROWS, int(MAX_BYTES / row_bytes)))


def forward(
    engine: Engine, X: Any, factors: LayerFactors | None = None
) -> tuple[list[Array], list[Array]]:
    """Compute the weighted inputs z of every layer, and X with the outputs a = f(z) of each.

    Parameters
    ----------
    engine : Engine
        The engine whose parameters and activations are used.
    X : ndarray or csr_array, (n_examples, n_inputs)
        The inputs, in the engine's dtype.
    factors : callable, optional
        Returns what dropout multiplies the outputs of a layer by.
    """
    zs, activations = [], [X]
    for layer, (weights, biases, f) in enumerate(
        zip(engine.weights, engine.biases, engine.activations, strict=True)
    ):
        z = activations[-1] @ weights
        z += biases
        a = f.outputs(z)
        zs.append(z)
        activations.append(a if factors is None else a * factors(layer))
    return zs, activations


def _gradients(
    engine: NumpyEngine,
    inputs: Inputs,
    targets: Targets,
    rows: Array,
    gradients: Sequence[Array],
    divisor: float,
    factors: Callable[[slice], LayerFactors] | None = None,
    first_layer: list[tuple[Any, Array]] | None = None,
) -> float:
    """Sum the losses of a batch, and write its gradients, which are divided by ``divisor``.

    The gradients are in the order of the storage. Those of the first layer's weights are left out
    if ``first_layer`` is a list, which gets X and the deltas that they are the product of.
    """
    loss, of_weights, of_biases = 0.0, *engine.views(gradients)
    for part in _ranges(engine, inputs, len(rows)):
        factors_of_part = None if factors is None else factors(part)
        X = inputs.matrix(rows[part])
        zs, activations = forward(engine, X, factors_of_part)
        of_rows = targets.rows(rows[part], engine.layer_sizes[-1], engine.dtype)
        losses, delta = engine.loss.values_and_delta(zs[-1], activations[-1], of_rows)
        loss += targets.weigh(rows[part], losses, delta)
        delta *= engine.dtype.type(1 / divisor)
        for layer in reversed(range(len(zs))):
            if layer < len(zs) - 1 or not engine.loss.output_activation:
                a = activations[layer + 1]
                if factors_of_part is not None:
                    a = engine.activations[layer].outputs(zs[layer])
                    delta *= factors_of_part(layer)
                delta *= engine.activations[layer].slope(zs[layer], a)
            if part.start == 0:
                delta.sum(axis=0, out=of_biases[layer])
            else:
                np.add(of_biases[layer], delta.sum(axis=0), out=of_biases[layer])
            if layer == 0 and first_layer is not None:
                first_layer.append((X, delta))
            elif part.start == 0:
                _write_product(activations[layer], delta, of_weights[layer])
            else:
                np.add(of_weights[layer], activations[layer].T @ delta, out=of_weights[layer])
            if layer:
                delta = delta @ engine.weights[layer].T
    return loss


def _write_product(a: Any, delta: Array, out: Array) -> None:
    """Write dL/dW = a' delta."""
    if not isinstance(a, np.ndarray):
        out[...] = a.T @ delta
    elif len(delta) == 1:  # by itself the outer product is faster
        np.multiply(a.T, delta, out=out)
    else:
        np.matmul(a.T, delta, out=out)


def _step_met_rows(weights: Array, X: Any, delta: Array) -> None:
    """Add X' delta to the weights, for a sparse X that meets few of their rows."""
    # With the first indices NumPy sorts stably, not by vector code that crashes on emulated CPUs.
    columns, _, places = np.unique(X.indices, return_index=True, return_inverse=True)
    compressed = type(X)((X.data, places, X.indptr), shape=(X.shape[0], len(columns)))
    weights[columns] += compressed.T @ delta


class _Trainer:
    """Gradient descent; see `base.Trainer`."""

    def __init__(
        self,
        engine: NumpyEngine,
        inputs: Inputs,
        targets: Targets,
        batch_size: int,
        rule: StepRule,
    ) -> None:
        self._engine, self._inputs, self._targets = engine, inputs, targets
        self._optimizer, self._regularization = rule.optimizer, rule.regularization
        self._batch_size, self._slots = batch_size, rule.slots
        self._gradients = engine.new_slot()
        # The rows of weights that no example of a sparse batch meets stay as they are.
        fits = batch_size <= _rows_per_part(engine, inputs)  # else deltas of all parts stay
        self._steps_by_row = inputs.is_sparse and rule.is_plain and fits
        # Whole batches, some hundred rows at most, per call: Python runs in between anyway.
        self.chunk = batch_size * max(1, 256 // batch_size)
        self.examples_per_backup = self.chunk
        self.examples_per_checkpoint: int | None = 16 * self.chunk

    def __call__(self, epochs: Epochs, start: int, stop: int, losses: Array) -> None:
        # A sigmoid may overflow on its way to 0, and divergence is found by its loss.
        with np.errstate(all="ignore"):
            for epoch in range(len(epochs)):
                for batch_start in range(start, stop, self._batch_size):
                    batch_stop = min(batch_start + self._batch_size, stop)
                    losses[epoch] += self._step(epochs[epoch : epoch + 1], batch_start, batch_stop)
                    # In one operation, between whose halves no interruption can come.
                    epochs.n_done[:] += 1, -1

    def flush(self) -> None:
        pass

    def _step(self, epoch: Epochs, start: int, stop: int) -> float:
        """Make a step along the mean gradient of a batch; return its losses before, summed."""
        engine, batch = self._engine, start // self._batch_size
        rows, gradients = epoch.orders[0, start:stop], self._gradients
        divisor = self._targets.divisor(rows, self._regularization.by_weight)
        regularization = self._regularization.for_batch(divisor)
        factors = None
        if any(regularization.dropout):
            factors = partial(partial, self._factors, int(epoch.keys[0]), start)
        first_layer: list[tuple[Any, Array]] | None = [] if self._steps_by_row else None
        loss = _gradients(
            engine, self._inputs, self._targets, rows, gradients, divisor, factors, first_layer
        )
        rate = engine.dtype.type(epoch.rates[0, batch])
        clip_factor = regularization.clip_factor(gradients)
        number = epoch.n_steps + batch + 1
        epoch.n_done[1] = True
        for X, delta in first_layer or ():
            _step_met_rows(engine.weights[0], X, -rate * delta)
        for i, (parameters, g) in enumerate(zip(engine.storage(), gradients, strict=True)):
            is_weights = i < len(engine.weights)
            if i == 0 and self._steps_by_row:
                continue
            if clip_factor != 1:
                g *= engine.dtype.type(clip_factor)
            if is_weights and (regularization.l1 or regularization.l2):
                g += regularization.penalty_gradient(parameters)
            slots = [slot[i] for slot in self._slots]
            change = self._optimizer.change(g, slots, rate, number)
            if is_weights and self._optimizer.weight_decay:
                parameters *= 1 - rate * self._optimizer.weight_decay
            parameters -= change
            if is_weights:
                regularization.limit_norms(parameters)
        return len(rows) / divisor * loss

    def _factors(self, key: int, start: int, rows: slice, layer: int) -> Array | float:
        """Return what dropout multiplies outputs by, for some rows of the batch from ``start``."""
        rate = self._regularization.dropout[layer]
        if not rate:
            return 1.0
        places = np.arange(start + rows.start, start + rows.stop)
        width = self._engine.layer_sizes[layer + 1]
        return dropout_factors(rate, key, places, layer, width, self._engine.dtype)
