"""Model files: safetensors, with the architecture as JSON in the metadata.

The tensors are ``weights.0``, ``biases.0``, ``weights.1`` and so on, as `MLP.weights` shows them.
A checksum over the architecture and the tensors tells damage from intent.
"""

import errno
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np

from .activations import ACTIVATIONS, Activation
from .arrays import Array
from .losses import LOSSES, Loss
from .named import Named

_FORMAT = "fastnn-mlp"
_FORMAT_VERSION = 2  # 1: activations and losses without parameters
_ARCHITECTURE = ("layer_sizes", "activations", "loss", "dtype")
_DTYPES = {"float16": "F16", "float32": "F32", "float64": "F64"}  # as safetensors calls them


F = TypeVar("F", Activation, Loss)


class ModelFileError(ValueError):
    """The file is damaged, foreign, or of a later format version."""


@dataclass(frozen=True)
class Model:
    """What a model file holds."""

    layer_sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    loss: Loss
    dtype: str
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]


def save(model: Model, path: str | PathLike[str]) -> None:
    """Write the file, whole or not at all."""
    from safetensors.numpy import save as serialised

    if model.dtype not in _DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(_DTYPES)} to save, got {model.dtype}")
    architecture = json.dumps(
        {
            "layer_sizes": model.layer_sizes,
            "activations": [_description(activation) for activation in model.activations],
            "loss": _description(model.loss),
            "dtype": model.dtype,
        }
    )
    tensors = {
        name: np.array(tensor, order="C")  # a copy: another thread may be training
        for layer, pair in enumerate(zip(model.weights, model.biases, strict=True))
        for name, tensor in zip(_names(layer), pair, strict=True)
    }
    metadata = {
        "format": _FORMAT,
        "format_version": str(_FORMAT_VERSION),
        "architecture": architecture,
        "crc32": _checksum(architecture, tensors.values()),
    }
    write(path, serialised(tensors, metadata))


def load(
    path: str | PathLike[str],
    activations: Iterable[Activation] = (),
    losses: Iterable[Loss] = (),
) -> Model:
    """Read a file; what of its functions is not built in is found among the given."""
    from safetensors import SafetensorError, safe_open

    path = os.fsdecode(path)
    known_activations = _known(activations, "activations", Activation, ACTIVATIONS)
    known_losses = _known(losses, "losses", Loss, LOSSES)
    with open(path, "rb"):  # for the operating system's error if it cannot be read
        pass
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            architecture = _architecture(metadata, path)
            sizes, dtype = architecture["layer_sizes"], architecture["dtype"]
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            found = {name: (part.get_dtype(), *part.get_shape()) for name, part in slices.items()}
            expected = _expected(sizes, dtype)
            # Compared before anything is allocated for them.
            if found != expected:
                raise ModelFileError(
                    f"{path} is damaged: its tensors are not those of {dtype} layers {sizes}"
                )
            tensors = {name: file.get_tensor(name) for name in expected}
    except SafetensorError as error:
        raise ModelFileError(f"{path} is no safetensors file, or a damaged one: {error}") from error
    if metadata.get("crc32") != _checksum(metadata["architecture"], tensors.values()):
        raise ModelFileError(f"{path} is damaged: its checksum does not match its content")
    return Model(
        tuple(sizes),
        tuple(
            _found(item, known_activations, "activations", path)
            for item in architecture["activations"]
        ),
        _found(architecture["loss"], known_losses, "losses", path),
        dtype,
        tuple(tensors[_names(layer)[0]] for layer in range(len(sizes) - 1)),
        tuple(tensors[_names(layer)[1]] for layer in range(len(sizes) - 1)),
    )


def _names(layer: int) -> tuple[str, str]:
    return f"weights.{layer}", f"biases.{layer}"


def _expected(layer_sizes: list[int], dtype: str) -> dict[str, tuple[str | int, ...]]:
    """The dtype and shape of each tensor."""
    code = _DTYPES[dtype]
    return {
        name: shape
        for layer, (fan_in, fan_out) in enumerate(pairwise(layer_sizes))
        for name, shape in zip(
            _names(layer), ((code, fan_in, fan_out), (code, fan_out)), strict=True
        )
    }


def _checksum(architecture: str, tensors: Iterable[Array]) -> str:
    crc = zlib.crc32(architecture.encode())
    for tensor in tensors:
        crc = zlib.crc32(tensor.data, crc)
    return f"{crc:08x}"


def _architecture(metadata: dict[str, str], path: str | PathLike[str]) -> dict[str, Any]:
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
        whole = (
            sorted(architecture) == sorted(_ARCHITECTURE)
            and all(type(size) is int for size in sizes)
            and all(map(_is_description, (*activations, architecture["loss"])))
            and architecture["dtype"] in _DTYPES
            and len(activations) == len(sizes) - 1 >= 1
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} is damaged: no architecture in it") from error
    if not whole:
        raise ModelFileError(f"{path} is damaged: its architecture is {architecture}")
    return dict(architecture)


def _description(function: Activation | Loss) -> str | dict[str, dict[str, float]]:
    if isinstance(function, Named) and function.parameters:
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
    """Those given and those built in, by name."""
    expected = f"{argument} must be an iterable of {kind.__name__}"
    if not isinstance(own, Iterable):
        raise TypeError(f"{expected}, got {own!r}")
    given = list(own)
    for function in given:
        if not isinstance(function, kind):
            raise TypeError(f"{expected}, got {function!r} in it")
    return {**{function.name: function for function in given}, **table}


def _found(
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
    found = known[name]
    if not parameters:
        return found
    if not isinstance(found, Named) or found.parameters.keys() != parameters.keys():
        raise ModelFileError(f"{path} is damaged: {name!r} has no parameters {parameters}")
    return type(found)(**parameters)  # type: ignore[arg-type]


def check_place(path: str | PathLike[str]) -> None:
    """Raise the OSError that saving there would end in."""
    with _part_of(path):
        pass


def write(path: str | PathLike[str], content: bytes) -> None:
    """Write a file that appears under its name when it is complete."""
    with _part_of(path) as (file, target):
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        os.replace(file.name, target)


@contextmanager
def _part_of(path: str | PathLike[str]) -> Iterator[tuple[BinaryIO, Path]]:
    """A new file beside the one meant, behind symbolic links, for as long as it is not moved."""
    target = Path(os.path.realpath(os.fsdecode(path)))
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if target.exists() and not target.is_file():  # a device or a pipe would be gone
            raise OSError(errno.EINVAL, "Not a regular file")
        part = target.with_name(f".{os.urandom(8).hex()}.part")
        with open(part, "xb") as file:
            try:
                yield file, target
            finally:
                part.unlink(missing_ok=True)
    except OSError as error:  # it should name the file that was asked for
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from error
