"""Check descriptions of networks: sizes, functions, dtype, seed."""

import math
import os
import sys
from collections.abc import Callable, Container, Iterable, Mapping, Sequence, Set
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from .._kernels import DTYPES
from ..activations import ACTIVATIONS, Activation, BuiltinActivation
from ..common import hints
from ..common.argument_checks import as_float, check_takes_one, is_integer, number_between, one_of
from ..common.arrays import Dtype
from ..common.equality import are_equivalent
from ..common.parametrized import Parametrized
from ..losses import LOSSES, BuiltinLoss, Loss

if TYPE_CHECKING:  # importing numpy.random takes longer than importing fastnn
    from numpy.random import Generator, SeedSequence

_MAX_UNITS = np.iinfo(np.int32).max - 64  # of a layer: the kernels number them in 32 bits

Seed: TypeAlias = "int | Sequence[int] | SeedSequence | Generator | None"


def layer_sizes(sizes: Iterable[int]) -> tuple[int, ...]:
    """Check for two or more positive widths."""
    expected = "layer_sizes must be two or more positive integers, from input to output"
    if isinstance(sizes, str | bytes | Set | Mapping):  # sets have no order
        raise TypeError(f"{expected}, got {sizes!r}")
    try:
        widths = tuple(sizes)
    except TypeError:
        raise TypeError(f"{expected}, got {sizes!r}") from None
    for width in widths:
        if not is_integer(width):
            raise TypeError(f"{expected}, got {width!r} in {list(widths)}")
        if width < 1:
            raise ValueError(f"{expected}, got {width} in {list(widths)}")
    if len(widths) < 2:
        raise ValueError(f"{expected}, got {list(widths)}")
    return tuple(map(int, widths))


def check_size(widths: tuple[int, ...], dtype: Dtype) -> None:
    """Reject networks larger than the memory of this machine, before allocating them."""
    if _bytes_needed(widths, dtype) > _bytes_of_memory():
        raise too_large(widths, dtype)
    if max(widths) > _MAX_UNITS:
        raise ValueError(f"layer_sizes must be at most {_MAX_UNITS} each, got {list(widths)}")


def too_large(widths: tuple[int, ...], dtype: Dtype) -> MemoryError:
    """Return the error for a network that does not fit in memory."""
    return MemoryError(
        f"layer_sizes must describe a network that fits in memory, got {list(widths)}, whose "
        f"parameters take {_bytes_needed(widths, dtype):,} bytes in {dtype}"
    )


def _bytes_needed(widths: tuple[int, ...], dtype: Dtype) -> int:
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(widths)) * dtype.itemsize


def _bytes_of_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # unknown on this system
        return sys.maxsize


def activations(
    hidden: str | Activation | Sequence[str | Activation],
    output: str | Activation,
    n_layers: int,
    dtype: Dtype,
) -> tuple[Activation, ...]:
    """Check for one activation per layer."""
    if isinstance(hidden, str | Activation):
        hidden = [_activation(hidden, "activation", dtype)] * (n_layers - 1)
    elif not isinstance(hidden, Sequence) or len(hidden) != n_layers - 1:
        raise (ValueError if isinstance(hidden, Sequence) else TypeError)(
            f"activation must be one name or Activation, or a list of {n_layers - 1}, one per "
            f"hidden layer, got {hidden!r}{_hint_on_activations(hidden, n_layers)}"
        )
    checked = (
        *(_activation(item, "activation", dtype) for item in hidden),
        _activation(output, "output_activation", dtype),
    )
    own: dict[str, Activation] = {}  # by name, as in model files
    for f in checked:
        is_own = not isinstance(f, BuiltinActivation)
        if is_own and not are_equivalent(own.setdefault(f.name, f), f):
            raise ValueError(
                "activation must have different names for different activations, got "
                f"{[f.name for f in checked]}"
            )
    return tuple(own.get(f.name, f) for f in checked)


def _hint_on_activations(given: Any, n_layers: int) -> str:
    if not isinstance(given, Sequence):
        return hints.for_value(given, ACTIVATIONS)
    if len(given) != n_layers:
        return ""
    return f": the last, that of the output layer, is output_activation={given[-1]!r}"


def _activation(value: str | Activation, argument: str, dtype: Dtype) -> Activation:
    if isinstance(value, Activation) and not isinstance(value, BuiltinActivation):
        _try_out(value, argument, dtype)
        return value
    if isinstance(value, BuiltinActivation):
        activation = value
        _check_parameters(activation, argument, dtype, math.inf)
    else:
        activation = ACTIVATIONS[one_of(value, argument, ACTIVATIONS, " or an Activation")]
    if argument == "activation" and not activation.is_elementwise:
        raise ValueError(
            f"activation must be one for hidden layers, which depends on one weighted input alone, "
            f"got {activation!r}: that of the output layer is output_activation"
        )
    return activation


def _try_out(activation: Activation, argument: str, dtype: Dtype) -> None:
    name = activation.name
    _check_name(name, argument, ACTIVATIONS)
    for part in ("function", "derivative"):
        function = getattr(activation, part)
        if not callable(function):
            raise TypeError(f"{argument} {name!r} must have a callable {part}, got {function!r}")
        check_takes_one(function, f"{argument} {name!r} must have a {part} of one argument")
        z = np.linspace(-1, 1, 6, dtype=dtype).reshape(2, 3)
        copy = z.copy()
        result = np.asarray(function(z))
        if not np.array_equal(z, copy):
            raise ValueError(
                f"{argument} {name!r} must have a {part} that leaves its argument as it is"
            )
        if result.shape != z.shape or result.dtype.kind not in "biuf":
            raise ValueError(
                f"{argument} {name!r} must have a {part} that returns real numbers in "
                f"the shape of its argument, got {result.dtype} {result.shape} for {z.shape}"
            )


def _check_name(name: Any, what: str, builtin: Container[str]) -> None:
    if not isinstance(name, str):
        raise TypeError(f"{what} must have a name that is a str, got {name!r}")
    if name in builtin:  # `load` would take it for the built-in one
        raise ValueError(f"{what} must have a name that no built-in one has, got {name!r}")


def _check_parameters(
    function: Parametrized, what: str, dtype: Dtype, upper: float, is_open: bool = False
) -> None:
    for parameter, value in function.parameters.items():
        name = f"{parameter} of {what} {function.name!r}"
        number_between(value, name, 0, upper, is_open)
        with np.errstate(over="ignore"):
            in_dtype = float(dtype.type(as_float(value)))
        number_between(in_dtype, f"{name} in {dtype}", 0, upper, is_open)


def with_defaults(
    output_activation: str | Activation | None, loss: str | Loss | None
) -> tuple[str | Activation, str | Loss]:
    """Replace None by what the other argument needs, or else by the default."""
    if output_activation is None:
        known = LOSSES.get(loss) if isinstance(loss, str) else loss
        output_activation = (isinstance(known, Loss) and known.output_activation) or "sigmoid"
    if loss is None:
        name = getattr(output_activation, "name", output_activation)
        is_softmax = isinstance(name, str) and name == "softmax"
        loss = "cross_entropy" if is_softmax else "squared_error"
    return output_activation, loss


def loss(value: str | Loss, output_activation: Activation, n_outputs: int, dtype: Dtype) -> Loss:
    """Check for a loss that goes with the output activation."""
    if isinstance(value, BuiltinLoss):
        _check_parameters(value, "loss", dtype, value.parameter_limit, is_open=True)
        found: Loss = value
    elif isinstance(value, Loss):
        _try_out_loss(value, n_outputs, dtype)
        found = value
    else:
        found = LOSSES[one_of(value, "loss", LOSSES, " or a Loss")]
    needed, given = found.output_activation, output_activation.name
    if needed and given != needed:
        raise ValueError(
            f"output_activation must be {needed!r} for the loss {found.name!r}, got {given!r}"
        )
    if given == "softmax" and n_outputs == 1:  # the output would always be 1
        raise ValueError(
            "layer_sizes must end in two outputs or more for softmax outputs, got 1: for two "
            "classes, take one output with the loss 'binary_cross_entropy'"
        )
    if given == "softmax" and not needed:
        raise ValueError(f"loss must be 'cross_entropy' for softmax outputs, got {found.name!r}")
    return found


def _try_out_loss(loss: Loss, n_outputs: int, dtype: Dtype) -> None:
    name, function = loss.name, loss.function
    _check_name(name, "loss", LOSSES)
    if not callable(function):
        raise TypeError(f"loss {name!r} must have a callable function, got {function!r}")
    n_examples = 2 if n_outputs != 2 else 3  # not n_outputs, to detect swapped axes
    shape = n_examples, n_outputs
    outputs = np.linspace(0.2, 0.8, n_examples * n_outputs, dtype=dtype).reshape(shape)
    targets = np.eye(*shape, dtype=dtype)
    copies = outputs.copy(), targets.copy()
    result = function(outputs, targets)
    if not (isinstance(result, tuple) and len(result) == 2):
        raise TypeError(
            f"loss {name!r} must return losses (n_examples,) and derivatives (n_examples, "
            f"n_outputs), got a {type(result).__name__}"
        )
    if not all(map(np.array_equal, (outputs, targets), copies)):
        raise ValueError(f"loss {name!r} must leave its arguments as they are")
    expected = ("losses", (n_examples,)), ("derivatives", shape)
    for part, (what, part_shape) in zip(result, expected, strict=True):
        array = np.asarray(part)
        if array.shape != part_shape or array.dtype.kind not in "biuf":
            raise ValueError(
                f"loss {name!r} must return {what} that are real numbers in shape {part_shape} for "
                f"outputs {shape}, got {array.dtype} {array.shape}"
            )


def kernel_dtype(dtype: DTypeLike) -> Dtype:
    """Check for a dtype of the kernels."""
    return _dtype(dtype, lambda found: found in DTYPES, "float32 or float64")


def float_dtype(dtype: DTypeLike) -> Dtype:
    """Check for a real floating dtype of NumPy."""
    return _dtype(dtype, lambda found: found.kind == "f", "a real floating dtype")


def _dtype(dtype: DTypeLike, is_valid: Callable[[Dtype], bool], expected: str) -> Dtype:
    try:
        found = np.dtype(dtype).newbyteorder("=") if dtype is not None else None
    except (TypeError, ValueError):
        found = None
    if found is None or not is_valid(found):
        raise ValueError(f"dtype must be {expected}, got {dtype!r}")
    return found


def generator(seed: Seed) -> "Generator":
    """Return the random generator of a network."""
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        raise type(error)(
            "seed must be None, a non-negative integer (or several) or a numpy.random.Generator, "
            f"got {seed!r}"
        ) from error
