"""Predictions and evaluations by the kernels."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..common.arrays import Array
from ..data.inputs import Inputs
from ..data.targets import Targets
from .dispatch import is_feature_major, skips_zeros
from .layout import Parameters
from .threads import call_together
from .workspaces import Workspaces


def one_row_predictor(parameters: Parameters) -> Callable[[Any], Array | None]:
    """Return a function that predicts one example in a plain array, and else returns None."""
    new_outputs = partial(np.empty, dtype=parameters.flat.dtype)
    predictor: Callable[[Any], Array | None] = parameters.kernels.OneExample(
        parameters.network, np.ndarray, new_outputs
    )
    return predictor


def predict(parameters: Parameters, inputs: Inputs, n_threads: int) -> Array:
    """Compute outputs (n_examples, n_outputs).

    Threads take turns at ranges of rows, which are the same for any number of them, for the same
    bits. An interruption of one ends the calls of the others, too.
    """
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
        fill = _predictor(parameters, inputs, team)
        for start in starts[thread::n_threads]:
            if is_over:
                return
            fill(slice(start, start + n_rows), outputs[start : start + n_rows])

    if team is None:
        fill_every_nth(0)
    else:
        call_together([partial(fill_every_nth, thread) for thread in range(n_threads)], abandon)
    return outputs


def evaluate(parameters: Parameters, inputs: Inputs, targets: Targets) -> tuple[Array, float]:
    """Compute outputs (n_examples, n_outputs), and the sum of the losses."""
    n_rows = min(len(inputs), parameters.tuning.max_rows)
    is_small, is_sparse = is_feature_major(parameters, n_rows), skips_zeros(parameters, inputs)
    (workspace,) = Workspaces(parameters, n_rows, is_small, is_sparse, trains=True).all
    outputs = np.empty((len(inputs), parameters.n_outputs), parameters.flat.dtype)
    kernels, kernel_targets = parameters.kernels, parameters.targets(targets)
    numbers, loss = np.arange(len(inputs)), 0.0
    for start in range(0, len(inputs), n_rows):
        rows = slice(start, start + n_rows)
        examples = inputs.rows_for_kernels(kernels, rows)
        loss += kernels.predict_in_batches(
            workspace, examples, outputs[rows], kernel_targets, numbers[rows]
        )
    return outputs, loss


def _predictor(parameters: Parameters, inputs: Inputs, team: Any) -> Callable[[slice, Array], None]:
    """Return a function that fills an array with the outputs of some rows."""
    kernels, tuning = parameters.kernels, parameters.tuning
    n_rows = min(len(inputs), tuning.rows_per_prediction)
    is_small = is_feature_major(parameters, n_rows)
    is_sparse = not is_small and skips_zeros(parameters, inputs)
    idle: list[Any] = []
    row_bytes = parameters.network.n_units * parameters.flat.itemsize
    if row_bytes * tuning.max_rows <= tuning.max_idle_bytes:
        # Making a workspace takes longer than a short prediction.
        idle = parameters.idle_workspaces.setdefault((is_small, is_sparse), idle)
        n_rows = tuning.max_rows

    def fill(rows: slice, outputs: Array) -> None:
        try:
            workspace = idle.pop()  # in one operation: no other thread gets the same
        except IndexError:
            (workspace,) = Workspaces(parameters, n_rows, is_small, is_sparse, trains=False).all
        kernels.predict_in_batches(
            workspace, inputs.rows_for_kernels(kernels, rows), outputs, None, None, team
        )
        idle.append(workspace)

    return fill
