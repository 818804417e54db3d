"""The command ``fastnn`` as tests run it, and how it ends."""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fastnn.common.arrays import Array


class Run(NamedTuple):
    """How the command ended."""

    status: int
    out: str
    err: str

    def table(self) -> tuple[list[str], Array]:
        """Names of the confusion table's columns, and its counts; its rows have the same names."""
        lines = self.out.splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("true\\predicted"))
        names = lines[start].split()[1:]
        rows = [line.split() for line in lines[start + 1 :]]
        assert [row[0] for row in rows] == names
        return names, np.array([row[1:] for row in rows], dtype=int)

    def number(self, pattern: str) -> float:
        """The number that the output has at the group of the pattern, which it has once."""
        found = re.findall(pattern, self.out)
        assert len(found) == 1, f"{pattern} in {self.out}"
        return float(found[0].replace(",", ""))


Command = Callable[[str], Run]


def succeeded(run: Run) -> Run:
    """Nothing but the report: no progress bar, no warning."""
    assert run.err == ""
    assert run.status == 0
    return run


def failed(run: Run, *words: str) -> None:
    """One line on stderr that says all the words in this order, and status 1."""
    assert run.status == 1, run
    expected = r"fastnn: error: .*" + ".*".join(map(re.escape, words)) + r".*\n"
    assert re.fullmatch(expected, run.err), run.err


def misused(run: Run, *words: str) -> None:
    """The usage, the words and status 2; and nothing done."""
    assert run.status == 2, run
    assert run.out == ""
    assert run.err.startswith("usage: fastnn")
    assert re.search("error: .*" + ".*".join(map(re.escape, words)), run.err), run.err
