"""Write files that get their name when they are complete."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from ..common.arrays import BYTES_AT_A_TIME


def check_place(path: str | PathLike[str]) -> None:
    """Raise the OSError that writing this file would raise."""
    with _temporary_file(path):
        pass


def write(path: str | PathLike[str], content: bytes) -> None:
    """Write a file, completely or not at all."""
    with _temporary_file(path) as (file, target):
        for start in range(0, len(content), BYTES_AT_A_TIME):
            file.write(memoryview(content)[start : start + BYTES_AT_A_TIME])
        file.flush()
        os.fsync(file.fileno())
        os.replace(file.name, target)


@contextmanager
def _temporary_file(path: str | PathLike[str]) -> Iterator[tuple[BinaryIO, Path]]:
    """Open a temporary file beside the target of all links; remove it unless it was moved."""
    target = Path(os.path.realpath(os.fsdecode(path)))
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if target.exists() and not target.is_file():  # it would replace a device or a pipe
            raise OSError(errno.EINVAL, "Not a regular file")
        if target.exists() and not os.access(target, os.W_OK):  # permission for the folder would do
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        part = target.with_name(f".{os.urandom(8).hex()}.part")
        with open(part, "xb") as file:
            try:
                if target.exists():
                    with suppress(OSError):  # the file system may have no modes
                        shutil.copymode(target, part)
                yield file, target
            finally:
                part.unlink(missing_ok=True)
    except OSError as error:  # name the user's file
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from error
