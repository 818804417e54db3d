"""The inputs of examples: dense or sparse rows, read from the user's array.

An array that the kernels can read is used without a copy. Any other array, and one with a scaling,
is converted a few rows at a time.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ..common.arrays import Array, first_nonfinite

_BYTES_PER_CHUNK = 1 << 20  # converted at a time: worth a call, and fits into a cache
_SAMPLE = 64  # rows from which the density is estimated


class SparseMatrix(Protocol):
    """The attributes that identify a sparse matrix or array of scipy, without its import."""

    @property
    def nnz(self) -> int: ...

    def tocsr(self) -> Any: ...


MatrixLike: TypeAlias = ArrayLike | SparseMatrix
"""The types of X."""

Scaling: TypeAlias = tuple[Array, Array]
"""Shift and scale of each input, (n_inputs,) in float64; networks read (X - shift) / scale."""


class Inputs(ABC):
    """Rows of finite numbers, one per example.

    Attributes
    ----------
    n_inputs : int
        Length of a row.
    is_sparse : bool
        Whether `matrix` returns a sparse matrix.
    is_ready : bool
        Whether the kernels can read the user's array without a conversion.
    dtype : dtype
        The dtype of the network.
    feature_names : tuple of str or None
        The names of the columns; None without names.
    """

    n_inputs: int
    is_ready: bool
    is_sparse: bool
    dtype: "np.dtype[Any]"
    feature_names: tuple[str, ...] | None = None

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, rows: slice) -> "Inputs": ...

    @abstractmethod
    def take(self, rows: Array) -> "Inputs":
        """Return a copy of some rows."""

    @property
    @abstractmethod
    def density(self) -> float:
        """Estimated fraction of the numbers that are not 0."""

    @abstractmethod
    def array(self, rows: Array | slice, out: Array | None = None) -> Array:
        """Return some rows, C-contiguous and in the network's dtype; a copy is made in ``out``."""

    @abstractmethod
    def matrix(self, rows: Array | slice) -> Any:
        """Return some rows for NumPy's ``@``: an array, or scipy's csr_array if X is sparse."""

    @abstractmethod
    def for_kernels(self, kernels: ModuleType) -> Any:
        """Return all rows for kernels that look rows up by number; only if ``is_ready``."""

    @abstractmethod
    def rows_for_kernels(self, kernels: ModuleType, rows: Array | slice) -> Any:
        """Return some rows, in this order, for kernels that read them one after the other."""

    @abstractmethod
    def first_nonfinite(self, rows: slice) -> tuple[int, int] | None:
        """Return row and column of the first number that is not finite in the network's dtype."""

    @abstractmethod
    def largest_in_columns(self, rows: Array) -> Array:
        """Return the largest absolute value of each input in some rows, (n_inputs,)."""

    @abstractmethod
    def nonzeros_in_columns(self, rows: Array) -> Array:
        """Return the count of nonzeros of each input in some rows, (n_inputs,)."""

    def rows_per_chunk(self) -> int:
        """Return the number of rows to request at a time if rows have to be converted."""
        return max(1, _BYTES_PER_CHUNK // (8 * self.n_inputs))


class DenseInputs(Inputs):
    """Inputs in an array of any real dtype and memory layout, (n_examples, n_inputs)."""

    is_sparse = False

    def __init__(
        self, array: Array, dtype: "np.dtype[Any]", scaling: Scaling | None = None
    ) -> None:
        self._array, self.dtype, self._scaling = array, dtype, scaling
        self.n_inputs = array.shape[1]
        # np.require tests the same, but takes 2 µs: too long for a prediction of one example.
        flags = array.flags
        self.is_ready = (
            array.dtype == dtype and flags.c_contiguous and flags.aligned and scaling is None
        )
        self._density: float | None = None

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, rows: slice) -> "DenseInputs":
        return DenseInputs(self._array[rows], self.dtype, self._scaling)

    def take(self, rows: Array) -> "DenseInputs":
        return DenseInputs(self._array[rows], self.dtype, self._scaling)

    @property
    def density(self) -> float:
        if self._density is None:
            rows = slice(None, None, max(1, len(self) // _SAMPLE))
            sample = self._array[rows] if self._scaling is None else self.array(rows)
            self._density = np.count_nonzero(sample) / max(1, sample.size)
        return self._density

    def array(self, rows: Array | slice, out: Array | None = None) -> Array:
        if self.is_ready:
            if isinstance(rows, slice):
                return self._array[rows]
            return self._array.take(rows, axis=0, out=out, mode="clip")  # "raise" buffers out
        given, numbers = (
            (self._array[rows], None) if isinstance(rows, slice) else (self._array, rows)
        )
        n_rows = len(given if numbers is None else numbers)
        if out is None:
            out = np.empty((n_rows, self.n_inputs), self.dtype)
        step = self.rows_per_chunk()  # NumPy gathers in the array's own dtype, before it converts
        for start in range(0, n_rows, step):
            some = slice(start, start + step)
            self._convert(given[some if numbers is None else numbers[some]], out[some])
        return out

    def _convert(self, given: Array, out: Array) -> None:
        if self._scaling is None:
            out[...] = given
            return
        shift, scale = self._scaling
        scaled = given - shift
        scaled /= scale
        out[...] = scaled

    def matrix(self, rows: Array | slice) -> Array:
        return self.array(rows)

    def for_kernels(self, kernels: ModuleType) -> Any:
        return kernels.dense(self._array, False)

    def rows_for_kernels(self, kernels: ModuleType, rows: Array | slice) -> Any:
        return kernels.dense(self.array(rows), True)

    def first_nonfinite(self, rows: slice) -> tuple[int, int] | None:
        at = first_nonfinite(self.array(rows))
        return None if at is None else (rows.start + at // self.n_inputs, at % self.n_inputs)

    def largest_in_columns(self, rows: Array) -> Array:
        return abs(self.array(rows)).max(axis=0)

    def nonzeros_in_columns(self, rows: Array) -> Array:
        return np.count_nonzero(self.array(rows), axis=0)


class SparseInputs(Inputs):
    """Inputs as compressed sparse rows (CSR).

    Parameters
    ----------
    data : ndarray, (nnz,)
        The nonzeros, of any real dtype.
    indices : ndarray of int32, (nnz,)
        The column of each nonzero, ascending in each row.
    indptr : ndarray of intp, (n_examples + 1,)
        The first nonzero of each row, and nnz at the end.
    """

    def __init__(
        self, data: Array, indices: Array, indptr: Array, n_inputs: int, dtype: "np.dtype[Any]"
    ) -> None:
        self._data, self._indices, self._indptr = data, indices, indptr
        self.dtype, self.is_sparse = dtype, dtype != np.float16  # which scipy does not have
        self.n_inputs = n_inputs
        flags = data.flags
        self.is_ready = data.dtype == dtype and flags.c_contiguous and flags.aligned

    def __len__(self) -> int:
        return len(self._indptr) - 1

    def __getitem__(self, rows: slice) -> "SparseInputs":
        start, stop, _ = rows.indices(len(self))
        indptr = self._indptr[start : stop + 1]
        held = slice(indptr[0], indptr[-1])
        return SparseInputs(
            self._data[held], self._indices[held], indptr - indptr[0], self.n_inputs, self.dtype
        )

    @property
    def density(self) -> float:
        return len(self._data) / max(1, len(self) * self.n_inputs)

    def array(self, rows: Array | slice, out: Array | None = None) -> Array:
        part = self._rows(rows)
        if out is None:
            out = np.empty((len(part), self.n_inputs), self.dtype)
        out[...] = 0
        out[np.repeat(np.arange(len(part)), np.diff(part._indptr)), part._indices] = part._data
        return out

    def _rows(self, rows: Array | slice) -> "SparseInputs":
        return self[rows] if isinstance(rows, slice) else self.take(rows)

    def take(self, rows: Array) -> "SparseInputs":
        starts = self._indptr[rows]
        lengths = self._indptr[rows + 1] - starts
        indptr = np.concatenate([[0], lengths.cumsum()])
        held = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], lengths)
        return SparseInputs(
            self._data[held], self._indices[held], indptr, self.n_inputs, self.dtype
        )

    def divided_by(self, scale: Array) -> "SparseInputs":
        """Return a copy with each input divided by its scale, computed in float64."""
        data = np.empty(len(self._data), self.dtype)
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # validation reports numbers that are not finite
            np.divide(self._data, scale[self._indices], out=data, casting="unsafe")
        return SparseInputs(data, self._indices, self._indptr, self.n_inputs, self.dtype)

    @staticmethod
    def concatenated(parts: "Sequence[SparseInputs]") -> "SparseInputs":
        """Return the rows of all parts."""
        starts = np.cumsum([0, *(part._indptr[-1] for part in parts)])
        indptr = [part._indptr[1:] + start for part, start in zip(parts, starts, strict=False)]
        return SparseInputs(
            np.concatenate([part._data[: part._indptr[-1]] for part in parts]),
            np.concatenate([part._indices[: part._indptr[-1]] for part in parts]),
            np.concatenate([[0], *indptr]),
            parts[0].n_inputs,
            parts[0].dtype,
        )

    def matrix(self, rows: Array | slice) -> Any:
        if not self.is_sparse:
            return self.array(rows)
        from scipy import sparse  # is there, for X came from it

        part = self._rows(rows)
        data = part._data.astype(self.dtype, copy=False)
        shape = len(part), self.n_inputs
        return sparse.csr_array((data, part._indices, part._indptr), shape)

    def for_kernels(self, kernels: ModuleType) -> Any:
        return self._compressed(kernels, in_order=False)

    def rows_for_kernels(self, kernels: ModuleType, rows: Array | slice) -> Any:
        return self._rows(rows)._compressed(kernels, in_order=True)

    def _compressed(self, kernels: ModuleType, in_order: bool) -> Any:
        data = np.ascontiguousarray(self._data, self.dtype)
        return kernels.compressed(data, self._indices, self._indptr, self.n_inputs, in_order)

    def first_nonfinite(self, rows: slice) -> tuple[int, int] | None:
        part = self[rows]
        at = first_nonfinite(np.ascontiguousarray(part._data, self.dtype))
        if at is None:
            return None
        row = int(np.searchsorted(part._indptr, at, side="right")) - 1
        return rows.start + row, int(part._indices[at])

    def largest_in_columns(self, rows: Array) -> Array:
        part, largest = self.take(rows), np.zeros(self.n_inputs, self.dtype)
        np.maximum.at(largest, part._indices, abs(part._data.astype(self.dtype)))
        return largest

    def nonzeros_in_columns(self, rows: Array) -> Array:
        part = self.take(rows)
        return np.bincount(part._indices[part._data != 0], minlength=self.n_inputs)

    def rows_per_chunk(self) -> int:
        per_row = max(1, len(self._data) // max(1, len(self)))
        return max(1, _BYTES_PER_CHUNK // (16 * per_row))


def concatenated(parts: Sequence[Inputs]) -> Inputs:
    """Return the rows of all parts, sparse if all parts are."""
    sparse = [part for part in parts if isinstance(part, SparseInputs)]
    if len(sparse) == len(parts):
        return SparseInputs.concatenated(sparse)
    return DenseInputs(np.concatenate([part.array(slice(None)) for part in parts]), parts[0].dtype)
