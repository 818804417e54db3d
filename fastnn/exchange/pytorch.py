"""The parameters of a network as those of a `torch.nn.Sequential`."""

from collections.abc import Iterable

import numpy as np

from ..arrays import Array


def state_dict(weights: Iterable[Array], biases: Iterable[Array]) -> dict[str, Array]:
    """Return copies by the names in Sequential(Linear, activation, ...): every second module."""
    linears = enumerate(zip(weights, biases, strict=True))
    return {
        f"{2 * layer}.{name}": np.array(array, order="C")
        for layer, (w, b) in linears
        for name, array in (("weight", w.T), ("bias", b))
    }
