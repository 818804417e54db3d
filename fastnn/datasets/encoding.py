"""Encode class labels as target vectors."""

import math
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import validation
from ..common.arrays import first_true
from ..common.call_errors import with_helpful_errors


@with_helpful_errors
def one_hot(
    labels: ArrayLike, n_classes: int, low: float = 0.0, high: float = 1.0
) -> NDArray[np.float32]:
    """Turn each class label into a row of targets.

    Parameters
    ----------
    labels : array_like of int, shape (n_examples,)
        Class labels, ``0 <= label < n_classes``.
    n_classes : int
        The number of classes, at least 1.
    low, high : float
        The targets of the other classes, and of the class of the example.

    Returns
    -------
    ndarray of float32, shape (n_examples, n_classes)
        ``high`` in column ``labels[i]`` of row ``i``, ``low`` everywhere else.

    Raises
    ------
    TypeError
        If a label or ``n_classes`` is not an integer (nor are bools and floats), or ``low`` or
        ``high`` is not a number.
    ValueError
        If ``labels`` is not one-dimensional, a label is out of range, ``n_classes`` is less than 1,
        or ``low`` or ``high`` is not finite in float32.

    Examples
    --------
    >>> one_hot([2, 0], 3, low=0.01, high=0.99)
    array([[0.01, 0.01, 0.99],
           [0.99, 0.01, 0.01]], dtype=float32)
    """
    n_classes = validation.count(n_classes, "n_classes", minimum=1)
    columns = _checked_labels(labels, n_classes)
    off, on = _checked_target(low, "low"), _checked_target(high, "high")
    targets = np.full((len(columns), n_classes), off, dtype=np.float32)
    targets[np.arange(len(columns)), columns] = on
    return targets


def _checked_labels(labels: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    validation.check_unmasked(labels, "labels")
    try:
        array = np.asarray(labels)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"labels must be one-dimensional, got {labels!r}") from error
    if array.ndim != 1:
        raise ValueError(f"labels must be one-dimensional, got an array of shape {array.shape}")
    if array.dtype.kind not in "iu":
        # NumPy turns a list with one float into floats: look at the original labels.
        for position, label in enumerate(labels):  # type: ignore[arg-type]
            if not validation.is_integer(label):
                raise TypeError(f"labels must be integers, got {label!r} at position {position}")
    outside = first_true((array < 0) | (array >= n_classes))
    if outside is not None:
        raise ValueError(
            f"labels must be at least 0 and less than n_classes={n_classes}, "
            f"got {array[outside]} at position {outside}"
        )
    return array.astype(np.int64, copy=False)


def _checked_target(value: float, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:  # an int beyond float64
        number = math.inf
    if not abs(number) <= float(np.finfo(np.float32).max):
        raise ValueError(f"{name} must be finite in float32, got {value!r}")
    return number
