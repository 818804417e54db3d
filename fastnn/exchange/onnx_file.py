"""Write ONNX files; only this module imports the package ``onnx``.

Opset 13 and IR version 7 came with ONNX 1.8, in 2020: old and new runtimes support them. Some
activations have no float64 operator in ONNX Runtime: they are composed of others. (Up to version
1.17, it cannot run its own fusion of Gemm and an activation in float64, unless its optimizations
are disabled.)
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from ..common.arrays import Array, Dtype
from ..data.inputs import Scaling
from ..engine import Engine
from . import atomic_file

_OPSET, _IR_VERSION = 13, 7
_DTYPES = "float32", "float64"


def save(
    engine: Engine, scaling: Scaling | None, metadata: Mapping[str, Any], path: str | PathLike[str]
) -> None:
    """Write the file, completely or not at all, with each entry of the metadata as JSON."""
    if engine.dtype.name not in _DTYPES:
        raise ValueError(f"dtype must be {' or '.join(_DTYPES)} for ONNX, got {engine.dtype}")
    graph = _Graph(engine.dtype)
    outputs = _Tensor(graph, "X")
    if scaling is not None:
        outputs = _scaled(outputs, scaling)
    layers = zip(engine.weights, engine.biases, engine.activations, strict=True)
    for layer, (w, b, f) in enumerate(layers):
        if not isinstance(f, BuiltinActivation):
            raise ValueError(
                f"activation must be a built-in one for ONNX, got one of your own, {f.name!r}"
            )
        parameters = graph.constant(w, f"weights.{layer}"), graph.constant(b, f"biases.{layer}")
        formulas = _FORMULAS | (_FORMULAS_IN_FLOAT64 if engine.dtype == np.float64 else {})
        z = outputs.apply("Gemm", *parameters)
        outputs = formulas[f.name](z, *map(float, f.parameters.values()))
    model = graph.model(engine.layer_sizes[0], engine.layer_sizes[-1])
    helper.set_model_props(model, {name: json.dumps(fact) for name, fact in metadata.items()})
    atomic_file.write(path, model.SerializeToString())


class _Graph:
    """Nodes and constants in the order in which they are added."""

    def __init__(self, dtype: Dtype) -> None:
        self.dtype = dtype
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def constant(self, value: Array | float, name: str, dtype: Dtype | None = None) -> "_Tensor":
        """Add a constant, by default in the network's dtype."""
        array = np.array(value, dtype or self.dtype, order="C")
        self._constants.append(numpy_helper.from_array(array, name))
        return _Tensor(self, name)

    def node(self, operator: str, *inputs: "_Tensor | float", **attributes: Any) -> "_Tensor":
        """Add a node, whose inputs are tensors or numbers."""
        output = f"{operator}.{len(self._nodes)}"
        names = [
            (x if isinstance(x, _Tensor) else self.constant(x, f"{output}.input.{index}")).name
            for index, x in enumerate(inputs)
        ]
        self._nodes.append(helper.make_node(operator, names, [output], **attributes))
        return _Tensor(self, output)

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


@dataclass(frozen=True)
class _Tensor:
    """A value in a graph, by its name; arithmetic adds nodes."""

    graph: _Graph
    name: str

    def apply(self, operator: str, *others: "_Tensor | float", **attributes: Any) -> "_Tensor":
        """Add a node of which this is the first input."""
        return self.graph.node(operator, self, *others, **attributes)

    def __add__(self, other: "_Tensor | float") -> "_Tensor":
        return self.apply("Add", other)

    def __sub__(self, other: "_Tensor | float") -> "_Tensor":
        return self.apply("Sub", other)

    def __mul__(self, other: "_Tensor | float") -> "_Tensor":
        return self.apply("Mul", other)

    def __truediv__(self, other: "_Tensor | float") -> "_Tensor":
        return self.apply("Div", other)


def _scaled(X: _Tensor, scaling: Scaling) -> _Tensor:
    """Append nodes that compute (X - shift) / scale in float64, as `Inputs` does."""
    graph = X.graph
    shift, scale = (
        graph.constant(array, f"input_scaling.{name}", array.dtype)
        for name, array in zip(("shift", "scale"), scaling, strict=True)
    )
    if graph.dtype == np.float64:
        return (X - shift) / scale
    scaled = (X.apply("Cast", to=TensorProto.DOUBLE) - shift) / scale
    return scaled.apply("Cast", to=helper.np_dtype_to_tensor_dtype(graph.dtype))


def _operator(name: str) -> Callable[..., _Tensor]:
    return lambda z: z.apply(name)


def _gelu(z: _Tensor) -> _Tensor:
    """Add max(z, 0) - x tail(x), where x = |z| and tail(x) = P(N(0, 1) > x).

    tail(x) e**(x**2 / 2) (x + 4) is approximated by a polynomial in s = (x - 4) / (x + 4), to a
    relative error of 2e-13.
    """
    x = z.apply("Abs")
    x_plus_4 = x + 4.0
    s = (x - 4.0) / x_plus_4
    first, second, *others = _tail_coefficients()
    polynomial = s * first + second
    for coefficient in others:
        polynomial = polynomial * s + coefficient
    exp = (x * x * -0.5).apply("Exp")
    tail = polynomial / x_plus_4 * exp
    return z.apply("Relu") - x * tail


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


_FORMULAS: dict[str, Callable[..., _Tensor]] = {
    "identity": _operator("Identity"),
    "sigmoid": _operator("Sigmoid"),
    "tanh": _operator("Tanh"),
    "relu": _operator("Relu"),
    "leaky_relu": lambda z, slope: z.apply("LeakyRelu", alpha=slope),
    "elu": lambda z, alpha: z.apply("Elu", alpha=alpha),
    "softplus": _operator("Softplus"),
    "silu": lambda z: z * z.apply("Sigmoid"),
    "gelu": lambda z: z * ((z * 0.5**0.5).apply("Erf") + 1.0) * 0.5,
    "exp": _operator("Exp"),
    "softmax": _operator("Softmax"),
}
_FORMULAS_IN_FLOAT64: dict[str, Callable[..., _Tensor]] = {
    "leaky_relu": lambda z, slope: z.apply("Relu") + z.apply("Min", 0.0) * slope,
    "elu": lambda z, alpha: z.apply("Relu") + (z.apply("Min", 0.0).apply("Exp") - 1.0) * alpha,
    "softplus": lambda z: (
        z.apply("Relu") + (z.apply("Abs").apply("Neg").apply("Exp") + 1.0).apply("Log")
    ),
    # Not z * sigmoid(z): ONNX Runtime up to 1.20 fuses these to an operator without float64.
    "silu": lambda z: z / (z.apply("Neg").apply("Exp") + 1.0),
    "gelu": _gelu,
}
