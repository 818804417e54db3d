"""``python -m bench.drop_in``."""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .. import threads
from ..contenders import FASTNN, SCIKIT_LEARN
from ..machine import Machine
from ..markdown import digits, table
from ..problems import MissingDataError, mnist
from . import __doc__ as description
from .tasks import TASKS, Task

PACKAGES = ("sklearn.neural_network", "fastnn.sklearn")
_ROUNDS = 5
_LONG = 5  # seconds: who takes longer works less often
_TOLERANCE = 1e-2  # in float32, rounding may push a ReLU across its kink, and grows from there


class Times(NamedTuple):
    """Seconds of scikit-learn and fastnn, at the least."""

    theirs: float
    ours: float


class DifferentError(Exception):
    """The two did not come to the same."""


def main() -> None:
    """Work, print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.drop_in",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", default="", help="tasks with this in their name or data")
    only = parser.parse_args().only
    try:
        mnist()
    except MissingDataError as error:
        parser.error(str(error))
    if lack := SCIKIT_LEARN.missing():
        parser.error(lack)
    tasks = [task for task in TASKS if only in f"{task.name}, {task.data}"]
    if not tasks:
        parser.error("argument --only: expected a part of the name or the data of a task")
    times = {}
    for task in tasks:
        print(f"{task.name}, {task.data}", file=sys.stderr)
        times[task] = measure(task)
    print(f"{Machine.this((FASTNN, SCIKIT_LEARN))}.\n")
    print("\n".join(as_markdown(times)))


def measure(task: Task) -> Times:
    """Let both do it in turns.

    Raises
    ------
    DifferentError
        If they do not come to the same.
    """
    workers = [_worker(package, task) for package in PACKAGES]
    seconds: list[list[float]] = [[] for _ in workers]
    try:
        for number in range(_ROUNDS):
            results = []
            for worker, of_worker in zip(workers, seconds, strict=True):
                if number and of_worker[-1] > _LONG:
                    continue
                taken, result = _ask(worker)
                of_worker.append(taken)
                results.append(result)
            if len(results) == 2 and not np.allclose(results[0], results[1], rtol=_TOLERANCE):
                raise DifferentError(f"{task.name}, {task.data}: {results}")
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    return Times(*map(min, seconds))


def _worker(package: str, task: Task) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "bench.drop_in.worker", package, str(TASKS.index(task))],
        cwd=Path(__file__).parent.parent.parent,
        env=threads.environment(1),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _ask(worker: "subprocess.Popen[str]") -> tuple[float, list[float]]:
    assert worker.stdin
    assert worker.stdout
    print(file=worker.stdin, flush=True)
    seconds, result = json.loads(worker.stdout.readline())
    return seconds, result


def as_markdown(times: Mapping[Task, Times]) -> Iterable[str]:
    """A table of who needed how long, and whether that meets the goals."""
    head = ["task", "data", "scikit-learn, ms", "fastnn, ms", "ratio", "goal", "met"]
    rows = []
    for task, (theirs, ours) in times.items():
        ratio = theirs / ours
        goal, met = "-", "-"
        if task.at_least:
            goal, met = f"≥ {task.at_least:g}", "yes" if ratio >= task.at_least else "NO"
        milliseconds = [digits(1e3 * seconds) for seconds in (theirs, ours)]
        rows.append([task.name, task.data, *milliseconds, digits(ratio), goal, met])
    return table(head, rows, n_text=2)


if __name__ == "__main__":
    main()
