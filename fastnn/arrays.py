"""Arrays: their type, and memory that kernels like."""

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

ALIGNMENT = 64
"""Bytes: a cache line, and the longest vector register."""


def aligned_zeros(shape: int | tuple[int, ...], dtype: "np.dtype[Any]") -> Array:
    """A C-contiguous array of zeros that begins on a cache line."""
    size, lanes = math.prod(np.atleast_1d(shape)), ALIGNMENT // dtype.itemsize
    room = np.zeros(size + lanes, dtype)
    start = -room.ctypes.data % ALIGNMENT // dtype.itemsize
    return room[start : start + size].reshape(shape)
