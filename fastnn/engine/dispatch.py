"""Which way the numbers go: decisions by shapes, density and `Tuning`, which change no result.

They may change how sums are rounded. Users' functions go to the NumPy engine; see fastnn/mlp.py.
"""

from ..data.inputs import Inputs
from .layout import Parameters

_MAX_DELTA_BYTES = 1 << 27  # places in the ring of deltas are numbers of 32 bits


def is_feature_major(parameters: Parameters, n_examples: int) -> bool:
    """Return whether batches of ``n_examples`` are computed one row per unit."""
    tuning = parameters.tuning
    return parameters.flat.size <= min(
        tuning.feature_major_parameters_per_example * n_examples,
        tuning.max_feature_major_parameters,
    )


def skips_zeros(parameters: Parameters, inputs: Inputs) -> bool:
    """Return whether the first layer goes through the non-zeros of X instead of all of it.

    This is for example-major batches. Training per example always skips zeros, and feature-major
    batches never do.
    """
    return inputs.density < parameters.tuning.min_density_for_gemm


def lists_by_input(parameters: Parameters, capacity: int, density: float) -> bool:
    """Return whether the gradient of sparse examples goes through lists per input."""
    tuning = parameters.tuning
    return (
        density * capacity >= tuning.min_examples_per_input
        and parameters.n_inputs * capacity <= tuning.max_listed
    )


def max_pending_deltas(parameters: Parameters, inputs: Inputs) -> int:
    """Return the number of examples whose plain updates may be pending; 0 to defer none.

    A deferred update spares a pass over a row of weights that is far from the CPU, if the next
    example with the same input comes while the delta is still in the ring.
    """
    tuning, row_bytes = parameters.tuning, _deferred_row_bytes(parameters)
    if not row_bytes or inputs.density * tuning.max_pending_deltas < 1:
        return 0
    return max(8, min(tuning.max_pending_deltas, tuning.max_pending_bytes // row_bytes))


def max_pending_steps(parameters: Parameters, inputs: Inputs) -> int:
    """Return the number of steps with momentum that may be pending; 0 to defer none.

    A row is brought up to date for an example with its input, or else when the ring has gone
    round, which should be rare. The number is even: the ring is flushed by halves.
    """
    tuning, row_bytes = parameters.tuning, _deferred_row_bytes(parameters)
    if not row_bytes or inputs.density > tuning.max_density_to_defer:
        return 0
    round_length = int(tuning.min_examples_per_ring / max(inputs.density, 1e-9))
    capacity = min(
        max(round_length, tuning.max_pending_deltas),
        tuning.max_pending_steps,
        tuning.max_pending_bytes // row_bytes,
    )
    return 2 * max(4, capacity // 2)


def _deferred_row_bytes(parameters: Parameters) -> int:
    """Return the bytes of a row of first-layer weights; 0 if its updates are not to be deferred."""
    first = parameters.layers[0]
    row_bytes = int(first["width"]) * parameters.flat.itemsize
    are_near = int(first["fan_in"]) * row_bytes <= parameters.tuning.near_cache_bytes
    return 0 if are_near or row_bytes > _MAX_DELTA_BYTES else row_bytes
