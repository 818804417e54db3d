"""The network in plain NumPy: specification, oracle and opponent of the kernels.

`MLP` here has the constructor, the methods and the results of `fastnn.MLP`, for any real floating
dtype, with no kernel in its numerics.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from . import validation
from .arrays import Array
from .inputs import Inputs
from .network import Network
from .targets import Targets
from .training import Plan


class MLP(Network):
    """See `fastnn.MLP`; ``dtype`` may be any real floating dtype."""

    _checked_dtype = staticmethod(validation.float_dtype)

    def _allocate(self) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        return (
            tuple(np.empty(shape, self.dtype) for shape in pairwise(self.layer_sizes)),
            tuple(np.zeros(fan_out, self.dtype) for fan_out in self.layer_sizes[1:]),
        )

    def _storage(self) -> Sequence[Array]:
        return *self.weights, *self.biases

    def _descent(self, inputs: Inputs, targets: Targets, plan: Plan) -> "_Descent":
        return _Descent(self, inputs, targets, plan)

    def _outputs_and_loss(self, inputs: Inputs, targets: Targets) -> tuple[Array, float]:
        with np.errstate(all="ignore"):
            zs, outputs = self._forward(inputs.array(slice(None)))
            wanted = targets.rows(slice(None), self.layer_sizes[-1], self.dtype)
            losses = self._loss.values(zs[-1], outputs[-1], wanted)
        if targets.weights is not None:
            losses = losses * targets.weights
        return outputs[-1], float(losses.sum(dtype=np.float64))

    def _outputs(self, inputs: Inputs, n_threads: int) -> Array:
        # BLAS brings threads of its own, which make better use of whole matrices.
        with np.errstate(all="ignore"):
            return self._forward(inputs.array(slice(None)))[1][-1]

    def _forward(self, X: Array) -> tuple[list[Array], list[Array]]:
        """Every layer's weighted inputs z, and X with every layer's outputs a = f(z)."""
        zs, outputs = [], [X]
        for weights, biases, f in zip(
            self.weights, self.biases, self.activation_functions, strict=True
        ):
            z = outputs[-1] @ weights
            z += biases
            zs.append(z)
            outputs.append(f.outputs(z))
        return zs, outputs


class _Descent:
    """Gradient descent; see `training.Descent`."""

    def __init__(self, network: MLP, inputs: Inputs, targets: Targets, plan: Plan) -> None:
        self._network, self._inputs, self._targets = network, inputs, targets
        self._learning_rate = plan.learning_rate
        self._batch_size = plan.rows_per_batch(len(inputs))
        self._gradients = [np.empty_like(weights) for weights in network.weights]
        # Whole batches, some hundred at most, per call: Python runs in between anyway.
        self.chunk = self._batch_size * max(1, 256 // self._batch_size)
        self.examples_per_backup = self.chunk

    def __call__(self, orders: Array, start: int, stop: int, losses: Array) -> None:
        # A sigmoid may overflow on its way to 0, and divergence is found by its loss.
        with np.errstate(all="ignore"):
            for epoch, order in enumerate(orders):
                for batch in range(start, stop, self._batch_size):
                    losses[epoch] += self._step(order[batch : min(batch + self._batch_size, stop)])

    def _step(self, rows: Array) -> float:
        """One step along the mean gradient of a batch; return the sum of its losses before it."""
        network = self._network
        zs, outputs = network._forward(self._inputs.array(rows))
        wanted = self._targets.rows(rows, network.layer_sizes[-1], network.dtype)
        loss = network._loss
        losses = loss.values(zs[-1], outputs[-1], wanted)
        delta = loss.derivative(outputs[-1], wanted)
        sum_of_losses = self._targets.weigh(rows, losses, delta)
        rate = network.dtype.type(self._learning_rate / len(rows))
        for layer in reversed(range(len(zs))):
            weights, biases = network.weights[layer], network.biases[layer]
            if layer < len(zs) - 1 or not loss.output_activation:
                delta *= network.activation_functions[layer].slope(zs[layer], outputs[layer + 1])
            step = delta * rate
            if layer:
                delta = delta @ weights.T
            # dL/dW = x' delta; for a single example the outer product is faster by itself.
            product = np.multiply if len(rows) == 1 else np.matmul
            weights -= product(outputs[layer].T, step, out=self._gradients[layer])
            biases -= step[0] if len(rows) == 1 else step.sum(axis=0)
        return sum_of_losses
