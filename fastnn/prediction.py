"""Outputs for any number of examples, by the path that suits their number."""

from collections.abc import Sequence

import numpy as np

from . import by_block, by_example
from .functions import Activation, Array
from .parameters import Parameters
from .training import kernels_alone


def predict(parameters: Parameters, activations: Sequence[Activation], X: Array) -> Array:
    """Outputs (n_examples, n_outputs) for X (n_examples, n_inputs)."""
    outputs = np.empty((len(X), len(parameters.biases[-1])), parameters.flat.dtype)
    if not len(X):
        return outputs
    if kernels_alone(activations) and len(X) * parameters.flat.size < 50_000:
        by_example.predict(parameters, X, outputs)
    else:
        by_block.predict(parameters, activations, X, outputs)
    return outputs
