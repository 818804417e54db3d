"""Which way the numbers go."""

from collections.abc import Callable, Sequence

import numpy as np

from . import by_block, by_kernel
from .functions import Activation, Array
from .inputs import Inputs
from .parameters import Parameters
from .training import Descent, Plan
from .validation import Targets

# Parameters times examples at a time, from which BLAS is faster than kernels.  Measured for layers
# of 3 to 784 units; below it, BLAS is called for too little at a time.
_WORK_FOR_BLAS = 200_000
_FEWEST_COLUMNS = 16  # examples side by side fill a vector, or leave it partly empty

# Rows that are predicted together; the same for any number of threads, for the same bits.
_ROWS_PER_BLOCK = 1024


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
    way = _way_to_predict(parameters, activations, len(inputs))

    def fill(start: int) -> None:
        rows = slice(start, start + _ROWS_PER_BLOCK)
        way(inputs[rows], outputs[rows])

    starts = range(0, len(inputs), _ROWS_PER_BLOCK)
    if n_threads == 1 or len(starts) < 2:
        for start in starts:
            fill(start)
        return outputs
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(n_threads, len(starts))) as pool:
        for _ in pool.map(fill, starts):  # which raises what a thread has raised
            pass
    return outputs


def _way_to_predict(
    parameters: Parameters, activations: Sequence[Activation], n_examples: int
) -> Callable[[Inputs, Array], None]:
    if parameters.kernels_suffice and n_examples == 1:
        return lambda inputs, outputs: by_kernel.predict(parameters, inputs, outputs)
    if parameters.kernels_suffice and _is_small(parameters, min(n_examples, _ROWS_PER_BLOCK)):
        return lambda inputs, outputs: by_kernel.predict_side_by_side(parameters, inputs, outputs)
    return lambda inputs, outputs: by_block.predict(parameters, activations, inputs, outputs)


def _is_small(parameters: Parameters, n_examples: int) -> bool:
    return parameters.flat.size * max(n_examples, _FEWEST_COLUMNS) < _WORK_FOR_BLAS
