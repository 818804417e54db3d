"""Collect the targets of a CSV file as they are read."""

from abc import ABC, abstractmethod
from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .._kernels import csv_rows
from ..common.warning import warn
from . import csv_hints
from .csv_layout import Layout, is_number

Targets = NDArray[np.int64] | NDArray[np.float32]

_MAX_EXACT = 2**53  # beyond, different integers are the same float64
_MIN_UNIQUE = 10  # classes; fewer may have one example each


class Collector(ABC):
    """Base of what collects targets, row by row or a block of plain rows at once.

    Attributes
    ----------
    codes : dict of bytes to int
        The known texts of a column of text, and their codes in a block.
    """

    def __init__(self, layout: Layout, dtype: type[np.float32 | np.float64]) -> None:
        self.codes: dict[bytes, int] = {}
        self._layout, self._dtype = layout, dtype
        self._values: array[float] = array(np.dtype(dtype).char)

    @abstractmethod
    def roles(self) -> list[int]:
        """Return the role of each of the layout's targets for `parse_rows`."""

    @abstractmethod
    def append(self, line: int, fields: list[str]) -> None:
        """Add the targets of one example."""

    def extend(self, values: NDArray[np.float64]) -> None:
        """Add the targets of many examples: numbers, or codes of texts."""
        self._values.frombytes(values.astype(self._dtype, copy=False).tobytes())

    @abstractmethod
    def result(self) -> tuple[Targets, tuple[str, ...]]:
        """Return the labels or targets, and the names of the classes or the columns."""


class TargetMatrix(Collector):
    """Columns of numbers."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout, np.float32)

    def roles(self) -> list[int]:
        return list(range(len(self._layout.targets)))

    def append(self, line: int, fields: list[str]) -> None:
        self._values.extend(self._layout.numbers(line, self._layout.targets, fields))

    def result(self) -> tuple[Targets, tuple[str, ...]]:
        columns = self._layout.targets
        targets = np.frombuffer(self._values, dtype=np.float32).reshape(-1, len(columns))
        return targets, self._layout.names_of(columns, "y")


class TargetColumn(Collector):
    """One column of text or of numbers; the first row decides. Both may be classes.

    A row takes 8 bytes: a number, or the code of a text, which is stored once.
    """

    def __init__(
        self,
        layout: Layout,
        task: str | None,
        classes: Sequence[str] | None,
        header_is_guessed: bool,
    ) -> None:
        super().__init__(layout, np.float64)
        self._task, self._classes = task, classes
        self._label_of = {name: label for label, name in enumerate(classes or ())}
        self._is_text: bool | None = None
        if classes is not None or task == "regression":
            self._is_text = classes is not None
        self._may_have_header = header_is_guessed and layout.names is None
        self._column = layout.targets[0]
        self._first_line = 0

    def roles(self) -> list[int]:
        return [csv_rows.TEXT if self._is_text else 0]

    def append(self, line: int, fields: list[str]) -> None:
        text = fields[0].strip()
        if not self._values:
            self._first_line = line
            if self._is_text is None:
                self._is_text = not is_number(text)
        self._values.append(self._code(line, text) if self._is_text else self._number(line, text))

    def result(self) -> tuple[Targets, tuple[str, ...]]:
        values = np.frombuffer(self._values, dtype=np.float64)
        if self._classes is not None:
            return values.astype(np.int64), tuple(self._classes)
        self._warn_if_constant(values)
        if self._is_text:
            texts = [text.decode() for text in self.codes]
            names = sorted(texts)
            self._warn_if_unique(values)
            for name in filter(csv_hints.is_no_label, names):
                place = f"{self._layout.path}: column {self._column + 1}"
                warn(f"{place} holds {name!r}, which becomes a class")
            label_of = {name: label for label, name in enumerate(names)}
            labels = np.array([label_of[text] for text in texts], dtype=np.int64)
            return labels[values.astype(np.intp)], tuple(names)
        if self._task == "classification" or (self._task is None and are_classes(values)):
            classes = np.unique(values)
            self._check_exact(classes)
            labels = np.searchsorted(classes, values).astype(np.int64, copy=False)
            return labels, tuple(map(name_of, classes.tolist()))
        return values.astype(np.float32), self._layout.names_of(self._layout.targets, "y")

    def _number(self, line: int, text: str) -> float:
        if not is_number(text) and line != self._first_line:
            self._fail(line, "a number", text)
        if not (is_number(text) or csv_hints.is_missing(text)) and self._task == "regression":
            hint = csv_hints.of_field(text, self._layout.delimiter, is_last=False)
            hint = hint or " (text stands for classes, and task='regression' has none)"
            self._layout.fail(line, self._column, "a number", text, hint)
        self._layout.numbers(line, self._layout.targets, [text])
        return float(text)

    def _code(self, line: int, text: str) -> int:
        if self._classes is None:
            if is_number(text) or not text:
                self._fail(line, "text", text)
            return self.codes.setdefault(text.encode(), len(self.codes))
        name = text
        if name not in self._label_of and is_number(text):
            name = name_of(float(text))
        if name not in self._label_of:
            known = f"{', '.join(self._classes[:9])}{', ...' if len(self._classes) > 9 else ''}"
            self._layout.fail(line, self._column, f"one of the classes {known}", text)
        return self.codes.setdefault(text.encode(), self._label_of[name])

    def _fail(self, line: int, kind: str, text: str) -> None:
        first, is_second = self._first_line, len(self._values) == 1
        hint = None
        if self._may_have_header and is_second and not csv_hints.is_missing(text):
            hint = f" (is line {first} a header? header=True)"
        self._layout.fail(line, self._column, f"{kind} as on line {first}", text, hint)

    def _check_exact(self, classes: NDArray[np.float64]) -> None:
        largest = max(classes[0], classes[-1], key=abs)
        if abs(largest) >= _MAX_EXACT:
            raise ValueError(
                f"{self._layout.path}: column {self._column + 1}: expected labels between -2^53 "
                f"and 2^53, which float64 tells apart, got {name_of(float(largest))}"
            )

    def _warn_if_unique(self, values: NDArray[np.float64]) -> None:
        if len(self.codes) == len(values) >= _MIN_UNIQUE:
            text = next(iter(self.codes)).decode()
            hint = csv_hints.of_field(text, self._layout.delimiter, is_last=False)
            self._warn(f"{len(values):,} different texts, such as {text!r}{hint}")

    def _warn_if_constant(self, values: NDArray[np.float64]) -> None:
        if len(values) > 1 and values.min() == values.max():
            value = next(iter(self.codes)).decode() if self._is_text else name_of(float(values[0]))
            self._warn(f"{value!r} in all {len(values):,} rows")

    def _warn(self, content: str) -> None:
        warn(
            f"{self._layout.path}: the targets, column {self._column + 1}, are {content}; is "
            "another column the one to learn? targets=COLUMN"
        )


def are_classes(values: NDArray[np.float64]) -> bool:
    """Return whether numbers are labels, as `read_csv` documents."""
    if not (values == np.floor(values)).all():
        return False
    classes = np.unique(values)
    if len(classes) == len(values):
        return False
    # Values without gaps from -1, 0 or 1 differ from their labels by at most 1, so that little is
    # lost if they are quantities after all.
    has_no_gap = classes[-1] - classes[0] + 1 == len(classes)
    return len(classes) <= 2 or bool(abs(classes[0]) <= 1 and has_no_gap)


def name_of(value: float) -> str:
    """Return the shortest text of a number: "1" for 1.0."""
    return str(int(value)) if value.is_integer() else repr(value)
