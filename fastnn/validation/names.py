"""Check names of classes, and of the columns of X and y."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

_MAX_LISTED = 5  # names in a message

Names: TypeAlias = tuple[str, ...]


def class_names(names: Sequence[str], n_classes: int) -> Names:
    """Check for one name per class, all of them different."""
    expected = f"class_names must be a list of {n_classes} different strings, one per class"
    is_array = hasattr(names, "__array__") and getattr(names, "ndim", 1) == 1  # pandas.Index, too
    if isinstance(names, str) or not (is_array or isinstance(names, Sequence)):
        raise TypeError(f"{expected}, got {names!r}")
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{expected}, got {name!r} in {list(names)}")
    if len(names) != n_classes or len(set(names)) < n_classes:
        raise ValueError(f"{expected}, got {list(names)}")
    return tuple(map(str, names))


def feature_names(X: Any, expected: Names | None) -> Names | None:
    """Return the names of the columns of X, or None; they must be the expected ones in order."""
    if type(X) is np.ndarray:  # the usual case, without slow checks
        return None
    names = _names_in(X, "X", "column_names", "columns")
    if names is None and getattr(X, "ndim", 0) == 1:  # a row of a frame
        names = _names_in(X, "X", "index")
    return _checked(names, "X", expected, "net.feature_names")


def target_names(y: Any, n_outputs: int, expected: Names | None) -> Names | None:
    """Return the names of the columns of y, if it has several; else None."""
    if type(y) is np.ndarray or n_outputs == 1 or getattr(y, "ndim", 2) != 2:
        return None
    names = _names_in(y, "y", "column_names", "columns")
    return _checked(names, "y", expected, "net.target_names")


def _names_in(value: Any, argument: str, *attributes: str) -> Names | None:
    """Return the names in a frame of pandas or polars, or in a table of pyarrow, or None."""
    for attribute in attributes:
        found = getattr(value, attribute, None)
        if isinstance(found, Iterable):  # not so `index` of a list, a method
            break
    else:
        return None
    names = list(found)
    n_strings = sum(isinstance(name, str) for name in names)
    if not n_strings:
        return None
    if n_strings < len(names):
        other = next(name for name in names if not isinstance(name, str))
        raise TypeError(
            f"{argument} must have column names that are all strings, or none that is, got "
            f"{other!r} among {n_strings} strings"
        )
    return tuple(map(str, names))


def _checked(
    names: Names | None, argument: str, expected: Names | None, known_as: str
) -> Names | None:
    if names is not None and expected is not None and names != expected:
        raise ValueError(
            f"{argument} must have the columns of the training data, in their order, got "
            f"{_differences(names, expected, known_as)}"
        )
    return names


def _differences(names: Names, expected: Names, known_as: str) -> str:
    found, required = Counter(names), Counter(expected)
    differences = {"unexpected": found - required, "missing": required - found}
    parts = [
        f"{len(some)} {what}: {_listed(list(some))}" for what, some in differences.items() if some
    ]
    if parts:
        return ", and ".join(parts)
    index = next(i for i, (a, b) in enumerate(zip(names, expected, strict=True)) if a != b)
    return (
        f"them in another order: {names[index]!r} at index {index} instead of "
        f"{expected[index]!r}; put them into that of {known_as}"
    )


def _listed(names: list[str]) -> str:
    more = ", ..." if len(names) > _MAX_LISTED else ""
    return ", ".join(map(repr, names[:_MAX_LISTED])) + more
