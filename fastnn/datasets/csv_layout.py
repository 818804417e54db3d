"""The columns of a CSV file: features, targets, and their names."""

import math
import reprlib
from array import array
from collections.abc import Sequence
from typing import NamedTuple, NoReturn, Self

from . import csv_hints

# Errors quote the file, which may hold anything.
_brief = reprlib.Repr()
_brief.maxstring = 60
_brief.maxlist = 40


class Row(NamedTuple):
    """The fields of one row, and the number of the line it begins on, counted from 1."""

    line: int
    fields: list[str]


class Layout(NamedTuple):
    """The roles and names of the columns.

    Attributes
    ----------
    path : str
        The file, for error messages.
    delimiter : str
        The delimiter of fields.
    n_columns : int
        The number of fields in every row.
    features : sequence of int
        The columns of features, in order.
    targets : sequence of int
        The columns of targets, in the user's order.
    ends_empty : bool
        Whether the last field of the first row is empty.
    names : list of str or None
        The fields of the header; None without one.
    """

    path: str
    delimiter: str
    n_columns: int
    features: Sequence[int]
    targets: Sequence[int]
    ends_empty: bool
    names: list[str] | None = None

    @classmethod
    def of(
        cls,
        path: str,
        delimiter: str,
        first_row: Row,
        targets: Sequence[int | str],
        header: bool | None,
    ) -> Self:
        """Derive the layout from the first row and the arguments of `read_csv`."""
        names = [field.strip() for field in first_row.fields]
        columns = [_column(target, names, path) for target in targets]
        if len(set(columns)) < len(columns):
            raise ValueError(f"targets must be different columns of {path}, got {targets!r}")
        features = [column for column in range(len(names)) if column not in columns]
        if not features:
            raise ValueError(
                f"{path}, line {first_row.line}: expected a column for features besides targets="
                f"{targets!r}, got {_brief.repr(names)}; is that the right delimiter?"
                f"{csv_hints.of_delimiter(first_row.fields, delimiter)}"
            )
        layout = cls(path, delimiter, len(names), features, columns, not names[-1])
        if header is None:
            header = any(isinstance(target, str) for target in targets)
            header = header or layout._is_header(first_row)
        return layout._replace(names=names) if header else layout

    def names_of(self, columns: Sequence[int], prefix: str) -> tuple[str, ...]:
        """Return the names of columns: without a header, ``prefix`` and a number."""
        if self.names is None:
            return tuple(f"{prefix}{index}" for index in range(len(columns)))
        return tuple(self.names[column] for column in columns)

    def numbers(self, line: int, columns: Sequence[int], fields: list[str]) -> "array[float]":
        """Convert the fields in ``columns`` of a line to float32."""
        try:
            values = array("f", map(float, fields))
        except ValueError:
            pass
        else:
            # In float64 a sum of float32 numbers cannot overflow: one test for all fields.
            if math.isfinite(sum(values)) and "_" not in "".join(fields):
                return values
        column, field = next(
            (column, field)
            for column, field in zip(columns, fields, strict=True)
            if not _is_finite(field)
        )
        self.fail(line, column, "a finite number of float32", field)

    def fail(
        self, line: int, column: int, expected: str, got: str, hint: str | None = None
    ) -> NoReturn:
        """Raise the error for a field of the wrong kind."""
        name = "" if self.names is None else f" ({_brief.repr(self.names[column])})"
        if hint is None and self.ends_empty and (not got.strip() or not csv_hints.is_missing(got)):
            hint = " (do lines end in a delimiter?)"
        elif hint is None:
            hint = csv_hints.of_field(got, self.delimiter, column == self.n_columns - 1)
        raise ValueError(
            f"{self.path}, line {line}, column {column + 1}{name}: expected {expected}, "
            f"got {_brief.repr(got) if got.strip() else 'an empty field'}"
            f"{hint}"
        )

    def _is_header(self, row: Row) -> bool:
        fields = [row.fields[column] for column in self.features]
        if all(map(csv_hints.is_missing, fields)):
            return False
        numeric = [is_number(field) for field in fields]
        if any(numeric) and not all(numeric):
            flaw = numeric.index(False)
            expected = "a number as in other columns, or header=True"
            self.fail(row.line, self.features[flaw], expected, fields[flaw])
        return not any(numeric)


def is_number(field: str) -> bool:
    """Return whether a field is a number, finite or not."""
    try:
        float(field)
    except ValueError:
        return False
    # Python reads 2024_05 as a number; the author of the file did not mean one.
    return "_" not in field


def _is_finite(field: str) -> bool:
    return is_number(field) and math.isfinite(array("f", [float(field)])[0])


def _column(target: int | str, names: list[str], path: str) -> int:
    if isinstance(target, str):
        columns = [column for column, name in enumerate(names) if name == target]
        if not columns:
            raise ValueError(
                f"targets must be columns of {path}, one of {_brief.repr(names)}, got {target!r}"
            )
        if len(columns) > 1:
            raise ValueError(
                f"targets must be numbers where names are ambiguous, got {target!r}, the name of "
                f"{len(columns)} columns of {path}"
            )
        return columns[0]
    n_columns = len(names)
    if not -n_columns <= target < n_columns:
        raise ValueError(
            f"targets must be columns of {path}, from {-n_columns} to {n_columns - 1}, got {target}"
        )
    return int(target) % n_columns
