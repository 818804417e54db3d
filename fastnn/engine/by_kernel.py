"""The whole computation in the kernels: one example at a time, in batches, and predictions."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..arrays import Array, aligned_zeros
from ..data.inputs import Inputs
from ..data.targets import Targets
from ..threads import call_together
from .base import Epochs
from .layout import Parameters

_LONGEST_DELTA = 1 << 27  # bytes; places in the ring are numbers of 32 bits


class _Descent(ABC):
    """Whole chunks of an epoch, or several epochs, in one kernel call; see `plan.Descent`."""

    examples_per_checkpoint: int | None = None

    def __init__(
        self,
        parameters: Parameters,
        update: Any,
        inputs: Inputs,
        targets: Targets,
        work_per_call: int,
        extra_work: float = 0,
    ) -> None:
        self._kernels, self._update = parameters.kernels, update
        self._inputs = inputs
        self._targets = parameters.targets(targets)
        work = _work_per_example(parameters, inputs.density) + extra_work
        self.chunk = max(1, int(work_per_call // work))
        self.examples_per_backup = max(
            self.chunk, int(parameters.tuning.work_per_backup * parameters.flat.size // work)
        )
        if inputs.is_ready:
            self._examples = inputs.examples(self._kernels)
        else:
            self.chunk = min(self.chunk, inputs.rows_per_part())

    def __call__(self, epochs: Epochs, start: int, stop: int, losses: Array) -> None:
        if self._inputs.is_ready:
            self._train(self._examples, epochs, start, stop, losses)
            return
        for epoch, order in enumerate(epochs.orders):
            one = slice(epoch, epoch + 1)
            examples = self._inputs.part(self._kernels, order[start:stop])
            self._train(examples, epochs[one], start, stop, losses[one])

    @abstractmethod
    def _train(
        self, examples: Any, epochs: Epochs, start: int, stop: int, losses: Array
    ) -> None: ...

    @abstractmethod
    def settle(self) -> None: ...


class _OneByOne(_Descent):
    """Stochastic gradient descent, by a kernel that postpones what it can."""

    _workspace: Any
    _postponed: Any

    @property
    @abstractmethod
    def _descend(self) -> Callable[..., None]:
        """The kernel."""

    def _train(self, examples: Any, epochs: Epochs, start: int, stop: int, losses: Array) -> None:
        self._descend(
            self._workspace,
            self._postponed,
            self._update,
            examples,
            self._targets,
            epochs.orders,
            epochs.rates,
            epochs.keys,
            start,
            stop,
            losses,
            epochs.n_done,
        )


class OneByOne(_OneByOne):
    """With a plain update."""

    def __init__(
        self,
        parameters: Parameters,
        update: Any,
        inputs: Inputs,
        targets: Targets,
        dropout: Sequence[float],
    ) -> None:
        super().__init__(parameters, update, inputs, targets, parameters.tuning.work_per_call)
        self._workspace = self._kernels.Workspace(parameters.network, _dropout_rates(dropout))
        self._postponed = self._kernels.PendingUpdates(
            parameters.network, _deltas_that_wait(parameters, inputs)
        )

    @property
    def _descend(self) -> Callable[..., None]:
        return self._kernels.train_per_example

    def settle(self) -> None:
        self._kernels.apply_weight_factor(self._workspace, self._postponed)


class OneByOneWithMomentum(_OneByOne):
    """With momentum."""

    def __init__(
        self,
        parameters: Parameters,
        update: Any,
        inputs: Inputs,
        targets: Targets,
        dropout: Sequence[float],
    ) -> None:
        capacity = _steps_that_wait(parameters, inputs)
        # A step goes over all parameters and their velocities, or those of the inputs there are.
        extra_work = 0 if capacity else 2 * parameters.flat.size
        super().__init__(
            parameters, update, inputs, targets, parameters.tuning.work_per_call, extra_work
        )
        self._workspace = self._kernels.Workspace(parameters.network, _dropout_rates(dropout))
        self._postponed = self._kernels.PendingSteps(parameters.network, capacity)

    @property
    def _descend(self) -> Callable[..., None]:
        return self._kernels.train_per_example_with_momentum

    def settle(self) -> None:
        pass


class InBatches(_Descent):
    """Descends batch by batch, in feature-major or example-major workspaces."""

    def __init__(
        self,
        parameters: Parameters,
        update: Any,
        inputs: Inputs,
        targets: Targets,
        batch_size: int,
        workspaces: "Workspaces",
    ) -> None:
        in_blocks = batch_size > workspaces.capacity
        # A batch ends with a step of all parameters, unless its gradient is added to them at once.
        step = parameters.flat.size / batch_size if in_blocks or not update.is_plain else 0
        super().__init__(
            parameters, update, inputs, targets, parameters.tuning.work_per_batch_call, step
        )
        self._batch_size, self._workspaces = batch_size, workspaces
        # Whole batches if possible: those go the shorter way.
        if not in_blocks or self.chunk > batch_size:
            self.chunk = max(1, self.chunk // batch_size) * batch_size
        # A gradient that is added to the parameters at once, and takes long, may be interrupted.
        work = batch_size * _work_per_example(parameters, inputs.density)
        self._stops_in_steps = step == 0 and work > parameters.tuning.long_step
        if self._stops_in_steps:
            self.examples_per_checkpoint = (
                parameters.tuning.backups_per_checkpoint * self.examples_per_backup
            )

    def _train(self, examples: Any, epochs: Epochs, start: int, stop: int, losses: Array) -> None:
        def descend(workspace: Any, losses: Array, n_done: Array) -> None:
            self._kernels.train_in_batches(
                workspace,
                self._update,
                examples,
                self._targets,
                epochs.orders,
                epochs.rates,
                epochs.keys,
                epochs.n_steps,
                start,
                stop,
                self._batch_size,
                losses,
                n_done,
                self._stops_in_steps,
            )

        self._workspaces.run(descend, losses, epochs.n_done)

    def settle(self) -> None:
        for workspace in self._workspaces.all:
            self._kernels.apply_weight_factor_of_batches(workspace)


class Workspaces:
    """Workspaces for batches, one per thread.

    Attributes
    ----------
    all : sequence of kernels' objects
    gradient : ndarray, like the parameters, or empty
        Sum of the gradients of a batch.
    capacity : int
        Examples that are computed at a time.
    """

    def __init__(self, workspaces: Sequence[Any], gradient: Array, team: Any = None) -> None:
        self.all, self.gradient, self._team = workspaces, gradient, team
        self.capacity: int = workspaces[0].capacity

    def run(
        self, descend: Callable[[Any, Array, Array], None], losses: Array, n_done: Array
    ) -> None:
        """Call ``descend`` for each workspace in a thread; only the first adds up losses."""
        first, *others = self.all
        if not others:  # nor is there a team
            descend(first, losses, n_done)
            return
        calls = [partial(descend, first, losses, n_done)]
        for workspace in others:
            calls.append(partial(descend, workspace, np.zeros_like(losses), np.zeros_like(n_done)))
        call_together(calls, self._team.abandon)


def one_example(parameters: Parameters) -> Callable[[Any], Array | None]:
    """Predicts a single example that is a plain array, and returns None for all else."""
    return parameters.kernels.OneExample(
        parameters.network,
        np.ndarray,
        partial(np.empty, dtype=parameters.flat.dtype),
    )


def predictor(
    parameters: Parameters,
    inputs: Inputs,
    n_rows: int,
    is_small: bool,
    is_sparse: bool,
    team: Any = None,
) -> Callable[[slice, Array], None]:
    """Return a function that fills an array with the outputs for some rows, at most ``n_rows``.

    What interrupts one of several threads with a common team ends the calls of the others, too.
    """
    kernels = parameters.kernels
    idle: list[Any] = []
    if (
        parameters.network.n_units * parameters.tuning.max_rows * parameters.flat.itemsize
        <= parameters.tuning.max_idle_bytes
    ):
        # To make a workspace takes longer than a short prediction.
        idle = parameters.idle_workspaces.setdefault((is_small, is_sparse), idle)
        n_rows = parameters.tuning.max_rows

    def new_workspace() -> Any:
        if is_small:
            (workspace,) = feature_major(parameters, n_rows, to_train=False).all
        else:
            (workspace,) = example_major(parameters, n_rows, is_sparse, to_train=False).all
        return workspace

    def fill(rows: slice, outputs: Array) -> None:
        try:
            workspace = idle.pop()  # nobody else has it, then
        except IndexError:
            workspace = new_workspace()
        kernels.predict_in_batches(workspace, inputs.part(kernels, rows), outputs, None, None, team)
        idle.append(workspace)

    return fill


def evaluate(
    parameters: Parameters,
    inputs: Inputs,
    targets: Targets,
    n_rows: int,
    is_small: bool,
    is_sparse: bool,
) -> tuple[Array, float]:
    """Compute the outputs for all rows, ``n_rows`` at a time, and the sum of their losses."""
    kernels = parameters.kernels
    n_rows = min(n_rows, parameters.tuning.max_rows)
    if is_small:
        (workspace,) = feature_major(parameters, n_rows, to_train=True).all
    else:
        (workspace,) = example_major(parameters, n_rows, is_sparse, to_train=True).all
    outputs = np.empty((len(inputs), parameters.n_outputs), parameters.flat.dtype)
    kernel_targets, numbers = parameters.targets(targets), np.arange(len(inputs))
    loss = 0.0
    for start in range(0, len(inputs), n_rows):
        rows = slice(start, start + n_rows)
        examples = inputs.part(kernels, rows)
        loss += kernels.predict_in_batches(
            workspace, examples, outputs[rows], kernel_targets, numbers[rows]
        )
    return outputs, loss


def _steps_that_wait(parameters: Parameters, inputs: Inputs) -> int:
    # Far rows that are often left out: they are brought up to date for an example that has their
    # input, and else when the ring has gone round, which is to be long enough for that to be rare.
    length = _length_of_far_rows(parameters)
    if not length or inputs.density > parameters.tuning.max_density_to_defer:
        return 0
    wanted = int(parameters.tuning.min_examples_per_ring / max(inputs.density, 1e-9))
    return 2 * max(
        4,
        min(
            max(wanted, parameters.tuning.max_pending_deltas),
            parameters.tuning.max_pending_steps,
            parameters.tuning.max_pending_bytes // length,
        )
        // 2,
    )


def _deltas_that_wait(parameters: Parameters, inputs: Inputs) -> int:
    # To wait spares a pass over weights: far ones, which then meet the next example that has the
    # same input while the delta is still there.
    length = _length_of_far_rows(parameters)
    if not length or inputs.density * parameters.tuning.max_pending_deltas < 1:
        return 0
    return max(
        8, min(parameters.tuning.max_pending_deltas, parameters.tuning.max_pending_bytes // length)
    )


def _length_of_far_rows(parameters: Parameters) -> int:
    """Bytes of a row of the first layer's weights; 0 if they are near, or too long to wait."""
    first = parameters.layers[0]
    length = int(first["width"]) * parameters.flat.itemsize
    are_near = int(first["fan_in"]) * length <= parameters.tuning.near_cache_bytes
    return 0 if are_near or length > _LONGEST_DELTA else length


def feature_major(
    parameters: Parameters, n_examples: int, to_train: bool, is_plain: bool = True
) -> Workspaces:
    """Return a feature-major workspace for batches of ``n_examples``: for small networks."""
    max_columns = parameters.tuning.max_columns
    gradient = _gradient(parameters, to_train and (n_examples > max_columns or not is_plain))
    workspace = parameters.kernels.FeatureMajor(
        parameters.network, n_examples, max_columns, to_train, gradient
    )
    return Workspaces([workspace], gradient)


def example_major(
    parameters: Parameters,
    n_examples: int,
    is_sparse: bool,
    to_train: bool,
    is_plain: bool = True,
    dropout: Sequence[float] = (),
    n_threads: int = 1,
    density: float = 0,
) -> Workspaces:
    """Return example-major workspaces for batches of ``n_examples``, one per thread.

    Parameters
    ----------
    is_sparse : bool
        Whether zeros in X are skipped.
    is_plain : bool
        Whether gradients may be added to the parameters at once.
    density : float
        Fraction of non-zeros in the X to train on.
    """
    kernels, tuning = parameters.kernels, parameters.tuning
    n_inputs, capacity = parameters.n_inputs, min(n_examples, tuning.max_rows)
    by_input = (
        density * capacity >= tuning.min_examples_per_input
        and n_inputs * capacity <= tuning.max_listed
    )
    if is_sparse and not by_input:
        capacity = min(n_examples, tuning.max_sparse_rows)
    n_threads = min(n_threads, -(-capacity // tuning.min_rows_per_thread))
    gradient = _gradient(parameters, to_train and (n_examples > capacity or not is_plain))
    batch = kernels.ExampleMajorBatch(
        parameters.network,
        capacity,
        n_threads,
        to_train,
        is_sparse,
        is_sparse and n_inputs * capacity <= tuning.max_listed,
        by_input,
        _dropout_rates(dropout),
        gradient,
    )
    workspaces = [kernels.ExampleMajor(batch, thread) for thread in range(n_threads)]
    return Workspaces(workspaces, gradient, batch.team)


def _dropout_rates(rates: Sequence[float]) -> Array | None:
    return np.array(rates, float) if any(rates) else None


def _gradient(parameters: Parameters, is_needed: bool) -> Array:
    # That of a batch that comes whole is added to the parameters at once, in a plain update.
    return aligned_zeros(parameters.flat.size if is_needed else 0, parameters.flat.dtype)


def _work_per_example(parameters: Parameters, density: float) -> float:
    first = parameters.layers["biases"][0]  # where the weights of the first layer end
    work = density * first + parameters.flat.size - first
    return float(
        work
        + parameters.tuning.work_per_unit * parameters.network.n_units
        + parameters.tuning.work_per_example
    )
