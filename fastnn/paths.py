"""Which way the numbers go: example by example through the kernels, or in blocks through BLAS."""

from collections.abc import Sequence

import numpy as np

from . import by_block, by_example
from .functions import Activation, Array
from .parameters import Parameters
from .training import Descent, Plan
from .validation import Targets

# Parameters times examples at a time from which BLAS is faster.  Measured for layers of 3 to 784
# units, where the two ways take the same time at 50,000 (tiny layers) to 1,000,000 (a narrow one).
_WORK_FOR_BLAS = 300_000


def descent(
    parameters: Parameters,
    activations: Sequence[Activation],
    X: Array,
    targets: Targets,
    plan: Plan,
) -> Descent:
    """What descends along the gradient on this data."""
    batch_size = plan.rows_per_batch(len(X))
    if parameters.kernels_suffice and (batch_size == 1 or _is_small(parameters, batch_size)):
        return by_example.Descent(parameters, X, targets, batch_size, plan.learning_rate)
    return by_block.Descent(parameters, activations, X, targets, batch_size, plan.learning_rate)


def predict(parameters: Parameters, activations: Sequence[Activation], X: Array) -> Array:
    """Outputs (n_examples, n_outputs) for X (n_examples, n_inputs)."""
    outputs = np.empty((len(X), parameters.n_outputs), parameters.flat.dtype)
    if not len(X):
        return outputs
    if parameters.kernels_suffice and (len(X) == 1 or _is_small(parameters, len(X))):
        by_example.predict(parameters, X, outputs)
    else:
        by_block.predict(parameters, activations, X, outputs)
    return outputs


def _is_small(parameters: Parameters, n_examples: int) -> bool:
    return parameters.flat.size * n_examples < _WORK_FOR_BLAS
