"""Model files: safetensors, with the architecture as JSON in the metadata.

The tensors are ``weights.0``, ``biases.0``, ``weights.1`` and so on, as `MLP.weights` shows them.
A checksum over the architecture and the tensors tells damage from intent.
"""

import json
import os
import secrets
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from .functions import ACTIVATIONS, Activation, Array

_FORMAT = "fastnn-mlp"
_FORMAT_VERSION = 1
_ARCHITECTURE = ("layer_sizes", "activations", "loss", "dtype")


class ModelFileError(ValueError):
    """The file is damaged, foreign, or of a later format version."""


@dataclass(frozen=True)
class Model:
    """What a model file holds."""

    layer_sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    loss: str
    dtype: str
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]


def save(model: Model, path: str | PathLike[str]) -> None:
    """Write a file that appears under its name when it is complete."""
    from safetensors.numpy import save as serialised

    architecture = json.dumps(
        {
            "layer_sizes": model.layer_sizes,
            "activations": [activation.name for activation in model.activations],
            "loss": model.loss,
            "dtype": model.dtype,
        }
    )
    tensors = {
        name: np.ascontiguousarray(tensor)
        for layer, pair in enumerate(zip(model.weights, model.biases, strict=True))
        for name, tensor in zip(_names(layer), pair, strict=True)
    }
    metadata = {
        "format": _FORMAT,
        "format_version": str(_FORMAT_VERSION),
        "architecture": architecture,
        "crc32": _checksum(architecture, tensors.values()),
    }
    _replace(Path(path), serialised(tensors, metadata))


def load(path: str | PathLike[str], activations: Iterable[Activation] = ()) -> Model:
    """Read a file; those of its activations that are not built in are found among the given."""
    from safetensors import SafetensorError, safe_open

    with open(path, "rb"):  # for the operating system's own error if it cannot be read
        pass
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            architecture = _architecture(metadata, path)
            sizes, dtype = architecture["layer_sizes"], architecture["dtype"]
            shapes = {
                name: tuple(file.get_slice(name).get_shape())
                for name in file.keys()  # noqa: SIM118
            }
            # Sizes are compared before anything is allocated for them.
            if shapes != _shapes(sizes):
                raise ModelFileError(f"{path} is damaged: its tensors are not those of {sizes}")
            tensors = {name: file.get_tensor(name) for name in _shapes(sizes)}
    except SafetensorError as error:
        raise ModelFileError(f"{path} is no safetensors file, or a damaged one: {error}") from error
    if metadata.get("crc32") != _checksum(metadata["architecture"], tensors.values()):
        raise ModelFileError(f"{path} is damaged: its checksum does not match its content")
    if any(tensor.dtype.name != dtype for tensor in tensors.values()):
        raise ModelFileError(f"{path} is damaged: its tensors are not of dtype {dtype!r}")
    return Model(
        tuple(sizes),
        _resolved(architecture["activations"], activations, path),
        architecture["loss"],
        dtype,
        tuple(tensors[_names(layer)[0]] for layer in range(len(sizes) - 1)),
        tuple(tensors[_names(layer)[1]] for layer in range(len(sizes) - 1)),
    )


def _names(layer: int) -> tuple[str, str]:
    return f"weights.{layer}", f"biases.{layer}"


def _shapes(layer_sizes: list[int]) -> dict[str, tuple[int, ...]]:
    return {
        name: shape
        for layer, (fan_in, fan_out) in enumerate(pairwise(layer_sizes))
        for name, shape in zip(_names(layer), ((fan_in, fan_out), (fan_out,)), strict=True)
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
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        raise ModelFileError(f"{path} is damaged: its format version is {version!r}")
    if int(version) > _FORMAT_VERSION:
        raise ModelFileError(
            f"{path} is of format version {version}, and this fastnn reads up to {_FORMAT_VERSION}"
        )
    try:
        architecture = json.loads(metadata["architecture"])
        sizes, names = architecture["layer_sizes"], architecture["activations"]
        whole = (
            sorted(architecture) == sorted(_ARCHITECTURE)
            and all(type(size) is int for size in sizes)
            and all(type(name) is str for name in (*names, architecture["loss"]))
            and type(architecture["dtype"]) is str
            and len(names) == len(sizes) - 1 >= 1
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} is damaged: no architecture in it") from error
    if not whole:
        raise ModelFileError(f"{path} is damaged: its architecture is {architecture}")
    return dict(architecture)


def _resolved(
    names: list[str], own: Iterable[Activation], path: str | PathLike[str]
) -> tuple[Activation, ...]:
    known = ACTIVATIONS | {activation.name: activation for activation in own}
    for name in names:
        if name not in known:
            raise ModelFileError(
                f"{path} uses the activation {name!r}, which is not built in: pass it to load in "
                "`activations`"
            )
    return tuple(known[name] for name in names)


def _replace(path: Path, content: bytes) -> None:
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
