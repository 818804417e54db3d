"""The check that every loader makes of its argument."""

import os


def checked_path(path: str | os.PathLike[str], name: str) -> str:
    """Return the argument called ``name`` as a str.

    Raises
    ------
    TypeError
        If it is not a path: ``open`` would take an int for a file descriptor.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{name} must be a str or an os.PathLike, got {path!r}")
    return os.fsdecode(path)
