"""Initial weights."""

from collections.abc import Iterable

import numpy as np

from .activations import Activation
from .common.arrays import Array

_NUMBERS_AT_A_TIME = 1 << 20  # float64 numbers: 8 MB, however large the layer


def draw_weights(
    weights: Iterable[Array], activations: Iterable[Activation], generator: "np.random.Generator"
) -> None:
    """Draw the weights of each layer from N(0, gain / fan_in), in float64, and round them.

    Parameters
    ----------
    weights : iterable of ndarray, (fan_in, fan_out)
        The weights, which are set.
    activations : iterable of Activation
        The activation of each layer, which has the gain.
    generator : numpy.random.Generator
    """
    for w, activation in zip(weights, activations, strict=True):
        fan_in, fan_out = w.shape
        n_rows = max(1, _NUMBERS_AT_A_TIME // fan_out)
        for start in range(0, fan_in, n_rows):
            rows = w[start : start + n_rows]
            rows[:] = generator.standard_normal(rows.shape) * np.sqrt(activation.gain / fan_in)
