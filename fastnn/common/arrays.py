"""Arrays: their type, aligned memory, and passes that Ctrl-C can interrupt."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .._kernels import DTYPES, kernels_for

Array = np.ndarray[Any, Any]
Dtype = np.dtype[Any]

ALIGNMENT = 64
"""Bytes: a cache line, and the longest vector register."""

BYTES_AT_A_TIME = 1 << 24
"""Bytes that one call may process: some milliseconds, after which Ctrl-C is noticed."""


def aligned_zeros(shape: int | tuple[int, ...], dtype: "np.dtype[Any]") -> Array:
    """Return a C-contiguous array of zeros that begins on a cache line."""
    size, lanes = math.prod(np.atleast_1d(shape)), ALIGNMENT // dtype.itemsize
    buffer = np.zeros(size + lanes, dtype)
    start = -buffer.ctypes.data % ALIGNMENT // dtype.itemsize
    return buffer[start : start + size].reshape(shape)


def parts_of(array: Array) -> Iterator[slice]:
    """Yield slices of the first axis, each of at most ``BYTES_AT_A_TIME`` if a row is smaller."""
    step = max(1, BYTES_AT_A_TIME * len(array) // max(1, array.nbytes))
    for start in range(0, len(array), step):
        yield slice(start, start + step)


def copy_arrays(arrays: Iterable[Array], to: Iterable[Array]) -> None:
    """Copy each array to its counterpart, part by part."""
    for array, copy in zip(arrays, to, strict=True):
        if array.nbytes <= BYTES_AT_A_TIME:
            copy[...] = array
            continue
        for part in parts_of(array):
            copy[part] = array[part]


def are_finite(arrays: Sequence[Array]) -> bool:
    """Return whether C-contiguous arrays hold finite numbers only."""
    return all(first_nonfinite(array) is None for array in arrays)


def first_nonfinite(array: Array) -> int | None:
    """Return the flat index of the first NaN or infinity in a C-contiguous array, or None."""
    flat = array.reshape(-1)
    if flat.nbytes <= BYTES_AT_A_TIME:
        return _first_nonfinite(flat)
    for part in parts_of(flat):
        index = _first_nonfinite(flat[part])
        if index is not None:
            return part.start + index
    return None


def _first_nonfinite(flat: Array) -> int | None:
    if flat.dtype in DTYPES and flat.size:
        index = kernels_for(flat.dtype).first_nonfinite(flat)
        return None if index < 0 else index
    return first_true(~np.isfinite(flat))


def first_true(mask: Array) -> int | None:
    """Return the index of the first True in a one-dimensional mask, or None."""
    return int(mask.argmax()) if mask.any() else None
