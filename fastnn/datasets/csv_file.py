"""Read examples from a CSV file."""

import os
from collections.abc import Sequence

import numpy as np

from .. import validation
from ..common.call_errors import with_helpful_errors
from . import csv_reader
from .csv_hints import WHITESPACE
from .dataset import Dataset

_TASKS = ("classification", "regression")


@with_helpful_errors
def read_csv(
    path: str | os.PathLike[str],
    *,
    targets: int | str | Sequence[int | str] = -1,
    header: bool | None = None,
    delimiter: str = ",",
    task: str | None = None,
    classes: Sequence[str] | None = None,
) -> Dataset:
    """Read examples and their targets from a CSV file.

    All columns except the targets are features and must hold numbers. The file is UTF-8, with or
    without a byte order mark, plain or compressed with gzip. Blank lines are skipped, and so are
    blanks around a field, except after a quote.

    Parameters
    ----------
    path : str or os.PathLike
        The file. It is opened once and read once from beginning to end, so it may be a pipe.
    targets : int, str or sequence of them, default -1
        The column of targets: its number, counted from 0 or, if negative, from the end; or its name
        in the header. A sequence, even of one column, makes ``y`` a matrix with these columns in
        this order, for example one-hot columns.
    header : bool, optional
        Whether the first row is a header. By default it is one if ``targets`` holds a name, or if
        none of its features is a number. It is an error if only some of them are numbers: the row
        may be a header with a number as a name, or an example with a flaw.
    delimiter : str, default ","
        The character between fields, or "whitespace": then any run of blanks and tabs separates
        fields, and blanks may begin and end a line.
    task : {"classification", "regression"}, optional
        The task of one column of targets. By default its content decides, as described below.
    classes : sequence of str, optional
        The names of the classes, in the order of their labels: for test data, the
        ``target_names`` of the training data. A number is the class of equal value: 1.0 is "1".

    Returns
    -------
    Dataset
        ``X`` is (n_examples, n_features) float32. ``feature_names`` are those of the header, or
        ``"x0"``, ``"x1"``, ... without one.

        If ``targets`` is a sequence, ``y`` is (n_examples, n_targets) float32. If it is one column,
        ``y`` is (n_examples,): int64 labels if the column holds classes, else float32 targets. A
        column holds classes if

        - it holds text; or
        - it holds whole numbers, in any notation, not all different, that are either only two
          numbers (0 and 1, -1 and +1, 2 and 4) or all whole numbers from -1, 0 or 1 to the largest;
          or
        - ``task`` is "classification", or ``classes`` are given.

        Other whole numbers are quantities. A label is the index of a class in ``target_names``:
        the different texts, sorted, or the different numbers in ascending order, as their shortest
        texts ("1" for 1.0).

        ``target_names`` of float32 targets are the names of their columns in the header, or
        ``"y0"``, ``"y1"``, ... without one.

    Raises
    ------
    ValueError
        If the file is not UTF-8 or not CSV, has no examples, or lines with different numbers of
        fields; if a field that must be a number is empty, not a number, or not finite in float32;
        if a column of targets mixes numbers and text, holds something else than the ``classes``, or
        labels beyond 2^53; if ``targets`` names no column, an ambiguous one, the same one twice, or
        all of them; if ``header`` is False and ``targets`` holds a name; if ``targets`` is a
        sequence and ``task`` is "classification" or ``classes`` are given. Errors in the file are
        reported with the line and the column, both counted from 1.
    TypeError
        If an argument has the wrong type.
    OSError
        If the file cannot be opened or read.

    Warns
    -----
    TrainingWarning
        If the first row was read as an example and looks like a header of numbers; if a feature
        is called "class", "label", "species", "target" or "y", or numbers the rows; if all targets
        are the same; if the classes are texts that are all different; or if the name of a class,
        such as "NA", usually stands for a missing value.
    """
    file_path = validation.path(path, "path")
    _check_arguments(targets, header, delimiter)
    _check_task(targets, task, classes)
    classes = None if classes is None else tuple(classes)
    with open(file_path, "rb") as file:
        return csv_reader.read(file, file_path, targets, header, delimiter, task, classes).data


def _check_arguments(
    targets: int | str | Sequence[int | str], header: bool | None, delimiter: str
) -> None:
    columns = csv_reader.listed(targets)
    if not columns:
        raise ValueError(f"targets must be at least one column, got {columns!r}")
    for column in columns:
        if not isinstance(column, int | np.integer | str) or isinstance(column, bool):
            raise TypeError(f"targets must be an int, a str or a sequence of them, got {column!r}")
    if not (header is None or isinstance(header, bool)):
        raise TypeError(f"header must be True, False or None, got {header!r}")
    if header is False and any(isinstance(column, str) for column in columns):
        raise ValueError(f"header must not be False if targets are named, got targets={columns!r}")
    if not isinstance(delimiter, str):
        raise TypeError(f"delimiter must be a str, got {delimiter!r}")
    if delimiter != WHITESPACE and (len(delimiter) != 1 or delimiter in '"\r\n'):
        expected = f"{WHITESPACE!r} or one character other than a quote or a line break"
        raise ValueError(f"delimiter must be {expected}, got {delimiter!r}")


def _check_task(
    targets: int | str | Sequence[int | str], task: str | None, classes: Sequence[str] | None
) -> None:
    if not (task is None or task in _TASKS):
        raise ValueError(f"task must be {' or '.join(map(repr, _TASKS))}, got {task!r}")
    if csv_reader.is_matrix(targets) and (task == "classification" or classes is not None):
        name = "task" if classes is None else "classes"
        raise ValueError(f"{name} must be left out for several columns, got targets={targets!r}")
    if classes is None:
        return
    if task == "regression":
        raise ValueError("classes must be left out where task is 'regression'")
    if isinstance(classes, str) or not all(isinstance(name, str) for name in classes):
        raise TypeError(f"classes must be a sequence of str, got {classes!r}")
    if not len(classes) or len(set(classes)) < len(classes):
        raise ValueError(f"classes must be different names, at least one, got {classes!r}")
