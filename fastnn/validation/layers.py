"""Check weights and biases that users bring from other libraries."""

from collections.abc import Iterable, Mapping, MappingView, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..common.arrays import Array, Dtype
from .arrays import real_numbers
from .layer_order import ordered


@dataclass(frozen=True)
class NamedArray:
    """An array of real numbers, and its name in messages."""

    name: str
    array: Array

    def in_dtype(self, dtype: Dtype) -> Array:
        """Convert the array to a dtype, in which all numbers must be finite."""
        with np.errstate(over="ignore", invalid="ignore"):  # the error below reports it
            array = self.array.astype(dtype, copy=False)
        wrong = ~np.isfinite(array)
        if wrong.any():
            raise ValueError(f"{self.name} must be finite in {dtype}, got {self.array[wrong][0]}")
        return array


@dataclass(frozen=True)
class GivenLayers:
    """Weights (fan_in, fan_out) and biases (fan_out,) of the layers, from input to output."""

    weights: list[NamedArray]
    biases: list[NamedArray]

    def __post_init__(self) -> None:
        for weights, biases in zip(self.weights, self.biases, strict=True):
            fan_in, fan_out = weights.array.shape
            if not (fan_in and fan_out):
                raise ValueError(
                    f"{weights.name} must have one input and one output or more, got {fan_in} and "
                    f"{fan_out}"
                )
            if biases.array.shape != (fan_out,):
                raise ValueError(
                    f"{biases.name} must have shape ({fan_out},), one for each output of "
                    f"{weights.name}, got {biases.array.shape}"
                )
        for before, weights in pairwise(self.weights):
            expected, fan_in = before.array.shape[1], weights.array.shape[0]
            if fan_in != expected:
                raise ValueError(
                    f"{weights.name} must have {expected} inputs, as many as {before.name} has "
                    f"outputs, got {fan_in}"
                )

    @property
    def sizes(self) -> tuple[int, ...]:
        """Widths from input to output."""
        first = self.weights[0].array
        return len(first), *(weights.array.shape[1] for weights in self.weights)

    @property
    def dtype(self) -> str:
        """Float32 if all arrays are float32 or smaller floats, else float64."""
        dtypes = [given.array.dtype for given in (*self.weights, *self.biases)]
        return "float32" if all(d.kind == "f" and d.itemsize <= 4 for d in dtypes) else "float64"


def layers_of_arrays(weights: Iterable[ArrayLike], biases: Iterable[ArrayLike]) -> GivenLayers:
    """Check one array of weights (fan_in, fan_out) and one of biases (fan_out,) per layer."""
    all_weights = _arrays(weights, "weights", ("fan_in", "fan_out"))
    all_biases = _arrays(biases, "biases", ("fan_out",))
    if not all_weights:
        raise ValueError("weights must be one array per layer, got none")
    if len(all_biases) != len(all_weights):
        raise ValueError(
            f"biases must be one array per layer, {len(all_weights)} as in weights, got "
            f"{len(all_biases)}"
        )
    return GivenLayers(all_weights, all_biases)


def _arrays(arrays: Iterable[ArrayLike], argument: str, axes: tuple[str, ...]) -> list[NamedArray]:
    has_no_order = isinstance(arrays, Mapping | MappingView | Set)
    if not isinstance(arrays, Iterable) or isinstance(arrays, str | bytes) or has_no_order:
        raise TypeError(f"{argument} must be a list of one array per layer, got {arrays!r}")
    return [_given(array, f"{argument}[{layer}]", axes) for layer, array in enumerate(arrays)]


def _given(value: Any, name: str, axes: tuple[str, ...]) -> NamedArray:
    if hasattr(value, "detach"):  # NumPy cannot convert a tensor of PyTorch with a gradient
        value = value.detach()
    array = real_numbers(value, name)
    if array.ndim != len(axes):
        shape = f"({', '.join(axes)})" if axes[1:] else f"({axes[0]},)"
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    return NamedArray(name, array)


def layers_of_state_dict(state_dict: Mapping[str, Any], order: Sequence[str] | None) -> GivenLayers:
    """Check PyTorch's "<prefix>.weight" (fan_out, fan_in) and optional "<prefix>.bias"."""
    expected = "state_dict must have '<prefix>.weight' and '<prefix>.bias' of Linear layers only"
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"{expected}, got {state_dict!r}")
    names: dict[str, dict[str, str]] = {"weight": {}, "bias": {}}
    for key in state_dict:
        prefix, _, kind = str(key).rpartition(".")
        if kind not in names:
            raise ValueError(f"{expected}, got {key!r}")
        names[kind][prefix] = key
    if not names["weight"]:
        raise ValueError(f"{expected}, got {list(state_dict)}")
    for prefix, key in names["bias"].items():
        if prefix not in names["weight"]:
            raise ValueError(f"{expected}, got {key!r} without the weight")
    layers = {
        prefix: _linear(state_dict, key, names["bias"].get(prefix))
        for prefix, key in names["weight"].items()
    }
    shapes = {prefix: weights.array.shape for prefix, (weights, _) in layers.items()}
    in_order = [layers[prefix] for prefix in ordered(shapes, order)]
    return GivenLayers([weights for weights, _ in in_order], [biases for _, biases in in_order])


def _linear(
    state_dict: Mapping[str, Any], weight: str, bias: str | None
) -> tuple[NamedArray, NamedArray]:
    """Check the weights and biases of one layer, given their keys."""
    given = _given(state_dict[weight], f"state_dict[{weight!r}]", ("fan_out", "fan_in"))
    weights = NamedArray(given.name, given.array.T)
    if bias is None:
        return weights, NamedArray("no bias", np.zeros(len(given.array), given.array.dtype))
    return weights, _given(state_dict[bias], f"state_dict[{bias!r}]", ("fan_out",))
