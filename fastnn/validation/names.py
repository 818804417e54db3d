"""Names of classes."""

from collections.abc import Sequence

import numpy as np


def class_names(names: Sequence[str], n_classes: int) -> tuple[str, ...]:
    """One name per class, all of them different."""
    expected = f"class_names must be a list of {n_classes} different strings, one per class"
    if isinstance(names, str) or not isinstance(names, Sequence | np.ndarray):
        raise TypeError(f"{expected}, got {names!r}")
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{expected}, got {name!r} in {list(names)}")
    if len(names) != n_classes or len(set(names)) < n_classes:
        raise ValueError(f"{expected}, got {list(names)}")
    return tuple(map(str, names))
