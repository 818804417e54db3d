"""What the target columns of a CSV file hold, gathered row by row."""

import re
from array import array

import numpy as np
from numpy.typing import NDArray

from .csv_layout import Layout, is_number

# Greater numbers are quantities, such as prices: as labels they would need as many outputs.
_LABEL = re.compile("[0-9]{1,5}")


class TargetMatrix:
    """Columns of numbers."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._values = array("f")

    def append(self, line: int, fields: list[str]) -> None:
        """Add the targets of one example."""
        self._values.extend(self._layout.numbers(line, self._layout.targets, fields))

    def result(self) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        """Return the targets (n_examples, n_targets) and their names."""
        columns = self._layout.targets
        targets = np.frombuffer(self._values, dtype=np.float32).reshape(-1, len(columns))
        return targets, self._layout.names_of(columns, "y")


class TargetColumn:
    """One column of labels, numbers or text: which of them, its end alone can tell.

    Every different text is kept once, so that a column of classes takes 8 bytes a row.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._code_of: dict[str, int] = {}  # the texts in order of appearance
        self._lines = array("q")  # where each text appeared first
        self._codes = array("q")

    def append(self, line: int, fields: list[str]) -> None:
        """Add the target of one example."""
        text = fields[0].strip()
        code = self._code_of.setdefault(text, len(self._code_of))
        if code == len(self._lines):
            self._lines.append(line)
        self._codes.append(code)

    def result(self) -> tuple[NDArray[np.int64] | NDArray[np.float32], tuple[str, ...]]:
        """Return the labels or targets (n_examples,) and the names of the classes or the column."""
        texts = list(self._code_of)
        codes = np.frombuffer(self._codes, dtype=np.int64)
        if all(map(_LABEL.fullmatch, texts)):
            labels = np.array([int(text) for text in texts], dtype=np.int64)
            return labels[codes], tuple(str(label) for label in range(labels.max() + 1))
        if self._are_numbers(texts):
            columns = self._layout.targets
            values = array("f")
            for line, text in zip(self._lines, texts, strict=True):
                values.extend(self._layout.numbers(line, columns, [text]))
            targets = np.frombuffer(values, dtype=np.float32)
            return targets[codes], self._layout.names_of(columns, "y")
        classes = sorted(texts)
        label_of = {text: label for label, text in enumerate(classes)}
        labels = np.array([label_of[text] for text in texts], dtype=np.int64)
        return labels[codes], tuple(classes)

    def _are_numbers(self, texts: list[str]) -> bool:
        """Tell numbers from text by the first row, and refuse what is of the other kind."""
        numeric = is_number(texts[0])
        expected = f"{'a number' if numeric else 'text'} as on line {self._lines[0]}"
        for line, text in zip(self._lines, texts, strict=True):
            if is_number(text) != numeric or not text:
                self._layout.fail(line, self._layout.targets[0], expected, text)
        return numeric
