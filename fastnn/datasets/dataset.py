"""The result of every loader."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Dataset(NamedTuple):
    """Examples, their labels or targets, and the names of both.

    Attributes
    ----------
    X : ndarray of float32, shape (n_examples, n_features)
        The examples, one per row, C-contiguous.
    y : ndarray of int64 or float32, shape (n_examples,) or (n_examples, n_targets)
        Class labels (int64, one-dimensional) or targets (float32, C-contiguous).
    feature_names : tuple of str
        The name of every column of ``X``.
    target_names : tuple of str
        For labels, the class names: label ``i`` is the class ``target_names[i]``. For targets, the
        names of their columns.
    """

    X: NDArray[np.float32]
    y: NDArray[np.int64] | NDArray[np.float32]
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]
