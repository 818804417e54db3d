"""Read the lines of a CSV file once, block by block."""

import gzip
import re
import zlib
from collections.abc import Iterator
from io import BufferedReader

from .file_kinds import kind_of

_BLOCK = 1 << 16
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE = re.compile(rb"[^\r\n]*(?:\r\n?|\n)")


class Lines(Iterator[str]):
    """Lines of UTF-8, plain or compressed with gzip, for the csv module and for `parse_rows`.

    Attributes
    ----------
    path : str
        The file, for error messages.
    block : bytes
        The part of the file that is in memory.
    start, stop : int
        Beginning and end of the complete lines in the block that are not read yet.
    number : int
        The number of the line at ``start``, counted from 1.
    """

    def __init__(self, file: BufferedReader, path: str, *, any_blanks: bool) -> None:
        self.path = path
        self.block, self.start, self.stop, self.number = b"", 0, 0, 1
        self._any_blanks = any_blanks
        self._file: BufferedReader | gzip.GzipFile = file
        if file.peek(2)[:2] == b"\x1f\x8b":
            self._file = gzip.GzipFile(fileobj=file)
        self._at_end = False
        beginning = self._read(_BLOCK)
        if (kind := kind_of(beginning[:1024])) is not None:
            raise ValueError(f"{path}: expected a CSV file in UTF-8, got {kind}")
        self._append(beginning.removeprefix(_BYTE_ORDER_MARK))

    def fill(self) -> bool:
        """Read until the block has a complete line; return False at the end of the file."""
        while self.start == self.stop and not self._at_end:
            # Double the block of a long line, so that the time to copy it stays linear.
            self._append(self._read(max(_BLOCK, len(self.block) - self.start)))
        return self.start < self.stop

    def __next__(self) -> str:
        if not self.fill():
            raise StopIteration
        found = _LINE.match(self.block, self.start, self.stop)
        assert found is not None
        self.start, number = found.end(), self.number
        self.number += 1
        try:
            line = found[0].decode()
        except UnicodeDecodeError as error:
            got = f"the byte 0x{error.object[error.start]:02x}"
            raise ValueError(f"{self.path}, line {number}: expected UTF-8, got {got}") from error
        # The csv module takes one blank as a delimiter, and skips other blanks before a field.
        return line.expandtabs(1).rstrip() + "\n" if self._any_blanks else line

    def _append(self, added: bytes) -> None:
        """Replace the lines that were read by the added bytes; none mean the end of the file."""
        rest = self.block[self.start :]
        if not added:
            self._at_end = True
            added = b"\n" if rest else b""
        self.block, self.start = rest + added, 0
        # A carriage return at the end may be followed by a newline.
        n_certain = len(self.block) - (not self._at_end)
        last = max(self.block.rfind(b"\n"), self.block.rfind(b"\r", 0, n_certain))
        self.stop = last + 1

    def _read(self, n_bytes: int) -> bytes:
        try:
            return self._file.read(n_bytes)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{self.path}: expected a sound gzip stream, got: {error}") from error
