"""Read the IDX files that MNIST comes in."""

import gzip
import math
import os
import struct
import sys
import zlib
from io import BufferedIOBase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import validation
from ..common.call_errors import with_helpful_errors

_DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_MAX_NDIM = 64  # NumPy's own limit, which it does not export
_CHUNK_BYTES = 1 << 20


@with_helpful_errors
def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read an array from an IDX file, plain or compressed with gzip.

    An IDX file is two zero bytes, a byte for the element type, a byte for the number of dimensions,
    the sizes as big-endian uint32, and the elements, big-endian, in C order. Its content, not its
    name, shows whether it is compressed. Memory grows with the data that is read, so that wrong
    sizes in a header cost nothing.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    ndarray of uint8, int8, int16, int32, float32 or float64
        The array, of the shape in the header: C-contiguous, writable, in native byte order.

    Raises
    ------
    ValueError
        If the file is not a complete IDX file and nothing more: bad magic bytes, an unknown element
        type, more dimensions or elements than an array can have, too little data or too much, a
        corrupt or truncated gzip stream.
    TypeError
        If ``path`` is not a path.
    OSError
        If the file cannot be opened or read.
    """
    file_path = validation.path(path, "path")
    with open(file_path, "rb") as file:
        compressed = file.peek(2)[:2] == b"\x1f\x8b"
        stream = gzip.GzipFile(fileobj=file) if compressed else file
        try:
            return _read_array(stream, file_path)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{file_path}: expected a sound gzip stream, got: {error}") from error


def _read_array(stream: BufferedIOBase, path: str) -> NDArray[Any]:
    magic = _read_at_most(stream, 4)
    if len(magic) < 4:
        raise ValueError(f"{path}: expected at least 4 bytes, got {len(magic)}")
    if magic[:2] != b"\0\0":
        raise ValueError(
            f"{path}: expected an IDX file, which begins with two zero bytes, got {bytes(magic)!r}"
        )
    type_code, ndim = magic[2], magic[3]
    if type_code not in _DTYPES:
        known = ", ".join(f"0x{code:02X}" for code in _DTYPES)
        raise ValueError(f"{path}: expected an element type of {known}, got 0x{type_code:02X}")
    if ndim > _MAX_NDIM:
        raise ValueError(f"{path}: expected at most {_MAX_NDIM} dimensions, got {ndim}")
    header = _read_at_most(stream, 4 * ndim)
    if len(header) < 4 * ndim:
        raise ValueError(f"{path}: expected {4 * ndim} bytes of sizes, got {len(header)}")
    shape: tuple[int, ...] = struct.unpack(f">{ndim}I", header)
    dtype = _DTYPES[type_code]
    # NumPy refuses sizes whose product is too large even if another one is 0.
    if math.prod(size or 1 for size in shape) * dtype.itemsize > sys.maxsize:
        raise ValueError(f"{path}: expected sizes that an array can have, got {shape}")
    n_bytes = math.prod(shape) * dtype.itemsize
    # One more byte: it reveals a file that is too long, and makes gzip verify its checksum.
    data = _read_at_most(stream, n_bytes + 1)
    if len(data) != n_bytes:
        got = f"{len(data)}" if len(data) < n_bytes else "more"
        raise ValueError(
            f"{path}: expected {n_bytes} bytes of data for {dtype.name} of shape {shape}, got {got}"
        )
    big_endian: NDArray[Any] = np.ndarray(shape, dtype, data)
    if dtype.isnative:
        return big_endian
    return big_endian.byteswap(inplace=True).view(dtype.newbyteorder("="))


def _read_at_most(stream: BufferedIOBase, n_bytes: int) -> bytearray:
    """Read ``n_bytes``, or fewer if the stream ends, into memory that grows with the data."""
    data = bytearray()
    while chunk := stream.read(min(_CHUNK_BYTES, n_bytes - len(data))):
        data += chunk
    return data
