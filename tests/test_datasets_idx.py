"""``read_idx``: every element type and shape, and nothing taken on trust."""

import gzip
import hashlib
import math
import random
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Compress, Write, parametrize, peak_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from fastnn.datasets import read_idx

TYPE_CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
MIB = 1 << 20


def idx_header(type_code: int, *sizes: int) -> bytes:
    return struct.pack(f">HBB{len(sizes)}I", 0, type_code, len(sizes), *sizes)


def idx_bytes(array: NDArray[Any]) -> bytes:
    code = TYPE_CODES[array.dtype.str[1:]]
    big_endian = array.astype(array.dtype.newbyteorder(">"))
    return idx_header(code, *array.shape) + big_endian.tobytes()


def refuses(path: Path, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_idx(path)
    assert re.search(f"^{re.escape(str(path))}: expected .*{message}", str(caught.value), re.DOTALL)


# Sound files


@parametrize(
    "type_code, data, expected",
    (0x08, "00 01 ff", np.array([0, 1, 255], np.uint8)),
    (0x09, "00 7f ff", np.array([0, 127, -1], np.int8)),
    (0x0B, "0102 ffff 8000", np.array([258, -1, -32768], np.int16)),
    (0x0C, "00000102 fffffffe 7fffffff", np.array([258, -2, 2147483647], np.int32)),
    (0x0D, "3fc00000 c0000000 7f800000", np.array([1.5, -2, np.inf], np.float32)),
    (0x0E, f"3ff8{0:012x} c0{0:014x} {1:016x}", np.array([1.5, -2, 5e-324], np.float64)),
)
@parametrize("compress", bytes, gzip.compress)
def test_element_types(
    write: Write, type_code: int, data: str, expected: NDArray[Any], compress: Compress
) -> None:
    """Bytes by hand, from the definition of the format."""
    array = read_idx(write(compress(bytes([0, 0, type_code, 1, 0, 0, 0, 3]) + bytes.fromhex(data))))
    assert_array_equal(array, expected, strict=True)
    assert array.dtype.isnative


def test_dimensions_are_in_c_order(write: Write) -> None:
    path = write(idx_header(0x08, 2, 3) + bytes([1, 2, 3, 4, 5, 6]))
    array = read_idx(path)
    assert array.tolist() == [[1, 2, 3], [4, 5, 6]]
    array[:] = 5
    assert read_idx(str(path)).tolist() == [[1, 2, 3], [4, 5, 6]], "it is not the caller's own"


def test_name_does_not_matter(tmp_path: Path) -> None:
    content = idx_header(0x08, 1) + b"\x07"
    for name, written in (("plain.gz", content), ("compressed", gzip.compress(content))):
        (tmp_path / name).write_bytes(written)
        assert read_idx(tmp_path / name).tolist() == [7]


arrays = st.sampled_from(list(TYPE_CODES)).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=5, min_side=0))
)


@settings(max_examples=100, deadline=None)
@given(array=arrays, compressed=st.booleans())
def test_round_trip(scratch: Path, array: NDArray[Any], compressed: bool) -> None:
    content = idx_bytes(array)
    scratch.write_bytes(gzip.compress(content) if compressed else content)
    result = read_idx(scratch)
    assert (result.dtype, result.shape) == (array.dtype, array.shape)
    assert result.tobytes() == array.tobytes()  # NaNs and their payloads too
    assert result.dtype.isnative
    assert result.flags.c_contiguous and result.flags.aligned and result.flags.writeable


@parametrize("ndim", 0, 1, 32, 33, 64)
def test_numbers_of_dimensions(write: Write, ndim: int) -> None:
    array = read_idx(write(idx_header(0x0B, *[1] * ndim) + b"\x01\x02"))
    assert array.shape == (1,) * ndim
    assert array.item() == 258


def test_gzip_in_several_members(write: Write) -> None:
    content = idx_header(0x08, 4) + b"\1\2\3\4"
    path = write(gzip.compress(content[:6]) + gzip.compress(content[6:]) + gzip.compress(b""))
    assert read_idx(path).tolist() == [1, 2, 3, 4]


@parametrize("compress", bytes, lambda data: gzip.compress(data, 1))
@parametrize("dtype", "u1", "f8")
def test_memory(write: Write, dtype: str, compress: Compress) -> None:
    """At most twice the data: byte order is changed in place."""
    path = write(compress(idx_bytes(np.ones(8 * MIB // np.dtype(dtype).itemsize, dtype))))
    assert peak_of(lambda: read_idx(path)) < 2 * 8 * MIB + 2 * MIB


# Unsound files


KNOWN_TYPES = "type of 0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E, got"


@parametrize(
    "content, message",
    *((bytes([0, 0, 8, 0])[:n], f"at least 4 bytes, got {n}$") for n in range(4)),
    *(
        (magic + bytes(20), f"two zero bytes, got {re.escape(repr(magic))}")
        for magic in (b"\0\1\x08\0", b"\1\0\x08\0", b"\x89PNG", b"PK\3\4")
    ),
    *(
        (idx_header(code, 1) + bytes(8), f"{KNOWN_TYPES} 0x{code:02X}")
        for code in (0x00, 0x07, 0x0A, 0x0F, 0xFF)
    ),
    *((idx_header(0x08, *[1] * n) + b"\0", f"at most 64 dimensions, got {n}") for n in (65, 255)),
    (idx_header(0x08, 2, 3)[:-1], "8 bytes of sizes, got 7"),
    (idx_header(0x08, 0, 5) + b"\0", "0 bytes of data .*, got more$"),
    ids=lambda value: repr(value)[:60],
)
def test_flaws_of_headers(write: Write, content: bytes, message: str) -> None:
    refuses(write(content), message)


@parametrize("compress", bytes, gzip.compress)
def test_truncated_data(write: Write, compress: Compress) -> None:
    path = write(compress(idx_header(0x0C, 2, 3) + bytes(23)))
    refuses(path, r"24 bytes of data for int32 of shape \(2, 3\), got 23$")


@parametrize("compress", bytes, gzip.compress)
@parametrize("n_extra", 1, 2 * MIB)
def test_trailing_bytes(write: Write, compress: Compress, n_extra: int) -> None:
    path = write(compress(idx_header(0x08, 5) + bytes(5 + n_extra)))
    refuses(path, r"5 bytes of data for uint8 of shape \(5,\), got more$")


@parametrize(
    "sizes",
    (2**32 - 1, 2**32 - 1),
    (2**32 - 1, 2**31),
    (2**32 - 1,) * 64,
    (0, 2**32 - 1, 2**32 - 1, 2**32 - 1),
    (2**32 - 1, 2**32 - 1, 0),
)
def test_sizes_that_overflow(write: Write, sizes: tuple[int, ...]) -> None:
    path = write(idx_header(0x0E, *sizes) + bytes(100))
    refuses(path, r"sizes that an array can have, got \(")


COMPRESSED = gzip.compress(idx_header(0x08, 1000) + random.Random(0).randbytes(1000), mtime=0)


@parametrize(
    "content",
    COMPRESSED[:2],
    COMPRESSED[:8],
    COMPRESSED[:500],
    COMPRESSED[:-8],  # no checksum
    COMPRESSED[:-1],
    COMPRESSED[:-8] + bytes([COMPRESSED[-8] ^ 1]) + COMPRESSED[-7:],  # wrong checksum
    COMPRESSED[:10] + b"\xff" * 100 + COMPRESSED[110:],
    COMPRESSED[:2] + b"\x63" + COMPRESSED[3:],  # unknown method
    COMPRESSED + b"more",
)
def test_unsound_gzip(write: Write, content: bytes) -> None:
    refuses(write(content), "a sound gzip stream, got: ")


@parametrize("compress", bytes, gzip.compress)
def test_lying_header_costs_nothing(write: Write, compress: Compress) -> None:
    """Sizes for 16 GB and a hundred bytes to back them up."""
    path = write(compress(idx_header(0x0E, 2**31 - 1) + bytes(100)))
    assert peak_of(lambda: refuses(path, "17179869176 bytes of data .*, got 100$")) < 2 * MIB


@parametrize("n_promised", 10, MIB)
def test_gzip_bomb_is_not_expanded(write: Write, n_promised: int) -> None:
    """64 MiB of zeros in 64 KB, behind a header that speaks of less."""
    compressor = zlib.compressobj(level=1, wbits=31)
    content = compressor.compress(idx_header(0x08, n_promised))
    for _ in range(64):
        content += compressor.compress(bytes(MIB))
    path = write(content + compressor.flush())
    assert path.stat().st_size < MIB
    assert peak_of(lambda: refuses(path, "got more$")) < 2 * n_promised + 3 * MIB


def read_or_refuse(content: bytes, path: Path) -> None:
    """Whatever the file holds, it is a clean error or an array of the size it really has."""
    path.write_bytes(content)
    try:
        array = read_idx(path)
    except ValueError as error:
        assert str(error).startswith(f"{path}: expected ")
    else:
        plain = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
        assert array.nbytes == len(plain) - 4 - 4 * plain[3]
        assert array.shape == struct.unpack_from(f">{plain[3]}I", plain, 4)
        assert array.size == math.prod(array.shape)


files = st.builds(
    lambda array, compressed: gzip.compress(idx_bytes(array)) if compressed else idx_bytes(array),
    arrays,
    st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(content=files, data=st.data())
def test_truncation(scratch: Path, content: bytes, data: st.DataObject) -> None:
    length = data.draw(st.integers(0, len(content) - 1))
    scratch.write_bytes(content[:length])
    with pytest.raises(ValueError, match=re.escape(f"{scratch}: expected ")):
        read_idx(scratch)


@settings(max_examples=300, deadline=None)
@given(content=files, data=st.data())
def test_mutation(scratch: Path, content: bytes, data: st.DataObject) -> None:
    changed = bytearray(content)
    positions = st.integers(0, len(content) - 1)
    for position in data.draw(st.lists(positions, min_size=1, max_size=4)):
        changed[position] = data.draw(st.integers(0, 255))
    read_or_refuse(bytes(changed), scratch)


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=100), magic=st.sampled_from([b"", b"\0\0\x08", b"\x1f\x8b\x08"]))
def test_noise(scratch: Path, content: bytes, magic: bytes) -> None:
    read_or_refuse(magic + content, scratch)


# Paths


# The real files


@parametrize(
    "name, shape, md5",
    ("train-images-idx3-ubyte.gz", (60000, 28, 28), "6bbc9ace898e44ae57da46a324031adb"),
    ("train-labels-idx1-ubyte.gz", (60000,), "a25bea736e30d166cdddb491f175f624"),
    ("t10k-images-idx3-ubyte.gz", (10000, 28, 28), "2646ac647ad5339dbf082846283269ea"),
    ("t10k-labels-idx1-ubyte.gz", (10000,), "27ae3e4e09519cfbb04c329615203637"),
)
def test_real_mnist_files(mnist_folder: Path, name: str, shape: tuple[int, ...], md5: str) -> None:
    """The published checksums are those of the uncompressed files: header and data."""
    array = read_idx(mnist_folder / name)
    assert array.dtype == np.uint8 and array.shape == shape
    content = idx_header(0x08, *shape) + array.tobytes()
    assert hashlib.md5(content, usedforsecurity=False).hexdigest() == md5
