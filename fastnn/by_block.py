"""Blocks of examples layer by layer, the matrix products by BLAS: for large batches.

It is also the way for the activations of users, which are NumPy functions of whole arrays.
"""

from collections.abc import Sequence

import numpy as np

from ._kernels import kernels_for
from .functions import Activation, Array, BuiltinActivation
from .parameters import Parameters
from .validation import Targets

_WORK_PER_CALL = 400_000_000  # parameters times examples: some ten milliseconds
_MOST_EXAMPLES = 1024  # larger blocks are no faster, and take memory


class _Forward:
    """The forward pass, with buffers for the outputs of up to ``capacity`` examples."""

    def __init__(
        self, parameters: Parameters, activations: Sequence[Activation], n_examples: int
    ) -> None:
        self._parameters = parameters
        self._activations = activations
        self._kernels = kernels_for(parameters.flat.dtype)
        self._weights, self._biases = parameters.views(parameters.flat)
        self.capacity = min(
            n_examples, _MOST_EXAMPLES, max(1, _WORK_PER_CALL // parameters.flat.size)
        )
        self._a = self._buffers()
        # z is kept beside a = f(z) only where the derivative is a function of z.
        self._z = [
            a if isinstance(f, BuiltinActivation) else np.empty_like(a)
            for a, f in zip(self._a, activations, strict=True)
        ]

    def _buffers(self) -> list[Array]:
        dtype = self._parameters.flat.dtype
        return [np.empty((self.capacity, len(biases)), dtype) for biases in self._biases]

    def outputs(self, X: Array) -> Array:
        """Outputs of the last layer, in a buffer that the next call overwrites."""
        for layer, (weights, biases) in enumerate(zip(self._weights, self._biases, strict=True)):
            f = self._activations[layer]
            z, a = self._z[layer][: len(X)], self._a[layer][: len(X)]
            np.matmul(X, weights, out=z)
            if isinstance(f, BuiltinActivation):
                code = self._parameters.layers["activation"][layer]
                self._kernels.add_biases_and_activate(z, biases, code)
            else:
                z += biases
                a[:] = f.outputs(z)
            X = a
        return X


class Descent(_Forward):
    """Batch by batch; a batch larger than a block sums its blocks.  See `training.Descent`."""

    def __init__(
        self,
        parameters: Parameters,
        activations: Sequence[Activation],
        X: Array,
        targets: Targets,
        batch_size: int,
        learning_rate: float,
    ) -> None:
        super().__init__(parameters, activations, batch_size)
        self._X, self._targets = X, targets
        self._batch_size, self._learning_rate = batch_size, learning_rate
        self._x = np.empty((self.capacity, X.shape[1]), X.dtype)
        self._ones = np.ones(self.capacity, X.dtype)
        self._deltas = self._buffers()
        self._gradient = np.zeros_like(parameters.flat)
        self._weight_gradients, self._bias_gradients = parameters.views(self._gradient)
        # Room for the products of a batch's second and later blocks.
        widest = max(weights.size for weights in self._weights)
        self._product = np.empty(widest if batch_size > self.capacity else 0, X.dtype)
        blocks = max(1, _WORK_PER_CALL // (parameters.flat.size * self.capacity))
        self.chunk = blocks * self.capacity

    def __call__(self, order: Array, start: int, stop: int) -> float:
        with np.errstate(all="ignore"):  # divergence is found by the loss
            return self._descend(order, start, stop)

    def _descend(self, order: Array, start: int, stop: int) -> float:
        loss = 0.0
        while start < stop:
            batch_start = start - start % self._batch_size
            batch_stop = min(batch_start + self._batch_size, len(order))
            rows = order[start : min(start + self.capacity, batch_stop, stop)]
            loss += self._add_gradient(rows, is_first=start == batch_start)
            start += len(rows)
            if start == batch_stop:
                rate = self._learning_rate / (batch_stop - batch_start)
                self._kernels.add_scaled(self._parameters.flat, self._gradient, -rate)
        return loss

    def _add_gradient(self, rows: Array, is_first: bool) -> float:
        """Add the gradient of some examples, or begin the sum with it; return their loss."""
        n = len(rows)
        x = np.take(self._X, rows, axis=0, out=self._x[:n], mode="clip")
        outputs = self.outputs(x)
        delta = self._deltas[-1][:n]
        loss = self._kernels.output_deltas(
            outputs, self._targets.values, self._targets.labels, rows, delta
        )
        for layer in reversed(range(len(self._weights))):
            self._multiply_by_slope(layer, delta)
            layer_x = self._a[layer - 1][:n] if layer else x
            self._add_product(layer_x.T, delta, self._weight_gradients[layer], is_first)
            self._add_product(self._ones[:n], delta, self._bias_gradients[layer], is_first)
            if layer:
                delta = np.matmul(delta, self._weights[layer].T, out=self._deltas[layer - 1][:n])
        return loss

    def _multiply_by_slope(self, layer: int, delta: Array) -> None:
        f = self._activations[layer]
        if isinstance(f, BuiltinActivation):
            code = self._parameters.layers["activation"][layer]
            self._kernels.multiply_by_slope(delta, self._a[layer][: len(delta)], code)
        else:
            delta *= f.slope(self._z[layer][: len(delta)], self._a[layer][: len(delta)])

    def _add_product(self, a: Array, b: Array, total: Array, is_first: bool) -> None:
        if is_first:
            np.matmul(a, b, out=total)
        else:
            total += np.matmul(a, b, out=self._product[: total.size].reshape(total.shape))


def predict(
    parameters: Parameters, activations: Sequence[Activation], X: Array, outputs: Array
) -> None:
    """Fill ``outputs`` with the network's outputs for X."""
    forward = _Forward(parameters, activations, len(X))
    with np.errstate(all="ignore"):  # a sigmoid of an infinity is one
        for start in range(0, len(X), forward.capacity):
            rows = slice(start, start + forward.capacity)
            outputs[rows] = forward.outputs(X[rows])
