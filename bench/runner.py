"""Runs jobs, each contender in a process of its own."""

import json
import pickle
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import NamedTuple

from . import threads
from .contenders import NUMPY, Contender
from .jobs import Job
from .nearest import nearest
from .verification import expectation

_ROUNDS = 7


class WorkerError(Exception):
    """A contender failed, or computed something else than the reference."""


@dataclass(frozen=True)
class Result:
    """Microseconds that one contender needed on one job, per what the job counts."""

    job: Job
    contender: Contender
    minimum: float
    median: float
    repeats: int


class Results(NamedTuple):
    """Of one job, and why there is none for some contenders."""

    results: list[Result]
    failures: list[WorkerError]


def run(job: Job, contenders: Sequence[Contender]) -> Results:
    """Verify and time contenders on a job.

    Raises
    ------
    MissingDataError
        If the job's data were not found.
    WorkerError
        If a contender fails after all while it is timed.
    """
    examples = job.load()

    @cache
    def pickled_expectation(job: Job) -> bytes:
        return pickle.dumps(expectation(job, NUMPY.load(), examples))

    seconds: dict[Contender, list[float]] = {}
    failures: list[WorkerError] = []
    with TemporaryDirectory() as folder, ExitStack() as stack:
        files = Path(folder) / "examples", Path(folder) / "expected"
        files[0].write_bytes(pickle.dumps(examples))
        timers: dict[Contender, Callable[[], list[float]]] = {}
        for contender in contenders:
            files[1].write_bytes(pickled_expectation(nearest(job, contender).job))
            try:
                timers[contender] = stack.enter_context(_worker(job, contender, files))
            except WorkerError as error:
                failures.append(error)
        # In turns: what else the machine does comes and goes, and should hit all of them.
        for _ in range(_ROUNDS):
            for contender, time in timers.items():
                seconds.setdefault(contender, []).extend(time())
    scale = 1e6 / job.count(examples.n_examples)
    results = [
        Result(job, contender, min(s) * scale, statistics.median(s) * scale, len(s))
        for contender, s in seconds.items()
    ]
    return Results(results, failures)


@contextmanager
def _worker(
    job: Job, contender: Contender, files: tuple[Path, Path]
) -> Iterator[Callable[[], list[float]]]:
    """A process that has verified its work, and yields seconds of some runs whenever asked."""
    environment = threads.environment(job.threads)
    if contender.isa:
        environment["FASTNN_ISA"] = contender.isa
    with (
        TemporaryFile("w+") as errors,  # a pipe that nobody reads would fill up
        subprocess.Popen(
            [sys.executable, "-m", "bench.worker", job.name, contender.name, *map(str, files)],
            cwd=Path(__file__).parent.parent,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdin
        assert process.stdout
        ask, answers = process.stdin, process.stdout

        def answer() -> str:
            line = answers.readline()
            if not line:
                errors.seek(0)
                reason = errors.read().strip().rpartition("\n")[-1]
                raise WorkerError(f"{job.name}, {contender.name}: {reason}")
            return line

        def time() -> list[float]:
            print(file=ask, flush=True)
            seconds: list[float] = json.loads(answer())
            return seconds

        answer()
        yield time
