"""Blocks of examples layer by layer in NumPy, the matrix products by BLAS.

That is the way for the activations and losses of users, which are functions of whole arrays.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..activations import Activation, BuiltinActivation
from ..arrays import Array, aligned_zeros
from ..data.inputs import Inputs
from ..data.targets import Targets
from ..losses import BuiltinLoss, Loss
from ..regularization import Regularization
from .base import Epochs
from .by_kernel import dropout_factors, workspace
from .layout import Parameters

_WORK_PER_CALL = 400_000_000  # parameters times examples: some ten milliseconds
_MOST_EXAMPLES = 1024  # larger blocks are no faster, and take memory
_PRODUCT_SIZE = 1 << 18  # elements of a product that are added to a sum at a time


class _Views(NamedTuple):
    """The matrices of n examples, per layer; ``inputs`` are the outputs of the layer before."""

    inputs: list[Array]
    outputs: list[Array]
    deltas: list[Array]


class _Forward:
    """The forward pass, with buffers for up to ``capacity`` examples."""

    def __init__(
        self,
        parameters: Parameters,
        activations: Sequence[Activation],
        inputs: Inputs,
        capacity: int,
        is_sparse: bool,
        gradient: Array | None = None,
        dropout: Sequence[float] = (),
        to_train: bool = False,
    ) -> None:
        self.capacity = capacity
        self._inputs = inputs
        self._kernels = parameters.kernels
        self._weights, _ = parameters.views(parameters.flat)
        dtype, n_units = parameters.flat.dtype, parameters.network.n_units
        units = aligned_zeros((n_units, capacity), dtype)
        deltas = aligned_zeros((n_units, capacity), dtype) if to_train else units
        keep_sums = to_train and (parameters.keep_sums or any(dropout))
        self._dropout = dropout
        self._units, self._deltas = parameters.blocks(units), parameters.blocks(deltas)
        self._block = self._kernels.Block(
            workspace(parameters),
            units,
            deltas,
            aligned_zeros((n_units, capacity), dtype) if keep_sums else units,
            aligned_zeros(int(parameters.layers["width"].max()), dtype),  # no weights are turned
            np.empty(0, dtype) if gradient is None else gradient,
            aligned_zeros((1, 1), dtype),  # and examples not gathered, in the kernels
            is_sparse,
            None,
            dropout_factors(parameters, dropout, capacity),
            self._kernels.Team(1, np.zeros(capacity)),
            0,
        )
        # Of activations of users: the function, and room for z, of which the derivative is taken.
        self._own = {
            layer: (f, np.empty_like(self._units[layer]))
            for layer, f in enumerate(activations)
            if not isinstance(f, BuiltinActivation)
        }
        self._is_sparse = is_sparse
        if is_sparse:
            self._examples = inputs.examples(self._kernels) if inputs.is_ready else None
        else:
            self._x = np.empty((capacity, inputs.n_inputs), dtype)
        self._views: dict[int, _Views] = {}

    def views(self, n: int) -> _Views:
        if n not in self._views:
            outputs = [units[:n] for units in self._units]
            first = outputs[0] if self._is_sparse else self._x[:n]  # sparse inputs are no matrix
            deltas = [deltas[:n] for deltas in self._deltas]
            self._views[n] = _Views([first, *outputs[:-1]], outputs, deltas)
        return self._views[n]

    def forward(self, rows: Array, key: int = 0, place: int = 0) -> Array:
        """Return the outputs of the last layer, in a buffer that the next call overwrites.

        For dropout, they are those of examples from that place on in the order of an epoch.
        """
        n = len(rows)
        views = self.views(n)
        if self._is_sparse:
            self._part = None  # lets go of the last one
            self._part = self._examples or self._inputs.part(self._kernels, rows)
            self._kernels.multiply_sparse(self._block, self._part, rows)
        else:
            self._inputs.array(rows, out=views.inputs[0])
        for layer, weights in enumerate(self._weights):
            if layer or not self._is_sparse:
                np.matmul(views.inputs[layer], weights, out=views.outputs[layer])
            self._kernels.activate_block(self._block, layer, n)
            if layer in self._own:
                f, z = self._own[layer]
                z[:n] = views.outputs[layer]
                views.outputs[layer][...] = f.outputs(z[:n])
            if any(self._dropout):
                self._kernels.drop_out_block(self._block, layer, n, key, place)
        return views.outputs[-1]


class _Losses(_Forward):
    """And how far the outputs are from targets."""

    def __init__(
        self,
        parameters: Parameters,
        activations: Sequence[Activation],
        loss: Loss,
        inputs: Inputs,
        targets: Targets,
        capacity: int,
        is_sparse: bool,
        gradient: Array | None = None,
        dropout: Sequence[float] = (),
    ) -> None:
        super().__init__(
            parameters, activations, inputs, capacity, is_sparse, gradient, dropout, to_train=True
        )
        self._loss, self._targets = loss, targets
        self._targets_and_loss = parameters.targets(targets)

    def losses(self, rows: Array, scale: float) -> float:
        """Sum of the losses of the examples of the forward pass; deltas begin, times scale."""
        if isinstance(self._loss, BuiltinLoss):
            sum_of_losses: float = self._kernels.block_losses(
                self._block, self._targets_and_loss, rows, scale
            )
            return sum_of_losses
        outputs, deltas = self._units[-1][: len(rows)], self._deltas[-1][: len(rows)]
        wanted = self._targets.rows(rows, outputs.shape[1], outputs.dtype)
        losses, derivatives = self._loss.values_and_derivatives(outputs, wanted)
        np.multiply(derivatives, scale, out=deltas, casting="same_kind")
        return self._targets.weigh(rows, losses, deltas)


class Descent(_Losses):
    """Batch by batch; a batch larger than a block sums its blocks.  See `plan.Descent`."""

    def __init__(
        self,
        parameters: Parameters,
        activations: Sequence[Activation],
        loss: Loss,
        update: Any,
        regularization: Regularization,
        inputs: Inputs,
        targets: Targets,
        batch_size: int,
        is_sparse: bool,
    ) -> None:
        self.gradient = gradient = aligned_zeros(parameters.flat.size, parameters.flat.dtype)
        capacity = _capacity(parameters, batch_size)
        super().__init__(
            parameters,
            activations,
            loss,
            inputs,
            targets,
            capacity,
            is_sparse,
            gradient,
            regularization.dropout,
        )
        self._batch_size, self._update, self._regularization = batch_size, update, regularization
        self._steps_at_once = update.is_plain and not update.shrinks
        self._gradients, _ = parameters.views(gradient)
        self._first_gradient = gradient[: parameters.layers["biases"][0]]  # and its spare rows
        blocks = max(1, _WORK_PER_CALL // (parameters.flat.size * capacity))
        self.chunk = self.examples_per_backup = blocks * capacity
        self.examples_per_checkpoint: int | None = 8 * self.chunk

    def __call__(self, epochs: Epochs, start: int, stop: int, losses: Array) -> None:
        with np.errstate(all="ignore"):  # divergence is found by the loss
            for epoch in range(len(epochs)):
                losses[epoch] += self._descend(epochs[epoch : epoch + 1], start, stop)

    def settle(self) -> None:
        pass

    def _descend(self, epoch: Epochs, start: int, stop: int) -> float:
        ((order,), (rates,), (key,)), loss = (epoch.orders, epoch.rates, epoch.keys), 0.0
        while start < stop:
            batch_start = start - start % self._batch_size
            batch_stop = min(batch_start + self._batch_size, len(order))
            block_stop = min(start + self.capacity, batch_stop, stop)
            rows = order[start:block_stop]
            batch = start // self._batch_size
            # The rows of weights that sparse inputs meet take their steps at once, if they can: a
            # gradient for them would be mostly zeros.
            at_once = (
                self._is_sparse and self._steps_at_once and len(rows) == batch_stop - batch_start
            )
            divisor = self._targets.divisor(
                order[batch_start:batch_stop], self._regularization.by_weight
            )
            regularization = self._regularization.of_batch(divisor)
            self.forward(rows, key, start)
            n_in_batch = batch_stop - batch_start
            loss += (
                n_in_batch
                / divisor
                * self.losses(rows, (-rates[batch] if at_once else 1) / divisor)
            )
            self._backward(len(rows), start == batch_start)
            if self._is_sparse:
                if start == batch_start and not at_once:
                    self._first_gradient[...] = 0
                epoch.n_done[1] = at_once
                self._kernels.add_sparse_gradient(self._block, self._part, rows, at_once)
            start = block_stop
            if start == batch_stop:
                rate = -1 if at_once else rates[batch]
                number = epoch.n_steps + batch + 1
                self._kernels.step_block(
                    self._block,
                    self._update,
                    rate,
                    regularization.l2,
                    number,
                    not at_once,
                    epoch.n_done,
                )
        return loss

    def _backward(self, n: int, is_first: bool) -> None:
        """Begin the sum of gradients with those of a block, or add them to it."""
        inputs, _, deltas = self.views(n)
        for layer in reversed(range(len(self._weights))):
            if layer in self._own:
                f, z = self._own[layer]
                deltas[layer] *= f.slope(z[:n], self._units[layer][:n])
            self._kernels.multiply_by_slopes(self._block, layer, n, is_first)
            if layer:
                np.matmul(deltas[layer], self._weights[layer].T, out=deltas[layer - 1])
            if layer or not self._is_sparse:
                _add_product(inputs[layer].T, deltas[layer], self._gradients[layer], is_first)


def _add_product(a: Array, b: Array, total: Array, is_first: bool) -> None:
    if is_first:
        np.matmul(a, b, out=total)
        return
    step = max(1, _PRODUCT_SIZE // b.shape[1])
    for start in range(0, len(a), step):
        total[start : start + step] += a[start : start + step] @ b


def predictor(
    parameters: Parameters,
    activations: Sequence[Activation],
    inputs: Inputs,
    n_rows: int,
    is_sparse: bool,
) -> Callable[[slice, Array], None]:
    """Return a function that fills an array with the outputs for some rows, at most ``n_rows``."""
    capacity = _capacity(parameters, n_rows)
    forward = _Forward(parameters, activations, inputs, capacity, is_sparse)
    numbers = np.arange(len(inputs))

    def fill(rows: slice, outputs: Array) -> None:
        wanted = numbers[rows]
        with np.errstate(all="ignore"):  # a sigmoid of an infinity is one
            for start in range(0, len(wanted), capacity):
                some = slice(start, start + capacity)
                outputs[some] = forward.forward(wanted[some])

    return fill


def all_outputs(
    parameters: Parameters,
    activations: Sequence[Activation],
    inputs: Inputs,
    n_rows: int,
    is_sparse: bool,
) -> list[Array]:
    """Compute the outputs of every layer for all rows, at most so many of them at a time."""
    dtype, n = parameters.flat.dtype, len(inputs)
    outputs = [np.empty((n, layer["fan_out"]), dtype) for layer in parameters.layers]
    if not n:  # kernels have no examples to look at
        return outputs
    n_rows = _capacity(parameters, n_rows)
    forward = _Forward(parameters, activations, inputs, n_rows, is_sparse)
    with np.errstate(all="ignore"):
        for start in range(0, n, n_rows):
            rows = np.arange(start, min(start + n_rows, n))
            forward.forward(rows)
            for all_rows, some in zip(outputs, forward.views(len(rows)).outputs, strict=True):
                all_rows[rows] = some
    return outputs


def evaluate(
    parameters: Parameters,
    activations: Sequence[Activation],
    loss: Loss,
    inputs: Inputs,
    targets: Targets,
    is_sparse: bool,
) -> tuple[Array, float]:
    """Compute the outputs for all rows, and the sum of their losses."""
    n = len(inputs)
    capacity = _capacity(parameters, n)
    forward = _Losses(parameters, activations, loss, inputs, targets, capacity, is_sparse)
    outputs, total = np.empty((n, parameters.n_outputs), parameters.flat.dtype), 0.0
    with np.errstate(all="ignore"):
        for start in range(0, n, capacity):
            rows = np.arange(start, min(start + capacity, n))
            outputs[rows] = forward.forward(rows)
            total += forward.losses(rows, 1)
    return outputs, total


def _capacity(parameters: Parameters, n_examples: int) -> int:
    return min(n_examples, _MOST_EXAMPLES, max(1, _WORK_PER_CALL // parameters.flat.size))
