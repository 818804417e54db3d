"""Runs jobs, each contender in processes of its own."""

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from .contenders import CONTENDERS, REFERENCE, Contender
from .jobs import Job
from .verification import outcome

THREADS = 1
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_ROUNDS = 3


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


def run(job: Job) -> list[Result]:
    """Verify and time all contenders on a job.

    Raises
    ------
    MissingDataError
        If the job's data were not found.
    WorkerError
        If a contender does not come to what the reference comes to.
    """
    examples = job.problem.load()
    expected = outcome(job, REFERENCE.load(), examples)
    seconds: dict[Contender, list[float]] = {contender: [] for contender in CONTENDERS}
    with TemporaryDirectory() as folder:
        files = (Path(folder) / "examples.npz", Path(folder) / "expected.npz")
        np.savez(files[0], allow_pickle=False, **examples._asdict())
        np.savez(files[1], allow_pickle=False, **expected)
        # In turns: what else the machine does comes and goes, and should hit all of them.
        for _ in range(_ROUNDS):
            for contender in CONTENDERS:
                seconds[contender] += _run_worker(job, contender, files)
    scale = 1e6 / job.count(len(examples.X))
    return [
        Result(job, contender, min(s) * scale, statistics.median(s) * scale, len(s))
        for contender, s in seconds.items()
    ]


def _run_worker(job: Job, contender: Contender, files: tuple[Path, Path]) -> list[float]:
    process = subprocess.run(
        [sys.executable, "-m", "bench.worker", job.name, contender.name, *map(str, files)],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(THREADS))},
        capture_output=True,
        text=True,
    )
    if process.returncode:
        raise WorkerError(f"{job.name}, {contender.name}: {process.stderr.strip()}")
    seconds: list[float] = json.loads(process.stdout)
    return seconds
