"""Write ONNX files; only this module imports the package ``onnx``.

Opset 13 and IR version 7 came with ONNX 1.8, in 2020: old and new runtimes support them. Some
activations have no float64 operator in ONNX Runtime: they are composed of others. (Up to version
1.17, it cannot run its own fusion of Gemm and an activation in float64, unless its optimizations
are disabled.)
"""

import json
import math
from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any

import numpy as np

try:
    from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
except ImportError as error:
    raise ImportError(
        'the export to ONNX needs the package onnx: pip install "fastnn-mlp[onnx]"'
    ) from error

from ..activations import BuiltinActivation
from ..arrays import Array, Dtype
from ..data.inputs import Scaling
from ..engine import Engine
from . import atomic_file

_OPSET, _IR_VERSION = 13, 7
_DTYPES = "float32", "float64"


def save(
    engine: Engine,
    scaling: Scaling | None,
    metadata: Mapping[str, Any],
    path: str | PathLike[str],
) -> None:
    """Write the file, completely or not at all, with each entry of the metadata as JSON."""
    if engine.dtype.name not in _DTYPES:
        raise ValueError(f"dtype must be {' or '.join(_DTYPES)} for ONNX, got {engine.dtype}")
    graph = _Graph(engine.dtype)
    outputs = "X" if scaling is None else _scaled(graph, "X", scaling)
    layers = zip(engine.weights, engine.biases, engine.activations, strict=True)
    for layer, (w, b, f) in enumerate(layers):
        if not isinstance(f, BuiltinActivation):
            raise ValueError(
                f"activation must be a built-in one for ONNX, got one of your own, {f.name!r}"
            )
        parameters = graph.constant(w, f"weights.{layer}"), graph.constant(b, f"biases.{layer}")
        outputs = _activated(graph, f, graph.node("Gemm", outputs, *parameters))
    model = graph.model(engine.layer_sizes[0], engine.layer_sizes[-1])
    helper.set_model_props(model, {name: json.dumps(fact) for name, fact in metadata.items()})
    atomic_file.write(path, model.SerializeToString())


class _Graph:
    """Nodes and constants in the order in which they are added."""

    def __init__(self, dtype: Dtype) -> None:
        self.dtype = dtype
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def constant(self, value: Array | float, name: str, dtype: Dtype | None = None) -> str:
        """Add a constant, by default in the network's dtype; return its name."""
        array = np.array(value, dtype or self.dtype, order="C")
        self._constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, operator: str, *inputs: str | float, **attributes: Any) -> str:
        """Add a node, whose inputs are names or numbers; return the name of its output."""
        output = f"{operator}.{len(self._nodes)}"
        names = [
            value if isinstance(value, str) else self.constant(value, f"{output}.input.{position}")
            for position, value in enumerate(inputs)
        ]
        self._nodes.append(helper.make_node(operator, names, [output], **attributes))
        return output

    def model(self, n_inputs: int, n_outputs: int) -> ModelProto:
        """Return the model, from "X" to the output of the last node."""
        self._nodes[-1].output[0] = "outputs"
        dtype = helper.np_dtype_to_tensor_dtype(self.dtype)
        graph = helper.make_graph(
            self._nodes,
            "MLP",
            [helper.make_tensor_value_info("X", dtype, ["n_examples", n_inputs])],
            [helper.make_tensor_value_info("outputs", dtype, ["n_examples", n_outputs])],
            self._constants,
        )
        return helper.make_model(
            graph,
            producer_name="fastnn",
            ir_version=_IR_VERSION,
            opset_imports=[helper.make_opsetid("", _OPSET)],
        )


def _scaled(graph: _Graph, X: str, scaling: Scaling) -> str:
    """Add (X - shift) / scale, computed in float64 as in `Inputs`."""
    shift, scale = (
        graph.constant(array, f"input_scaling.{name}", array.dtype)
        for name, array in zip(("shift", "scale"), scaling, strict=True)
    )
    if graph.dtype != np.float64:
        X = graph.node("Cast", X, to=TensorProto.DOUBLE)
    scaled = graph.node("Div", graph.node("Sub", X, shift), scale)
    if graph.dtype != np.float64:
        scaled = graph.node("Cast", scaled, to=helper.np_dtype_to_tensor_dtype(graph.dtype))
    return scaled


def _activated(graph: _Graph, f: BuiltinActivation, z: str) -> str:
    """Add f(z)."""
    formulas = _FORMULAS | (_FORMULAS_IN_FLOAT64 if graph.dtype == np.float64 else {})
    return formulas[f.name](graph, z, *map(float, f.parameters.values()))


def _operator(name: str) -> Callable[..., str]:
    return lambda graph, z: graph.node(name, z)


def _gelu_by_erf(graph: _Graph, z: str) -> str:
    erf = graph.node("Erf", graph.node("Mul", z, 0.5**0.5))
    return graph.node("Mul", graph.node("Mul", z, graph.node("Add", erf, 1.0)), 0.5)


def _leaky_relu(graph: _Graph, z: str, negative_slope: float) -> str:
    below = graph.node("Mul", graph.node("Min", z, 0.0), negative_slope)
    return graph.node("Add", graph.node("Relu", z), below)


def _elu(graph: _Graph, z: str, alpha: float) -> str:
    exp = graph.node("Exp", graph.node("Min", z, 0.0))
    below = graph.node("Mul", graph.node("Sub", exp, 1.0), alpha)
    return graph.node("Add", graph.node("Relu", z), below)


def _softplus(graph: _Graph, z: str) -> str:
    exp = graph.node("Exp", graph.node("Neg", graph.node("Abs", z)))
    return graph.node("Add", graph.node("Relu", z), graph.node("Log", graph.node("Add", exp, 1.0)))


def _silu(graph: _Graph, z: str) -> str:
    exp = graph.node("Exp", graph.node("Neg", z))
    return graph.node("Div", z, graph.node("Add", exp, 1.0))


def _gelu(graph: _Graph, z: str) -> str:
    """Add max(z, 0) - x tail(x), where x = |z| and tail(x) = P(N(0, 1) > x).

    tail(x) e**(x**2 / 2) (x + 4) is approximated by a polynomial in s = (x - 4) / (x + 4), to a
    relative error of 2e-13.
    """
    x = graph.node("Abs", z)
    x_plus_4 = graph.node("Add", x, 4.0)
    s = graph.node("Div", graph.node("Sub", x, 4.0), x_plus_4)
    first, second, *others = _tail_coefficients()
    polynomial = graph.node("Add", graph.node("Mul", s, first), second)
    for coefficient in others:
        polynomial = graph.node("Add", graph.node("Mul", polynomial, s), coefficient)
    exp = graph.node("Exp", graph.node("Mul", graph.node("Mul", x, x), -0.5))
    tail = graph.node("Mul", graph.node("Div", polynomial, x_plus_4), exp)
    return graph.node("Sub", graph.node("Relu", z), graph.node("Mul", x, tail))


def _tail_coefficients() -> list[float]:
    """Return the coefficients of the polynomial in `_gelu`, from the highest power down."""
    largest = 36.0  # beyond, e**(-x**2 / 2) is 0

    def scaled_tail(s: Array) -> Array:
        x = 4 * (1 + s) / (1 - s)
        tail = np.array([math.erfc(u) / 2 for u in x * 0.5**0.5])
        return tail * np.exp(x * x / 2) * (x + 4)

    domain = (-1, (largest - 4) / (largest + 4))
    interpolation = np.polynomial.Chebyshev.interpolate(scaled_tail, 20, domain)
    polynomial = interpolation.convert(kind=np.polynomial.Polynomial)
    return [float(coefficient) for coefficient in polynomial.coef[::-1]]


_FORMULAS: dict[str, Callable[..., str]] = {
    "identity": _operator("Identity"),
    "sigmoid": _operator("Sigmoid"),
    "tanh": _operator("Tanh"),
    "relu": _operator("Relu"),
    "leaky_relu": lambda graph, z, slope: graph.node("LeakyRelu", z, alpha=slope),
    "elu": lambda graph, z, alpha: graph.node("Elu", z, alpha=alpha),
    "softplus": _operator("Softplus"),
    "silu": lambda graph, z: graph.node("Mul", z, graph.node("Sigmoid", z)),
    "gelu": _gelu_by_erf,
    "exp": _operator("Exp"),
    "softmax": _operator("Softmax"),
}
_FORMULAS_IN_FLOAT64: dict[str, Callable[..., str]] = {
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "softplus": _softplus,
    "silu": _silu,  # up to 1.20, Mul and Sigmoid are fused to an operator without float64
    "gelu": _gelu,
}
