"""Which way the numbers go."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .. import threads
from ..arrays import Array
from ..data.inputs import Inputs
from ..data.targets import Targets
from ..optimizers import LBFGS
from ..regularization import Regularization
from . import by_kernel
from .base import Descent, StepRule
from .layout import Parameters


def descent(
    parameters: Parameters,
    inputs: Inputs,
    targets: Targets,
    batch_size: int,
    rule: StepRule,
) -> Descent:
    """Return what descends along the gradient on this data."""
    dropout = rule.regularization.dropout
    slots = [array for (array,) in rule.slots]
    update = parameters.update(rule.optimizer, rule.regularization, slots)
    is_sparse = _is_sparse(parameters, inputs)
    if batch_size == 1 and update.is_plain:
        return by_kernel.OneByOne(parameters, update, inputs, targets, dropout)
    if batch_size == 1 and update.is_by_rows:
        return by_kernel.OneByOneWithMomentum(parameters, update, inputs, targets, dropout)
    if _is_small(parameters, batch_size) and not any(dropout):  # too little to share among threads
        workspaces = by_kernel.feature_major(parameters, batch_size, True, update.is_plain)
    else:
        workspaces = by_kernel.example_major(
            parameters,
            batch_size,
            is_sparse,
            True,
            update.is_plain,
            dropout,
            rule.n_threads,
            inputs.density,
        )
    return by_kernel.InBatches(parameters, update, inputs, targets, batch_size, workspaces)


def gradient(
    parameters: Parameters,
    inputs: Inputs,
    targets: Targets,
    n_threads: int,
) -> tuple[Descent, Array]:
    """Return what computes losses and the mean gradient, and the vector where that is added up."""
    n_examples, is_sparse = len(inputs), _is_sparse(parameters, inputs)
    keep = parameters.update(LBFGS(), Regularization())
    if _is_small(parameters, n_examples):
        workspaces = by_kernel.feature_major(parameters, n_examples, True, is_plain=False)
    else:
        workspaces = by_kernel.example_major(
            parameters,
            n_examples,
            is_sparse,
            True,
            is_plain=False,
            n_threads=n_threads,
            density=inputs.density,
        )
    descent = by_kernel.InBatches(parameters, keep, inputs, targets, n_examples, workspaces)
    return descent, workspaces.gradient


def predict(parameters: Parameters, inputs: Inputs, n_threads: int) -> Array:
    """Compute outputs (n_examples, n_outputs)."""
    outputs = np.empty((len(inputs), parameters.n_outputs), parameters.flat.dtype)
    n_rows = parameters.tuning.rows_per_prediction
    starts = range(0, len(inputs), n_rows)
    if not starts:
        return outputs
    n_threads = min(n_threads, len(starts))
    team: Any = parameters.kernels.Team(1) if n_threads > 1 else None
    is_over = False

    def abandon() -> None:
        nonlocal is_over
        is_over = True
        team.abandon()

    def fill_every_nth(thread: int) -> None:
        fill = _predictor(parameters, inputs, team)  # with buffers of its own
        for start in starts[thread::n_threads]:
            if is_over:
                return
            fill(slice(start, start + n_rows), outputs[start : start + n_rows])

    if team is None:
        fill_every_nth(0)
        return outputs
    threads.call_together([partial(fill_every_nth, thread) for thread in range(n_threads)], abandon)
    return outputs


def evaluate(parameters: Parameters, inputs: Inputs, targets: Targets) -> tuple[Array, float]:
    """Compute outputs (n_examples, n_outputs), and the sum of the losses."""
    n_rows = min(len(inputs), parameters.tuning.rows_per_prediction)
    is_small, is_sparse = _is_small(parameters, n_rows), _is_sparse(parameters, inputs)
    return by_kernel.evaluate(parameters, inputs, targets, n_rows, is_small, is_sparse)


def _predictor(parameters: Parameters, inputs: Inputs, team: Any) -> Callable[[slice, Array], None]:
    n_rows = min(len(inputs), parameters.tuning.rows_per_prediction)
    is_small = _is_small(parameters, n_rows)
    is_sparse = not is_small and _is_sparse(parameters, inputs)
    return by_kernel.predictor(parameters, inputs, n_rows, is_small, is_sparse, team)


def _is_small(parameters: Parameters, n_examples: int) -> bool:
    return parameters.flat.size <= min(
        parameters.tuning.feature_major_parameters_per_example * n_examples,
        parameters.tuning.max_feature_major_parameters,
    )


def _is_sparse(parameters: Parameters, inputs: Inputs) -> bool:
    return inputs.density < parameters.tuning.min_density_for_gemm
