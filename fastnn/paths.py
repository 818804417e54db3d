"""Which way the numbers go."""

from collections.abc import Sequence

import numpy as np

from . import by_block, by_kernel
from .functions import Activation, Array
from .inputs import Inputs
from .parameters import Parameters
from .training import Descent, Plan
from .validation import Targets

# Parameters times examples at a time, from which BLAS is faster than the kernels: they go side by
# side, and are done before BLAS has been called.  More examples than the most, of a network that is
# small by then, gain BLAS nothing (measured for layers of 3 to 200 units); fewer than the fewest
# leave vectors partly empty.
_WORK_FOR_BLAS = 200_000
_MOST_EXAMPLES = 48
_FEWEST_EXAMPLES = 16

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
    batch_size = plan.rows_per_batch(len(inputs))
    if parameters.kernels_suffice and batch_size == 1:
        return by_kernel.OneByOne(parameters, inputs, targets, plan.learning_rate)
    if parameters.kernels_suffice and _is_small(parameters, batch_size):
        return by_kernel.SideBySide(parameters, inputs, targets, batch_size, plan.learning_rate)
    return by_block.Descent(
        parameters, activations, inputs, targets, batch_size, plan.learning_rate
    )


def predict(
    parameters: Parameters, activations: Sequence[Activation], inputs: Inputs, n_threads: int
) -> Array:
    """Outputs (n_examples, n_outputs)."""
    outputs = np.empty((len(inputs), parameters.n_outputs), parameters.flat.dtype)
    n_rows = min(len(inputs), _ROWS_PER_BLOCK)
    starts = range(0, len(inputs), _ROWS_PER_BLOCK)
    n_threads = min(n_threads, len(starts))

    def fill(thread: int) -> None:
        # Each thread has its buffers, and every n-th block.
        if parameters.kernels_suffice and _is_small(parameters, n_rows):
            fill_rows = by_kernel.predictor(parameters, inputs)
        else:
            fill_rows = by_block.predictor(parameters, activations, inputs, n_rows)
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


def _is_small(parameters: Parameters, n_examples: int) -> bool:
    counted = min(max(n_examples, _FEWEST_EXAMPLES), _MOST_EXAMPLES)
    return parameters.flat.size * counted < _WORK_FOR_BLAS
