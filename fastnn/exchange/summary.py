"""Describe a network as plain text."""

from itertools import chain

from ..activations import Activation
from ..common.parametrized import Parametrized
from ..engine import Engine
from ..losses import Loss


def table(engine: Engine, are_inputs_scaled: bool) -> str:
    """Return one line per layer, and the totals."""
    rows = [("layer", "shape", "activation", "parameters")]
    layers = zip(engine.weights, engine.biases, engine.activations, strict=True)
    for layer, (w, b, activation) in enumerate(layers, start=1):
        shape = f"{w.shape[0]} -> {w.shape[1]}"
        rows.append((str(layer), shape, _label(activation), f"{w.size + b.size:,}"))
    total = sum(parameter.size for parameter in engine.parameters)
    rows.append(("total", "", "", f"{total:,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    line = "{:>{}}  {:>{}}  {:<{}}  {:>{}}".format
    lines = [line(*chain(*zip(row, widths, strict=True))) for row in rows]
    scaling = ", inputs are scaled" if are_inputs_scaled else ""
    n_bytes = total * engine.dtype.itemsize
    last = f"{engine.dtype}, {n_bytes:,} bytes, loss {_label(engine.loss)}{scaling}"
    return "\n".join([*lines, last])


def _label(function: Activation | Loss) -> str:
    has_parameters = isinstance(function, Parametrized) and function.parameters
    return repr(function) if has_parameters else function.name
