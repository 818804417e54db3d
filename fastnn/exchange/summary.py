"""Describe a network as plain text."""

from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any

import numpy as np

from ..activations import Activation
from ..losses import Loss
from ..parametrized import Parametrized


def table(
    layer_sizes: Sequence[int],
    activations: Sequence[Activation],
    loss: Loss,
    dtype: "np.dtype[Any]",
    are_inputs_scaled: bool,
) -> str:
    """Return one line per layer, and the totals."""
    rows = [("layer", "shape", "activation", "parameters")]
    total = 0
    layers = zip(pairwise(layer_sizes), activations, strict=True)
    for layer, ((fan_in, fan_out), activation) in enumerate(layers, start=1):
        n_parameters = (fan_in + 1) * fan_out
        total += n_parameters
        shape = f"{fan_in} -> {fan_out}"
        rows.append((str(layer), shape, _label(activation), f"{n_parameters:,}"))
    rows.append(("total", "", "", f"{total:,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    line = "{:>{}}  {:>{}}  {:<{}}  {:>{}}".format
    lines = [line(*chain(*zip(row, widths, strict=True))) for row in rows]
    scaling = ", inputs are scaled" if are_inputs_scaled else ""
    last = f"{dtype}, {total * dtype.itemsize:,} bytes, loss {_label(loss)}{scaling}"
    return "\n".join([*lines, last])


def _label(function: Activation | Loss) -> str:
    has_parameters = isinstance(function, Parametrized) and function.parameters
    return repr(function) if has_parameters else function.name
