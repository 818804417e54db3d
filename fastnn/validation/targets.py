"""Check y, and the weights of examples."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from ..common.argument_checks import is_integer, not_negative
from ..common.arrays import Array, Dtype, first_true
from ..data.inputs import Inputs, MatrixLike, Scaling
from ..data.targets import Targets
from ..losses import BuiltinLoss, Loss
from .arrays import examples, kernel_ready, real_numbers

_FIRST_ROWS = 64
_ROUNDING = 1e-12  # relative error of equal numbers, such as sums in another order


def examples_and_targets(
    X: MatrixLike,
    y: ArrayLike,
    n_inputs: int,
    n_outputs: int,
    dtype: Dtype,
    scaling: Scaling | None = None,
) -> tuple[Inputs, Targets]:
    """Check X, like ``examples``, and y: at least one example, and as many targets."""
    inputs = examples(X, n_inputs, dtype, scaling)
    if not len(inputs):
        raise ValueError(f"X must hold at least one example, got shape (0, {n_inputs})")
    given = _numbers_of_targets(y)
    if given.ndim == 0 or len(given) != len(inputs):
        raise ValueError(
            f"X and y must hold equally many examples, got shapes ({len(inputs)}, {n_inputs}) and "
            f"{given.shape}"
        )
    if given.ndim == 1 and n_outputs > 1:
        return inputs, Targets(None, _labels(given, n_outputs))
    if given.ndim == 1:
        given = given[:, np.newaxis]
    if given.shape != (len(inputs), n_outputs):
        shapes = f"({len(inputs)}, {n_outputs}) for targets or ({len(inputs)},) for "
        shapes += "labels" if n_outputs > 1 else "targets"
        hint = ": pass numpy.ravel(y)" if given.shape == (len(inputs), 1) else ""
        raise ValueError(f"y must have shape {shapes}, got {given.shape}{hint}")
    return inputs, Targets(kernel_ready(given, "y", dtype), None)


def check_not_collapsed(targets: Targets, y: ArrayLike) -> None:
    """Reject targets that differ in y, but are all the same in the network's dtype.

    Differences that are rounding errors of float64 do not count.
    """
    values = targets.values
    if values is None or getattr(y, "dtype", None) == values.dtype:  # nothing was rounded
        return
    rows = values[:_FIRST_ROWS]  # enough for most columns to differ
    for column in np.flatnonzero((rows == rows[0]).all(axis=0)):
        if (values[:, column] != values[0, column]).any():
            continue
        given = np.asarray(y, np.float64).reshape(values.shape)[:, column]
        low, high = given.min(), given.max()
        if high - low > _ROUNDING * max(abs(low), abs(high)):
            raise ValueError(
                f"y must differ by more than {values.dtype} tells apart, got numbers from {low} to "
                f"{high}, which are all {values[0, column]} there: subtract their mean, or take "
                "dtype='float64'"
            )


def _numbers_of_targets(y: ArrayLike) -> Array:
    try:
        return real_numbers(y, "y")
    except TypeError as error:
        if error.__cause__ is None and _holds_text(np.asarray(y)):
            raise TypeError(
                f"{error}: for labels that are text, train on the second of classes, labels = "
                "numpy.unique(y, return_inverse=True), or use fastnn.sklearn.MLPClassifier"
            ) from None
        raise


def _holds_text(array: Array) -> bool:
    return array.dtype.kind in "US" or any(isinstance(item, str) for item in array.flat)


def check_range(targets: Targets, loss: Loss) -> None:
    """Reject targets outside the range of the loss."""
    if not isinstance(loss, BuiltinLoss) or targets.values is None:
        return
    values, low, high = targets.values, loss.lowest, loss.highest
    if values.min() < low or values.max() > high:
        extreme = values.argmin() if values.min() < low else values.argmax()
        row, column = np.unravel_index(extreme, values.shape)
        expected = f"from {low:g} to {high:g}" if high < math.inf else f"at least {low:g}"
        raise ValueError(
            f"y must be {expected} for the loss {loss.name!r}, got {values[row, column]} at row "
            f"{row}, column {column}"
        )


def weights(
    sample_weight: ArrayLike | None,
    class_weight: Mapping[int, float] | str | None,
    targets: Targets,
    n_outputs: int,
    dtype: Dtype,
) -> Array | None:
    """Return the weight of each example, or None without weights."""
    if sample_weight is None and class_weight is None:
        return None
    n_examples = len(targets)
    product, argument = np.ones(n_examples), "sample_weight"
    if sample_weight is not None:
        given = real_numbers(sample_weight, "sample_weight")
        if given.shape != (n_examples,):
            raise ValueError(
                f"sample_weight must have shape ({n_examples},), one per example, got {given.shape}"
            )
        product = _finite_weights(given, "sample_weight", dtype)
    if class_weight is not None:
        labels = _labels_to_weigh(targets, n_outputs, class_weight)
        of_classes = _weights_of_classes(class_weight, max(n_outputs, 2), labels)[labels]
        argument = "class_weight" if sample_weight is None else "sample_weight times class_weight"
        with np.errstate(over="ignore"):
            product = product * _finite_weights(of_classes, "class_weight", dtype)
    return check_weights(product, argument, dtype)


def check_weights(given: Array, argument: str, dtype: Dtype) -> Array:
    """Convert the weights of all examples to a dtype; reject invalid ones."""
    found = _finite_weights(given, argument, dtype)
    if not found.any():
        raise ValueError(f"{argument} must be above 0 for an example at least, got 0 for all")
    return found


def check_weights_of_parts(targets: Targets, training: Array, validation: Array) -> None:
    """Reject weights that are all 0 in the rows of either part of the data."""
    if targets.weights is None:
        return
    for part, rows in (("training", training), ("validation", validation)):
        if not targets.weights[rows].any():
            raise ValueError(
                f"sample_weight must be above 0 for an example at least of the {part} data, got 0 "
                "for all"
            )


def _finite_weights(given: Array, argument: str, dtype: Dtype) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):  # the error below reports it
        found = given.astype(dtype)
    row = first_true(~(np.isfinite(found) & (found >= 0)))
    if row is not None:
        raise ValueError(
            f"{argument} must be finite and not negative in {dtype}, got {given[row]} at row {row}"
        )
    return found


def _labels_to_weigh(
    targets: Targets, n_outputs: int, class_weight: Mapping[int, float] | str
) -> Array:
    if targets.labels is not None:
        return targets.labels
    assert targets.values is not None
    if n_outputs == 1 and np.isin(targets.values, (0, 1)).all():
        return targets.values[:, 0].astype(np.intp)
    raise ValueError(
        "class_weight must be None unless y holds labels, or targets 0 and 1 of a single output, "
        f"got {class_weight!r}"
    )


def _weights_of_classes(
    class_weight: Mapping[int, float] | str, n_classes: int, labels: Array
) -> Array:
    if isinstance(class_weight, str) and class_weight == "balanced":
        counts = np.bincount(labels, minlength=n_classes)
        return len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    if not isinstance(class_weight, Mapping):
        raise (ValueError if isinstance(class_weight, str) else TypeError)(
            f'class_weight must be None, "balanced" or a dict of labels to weights, got '
            f"{class_weight!r}"
        )
    found = np.ones(n_classes)
    for label, weight in class_weight.items():
        if not is_integer(label) or not 0 <= label < n_classes:
            raise ValueError(
                f"class_weight must have labels from 0 to {n_classes - 1}, got {label!r}"
            )
        not_negative(weight, f"class_weight of label {label}")
        found[label] = weight
    return found


def _labels(given: Array, n_outputs: int) -> Array:
    # Whole floats are accepted: many files yield labels as floats.
    with np.errstate(invalid="ignore"):
        # Always copy the labels, with which the kernels access memory: a thread may change y.
        labels = given.astype(np.intp, order="C")
        row = first_true((labels != given) | (labels < 0) | (labels >= n_outputs))
    if row is not None:
        raise ValueError(
            f"y must be integer labels from 0 to {n_outputs - 1}, or targets of shape "
            f"({len(given)}, {n_outputs}), got {given[row]} at row {row}"
        )
    return labels
