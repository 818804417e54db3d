"""Picks the best kernel variant that this CPU and OS can run, before any of its code is executed.

``FASTNN_ISA`` forces a variant, and fails if that one cannot run.
"""

import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from .isa import VARIANTS

try:
    from .cpu import features as cpu_features
except ModuleNotFoundError as error:
    raise ImportError(
        "fastnn's kernels are not compiled here. In a source checkout, run `pip install -e .`, or "
        "leave the checkout's folder to use an installed fastnn."
    ) from error


__all__ = [
    "DTYPES",
    "Kernels",
    "active",
    "cpu_features",
    "import_variant",
    "kernels_for",
    "missing_features",
    "runnable_variants",
    "variant",
]


class Kernels(NamedTuple):
    """The entry points of kernels.pxi that the package calls, for one dtype."""

    train: Callable[..., float]
    predict: Callable[..., None]
    add_biases_and_activate: Callable[..., None]
    multiply_by_slope: Callable[..., None]
    output_deltas: Callable[..., float]
    add_scaled: Callable[..., None]
    first_nonfinite: Callable[..., int]


DTYPES = {np.dtype("float32"): "float", np.dtype("float64"): "double"}
"""The dtypes that there are kernels for, and their names in C."""


def missing_features(features: tuple[str, ...]) -> list[str]:
    """Those of the features that this CPU or OS lacks."""
    usable = cpu_features()
    return [feature for feature in features if not usable.get(feature, False)]


def runnable_variants() -> list[str]:
    """Names of the variants that this CPU and OS can run, best first."""
    return [variant.name for variant in VARIANTS if not missing_features(variant.features)]


def _choose(forced: str | None) -> str:
    runnable = runnable_variants()
    if not forced:
        if not runnable:
            missing = ", ".join(missing_features(VARIANTS[-1].features))
            raise ImportError(f"fastnn needs a CPU with {missing}, which this one lacks")
        return runnable[0]
    known = {variant.name: variant for variant in VARIANTS}
    if forced not in known:
        raise ImportError(f"FASTNN_ISA must be one of {', '.join(known)}, got {forced!r}")
    if forced not in runnable:
        missing = ", ".join(missing_features(known[forced].features))
        raise ImportError(f"FASTNN_ISA={forced} cannot run: this CPU or OS lacks {missing}")
    return forced


def import_variant(name: str) -> ModuleType:
    """The compiled module of one variant; the caller has made sure that it can run."""
    return import_module(f"{__name__}.{name}")


variant: str = _choose(os.environ.get("FASTNN_ISA"))
active: ModuleType = import_variant(variant)


@cache
def _specialised(module: ModuleType, c_type: str) -> Kernels:
    # Indexing a fused function picks its type once; each call would have to find it anew.
    return Kernels(*(getattr(module, name)[c_type] for name in Kernels._fields))


def kernels_for(dtype: "np.dtype[Any]") -> Kernels:
    """The active variant's kernels for float32 or float64."""
    return _specialised(active, DTYPES[dtype])
