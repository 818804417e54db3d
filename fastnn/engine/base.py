"""The seam between the numbers of a network and all else."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from ..activations import Activation
from ..arrays import Array
from ..data.inputs import Inputs
from ..data.targets import Targets
from ..losses import Loss
from ..optimizers import Optimizer
from ..regularization import Regularization


class StepRule(NamedTuple):
    """What a step makes of the mean gradient of a batch.

    Attributes
    ----------
    optimizer : Optimizer
    regularization : Regularization
    slots : sequence of sequences of ndarray
        What the optimizer keeps of every parameter, each like the storage of the engine.
    n_threads : int
        Threads that share a batch.
    """

    optimizer: Optimizer
    regularization: Regularization
    slots: Sequence[Sequence[Array]] = ()
    n_threads: int = 1


@dataclass(frozen=True)
class Epochs:
    """Some epochs: the rows of X in order, the rates of their steps, and keys of their dropout.

    Attributes
    ----------
    orders : ndarray of intp, (n_epochs, n_examples)
    rates : ndarray of float64, (n_epochs, n_batches)
    keys : ndarray of uint64, (n_epochs,)
    n_steps : int
        Steps that the optimizer made before.
    n_done : ndarray of intp, (2,)
        Steps that it has made since, which a descent counts as it goes: it may be interrupted.
        Then whether one is half made.
    """

    orders: Array
    rates: Array
    keys: Array
    n_steps: int
    n_done: Array = field(default_factory=lambda: np.zeros(2, np.intp))

    def __len__(self) -> int:
        return len(self.orders)

    def __getitem__(self, some: slice) -> "Epochs":
        before = self.n_steps + range(len(self))[some].start * self.rates.shape[1]
        return Epochs(self.orders[some], self.rates[some], self.keys[some], before, self.n_done)

    @property
    def is_in_step(self) -> bool:
        """Whether a step was interrupted when it had begun to change the parameters."""
        return bool(self.n_done[1])


class Descent(Protocol):
    """One way to descend along the gradient on some data.

    Attributes
    ----------
    chunk : int
        Examples per call: what takes some milliseconds, so that Ctrl-C is noticed in between.
    examples_per_backup : int
        What takes so long that to copy the parameters before it costs nothing.
    examples_per_checkpoint : int or None
        Likewise in the course of an epoch, where an interruption may end a step half made; None
        where it cannot.
    """

    chunk: int
    examples_per_backup: int
    examples_per_checkpoint: int | None

    def __call__(self, epochs: Epochs, start: int, stop: int, losses: Array) -> None:
        """Train on the examples ``orders[e, start:stop]`` of one epoch e after the other.

        Their losses are added to ``losses[e]``. Several epochs come whole. Batches begin at
        multiples of the batch size, and the last of an epoch may be smaller. A batch may be spread
        over several calls.
        """

    def settle(self) -> None:
        """Make the parameters what they stand for: between calls they may lack a common factor."""


Objective: TypeAlias = Callable[[], tuple[float, tuple[Array, ...], tuple[Array, ...]]]
"""Computes mean loss and gradients, by weights and by biases, at the present parameters."""


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
    def squared_norm(self) -> float:
        """Return the sum of the squares of all weights, without the biases."""

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
    def descent(self, inputs: Inputs, targets: Targets, batch_size: int, rule: StepRule) -> Descent:
        """Return what descends along the gradient on these data."""

    @abstractmethod
    def objective(self, inputs: Inputs, targets: Targets, n_threads: int) -> Objective:
        """Return a function that computes the mean loss on these data and its gradient."""
