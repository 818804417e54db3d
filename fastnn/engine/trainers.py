"""The trainers of the kernel engine: per example and in mini-batches."""

from abc import ABC, abstractmethod
from typing import Any

from ..common.arrays import Array
from ..data.inputs import Inputs
from ..data.targets import Targets
from ..optimizers import LBFGS
from ..regularization import Regularization
from .base import Epochs, StepRule, Trainer
from .dispatch import is_feature_major, max_pending_deltas, max_pending_steps, skips_zeros
from .layout import Parameters
from .workspaces import Workspaces, dropout_rates


def trainer(
    parameters: Parameters, inputs: Inputs, targets: Targets, batch_size: int, rule: StepRule
) -> Trainer:
    """Return the trainer for an optimizer, its regularization and a batch size."""
    slots = [array for (array,) in rule.slots]
    update = parameters.update(rule.optimizer, rule.regularization, slots)
    dropout = rule.regularization.dropout
    if batch_size == 1 and (update.is_plain or update.is_by_rows):
        return PerExample(parameters, update, inputs, targets, dropout)
    workspaces = Workspaces(
        parameters,
        batch_size,
        is_feature_major(parameters, batch_size) and not any(dropout),
        skips_zeros(parameters, inputs),
        trains=True,
        is_plain=update.is_plain,
        dropout=dropout,
        n_threads=rule.n_threads,
        density=inputs.density,
    )
    return MiniBatches(parameters, update, inputs, targets, batch_size, workspaces)


def gradient_trainer(
    parameters: Parameters, inputs: Inputs, targets: Targets, n_threads: int
) -> tuple[Trainer, Array]:
    """Return a trainer that leaves the parameters alone, and the vector where it sums gradients."""
    n_examples, update = len(inputs), parameters.update(LBFGS(), Regularization())
    workspaces = Workspaces(
        parameters,
        n_examples,
        is_feature_major(parameters, n_examples),
        skips_zeros(parameters, inputs),
        trains=True,
        is_plain=False,
        n_threads=n_threads,
        density=inputs.density,
    )
    trainer = MiniBatches(parameters, update, inputs, targets, n_examples, workspaces)
    return trainer, workspaces.gradient


class _KernelTrainer(ABC):
    """Trains on whole chunks of an epoch, or on several epochs, in one kernel call.

    Parameters
    ----------
    work_per_call : int
        Work of one call; see `Tuning`.
    extra_work : float
        Work of an example besides its forward and backward pass.
    """

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
        self._inputs, self._targets = inputs, parameters.targets(targets)
        work = _work_per_example(parameters, inputs.density) + extra_work
        self.chunk = max(1, int(work_per_call // work))
        self.examples_per_backup = max(
            self.chunk, int(parameters.tuning.work_per_backup * parameters.flat.size // work)
        )
        if inputs.is_ready:
            self._examples = inputs.for_kernels(self._kernels)
        else:
            self.chunk = min(self.chunk, inputs.rows_per_chunk())

    def __call__(self, epochs: Epochs, start: int, stop: int, losses: Array) -> None:
        if self._inputs.is_ready:
            self._train(self._examples, epochs, start, stop, losses)
            return
        for epoch, order in enumerate(epochs.orders):
            one = slice(epoch, epoch + 1)
            examples = self._inputs.rows_for_kernels(self._kernels, order[start:stop])
            self._train(examples, epochs[one], start, stop, losses[one])

    @abstractmethod
    def _train(
        self, examples: Any, epochs: Epochs, start: int, stop: int, losses: Array
    ) -> None: ...

    @abstractmethod
    def flush(self) -> None: ...


class PerExample(_KernelTrainer):
    """Trains per example, plainly or with momentum; updates of the first layer may be deferred."""

    def __init__(
        self,
        parameters: Parameters,
        update: Any,
        inputs: Inputs,
        targets: Targets,
        dropout: tuple[float, ...],
    ) -> None:
        network, kernels = parameters.network, parameters.kernels
        self._policy: Any
        if update.is_plain:
            self._policy = kernels.PendingUpdates(network, max_pending_deltas(parameters, inputs))
            extra_work = 0
        else:
            capacity = max_pending_steps(parameters, inputs)
            self._policy = kernels.PendingSteps(network, capacity)
            # Unless steps are deferred, each goes over all parameters and their velocities.
            extra_work = 0 if capacity else 2 * parameters.flat.size
        super().__init__(
            parameters, update, inputs, targets, parameters.tuning.work_per_call, extra_work
        )
        self._workspace = kernels.Workspace(network, dropout_rates(dropout))

    def _train(self, examples: Any, epochs: Epochs, start: int, stop: int, losses: Array) -> None:
        self._kernels.train_per_example(
            self._workspace,
            self._policy,
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

    def flush(self) -> None:
        self._kernels.apply_weight_factor(self._workspace, self._policy)


class MiniBatches(_KernelTrainer):
    """Trains batch by batch; a batch larger than the workspaces sums the gradients of its parts."""

    def __init__(
        self,
        parameters: Parameters,
        update: Any,
        inputs: Inputs,
        targets: Targets,
        batch_size: int,
        workspaces: Workspaces,
    ) -> None:
        tuning, has_parts = parameters.tuning, batch_size > workspaces.capacity
        # A batch ends with a step of all parameters, unless its gradient is added to them at once.
        step = parameters.flat.size / batch_size if has_parts or not update.is_plain else 0
        super().__init__(parameters, update, inputs, targets, tuning.work_per_batch_call, step)
        self._batch_size, self._workspaces = batch_size, workspaces
        # Whole batches if possible: these need no gradient besides the parameters.
        if not has_parts or self.chunk > batch_size:
            self.chunk = max(1, self.chunk // batch_size) * batch_size
        # A gradient that is added to the parameters at once, and takes long, may be interrupted.
        work = batch_size * _work_per_example(parameters, inputs.density)
        self._stops_in_steps = step == 0 and work > tuning.long_step
        if self._stops_in_steps:
            self.examples_per_checkpoint = tuning.backups_per_checkpoint * self.examples_per_backup

    def _train(self, examples: Any, epochs: Epochs, start: int, stop: int, losses: Array) -> None:
        def train(workspace: Any, losses: Array, n_done: Array) -> None:
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

        self._workspaces.run(train, losses, epochs.n_done)

    def flush(self) -> None:
        for workspace in self._workspaces.all:
            self._kernels.apply_weight_factor_of_batches(workspace)


def _work_per_example(parameters: Parameters, density: float) -> float:
    tuning, first_layer = parameters.tuning, int(parameters.layers["biases"][0])
    work = density * first_layer + parameters.flat.size - first_layer
    return work + tuning.work_per_unit * parameters.network.n_units + tuning.work_per_example
