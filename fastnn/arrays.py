"""Arrays: their type, and memory that kernels like."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

ALIGNMENT = 64
"""Bytes: a cache line, and the longest vector register."""

BYTES_AT_A_TIME = 1 << 24
"""Bytes that are gone through in some milliseconds, so that Ctrl-C is noticed after them."""


def aligned_zeros(shape: int | tuple[int, ...], dtype: "np.dtype[Any]") -> Array:
    """Return a C-contiguous array of zeros that begins on a cache line."""
    size, lanes = math.prod(np.atleast_1d(shape)), ALIGNMENT // dtype.itemsize
    room = np.zeros(size + lanes, dtype)
    start = -room.ctypes.data % ALIGNMENT // dtype.itemsize
    return room[start : start + size].reshape(shape)


def parts_of(array: Array) -> Iterator[slice]:
    """Return slices of the first axis that are gone through in some milliseconds each."""
    step = max(1, BYTES_AT_A_TIME * len(array) // max(1, array.nbytes))
    for start in range(0, len(array), step):
        yield slice(start, start + step)


def copy_arrays(arrays: Iterable[Array], to: Iterable[Array]) -> None:
    """Copy each array to the one in its place, a part at a time."""
    for array, copy in zip(arrays, to, strict=True):
        if array.nbytes <= BYTES_AT_A_TIME:
            copy[...] = array
            continue
        for part in parts_of(array):
            copy[part] = array[part]
