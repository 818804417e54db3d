"""X, and what all arrays have in common."""

import math
import sys
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..argument_checks import as_float
from ..arrays import Array, first_nonfinite
from ..data.inputs import DenseInputs, Inputs, MatrixLike, Scaling, SparseInputs

Dtype = np.dtype[Any]


def examples(X: MatrixLike, n_inputs: int, dtype: Dtype, scaling: Scaling | None = None) -> Inputs:
    """X as (n_examples, n_inputs) numbers that are finite once they are scaled."""
    given = _matrix_or_numbers(X)
    if given.ndim != 2 or given.shape[1] != n_inputs:
        raise ValueError(
            f"X must have shape (n_examples, {n_inputs}), got {given.shape}{_flat(given, n_inputs)}"
        )
    return _inputs(given, dtype, scaling)


def one_or_more_examples(
    X: MatrixLike, n_inputs: int, dtype: Dtype, scaling: Scaling | None = None
) -> tuple[Inputs, bool]:
    """Do as ``examples``; return, too, whether X was one example alone, of shape (n_inputs,)."""
    given = _matrix_or_numbers(X)
    if given.shape == (n_inputs,):
        return _inputs(given.reshape(1, n_inputs), dtype, scaling), True
    if given.shape == (0,):  # an empty list
        given = given.reshape(0, n_inputs)
    if given.ndim != 2 or given.shape[1] != n_inputs:
        raise ValueError(
            f"X must have shape (n_examples, {n_inputs}) or ({n_inputs},), got {given.shape}"
            f"{_flat(given, n_inputs)}"
        )
    return _inputs(given, dtype, scaling), False


def _flat(given: Any, n_inputs: int) -> str:
    """Return what to say of images and the like."""
    is_flat_enough = given.ndim > 2 and math.prod(given.shape[1:]) == n_inputs
    return ": pass X.reshape(len(X), -1)" if is_flat_enough else ""


def _matrix_or_numbers(X: Any) -> Any:
    """Return a NumPy array or, as it is, a sparse matrix of scipy, which need not be imported."""
    if type(X) is np.ndarray and X.dtype.kind in "biuf":  # most are, and the rest takes a while
        return X
    if not (hasattr(X, "tocsr") and hasattr(X, "nnz")):
        return real_numbers(X, "X")
    if X.dtype.kind not in "biuf":
        raise TypeError(f"X must be an array of real numbers, got a sparse matrix of {X.dtype}")
    return X


def _inputs(given: Any, dtype: Dtype, scaling: Scaling | None) -> Inputs:
    inputs: Inputs
    if isinstance(given, np.ndarray):
        inputs = DenseInputs(given, dtype, scaling)
    else:
        inputs = _sparse(given, dtype)
        if scaling is not None:
            inputs = _scaled(inputs, scaling)
    _check_finite(inputs, given, dtype, is_scaled=scaling is not None)
    return inputs


def _scaled(inputs: SparseInputs, scaling: Scaling) -> SparseInputs:
    shift, scale = scaling
    if shift.any():
        at = int((shift != 0).argmax())
        raise ValueError(
            "X must be dense where input_scaling shifts inputs, which makes zeros other numbers, "
            f"got a sparse matrix, and a shift of {shift[at]} for input {at}"
        )
    return inputs.divided_by(scale)


def _sparse(given: Any, dtype: Dtype) -> SparseInputs:
    matrix = given.tocsr()
    n_examples, n_inputs = matrix.shape
    # Copies, of all but the values: the kernels index with them, and X may change under them.
    indptr = np.array(matrix.indptr, np.intp)
    indices = np.array(matrix.indices)
    n_stored = min(len(indices), len(matrix.data))
    if (
        len(indptr) != n_examples + 1
        or indptr[0] != 0
        or (indptr[1:] < indptr[:-1]).any()
        or indptr[-1] > n_stored
    ):
        raise ValueError(
            f"X must have an indptr that ascends from 0 to at most {n_stored}, the non-zeros it "
            f"holds, and has {n_examples + 1} elements, got {indptr}"
        )
    indices, data = indices[: indptr[-1]], matrix.data[: indptr[-1]]
    if len(indices) and not (indices.min() >= 0 and indices.max() < n_inputs):
        raise ValueError(
            f"X must have column indices from 0 to {n_inputs - 1}, got "
            f"{indices.min()} to {indices.max()}"
        )
    indices = indices.astype(np.int32, copy=False)
    ascends = indices[1:] > indices[:-1]
    starts = indptr[1:-1]
    ascends[starts[(starts > 0) & (starts < len(indices))] - 1] = True  # from one row to the next
    if not ascends.all():
        matrix = matrix.copy()
        matrix.has_sorted_indices = matrix.has_canonical_format = False  # it may be mistaken
        matrix.sum_duplicates()
        return _sparse(matrix, dtype)
    return SparseInputs(data, indices, indptr, n_inputs, dtype)


def _check_finite(inputs: Inputs, given: Any, dtype: Dtype, is_scaled: bool) -> None:
    if given.dtype.kind in "biu" and not is_scaled:  # finite in float32, all of them
        return
    at = inputs.first_nonfinite(slice(0, len(inputs))) if inputs.is_ready else _first_lost(inputs)
    if at is not None:
        with np.errstate(over="ignore", invalid="ignore"):  # scipy adds up all that is stored there
            value = (given if isinstance(given, np.ndarray) else given.tocsr())[at]
        row, column = at
        when = " once it is scaled" if is_scaled else ""
        raise ValueError(
            f"X must be finite in {dtype}{when}, got {value} at row {row}, column {column}"
        )


def _first_lost(inputs: Inputs) -> tuple[int, int] | None:
    """Row and column of the first number that is not finite once it is converted."""
    step = inputs.rows_per_part()
    with np.errstate(over="ignore", invalid="ignore"):  # an error tells of it, with its place
        for start in range(0, len(inputs), step):
            at = inputs.first_nonfinite(slice(start, start + step))
            if at is not None:
                return at
    return None


def order(value: ArrayLike, n_examples: int) -> Array:
    """Check what a function for ``shuffle`` has returned: each number below n_examples once."""
    check_unmasked(value, "shuffle")
    given = np.asarray(value)
    if given.shape != (n_examples,) or given.dtype.kind not in "iu":
        raise ValueError(
            f"shuffle must return {n_examples} integers, each number below that once, got "
            f"{given.dtype} {given.shape}"
        )
    try:
        counts = np.bincount(given, minlength=n_examples)
    except ValueError:  # of negative numbers
        counts = np.zeros(n_examples + 1, np.intp)
    if len(counts) > n_examples or not counts.all():
        raise ValueError(
            f"shuffle must return each number below {n_examples} once, got some twice or others"
        )
    return given.astype(np.intp, copy=False)


def check_unmasked(value: Any, argument: str) -> None:
    """Reject masked values, by themselves or in the arrays of a list: NumPy would drop the mask."""
    masked = sys.modules.get("numpy.ma")  # without it there are none, and importing it takes long
    if masked is None or type(value) is np.ndarray:
        return
    parts = [value]
    if isinstance(value, list | tuple) and not (value and type(value[0]) in (int, float)):
        parts = list(value)
    for part in parts:
        if isinstance(part, masked.MaskedArray) and masked.is_masked(part):
            n_masked = int(masked.getmaskarray(part).sum())
            raise ValueError(
                f"{argument} must have no masked values, got {n_masked} of {part.size}: leave out "
                "their rows, or put numbers in their places, as by `filled`"
            )


def real_numbers(value: ArrayLike, argument: str) -> Array:
    """Anything that NumPy makes an array of real numbers of, as that."""
    check_unmasked(value, argument)
    try:
        array = np.asarray(value)
    except MemoryError:
        raise
    except Exception as error:  # whatever the object's own conversion raises
        raise TypeError(
            f"{argument} must be an array of real numbers, got a {type(value).__name__} that "
            f"NumPy cannot convert: {error}"
        ) from error
    if array.dtype.kind == "O" and array.ndim:
        array = _from_objects(array, argument, type(value).__name__)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{argument} must be an array of real numbers, got dtype {array.dtype} from a "
            f"{type(value).__name__}"
        )
    return array


def _from_objects(array: Array, argument: str, kind: str) -> Array:
    for index, item in np.ndenumerate(array):
        if not isinstance(item, Real | np.bool_):
            place = ", ".join(map("{} {}".format, ("row", "column"), index))
            raise TypeError(
                f"{argument} must be an array of real numbers, got dtype object from a {kind}: "
                f"{item!r} at {place}"
            )
    return np.array([as_float(item) for item in array.flat], float).reshape(array.shape)


def finite_vector(value: ArrayLike, argument: str) -> Array:
    """Return a read-only copy in float64 of at least one finite number."""
    array = real_numbers(value, argument)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"{argument} must have shape (n_inputs,), got {array.shape}")
    with np.errstate(over="ignore", invalid="ignore"):  # reported below, with its place
        found = array.astype(np.float64)
    at = first_nonfinite(found)
    if at is not None:
        raise ValueError(f"{argument} must be finite, got {array[at]} at index {at}")
    return np.frombuffer(found.tobytes())  # of bytes, which nobody can make writable


def kernel_ready(given: Array, argument: str, dtype: Dtype) -> Array:
    """Return the matrix in C order and the dtype, in which all of it must be finite."""
    array = given
    flags = given.flags
    # np.require would find the same, in 2 µs: much, for a prediction of one example.
    if not (given.dtype == dtype and flags.c_contiguous and flags.aligned):
        with np.errstate(over="ignore", invalid="ignore"):  # reported below, with its place
            array = np.require(given, dtype, ["C_CONTIGUOUS", "ALIGNED"])
    at = first_nonfinite(array)
    if at is not None:
        row, column = divmod(at, array.shape[1])
        raise ValueError(
            f"{argument} must be finite in {dtype}, got {given[row, column]} at row {row}, "
            f"column {column}"
        )
    return array
