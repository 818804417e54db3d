"""Which way the numbers go."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import by_blas, by_kernel
from .functions import Activation, Array
from .inputs import Inputs
from .parameters import Parameters
from .training import Descent, Plan
from .validation import Targets

# Networks of so few parameters go side by side, which leaves no vector of narrow layers partly
# empty, if there are examples to fill them: that many parameters for each, up to a most.
_PARAMETERS_PER_EXAMPLE = 150
_MOST_PARAMETERS = 3000

# Parameters times examples in a batch, from which BLAS is faster if it has several threads.  With
# one thread it is not.
_WORK_FOR_BLAS = 8_000_000

# Below this part of non-zeros, going row by row through those of the first layer is faster than a
# product of matrices.
_DENSITY_FOR_PRODUCTS = 0.33

# Rows that are predicted together; the same for any number of threads, for the same bits.
_ROWS_PER_BLOCK = 512


def descent(
    parameters: Parameters,
    activations: Sequence[Activation],
    inputs: Inputs,
    targets: Targets,
    plan: Plan,
) -> Descent:
    """What descends along the gradient on this data."""
    batch_size, rate = plan.rows_per_batch(len(inputs)), plan.learning_rate
    if parameters.kernels_suffice and batch_size == 1:
        return by_kernel.OneByOne(parameters, inputs, targets, rate)
    if parameters.kernels_suffice and not _blas_pays(parameters, inputs, batch_size):
        room = _room(parameters, batch_size, _is_sparse(inputs), to_train=True)
        return by_kernel.InBatches(parameters, inputs, targets, batch_size, rate, room)
    return by_blas.Descent(
        parameters, activations, inputs, targets, batch_size, rate, _is_sparse(inputs)
    )


def predict(
    parameters: Parameters, activations: Sequence[Activation], inputs: Inputs, n_threads: int
) -> Array:
    """Outputs (n_examples, n_outputs)."""
    outputs = np.empty((len(inputs), parameters.n_outputs), parameters.flat.dtype)
    n_rows = min(len(inputs), _ROWS_PER_BLOCK)
    starts = range(0, len(inputs), _ROWS_PER_BLOCK)
    n_threads = min(n_threads, len(starts))
    is_sparse = _is_sparse(inputs)

    def fill(thread: int) -> None:
        # Each thread has its buffers, and every n-th block.
        if parameters.kernels_suffice:
            room = _room(parameters, n_rows, is_sparse, to_train=False)
            fill_rows = by_kernel.predictor(parameters, inputs, room)
        else:
            fill_rows = by_blas.predictor(parameters, activations, inputs, n_rows, is_sparse)
        for start in starts[thread::n_threads]:
            rows = slice(start, min(start + _ROWS_PER_BLOCK, len(inputs)))
            fill_rows(rows, outputs[rows])

    if n_threads == 1:
        fill(0)
    elif n_threads > 1:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(fill, range(n_threads)))  # raises what a thread has raised
    return outputs


def _room(parameters: Parameters, n_examples: int, is_sparse: bool, to_train: bool) -> Any:
    if parameters.flat.size <= min(_PARAMETERS_PER_EXAMPLE * n_examples, _MOST_PARAMETERS):
        return by_kernel.side_by_side(parameters, n_examples, to_train)
    return by_kernel.block(parameters, n_examples, is_sparse, to_train)


def _is_sparse(inputs: Inputs) -> bool:
    return inputs.density() < _DENSITY_FOR_PRODUCTS


def _blas_pays(parameters: Parameters, inputs: Inputs, batch_size: int) -> bool:
    work = parameters.flat.size * batch_size
    return work > _WORK_FOR_BLAS and not _is_sparse(inputs) and _blas_threads() > 1


def _blas_threads() -> int:
    """How many threads NumPy's BLAS probably has: NumPy does not tell."""
    for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        if os.environ.get(variable, "").isdecimal():
            return int(os.environ[variable])
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
