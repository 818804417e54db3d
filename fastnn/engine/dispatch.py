"""Which way the numbers go."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from .. import threads
from ..activations import Activation
from ..arrays import Array
from ..data.inputs import Inputs
from ..data.targets import Targets
from ..losses import Loss
from ..optimizers import LBFGS
from ..regularization import Regularization
from . import by_blas, by_kernel
from .base import Descent, StepRule
from .layout import Parameters

# Networks of so few parameters go side by side, which leaves no vector of narrow layers partly
# empty, if there are examples to fill them: that many parameters for each, up to a most.
_PARAMETERS_PER_EXAMPLE = 150
_MOST_PARAMETERS = 4000

# Below this part of non-zeros, going row by row through those of the first layer is faster than a
# product of matrices.
_DENSITY_FOR_PRODUCTS = 0.33

# Rows that are predicted together; the same for any number of threads, for the same bits.
_ROWS_PER_BLOCK = 512


def descent(
    parameters: Parameters,
    activations: Sequence[Activation],
    loss: Loss,
    inputs: Inputs,
    targets: Targets,
    batch_size: int,
    rule: StepRule,
) -> Descent:
    """Return what descends along the gradient on this data."""
    dropout = rule.regularization.dropout
    slots = [array for (array,) in rule.slots]
    update = parameters.update(rule.optimizer, rule.regularization, slots)
    is_sparse = _is_sparse(inputs)
    if not parameters.kernels_suffice:
        return by_blas.Descent(
            parameters,
            activations,
            loss,
            update,
            rule.regularization,
            inputs,
            targets,
            batch_size,
            is_sparse,
        )
    if batch_size == 1 and update.is_plain:
        return by_kernel.OneByOne(parameters, update, inputs, targets, dropout)
    if batch_size == 1 and update.is_by_rows:
        return by_kernel.OneByOneWithMomentum(parameters, update, inputs, targets, dropout)
    if _is_small(parameters, batch_size) and not any(dropout):  # too little to share among threads
        rooms = by_kernel.small_blocks(parameters, batch_size, True, update.is_plain)
    else:
        rooms = by_kernel.blocks(
            parameters,
            batch_size,
            is_sparse,
            True,
            update.is_plain,
            dropout,
            rule.n_threads,
            inputs.density,
        )
    return by_kernel.InBatches(parameters, update, inputs, targets, batch_size, rooms)


def gradient(
    parameters: Parameters,
    activations: Sequence[Activation],
    loss: Loss,
    inputs: Inputs,
    targets: Targets,
    n_threads: int,
) -> tuple[Descent, Array]:
    """Return what computes losses and the mean gradient, and the vector where that is added up."""
    n_examples, is_sparse = len(inputs), _is_sparse(inputs)
    keep = parameters.update(LBFGS(), Regularization())
    if not parameters.kernels_suffice:
        by_numpy = by_blas.Descent(
            parameters,
            activations,
            loss,
            keep,
            Regularization(),
            inputs,
            targets,
            n_examples,
            is_sparse,
        )
        return by_numpy, by_numpy.gradient
    if _is_small(parameters, n_examples):
        rooms = by_kernel.small_blocks(parameters, n_examples, True, is_plain=False)
    else:
        rooms = by_kernel.blocks(
            parameters,
            n_examples,
            is_sparse,
            True,
            is_plain=False,
            n_threads=n_threads,
            density=inputs.density,
        )
    descent = by_kernel.InBatches(parameters, keep, inputs, targets, n_examples, rooms)
    return descent, rooms.gradient


def predict(
    parameters: Parameters, activations: Sequence[Activation], inputs: Inputs, n_threads: int
) -> Array:
    """Compute outputs (n_examples, n_outputs)."""
    outputs = np.empty((len(inputs), parameters.n_outputs), parameters.flat.dtype)
    starts = range(0, len(inputs), _ROWS_PER_BLOCK)
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
        fill = _predictor(parameters, activations, inputs, team)  # with buffers of its own
        for start in starts[thread::n_threads]:
            if is_over:
                return
            fill(slice(start, start + _ROWS_PER_BLOCK), outputs[start : start + _ROWS_PER_BLOCK])

    if team is None:
        fill_every_nth(0)
        return outputs
    threads.call_together([partial(fill_every_nth, thread) for thread in range(n_threads)], abandon)
    return outputs


def all_outputs(
    parameters: Parameters, activations: Sequence[Activation], inputs: Inputs
) -> list[Array]:
    """Compute the outputs of every layer, (n_examples, fan_out)."""
    n_rows = max(1, min(len(inputs), _ROWS_PER_BLOCK))
    return by_blas.all_outputs(parameters, activations, inputs, n_rows, _is_sparse(inputs))


def evaluate(
    parameters: Parameters,
    activations: Sequence[Activation],
    loss: Loss,
    inputs: Inputs,
    targets: Targets,
) -> tuple[Array, float]:
    """Compute outputs (n_examples, n_outputs), and the sum of the losses."""
    n_rows, is_sparse = min(len(inputs), _ROWS_PER_BLOCK), _is_sparse(inputs)
    if not parameters.kernels_suffice:
        return by_blas.evaluate(parameters, activations, loss, inputs, targets, is_sparse)
    is_small = _is_small(parameters, n_rows)
    return by_kernel.evaluate(parameters, inputs, targets, n_rows, is_small, is_sparse)


def _predictor(
    parameters: Parameters, activations: Sequence[Activation], inputs: Inputs, team: Any
) -> Callable[[slice, Array], None]:
    n_rows = min(len(inputs), _ROWS_PER_BLOCK)
    if not parameters.kernels_predict:
        return by_blas.predictor(parameters, activations, inputs, n_rows, _is_sparse(inputs))
    is_small = _is_small(parameters, n_rows)
    is_sparse = not is_small and _is_sparse(inputs)
    return by_kernel.predictor(parameters, inputs, n_rows, is_small, is_sparse, team)


def _is_small(parameters: Parameters, n_examples: int) -> bool:
    return parameters.flat.size <= min(_PARAMETERS_PER_EXAMPLE * n_examples, _MOST_PARAMETERS)


def _is_sparse(inputs: Inputs) -> bool:
    return inputs.density < _DENSITY_FOR_PRODUCTS
