"""The search for what is not finite."""

from collections.abc import Sequence

import numpy as np

from ._kernels import DTYPES, kernels_for
from .arrays import BYTES_AT_A_TIME, Array, parts_of


def are_finite(arrays: Sequence[Array]) -> bool:
    """Return whether all numbers in all arrays, C-contiguous ones, are finite."""
    return all(first_nonfinite(array) is None for array in arrays)


def first_nonfinite(array: Array) -> int | None:
    """Index of the first NaN or infinity in a C-contiguous array, counted as if it were flat."""
    if not array.size:
        return None
    flat = array.reshape(-1)
    if flat.nbytes <= BYTES_AT_A_TIME:
        return _first_nonfinite(flat)
    for part in parts_of(flat):
        at = _first_nonfinite(flat[part])
        if at is not None:
            return part.start + at
    return None


def _first_nonfinite(flat: Array) -> int | None:
    if flat.dtype in DTYPES:
        at = kernels_for(flat.dtype).first_nonfinite(flat)
        return None if at < 0 else at
    wrong = ~np.isfinite(flat)
    return int(wrong.argmax()) if wrong.any() else None
