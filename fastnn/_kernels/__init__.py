"""Picks the best kernel variant that this CPU and OS can run, before any of its code is executed.

``FASTNN_ISA`` forces a variant, and fails if that one cannot run.
"""

import os
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from . import isa
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
    "active",
    "cpu_features",
    "kernels_for",
    "missing_features",
    "runnable_variants",
]


DTYPES = frozenset(map(np.dtype, isa.DTYPES))
"""The dtypes that there are kernels for."""


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


active: str = _choose(os.environ.get("FASTNN_ISA"))
"""The name of the variant in use."""


def kernels_for(dtype: "np.dtype[Any]") -> ModuleType:
    """Return the active variant's kernels for float32 or float64."""
    return _compiled(active, dtype)


@cache
def _compiled(variant: str, dtype: "np.dtype[Any]") -> ModuleType:
    return import_module(f"{__name__}.{variant}_{dtype.name}")
