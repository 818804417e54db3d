"""Convert the parameters of a network to a state_dict of `torch.nn.Sequential`."""

import numpy as np

from ..common.arrays import Array
from ..engine import Engine
from ..input_scaling import InputScaling


def state_dict(engine: Engine, scaling: InputScaling | None) -> dict[str, Array]:
    """Return copies by their names in Sequential(Linear, activation, ...).

    Raises
    ------
    ValueError
        If the network scales its inputs.
    """
    if scaling is not None:
        # Folded into the first layer, it would lose digits in float32 where shifts are large.
        raise ValueError(
            "input_scaling must be None for a state_dict, which has no place for it, got "
            f"{scaling}: keep it, give the module (X - shift) / scale, and set it "
            "to None in a copy of the network"
        )
    return {
        f"{2 * layer}.{name}": np.array(array, order="C")
        for layer, (w, b) in enumerate(zip(engine.weights, engine.biases, strict=True))
        for name, array in (("weight", w.T), ("bias", b))
    }
