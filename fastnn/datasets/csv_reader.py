"""Read a CSV file row by row, its plain rows a block at a time."""

import csv
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from io import BufferedReader
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._kernels.csv_rows import ANY_BLANKS, FEATURE, parse_rows
from ..warning import warn
from .csv_hints import WHITESPACE
from .csv_layout import Layout, Row
from .csv_lines import Lines
from .csv_targets import Collector, TargetColumn, TargetMatrix
from .dataset import Dataset

Columns = int | str | Sequence[int | str]

# The delimiters of rows that may be plain: ASCII, and in no number.
_PLAIN = {**{delimiter: ord(delimiter) for delimiter in ",;|:\t "}, WHITESPACE: ANY_BLANKS}
_LABEL_NAMES = {"class", "label", "species", "target", "y"}
# What pandas, R and people call the column of row numbers that a table was written with.
_INDEX_NAME = re.compile(r"|unnamed: [\d.]+|index|no\.?|s\.?no\.?|row|.*(id|names|number)", re.I)
_FEW_ROWS = 4  # as few may ascend by chance


class Table(NamedTuple):
    """The content of a file.

    Attributes
    ----------
    data : Dataset
    target_columns : tuple of str or None
        The names of the columns of targets in the header; None if there is no header. The features
        and targets of ``data`` are numbered then.
    """

    data: Dataset
    target_columns: tuple[str, ...] | None


def is_matrix(targets: Columns) -> bool:
    """Tell whether the targets become a matrix."""
    return not isinstance(targets, int | np.integer | str)


def listed(targets: Columns) -> Sequence[int | str]:
    """Return the columns of targets, be it one."""
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
    """Read from an open file, which errors call ``path``, what `read_csv` documents.

    ``targets`` may be a function that is given the fields of the first row. If it returns several,
    ``task`` and ``classes`` are without effect.
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
    counts = _counts(first_row.fields)
    examples = _Examples(lines, rows, layout, collector, first_row.line)
    if layout.names is None:
        examples.append(first_row)
    X = examples.all()
    if layout.names is None and header is None:
        _warn_of_header(X, layout, first_row.line, counts)
    y, target_names = collector.result()
    data = Dataset(X, y, layout.names_of(layout.features, "x"), target_names)
    _warn_of_index(layout, X)
    if layout.names is None:
        return Table(data, None)
    _warn_of_labels(layout)
    return Table(data, layout.names_of(layout.targets, "y"))


def _rows(lines: Lines, delimiter: str) -> Iterator[Row]:
    """Yield every row that is not blank with the number of the line it begins on."""
    # Strict: otherwise a quote that is never closed swallows the rest of the file in silence.
    # Blanks are skipped before a quote, too; but never those that are delimiters one by one.
    any_blanks = delimiter == WHITESPACE
    reader = csv.reader(
        lines,
        delimiter=" " if any_blanks else delimiter,
        strict=True,
        skipinitialspace=delimiter != " ",
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


class _Examples:
    """The features and targets of the rows so far."""

    def __init__(
        self,
        lines: Lines,
        rows: Iterator[Row],
        layout: Layout,
        targets: Collector,
        first_line: int,
    ) -> None:
        self._lines = lines
        self._rows = rows
        self._layout = layout
        self._targets = targets
        self._first_line = first_line
        self._from_the_right = sorted(layout.targets, reverse=True)
        self._features = array("f")

    def all(self) -> NDArray[np.float32]:
        """Read all rows, and return their features."""
        layout, plain = self._layout, _PLAIN.get(self._layout.delimiter)
        if not self._features and (row := next(self._rows, None)):
            self.append(row)  # it tells what the targets are
        while self._lines.fill():
            if plain is not None:
                self._append_plain(plain)
            if self._lines.start < self._lines.stop and (row := next(self._rows, None)):
                self.append(row)
        if not self._features:
            raise ValueError(f"{layout.path}: expected rows of data, got only a header")
        return np.frombuffer(self._features, np.float32).reshape(-1, len(layout.features))

    def append(self, row: Row) -> None:
        """Add an example, or say what is wrong with it."""
        line, fields = row
        layout = self._layout
        if len(fields) != layout.n_columns:
            self._fail(row)
        self._targets.append(line, [fields[column] for column in layout.targets])
        for column in self._from_the_right:
            del fields[column]
        self._features.extend(layout.numbers(line, layout.features, fields))

    def _append_plain(self, delimiter: int) -> None:
        """Add the examples of the block up to the first row that is not plain."""
        lines, layout = self._lines, self._layout
        roles = array("i", [FEATURE]) * layout.n_columns
        for column, role in zip(layout.targets, self._targets.roles(), strict=True):
            roles[column] = role
        room = (lines.stop - lines.start) // 2 + 1  # a number and its delimiter take two characters
        X, Y = np.empty(room, np.float32), np.empty(room + len(layout.targets))
        lines.start, n_rows, n_lines = parse_rows(
            lines.block, lines.start, lines.stop, delimiter, roles, self._targets.codes, X, Y
        )
        lines.number += n_lines
        self._features.frombytes(X[: n_rows * len(layout.features)].tobytes())
        self._targets.extend(Y[: n_rows * len(layout.targets)])

    def _fail(self, row: Row) -> None:
        """Refuse a row that has another number of fields than the first one."""
        path, n_columns, n_fields = self._layout.path, self._layout.n_columns, len(row.fields)
        n_before = 0 if self._layout.names else len(self._layout.features)
        following = next(self._rows, None)
        # The first of three is the odd one, such as a line of counts and names above the data.
        if len(self._features) == n_before and following and len(following.fields) == n_fields:
            raise ValueError(
                f"{path}, line {self._first_line}: expected {n_fields} fields as in the rows that "
                f"follow, got {n_columns}; leave the line out if it is no header of theirs"
            )
        raise ValueError(
            f"{path}, line {row.line}: expected {n_columns} fields as in the first row, "
            f"got {n_fields}"
        )


def _warn_of_header(X: NDArray[np.float32], layout: Layout, line: int, counts: bool) -> None:
    """Warn if the first row may be names of columns: it counts, and no other row does."""
    counts = counts and len(X) > 1 and not (X[1:] == X[0]).all(axis=1).any()
    if counts or _only_first_row_ascends(X):
        warn(
            f"{layout.path}, line {line} was read as data, but its numbers ascend as names of "
            f"columns do: header=True if it is a header, header=False if it is none"
        )


def _counts(fields: Sequence[str]) -> bool:
    """Tell whether fields are 0, 1, 2 and so on, as pandas calls columns without names."""
    return len(fields) > 2 and [field.strip() for field in fields] == [
        str(column) for column in range(len(fields))
    ]


def _only_first_row_ascends(X: NDArray[np.float32]) -> bool:
    """Tell whether the features of the first row, and of no other, ascend by equal steps."""
    if X.shape[1] < 3 or len(X) < 2:
        return False
    steps = np.diff(X[:1000].astype(np.float64))
    step = steps[0, 0]
    ascends: NDArray[np.bool_] = (abs(steps - step) <= 1e-5 * abs(step)).all(axis=1)
    return bool(step != 0 and ascends[0] and not ascends[1:].any())


def _warn_of_labels(layout: Layout) -> None:
    """Warn of a feature that is called what labels are called."""
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
    """Warn of features that number the rows, in any order, and of such a column without a name."""
    if len(X) <= _FEW_ROWS:
        return
    for position, column in enumerate(layout.features):
        numbers, shown = X[:, position].astype(np.float64), ""
        if layout.names is not None:
            name = layout.names[column]
            if not _INDEX_NAME.fullmatch(name):
                continue
            numbers, shown = np.sort(numbers), f" ({name!r})"
        elif column > 0 or len(layout.features) == 1:  # one feature alone may well be a time
            continue
        if numbers[0] in (0, 1) and (np.diff(numbers) == 1).all():
            warn(
                f"{layout.path}: column {column + 1}{shown} is read as a feature, and numbers the "
                "rows; such numbers mostly tell nothing of other rows: leave it out of the file"
            )
