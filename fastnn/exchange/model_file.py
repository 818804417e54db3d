"""Model files: safetensors, with the architecture as JSON in the metadata.

The tensors are ``weights.0``, ``biases.0``, ``weights.1`` and so on, in the shapes of
`MLP.weights`, and likewise those of each slot of the optimizer: ``velocity.weights.0``. The rest of
the state of the training, and the record of its data, are JSON, too. A checksum over everything
reveals damage.
"""

import json
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from os import PathLike
from typing import Any, TypeVar

import numpy as np

from ..activations import ACTIVATIONS, Activation
from ..common.arrays import Array, are_finite, copy_arrays, parts_of
from ..common.equality import are_equivalent
from ..common.parametrized import Parametrized
from ..data.splits import Split
from ..data_record import DataRecord
from ..engine import Engine
from ..losses import LOSSES, Loss
from ..training.memory import Memory
from ..training.state import TrainingState
from . import atomic_file, suffix, training_record

SUFFIX = ".safetensors"
_FORMAT = "fastnn-mlp"
_FORMAT_VERSION = 1  # code of a later version must still read files of all earlier ones
_TEXTS = ("architecture", "training", "data")  # metadata in the order of the checksum
_ARCHITECTURE = ("layer_sizes", "activations", "loss", "dtype")
_DTYPES = {"float16": "F16", "float32": "F32", "float64": "F64"}  # their names in safetensors

F = TypeVar("F", Activation, Loss)
T = TypeVar("T")


class ModelFileError(ValueError):
    """Error for a file that is damaged, foreign, or of a later format version."""


@dataclass(frozen=True)
class Model:
    """The content of a model file."""

    layer_sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    loss: Loss
    dtype: str
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    data: DataRecord
    training: TrainingState | None  # with slots in the order of weights and biases
    generator: Mapping[str, Any] | None  # the state of the random generator
    split: Split | None  # of the training data


def check_place(path: str | PathLike[str]) -> None:
    """Raise the error that saving to this path would raise."""
    suffix.check(path, SUFFIX)
    atomic_file.check_place(path)


def save(
    engine: Engine, memory: Memory, path: str | PathLike[str], *, include_optimizer: bool
) -> None:
    """Write the file, completely or not at all."""
    from safetensors.numpy import save as serialized

    suffix.check(path, SUFFIX)
    dtype = engine.dtype.name
    if dtype not in _DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(_DTYPES)} to save, got {dtype}")
    architecture = json.dumps(
        {
            "layer_sizes": engine.layer_sizes,
            "activations": [_description(activation) for activation in engine.activations],
            "loss": _description(engine.loss),
            "dtype": dtype,
        }
    )
    state = memory.portable_training(engine) if include_optimizer else None
    training = training_record.to_json(state, memory.generator, memory.split)
    data = memory.data.to_json()
    names = _names(len(engine.weights), state)
    slots = () if state is None else state.slots
    arrays = [*engine.weights, *engine.biases, *(array for slot in slots for array in slot)]
    copies = [np.empty(array.shape, array.dtype) for array in arrays]
    copy_arrays(arrays, copies)  # another thread may train the network meanwhile
    tensors = dict(zip(names, copies, strict=True))
    metadata = {
        "format": _FORMAT,
        "format_version": str(_FORMAT_VERSION),
        "architecture": architecture,
        "training": training,
        "data": data,
        "crc32": _checksum((architecture, training, data), tensors.values()),
    }
    atomic_file.write(path, serialized(tensors, metadata))


def load(
    path: str | PathLike[str], activations: Iterable[Activation] = (), losses: Iterable[Loss] = ()
) -> Model:
    """Read a file; ``activations`` and ``losses`` are the user's own functions in it."""
    from safetensors import SafetensorError, safe_open

    known_activations = _known(activations, "activations", Activation, ACTIVATIONS)
    known_losses = _known(losses, "losses", Loss, LOSSES)
    with open(path, "rb"):  # raises the error of the operating system if it cannot be read
        pass
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            architecture = _checked_architecture(metadata, path)
            sizes, dtype = architecture["layer_sizes"], architecture["dtype"]
            training, generator, split = _parsed(
                lambda: training_record.from_json(metadata["training"]), "training", path
            )
            data = _parsed(lambda: DataRecord.from_json(metadata["data"], sizes), "data", path)
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            found = {name: (part.get_dtype(), *part.get_shape()) for name, part in slices.items()}
            expected = _expected(sizes, dtype, training)
            # Compare shapes before tensors are allocated.
            if found != expected:
                raise ModelFileError(
                    f"{path} is damaged: its tensors are not those of {dtype} layers {sizes}"
                )
            arrays = [file.get_tensor(name) for name in expected]
    except SafetensorError as error:
        raise ModelFileError(f"{path} is no safetensors file, or a damaged one: {error}") from error
    if metadata.get("crc32") != _checksum((metadata[part] for part in _TEXTS), arrays):
        raise ModelFileError(f"{path} is damaged: its checksum does not match its content")
    n = len(sizes) - 1
    if not are_finite(arrays[2 * n :]):
        raise ModelFileError(f"{path} is damaged: the state of the optimizer is not finite")
    slots = [arrays[start : start + 2 * n] for start in range(2 * n, len(arrays), 2 * n)]
    return Model(
        tuple(sizes),
        tuple(
            _function(description, known_activations, "activations", path)
            for description in architecture["activations"]
        ),
        _function(architecture["loss"], known_losses, "losses", path),
        dtype,
        tuple(arrays[:n]),
        tuple(arrays[n : 2 * n]),
        data,
        None if training is None else replace(training, slots=slots),
        generator,
        split,
    )


def _names(n_layers: int, training: TrainingState | None) -> list[str]:
    """Return the names of all weights, then of all biases, and again for each slot."""
    slots = () if training is None else training.optimizer.slots
    return [
        f"{prefix}{kind}.{layer}"
        for prefix in ("", *(f"{slot}." for slot in slots))
        for kind in ("weights", "biases")
        for layer in range(n_layers)
    ]


def _expected(
    layer_sizes: list[int], dtype: str, training: TrainingState | None
) -> dict[str, tuple[str | int, ...]]:
    """Return the dtype and shape of each tensor."""
    code = _DTYPES[dtype]
    shapes = [
        *((code, *pair) for pair in pairwise(layer_sizes)),
        *((code, n) for n in layer_sizes[1:]),
    ]
    names = _names(len(layer_sizes) - 1, training)
    return dict(zip(names, shapes * (len(names) // len(shapes)), strict=True))


def _checksum(texts: Iterable[str], tensors: Iterable[Array]) -> str:
    crc = 0
    for text in texts:
        crc = zlib.crc32(text.encode(), crc)
    for tensor in tensors:
        for part in parts_of(tensor):
            crc = zlib.crc32(tensor[part].data, crc)
    return f"{crc:08x}"


def _parsed(parse: Callable[[], T], what: str, path: str | PathLike[str]) -> T:
    try:
        return parse()
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ModelFileError(f"{path} is damaged: its record of the {what}: {error!r}") from error


def _checked_architecture(metadata: dict[str, str], path: str | PathLike[str]) -> dict[str, Any]:
    if metadata.get("format") != _FORMAT:
        raise ModelFileError(f"{path} is a safetensors file, but holds no fastnn network")
    version = metadata.get("format_version", "")
    if not re.fullmatch("[1-9][0-9]{0,8}", version):
        raise ModelFileError(f"{path} is damaged: its format version is {version!r}")
    if int(version) > _FORMAT_VERSION:
        raise ModelFileError(
            f"{path} is of format version {version}, and this fastnn reads up to {_FORMAT_VERSION}"
        )
    try:
        architecture = json.loads(metadata["architecture"])
        sizes, activations = architecture["layer_sizes"], architecture["activations"]
        is_valid = (
            sorted(architecture) == sorted(_ARCHITECTURE)
            and all(type(size) is int for size in sizes)
            and all(map(_is_description, (*activations, architecture["loss"])))
            and architecture["dtype"] in _DTYPES
            and len(activations) == len(sizes) - 1 >= 1
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} is damaged: no architecture in it") from error
    if not is_valid:
        raise ModelFileError(f"{path} is damaged: its architecture is {architecture}")
    return dict(architecture)


def _description(function: Activation | Loss) -> str | dict[str, dict[str, float]]:
    if isinstance(function, Parametrized) and function.parameters:
        return {function.name: {name: float(x) for name, x in function.parameters.items()}}
    return function.name


def _is_description(value: Any) -> bool:
    if not isinstance(value, dict):
        return type(value) is str
    return len(value) == 1 and all(
        type(parameters) is dict
        and all(type(number) in (int, float) for number in parameters.values())
        for parameters in value.values()
    )


def _known(own: Iterable[F], argument: str, kind: type[F], table: Mapping[str, F]) -> dict[str, F]:
    """Return the user's functions and the built-in ones, by name."""
    expected = f"{argument} must be an iterable of {kind.__name__}"
    if not isinstance(own, Iterable):
        raise TypeError(f"{expected}, got {own!r}")
    by_name: dict[str, F] = {}
    for function in own:
        if not isinstance(function, kind):
            raise TypeError(f"{expected}, got {function!r} in it")
        if isinstance(function, Parametrized):  # built in
            continue
        if not are_equivalent(by_name.setdefault(function.name, function), function):
            raise ValueError(
                f"{argument} must have different names for different functions, got two of the "
                f"name {function.name!r}"
            )
    return {**by_name, **table}


def _function(
    description: str | dict[str, dict[str, float]],
    known: dict[str, F],
    argument: str,
    path: str | PathLike[str],
) -> F:
    ((name, parameters),) = (
        description.items() if isinstance(description, dict) else [(description, {})]
    )
    if name not in known:
        raise ModelFileError(
            f"{path} uses {name!r}, which is not built in: pass it to load in `{argument}`"
        )
    function = known[name]
    if not parameters:
        return function
    if not isinstance(function, Parametrized) or function.parameters.keys() != parameters.keys():
        raise ModelFileError(f"{path} is damaged: {name!r} has no parameters {parameters}")
    return type(function)(**parameters)  # type: ignore[arg-type]
