"""The seam between numbers and everything else: an engine, and a trainer for one training."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from ..activations import Activation
from ..common.arrays import Array
from ..data.inputs import Inputs
from ..data.targets import Targets
from ..losses import Loss
from ..optimizers import Optimizer
from ..regularization import Regularization


class StepRule(NamedTuple):
    """How a step changes the parameters, given the mean gradient of a batch.

    Attributes
    ----------
    optimizer : Optimizer
    regularization : Regularization
    slots : sequence of sequences of ndarray
        The optimizer's slots, each like the storage of the engine. Steps change them.
    n_threads : int
        Threads that share a batch.
    """

    optimizer: Optimizer
    regularization: Regularization
    slots: Sequence[Sequence[Array]] = ()
    n_threads: int = 1

    @property
    def is_plain(self) -> bool:
        """Whether a step adds a multiple of the gradient to the parameters, and does no more."""
        settings = self.regularization
        others = settings.l1, settings.l2, settings.clip_norm, settings.max_norm
        return self.optimizer.rule == "sgd" and not any((self.optimizer.weight_decay, *others))


@dataclass(frozen=True)
class Epochs:
    """The order of the examples, the learning rates and the dropout of some epochs.

    Attributes
    ----------
    orders : ndarray of intp, (n_epochs, n_examples)
        Rows of X, in the order of each epoch.
    rates : ndarray of float64, (n_epochs, n_batches)
        Learning rates of the steps.
    keys : ndarray of uint64, (n_epochs,)
        Keys that the dropout of each epoch follows from.
    n_steps : int
        Number of steps that the optimizer made before.
    n_done : ndarray of intp, (2,)
        Number of steps made since, and whether a step is half made. Trainers count as they go, for
        an interruption may end them.
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
        """Whether a step was interrupted after it began to change the parameters."""
        return bool(self.n_done[1])


class Trainer(Protocol):
    """Trains one network on some data.

    Attributes
    ----------
    chunk : int
        Number of examples per call. They take some milliseconds, so that Ctrl-C is noticed between
        calls.
    examples_per_backup : int
        Number of examples that take so long that a copy of the parameters before them costs
        little.
    examples_per_checkpoint : int or None
        Number of examples between two copies within an epoch, for a trainer that an interruption
        may end in the middle of a step; None for others.
    """

    chunk: int
    examples_per_backup: int
    examples_per_checkpoint: int | None

    def __call__(self, epochs: Epochs, start: int, stop: int, losses: Array) -> None:
        """Train on the examples ``orders[e, start:stop]`` of each epoch e, in order.

        The call adds their losses to ``losses[e]``. Several epochs are trained on as a whole.
        Batches begin at multiples of the batch size, and the last of an epoch may be smaller. A
        batch may be spread over several calls.
        """

    def flush(self) -> None:
        """Apply the pending scale factor to the stored weights, which may lack it after a call."""


Objective: TypeAlias = Callable[[], tuple[float, tuple[Array, ...], tuple[Array, ...]]]
"""Computes the mean loss and its gradients by weights and by biases at the present parameters."""


class Engine(ABC):
    """Holds the parameters of one network, and computes with them.

    Arguments have been checked before: an engine refuses nothing.

    Parameters
    ----------
    layer_sizes : tuple of int
        Widths from input to output.
    activations : tuple of Activation
        The activation of each layer.
    loss : Loss
    dtype : numpy.dtype
        The dtype of the parameters and of all computation.

    Attributes
    ----------
    weights, biases : tuple of ndarray
        One array per layer, (fan_in, fan_out) and (fan_out,). New biases are 0.
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
        """Return C-contiguous arrays that hold the parameters, and zeros for padding."""

    @abstractmethod
    def squared_norm(self) -> float:
        """Return the sum of the squares of all weights, without the biases."""

    @abstractmethod
    def new_slot(self) -> list[Array]:
        """Return zeros in the layout of the storage, for a slot of an optimizer."""

    @abstractmethod
    def views(self, storage: Sequence[Array]) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """Return views of the weights and biases in arrays that are laid out like the storage."""

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
        """Predict one example (n_inputs,) or (1, n_inputs) in a plain array; else return None."""
        return None

    @abstractmethod
    def trainer(self, inputs: Inputs, targets: Targets, batch_size: int, rule: StepRule) -> Trainer:
        """Return a trainer for these data, which steps by the rule."""

    @abstractmethod
    def objective(self, inputs: Inputs, targets: Targets, n_threads: int) -> Objective:
        """Return a function that computes the mean loss on these data and its gradient."""
