"""Read a CSV file: plain rows block by block in a kernel, all others one by one."""

import csv
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._kernels.csv_rows import ANY_BLANKS, FEATURE, parse_rows
from ..common.warning import warn
from .csv_hints import WHITESPACE
from .csv_layout import Layout, Row
from .csv_lines import Lines
from .csv_targets import Collector, TargetColumn, TargetMatrix
from .dataset import Dataset

Columns = int | str | Sequence[int | str]

# The delimiters of plain rows: ASCII characters that are not part of numbers.
_PLAIN = {**{delimiter: ord(delimiter) for delimiter in ",;|:\t "}, WHITESPACE: ANY_BLANKS}
_LABEL_NAMES = {"class", "label", "species", "target", "y"}
# Names of the column of row numbers in files by pandas, R and people.
_INDEX_NAME = re.compile(r"|unnamed: [\d.]+|index|no\.?|s\.?no\.?|row|.*(id|names|number)", re.I)
_FEW_ROWS = 4  # so few numbers may ascend by chance


class Table(NamedTuple):
    """The content of a file.

    Attributes
    ----------
    data : Dataset
    target_columns : tuple of str or None
        The names of the columns of targets in the header; None without a header. Then the names in
        ``data`` are numbered.
    """

    data: Dataset
    target_columns: tuple[str, ...] | None


def is_matrix(targets: Columns) -> bool:
    """Return whether the targets become a matrix."""
    return not isinstance(targets, int | np.integer | str)


def listed(targets: Columns) -> Sequence[int | str]:
    """Return the columns of targets as a sequence."""
    return targets if isinstance(targets, Sequence) and not isinstance(targets, str) else [targets]


def read(
    file: BufferedReader,
    path: str,
    targets: Columns | Callable[[Sequence[str]], Columns],
    header: bool | None,
    delimiter: str,
    task: str | None,
    classes: Sequence[str] | None,
) -> Table:
    """Read an open file as `read_csv` documents it; ``path`` is its name in errors.

    ``targets`` may be a function, which takes the fields of the first row. If it returns several
    columns, ``task`` and ``classes`` have no effect.
    """
    lines = Lines(file, path, any_blanks=delimiter == WHITESPACE)
    rows = _rows(lines, delimiter)
    first_row = next(rows, None)
    if first_row is None:
        raise ValueError(f"{path}: expected rows of data, got none")
    columns = targets(first_row.fields) if callable(targets) else targets
    layout = Layout.of(path, delimiter, first_row, listed(columns), header)
    if is_matrix(columns):
        collector: Collector = TargetMatrix(layout)
    else:
        collector = TargetColumn(layout, task, classes, header is None)
    is_numbering = _is_numbering(first_row.fields)
    examples = _Examples(lines, rows, layout, collector, first_row.line)
    if layout.names is None:
        examples.append(first_row)
    X = examples.all()
    if layout.names is None and header is None:
        _warn_of_header(X, layout, first_row.line, is_numbering)
    y, target_names = collector.result()
    data = Dataset(X, y, layout.names_of(layout.features, "x"), target_names)
    _warn_of_index(layout, X)
    if layout.names is None:
        return Table(data, None)
    _warn_of_labels(layout)
    return Table(data, layout.names_of(layout.targets, "y"))


def _rows(lines: Lines, delimiter: str) -> Iterator[Row]:
    """Yield every row that is not blank."""
    reader = csv.reader(
        lines,
        delimiter=" " if delimiter == WHITESPACE else delimiter,
        strict=True,  # otherwise a quote that is never closed swallows the rest of the file
        skipinitialspace=delimiter != " ",  # also before a quote
    )
    while True:
        line = lines.number
        try:
            fields = next(reader, None)
        except csv.Error as error:
            message = f"{lines.path}, line {line}: expected sound CSV, got: {error}"
            raise ValueError(message) from error
        if fields is None:
            return
        if len(fields) > 1 or (fields and fields[0].strip()):
            yield Row(line, fields)


@dataclass
class _Examples:
    """The features and targets of the rows so far."""

    _lines: Lines
    _rows: Iterator[Row]
    _layout: Layout
    _targets: Collector
    _first_line: int
    _features: "array[float]" = field(default_factory=lambda: array("f"))

    def all(self) -> NDArray[np.float32]:
        """Read all rows, and return their features."""
        layout, delimiter = self._layout, _PLAIN.get(self._layout.delimiter)
        if not self._features and (row := next(self._rows, None)):
            self.append(row)  # it determines the kind of targets
        while self._lines.fill():
            if delimiter is not None:
                self._append_plain(delimiter)
            if self._lines.start < self._lines.stop and (row := next(self._rows, None)):
                self.append(row)
        if not self._features:
            raise ValueError(f"{layout.path}: expected rows of data, got only a header")
        return np.frombuffer(self._features, np.float32).reshape(-1, len(layout.features))

    def append(self, row: Row) -> None:
        """Add an example; raise an error if it has a flaw."""
        line, fields = row
        layout = self._layout
        if len(fields) != layout.n_columns:
            self._fail(row)
        self._targets.append(line, [fields[column] for column in layout.targets])
        features = [fields[column] for column in layout.features]
        self._features.extend(layout.numbers(line, layout.features, features))

    def _append_plain(self, delimiter: int) -> None:
        """Add the examples of the block before the first row that is not plain."""
        lines, layout = self._lines, self._layout
        roles = array("i", [FEATURE]) * layout.n_columns
        for column, role in zip(layout.targets, self._targets.roles(), strict=True):
            roles[column] = role
        capacity = (lines.stop - lines.start) // 2 + 1  # a number with delimiter: two characters
        X, Y = np.empty(capacity, np.float32), np.empty(capacity + len(layout.targets))
        lines.start, n_rows, n_lines = parse_rows(
            lines.block, lines.start, lines.stop, delimiter, roles, self._targets.codes, X, Y
        )
        lines.number += n_lines
        self._features.frombytes(X[: n_rows * len(layout.features)].tobytes())
        self._targets.extend(Y[: n_rows * len(layout.targets)])

    def _fail(self, row: Row) -> None:
        """Reject a row whose number of fields differs from that of the first one."""
        path, n_columns, n_fields = self._layout.path, self._layout.n_columns, len(row.fields)
        n_before = 0 if self._layout.names else len(self._layout.features)
        following = next(self._rows, None)
        # The first row differs from two others: it may be a line of counts and names.
        if len(self._features) == n_before and following and len(following.fields) == n_fields:
            raise ValueError(
                f"{path}, line {self._first_line}: expected {n_fields} fields as in the rows that "
                f"follow, got {n_columns}; leave the line out if it is no header of theirs"
            )
        raise ValueError(
            f"{path}, line {row.line}: expected {n_columns} fields as in the first row, "
            f"got {n_fields}"
        )


def _warn_of_header(X: NDArray[np.float32], layout: Layout, line: int, is_numbering: bool) -> None:
    """Warn if the first row numbers the columns, or has equal steps, and no other row does."""
    is_unique = len(X) > 1 and not (X[1:] == X[0]).all(axis=1).any()
    if (is_numbering and is_unique) or _only_first_row_ascends(X):
        warn(
            f"{layout.path}, line {line} was read as data, but its numbers ascend as names of "
            f"columns do: header=True if it is a header, header=False if it is none"
        )


def _is_numbering(fields: Sequence[str]) -> bool:
    """Return whether fields are 0, 1, 2 and so on, pandas' default names of columns."""
    numbers = [str(column) for column in range(len(fields))]
    return len(fields) > 2 and [field.strip() for field in fields] == numbers


def _only_first_row_ascends(X: NDArray[np.float32]) -> bool:
    """Return whether the features of the first row, and of no other, have equal steps."""
    if X.shape[1] < 3 or len(X) < 2:
        return False
    steps = np.diff(X[:1000].astype(np.float64))
    step = steps[0, 0]
    ascends: NDArray[np.bool_] = (abs(steps - step) <= 1e-5 * abs(step)).all(axis=1)
    return bool(step != 0 and ascends[0] and not ascends[1:].any())


def _warn_of_labels(layout: Layout) -> None:
    """Warn of a feature with the name of a label."""
    names = [name.casefold() for name in layout.names or ()]
    for column in layout.features:
        name = names[column]
        if name in _LABEL_NAMES and not (name == "y" and "x" in names):
            warn(
                f"{layout.path}: column {column + 1} ({name!r}) is read as a feature, and column "
                f"{layout.targets[0] + 1} as the target; is it the other way round? "
                f"targets={name!r}"
            )


def _warn_of_index(layout: Layout, X: NDArray[np.float32]) -> None:
    """Warn of a feature that numbers the rows: in any order if its name is that of an index."""
    if len(X) <= _FEW_ROWS:
        return
    for position, column in enumerate(layout.features):
        numbers, shown = X[:, position].astype(np.float64), ""
        if layout.names is not None:
            name = layout.names[column]
            if not _INDEX_NAME.fullmatch(name):
                continue
            numbers, shown = np.sort(numbers), f" ({name!r})"
        elif column > 0 or len(layout.features) == 1:  # a single feature may be a time
            continue
        if numbers[0] in (0, 1) and (np.diff(numbers) == 1).all():
            warn(
                f"{layout.path}: column {column + 1}{shown} is read as a feature, and numbers the "
                "rows; such numbers mostly tell nothing of other rows: leave it out of the file"
            )
