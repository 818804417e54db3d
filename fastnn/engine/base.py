"""The seam between the numbers of a network and all else."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..activations import Activation
from ..arrays import Array
from ..data.inputs import Inputs
from ..data.targets import Targets
from ..losses import Loss
from ..training.config import Descent, Objective, Plan
from ..training.state import TrainingState


class Engine(ABC):
    """Holds the parameters of one network, and computes with them.

    Whatever it is given has been checked: an engine refuses nothing.

    Parameters
    ----------
    layer_sizes : tuple of int
        Widths from input to output.
    activations : tuple of Activation
        Of each layer, the output layer's last.
    loss : Loss
    dtype : numpy.dtype
        Of the parameters and of all computation.

    Attributes
    ----------
    weights, biases : tuple of ndarray
        Per layer, (fan_in, fan_out) and (fan_out,). New biases are 0.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    def __init__(
        self,
        layer_sizes: tuple[int, ...],
        activations: tuple[Activation, ...],
        loss: Loss,
        dtype: "np.dtype[Any]",
    ) -> None:
        self.layer_sizes, self.activations = layer_sizes, activations
        self.loss, self.dtype = loss, dtype
        self.weights, self.biases = self._allocate()

    @abstractmethod
    def _allocate(self) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """Return weights and biases of every layer; the biases are 0."""

    @property
    def parameters(self) -> tuple[Array, ...]:
        """The weights of all layers, and then the biases."""
        return *self.weights, *self.biases

    @abstractmethod
    def storage(self) -> Sequence[Array]:
        """Return C-contiguous arrays that hold the parameters, and nothing else but zeros."""

    @abstractmethod
    def new_slot(self) -> list[Array]:
        """Return zeros, like the storage."""

    @abstractmethod
    def views(self, storage: Sequence[Array]) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """Return views of weights and biases in something like the storage."""

    @abstractmethod
    def outputs(self, inputs: Inputs, n_threads: int) -> Array:
        """Compute outputs (n_examples, n_outputs), a new array."""

    @abstractmethod
    def all_outputs(self, inputs: Inputs) -> list[Array]:
        """Compute the outputs of every layer, (n_examples, fan_out), new arrays."""

    @abstractmethod
    def outputs_and_loss(self, inputs: Inputs, targets: Targets) -> tuple[Array, float]:
        """Compute outputs (n_examples, n_outputs), and the sum of the losses."""

    def quick_outputs(self, X: Any) -> Array | None:
        """Predict a single example (n_inputs,) or (1, n_inputs), if X is that and plain enough."""
        return None

    @abstractmethod
    def descent(
        self, inputs: Inputs, targets: Targets, batch_size: int, plan: Plan, state: TrainingState
    ) -> Descent:
        """Return what descends along the gradient on these data."""

    @abstractmethod
    def objective(self, inputs: Inputs, targets: Targets, n_threads: int) -> Objective:
        """Return a function that computes the mean loss on these data and its gradient."""
