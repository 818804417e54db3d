"""The engine in plain NumPy."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from ..arrays import Array
from ..data.inputs import Inputs
from ..data.targets import Targets
from ..regularization import dropout_factors
from .base import Engine, Epochs, Objective, StepRule

Factors = Callable[[int], Array | float]
"""By which dropout multiplies the outputs of a layer."""


class NumpyEngine(Engine):
    """Computes as the formulas say, with no kernel: the specification of the kernels."""

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

    def descent(
        self, inputs: Inputs, targets: Targets, batch_size: int, rule: StepRule
    ) -> "_Descent":
        return _Descent(self, inputs, targets, batch_size, rule)

    def objective(self, inputs: Inputs, targets: Targets, n_threads: int) -> Objective:
        rows, gradients = np.arange(len(inputs)), self.new_slot()

        def objective() -> tuple[float, tuple[Array, ...], tuple[Array, ...]]:
            with np.errstate(all="ignore"):
                loss = _gradients(self, inputs, targets, rows, gradients)
            return loss / len(rows), *self.views(gradients)

        return objective

    def outputs_and_loss(self, inputs: Inputs, targets: Targets) -> tuple[Array, float]:
        with np.errstate(all="ignore"):
            zs, outputs = self.forward(inputs.array(slice(None)))
            wanted = targets.rows(slice(None), self.layer_sizes[-1], self.dtype)
            losses = self.loss.values(zs[-1], outputs[-1], wanted)
            if targets.weights is not None:
                losses = losses * targets.weights
        return outputs[-1], float(losses.sum(dtype=np.float64))

    def all_outputs(self, inputs: Inputs) -> list[Array]:
        with np.errstate(all="ignore"):
            return self.forward(inputs.array(slice(None)))[1][1:]

    def outputs(self, inputs: Inputs, n_threads: int) -> Array:
        # BLAS brings threads of its own, which make better use of whole matrices.
        with np.errstate(all="ignore"):
            return self.forward(inputs.array(slice(None)))[1][-1]

    def forward(self, X: Array, factors: Factors | None = None) -> tuple[list[Array], list[Array]]:
        """Every layer's weighted inputs z, and X with every layer's outputs a = f(z).

        The outputs are multiplied by the factors of the layers, if there are any.
        """
        zs, outputs = [], [X]
        for layer, (weights, biases, f) in enumerate(
            zip(self.weights, self.biases, self.activations, strict=True)
        ):
            z = outputs[-1] @ weights
            z += biases
            zs.append(z)
            outputs.append(f.outputs(z) if factors is None else f.outputs(z) * factors(layer))
        return zs, outputs


def _gradients(
    engine: NumpyEngine,
    inputs: Inputs,
    targets: Targets,
    rows: Array,
    gradients: Sequence[Array],
    factors: Factors | None = None,
    divisor: float = 0.0,
) -> float:
    """Sum of the losses of a batch; the gradients become its mean ones, in the storage's order.

    It is the sums over the divisor, or over the number of examples.
    """
    zs, outputs = engine.forward(inputs.array(rows), factors)
    loss = engine.loss
    wanted = targets.rows(rows, engine.layer_sizes[-1], engine.dtype)
    losses = loss.values(zs[-1], outputs[-1], wanted)
    delta = loss.derivative(outputs[-1], wanted)
    sum_of_losses = targets.weigh(rows, losses, delta)
    delta *= engine.dtype.type(1 / (divisor or len(rows)))
    of_weights, of_biases = engine.views(gradients)
    for layer in reversed(range(len(zs))):
        if layer < len(zs) - 1 or not loss.output_activation:
            a = outputs[layer + 1]
            if factors is not None:
                a = engine.activations[layer].outputs(zs[layer])
                delta *= factors(layer)
            delta *= engine.activations[layer].slope(zs[layer], a)
        # dL/dW = x' delta; for a single example the outer product is faster by itself.
        product = np.multiply if len(rows) == 1 else np.matmul
        product(outputs[layer].T, delta, out=of_weights[layer])
        delta.sum(axis=0, out=of_biases[layer])
        if layer:
            delta = delta @ engine.weights[layer].T
    return sum_of_losses


class _Descent:
    """Gradient descent; see `base.Descent`."""

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
        # Whole batches, some hundred at most, per call: Python runs in between anyway.
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

    def settle(self) -> None:
        pass

    def _step(self, epoch: Epochs, start: int, stop: int) -> float:
        """One step along the mean gradient of a batch; return the sum of its losses before it."""
        engine, batch = self._engine, start // self._batch_size
        rows, gradients = epoch.orders[0, start:stop], self._gradients
        divisor = self._targets.divisor(rows, self._regularization.by_weight)
        regularization = self._regularization.of_batch(divisor)
        factors = None
        if any(regularization.dropout):
            factors = partial(self._factors, int(epoch.keys[0]), np.arange(start, stop))
        sum_of_losses = _gradients(
            engine, self._inputs, self._targets, rows, gradients, factors, divisor
        )
        rate = engine.dtype.type(epoch.rates[0, batch])
        clipping = regularization.clipping(gradients)
        number = epoch.n_steps + batch + 1
        epoch.n_done[1] = True
        for i, (parameters, g) in enumerate(zip(engine.storage(), gradients, strict=True)):
            is_weights = i < len(engine.weights)
            if clipping != 1:
                g *= engine.dtype.type(clipping)
            if is_weights and (regularization.l1 or regularization.l2):
                g += regularization.slope(parameters)
            slots = [slot[i] for slot in self._slots]
            change = self._optimizer.change(g, slots, rate, number)
            if is_weights and self._optimizer.weight_decay:
                parameters *= 1 - rate * self._optimizer.weight_decay
            parameters -= change
            if is_weights:
                regularization.shorten(parameters)
        return len(rows) / divisor * sum_of_losses

    def _factors(self, key: int, places: Array, layer: int) -> Array | float:
        """By which dropout multiplies the outputs of a layer for the examples at these places."""
        rate = self._regularization.dropout[layer]
        if not rate:
            return 1.0
        width = self._engine.layer_sizes[layer + 1]
        return dropout_factors(rate, key, places, layer, width, self._engine.dtype)
