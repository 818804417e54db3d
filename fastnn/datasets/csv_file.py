"""Read examples from a CSV file."""

import csv
import os
from array import array
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TextIO

import numpy as np

from .. import validation
from ..calls import explained
from .csv_layout import Layout, Row
from .csv_targets import TargetColumn, TargetMatrix
from .dataset import Dataset


@explained
def read_csv(
    path: str | os.PathLike[str],
    *,
    targets: int | str | Sequence[int | str] = -1,
    header: bool | None = None,
    delimiter: str = ",",
) -> Dataset:
    """Read examples and their targets from a CSV file.

    All columns but the targets are features and must hold numbers. The file is UTF-8, with or
    without a byte order mark. Blank lines are skipped, and so are blanks around a field.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    targets : int, str or sequence of them, default -1
        The column of targets: its number, counted from 0 or, if negative, from the end; or its name
        in the header. A sequence, even of one column, makes ``y`` a matrix with these columns in
        this order; that is how one-hot columns come in.
    header : bool, optional
        Whether the first row is a header. By default it is one if ``targets`` has a name in it, or
        if none of its features is a number. If only some of them are, it may be a header with a
        number for a name or an example with a flaw: that is an error then.
    delimiter : str, default ","
        The character between fields.

    Returns
    -------
    Dataset
        ``X`` is (n_examples, n_features) float32. ``feature_names`` are those of the header, or
        ``"x0"``, ``"x1"``, ... if there is none.

        If ``targets`` is a sequence, ``y`` is (n_examples, n_targets) float32. If it is one column,
        ``y`` is (n_examples,), and what it is depends on the column:

        - whole numbers, all written with one to five digits and nothing else (``2``, but not
          ``2.0`` or ``-1``): int64 labels, taken as they are; ``target_names`` are ``"0"``,
          ``"1"``, ... up to the greatest label.
        - other numbers: float32 targets.
        - text: int64 labels; ``target_names`` are the different texts, sorted, and a label is the
          index of its text.

        ``target_names`` of float32 targets are the names of their columns in the header, or
        ``"y0"``, ``"y1"``, ... if there is none.

    Raises
    ------
    ValueError
        If the file is not UTF-8 or not CSV, has no examples, or lines of different numbers of
        fields; if a field that must be a number is empty, not a number, or not finite in float32;
        if a column of targets mixes numbers and text; if ``targets`` names no column, an ambiguous
        one, the same one twice, or all of them; if ``header`` is False and ``targets`` has a name
        in it. What is wrong in the file is named with the line and the column, both counted from 1.
    TypeError
        If an argument has the wrong type.
    OSError
        If the file cannot be opened or read.
    """
    file_path = validation.path(path, "path")
    columns: Sequence[int | str]
    gathered_in: type[TargetColumn | TargetMatrix]
    if isinstance(targets, Sequence) and not isinstance(targets, str):
        columns, gathered_in = targets, TargetMatrix
    else:
        columns, gathered_in = (targets,), TargetColumn
    _check_arguments(columns, header, delimiter)
    with open(file_path, encoding="utf-8-sig", newline="") as file:
        rows = _rows(file, file_path, delimiter)
        first_row = next(rows, None)
        if first_row is None:
            raise ValueError(f"{file_path}: expected rows of data, got none")
        layout = Layout.of(file_path, first_row, columns, header)
        if layout.names is None:
            rows = chain([first_row], rows)
        return _read(rows, layout, gathered_in(layout))


def _check_arguments(columns: Sequence[int | str], header: bool | None, delimiter: str) -> None:
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
    if len(delimiter) != 1 or delimiter in '"\r\n':
        expected = "one character other than a quote or a line break"
        raise ValueError(f"delimiter must be {expected}, got {delimiter!r}")


def _rows(file: TextIO, path: str, delimiter: str) -> Iterator[Row]:
    """Yield every row that is not blank with the number of the line it begins on."""
    # Strict: otherwise a quote that is never closed swallows the rest of the file in silence.
    # Blanks are skipped before a quote, too; but never those that are delimiters.
    reader = csv.reader(file, delimiter=delimiter, strict=True, skipinitialspace=delimiter != " ")
    line = 1
    try:
        for fields in reader:
            if len(fields) > 1 or (fields and fields[0].strip()):
                yield Row(line, fields)
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}, line {line}: expected sound CSV, got: {error}") from error
    except UnicodeDecodeError as error:
        # The file is decoded block by block, ahead of the lines that the reader has taken from it.
        line = reader.line_num + len(error.object[: error.start + 1].splitlines())
        got = f"the byte 0x{error.object[error.start]:02x}"
        raise ValueError(f"{path}, line {line}: expected UTF-8, got {got}") from error


def _read(rows: Iterator[Row], layout: Layout, targets: TargetColumn | TargetMatrix) -> Dataset:
    from_the_right = sorted(layout.targets, reverse=True)
    features = array("f")
    for line, fields in rows:
        if len(fields) != layout.n_columns:
            raise ValueError(
                f"{layout.path}, line {line}: expected {layout.n_columns} fields as in the first "
                f"row, got {len(fields)}"
            )
        targets.append(line, [fields[column] for column in layout.targets])
        for column in from_the_right:
            del fields[column]
        features.extend(layout.numbers(line, layout.features, fields))
    if not features:
        raise ValueError(f"{layout.path}: expected rows of data, got only a header")
    X = np.frombuffer(features, dtype=np.float32).reshape(-1, len(layout.features))
    y, target_names = targets.result()
    return Dataset(X, y, layout.names_of(layout.features, "x"), target_names)
