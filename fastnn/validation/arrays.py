"""Check X, and arrays in general."""

import math
import sys
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..common.argument_checks import as_float
from ..common.arrays import Array, Dtype, first_nonfinite, first_true
from ..data.inputs import DenseInputs, Inputs, MatrixLike, Scaling, SparseInputs


def examples(X: MatrixLike, n_inputs: int, dtype: Dtype, scaling: Scaling | None = None) -> Inputs:
    """Check X of shape (n_examples, n_inputs); after scaling, all numbers must be finite."""
    given = _matrix(X)
    _check_shape(given, n_inputs, f"(n_examples, {n_inputs})")
    return _inputs(given, dtype, scaling)


def one_or_more_examples(
    X: MatrixLike, n_inputs: int, dtype: Dtype, scaling: Scaling | None = None
) -> tuple[Inputs, bool]:
    """Check X, which may be a single example (n_inputs,); return it, and whether it is single."""
    given = _matrix(X)
    if given.shape == (n_inputs,):
        return _inputs(given.reshape(1, n_inputs), dtype, scaling), True
    if given.shape == (0,):  # an empty list
        given = given.reshape(0, n_inputs)
    _check_shape(given, n_inputs, f"(n_examples, {n_inputs}) or ({n_inputs},)")
    return _inputs(given, dtype, scaling), False


def _check_shape(given: Any, n_inputs: int, expected: str) -> None:
    if given.ndim != 2 or given.shape[1] != n_inputs:
        is_image = given.ndim > 2 and math.prod(given.shape[1:]) == n_inputs
        hint = ": pass X.reshape(len(X), -1)" if is_image else ""
        raise ValueError(f"X must have shape {expected}, got {given.shape}{hint}")


def _matrix(X: Any) -> Any:
    """Convert X to a NumPy array, or return a sparse matrix unchanged, without importing scipy."""
    if type(X) is np.ndarray and X.dtype.kind in "biuf":  # the usual case, without slow checks
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
    index = first_true(shift != 0)
    if index is not None:
        raise ValueError(
            "X must be dense where input_scaling shifts inputs, which makes zeros other numbers, "
            f"got a sparse matrix, and a shift of {shift[index]} for input {index}"
        )
    return inputs.divided_by(scale)


def _sparse(given: Any, dtype: Dtype) -> SparseInputs:
    matrix = given.tocsr()
    n_examples, n_inputs = matrix.shape
    # Copy the indices, with which the kernels access memory: another thread may change X.
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
    ascends[starts[(starts > 0) & (starts < len(indices))] - 1] = True  # between two rows
    if not ascends.all():
        matrix = matrix.copy()
        matrix.has_sorted_indices = matrix.has_canonical_format = False  # the flags may be wrong
        matrix.sum_duplicates()
        return _sparse(matrix, dtype)
    return SparseInputs(data, indices, indptr, n_inputs, dtype)


def _check_finite(inputs: Inputs, given: Any, dtype: Dtype, is_scaled: bool) -> None:
    if given.dtype.kind in "biu" and not is_scaled:  # all integers are finite in float32
        return
    if inputs.is_ready:
        place = inputs.first_nonfinite(slice(0, len(inputs)))
    else:
        place = _first_nonfinite(inputs)
    if place is not None:
        with np.errstate(over="ignore", invalid="ignore"):  # scipy adds up duplicates
            value = (given if isinstance(given, np.ndarray) else given.tocsr())[place]
        row, column = place
        when = " once it is scaled" if is_scaled else ""
        raise ValueError(
            f"X must be finite in {dtype}{when}, got {value} at row {row}, column {column}"
        )


def _first_nonfinite(inputs: Inputs) -> tuple[int, int] | None:
    """Return row and column of the first number that is not finite when it is converted."""
    step = inputs.rows_per_chunk()
    with np.errstate(over="ignore", invalid="ignore"):  # an error reports it
        for start in range(0, len(inputs), step):
            place = inputs.first_nonfinite(slice(start, start + step))
            if place is not None:
                return place
    return None


def order(value: ArrayLike, n_examples: int) -> Array:
    """Check the result of a function for ``shuffle``: each number below n_examples once."""
    check_unmasked(value, "shuffle")
    given = np.asarray(value)
    if given.shape != (n_examples,) or given.dtype.kind not in "iu":
        raise ValueError(
            f"shuffle must return {n_examples} integers, each number below that once, got "
            f"{given.dtype} {given.shape}"
        )
    try:
        counts = np.bincount(given, minlength=n_examples)
    except ValueError:  # bincount refuses negative numbers
        counts = np.zeros(n_examples + 1, np.intp)
    if len(counts) > n_examples or not counts.all():
        raise ValueError(
            f"shuffle must return each number below {n_examples} once, got some twice or others"
        )
    return given.astype(np.intp, copy=False)


def check_unmasked(value: Any, argument: str) -> None:
    """Reject masked values, also in the arrays of a list: NumPy would drop the mask."""
    masked = sys.modules.get("numpy.ma")  # if nobody imported it, there are no masked arrays
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
    """Convert anything to an array of real numbers that NumPy can convert."""
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
    """Check for one or more finite numbers; return a read-only copy in float64."""
    array = real_numbers(value, argument)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"{argument} must have shape (n_inputs,), got {array.shape}")
    with np.errstate(over="ignore", invalid="ignore"):  # the error below reports it
        vector = array.astype(np.float64)
    index = first_nonfinite(vector)
    if index is not None:
        raise ValueError(f"{argument} must be finite, got {array[index]} at index {index}")
    return np.frombuffer(vector.tobytes())  # a view of bytes, which cannot be made writable


def kernel_ready(given: Array, argument: str, dtype: Dtype) -> Array:
    """Convert a matrix to C order and the dtype, in which all numbers must be finite."""
    array = given
    flags = given.flags
    # The test saves the 2 µs of np.require, which count in a prediction of one example.
    if not (given.dtype == dtype and flags.c_contiguous and flags.aligned):
        with np.errstate(over="ignore", invalid="ignore"):  # the error below reports it
            array = np.require(given, dtype, ["C_CONTIGUOUS", "ALIGNED"])
    index = first_nonfinite(array)
    if index is not None:
        row, column = divmod(index, array.shape[1])
        raise ValueError(
            f"{argument} must be finite in {dtype}, got {given[row, column]} at row {row}, "
            f"column {column}"
        )
    return array
