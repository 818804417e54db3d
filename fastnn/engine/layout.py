"""Where a network's parameters lie in memory: one flat vector, and views of it per layer."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .. import _kernels
from ..activations import BuiltinActivation
from ..common.arrays import ALIGNMENT, Array, aligned_zeros
from ..data.targets import Targets
from ..losses import BuiltinLoss
from ..optimizers import Optimizer
from ..regularization import Regularization
from .tuning import Tuning


class Parameters:
    """The weights and biases of all layers.

    Attributes
    ----------
    flat : ndarray, (size,)
        All of them, 64-byte aligned, with zeros between rows that only keep the rows aligned.
    layers : ndarray, (n_layers,)
        The table that tells the kernels where each layer lies in ``flat``.
    kernels : module
        The kernels for this dtype.
    network : Network
        ``flat`` and ``layers`` as the kernels take them.
    lanes : int
        Elements in a vector of 64 bytes, of which rows hold whole ones.
    idle_workspaces : dict
        Workspaces of earlier predictions that are free to use, by kind.
    n_inputs, n_outputs : int
        Inputs of the first layer and outputs of the last.
    tuning : Tuning
        Thresholds of the kernel engine.
    """

    tuning = Tuning()
    idle_workspaces: dict[tuple[bool, bool], list[Any]]

    def __init__(
        self,
        layer_sizes: Sequence[int],
        activations: Sequence[BuiltinActivation],
        loss: BuiltinLoss,
        dtype: "np.dtype[Any]",
    ) -> None:
        self.kernels = _kernels.kernels_for(dtype)
        self.lanes = lanes = ALIGNMENT // dtype.itemsize
        self.layers = np.zeros(len(activations), _layer_dtype(self.kernels.LAYER_FIELDS))
        size = n_units = n_listed = 0
        has_zeros = True  # the inputs of a layer; X may be sparse
        for layer, (fan_in, fan_out), activation in zip(
            self.layers, pairwise(layer_sizes), activations, strict=True
        ):
            # A layer of few outputs is stored with its long side contiguous: full vectors.  Not so
            # the first, whose inputs may be sparse: their weights are to be next to each other.
            transposed = size > 0 and fan_out < lanes <= fan_in
            n_rows, length = (fan_out, fan_in) if transposed else (fan_in, fan_out)
            row_length = self.whole_vectors(length)
            layer["fan_in"], layer["fan_out"] = fan_in, fan_out
            layer["width"] = width = self.whole_vectors(fan_out)
            layer["transposed"], layer["row_length"] = transposed, row_length
            layer["weights"] = size
            layer["biases"] = size + (n_rows + self.kernels.SPARE_ROWS) * row_length
            layer["inputs"], layer["outputs"] = n_listed, n_units
            layer["activation"] = self.kernels.ACTIVATION_CODES[activation.name]
            layer["slope"], layer["parameter"] = layer["activation"], _only_parameter(activation)
            layer["keeps_z"] = activation.derivative_of_output is None
            layer["has_step_slope"] = activation.has_step_slope
            # The row of weights of an input that is 0 is skipped, which spares nothing in columns.
            layer["lists_inputs"] = has_zeros and not transposed
            has_zeros = activation.zeros_are_common
            size = int(layer["biases"]) + width
            n_listed += self.room(fan_in)
            n_units += self.room(fan_out)
        if loss.output_activation:
            layer["slope"], layer["keeps_z"] = self.kernels.ACTIVATION_CODES["identity"], True
        self.n_inputs, self.n_outputs = layer_sizes[0], layer_sizes[-1]
        self._loss = loss
        self.flat = aligned_zeros(size, dtype)
        self.network = self.kernels.Network(self.flat, self.layers)
        self.idle_workspaces = {}

    def targets(self, targets: Targets) -> Any:
        """Targets with the loss, as the kernels take them."""
        return self.kernels.Targets(
            targets.values,
            targets.labels,
            targets.weights,
            self.n_outputs,
            self.kernels.LOSS_CODES[self._loss.name],
            _only_parameter(self._loss),
            targets.max_log_loss,
        )

    def update(
        self, optimizer: Optimizer, regularization: Regularization, slots: Sequence[Array] = ()
    ) -> Any:
        """Return what a step does, as the kernels take it."""
        # An epsilon that is 0 in this dtype would make 0 / 0 of what only fills up rows.
        lowest = float(np.finfo(self.flat.dtype).tiny)
        constants = [max(constant, lowest) for constant in optimizer.constants]
        n_constants, n_slots = self.kernels.MAX_CONSTANTS, self.kernels.MAX_SLOTS
        if len(constants) > n_constants or len(slots) > n_slots:
            raise NotImplementedError(
                f"the kernels allow {n_constants} constants and {n_slots} slots, and the optimizer "
                f"{optimizer.name!r} has {len(constants)} and {len(slots)}: raise the limits in "
                "_kernels/train/optimizers.pxi"
            )
        constants += [lowest] * (n_constants - len(constants))
        return self.kernels.Update(
            self.kernels.RULE_CODES[optimizer.rule],
            np.array(constants, float),
            optimizer.weight_decay,
            regularization.l1,
            regularization.l2,
            regularization.clip_norm,
            regularization.max_norm,
            regularization.by_weight,
            *slots,
            *[None] * (n_slots - len(slots)),
        )

    def whole_vectors(self, n: int) -> int:
        """n, rounded up to whole vectors."""
        return -(-n // self.lanes) * self.lanes

    def room(self, n: int) -> int:
        """Return what n units take, with those that only fill up rows and vectors."""
        return self.whole_vectors(int(n) + self.kernels.SPARE_ROWS)

    def views(self, flat: Array) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """Weights and biases of each layer within a vector that is laid out like ``flat``."""
        return (
            tuple(_weights(flat, layer) for layer in self.layers),
            tuple(
                flat[layer["biases"] : layer["biases"] + layer["fan_out"]] for layer in self.layers
            ),
        )


def _layer_dtype(fields: Sequence[str]) -> "np.dtype[Any]":
    """Return the dtype of the kernels' struct Layer."""
    return np.dtype([(name, np.float64 if name == "parameter" else np.intp) for name in fields])


def _only_parameter(function: BuiltinActivation | BuiltinLoss) -> float:
    """Return the only parameter of a function, or 0 if it has none."""
    if len(function.parameters) > 1:
        raise NotImplementedError(
            f"the kernels allow one parameter of a function, and {function.name!r} has "
            f"{len(function.parameters)}: see `parameter` of Layer in _kernels/network.pxi"
        )
    return next(iter(function.parameters.values()), 0.0)


def _weights(flat: Array, layer: Any) -> Array:
    fan_in, fan_out, row_length = layer["fan_in"], layer["fan_out"], layer["row_length"]
    n_rows, length = (fan_out, fan_in) if layer["transposed"] else (fan_in, fan_out)
    rows = flat[layer["weights"] : layer["weights"] + n_rows * row_length]
    matrix = rows.reshape(n_rows, row_length)[:, :length]
    return matrix.T if layer["transposed"] else matrix
