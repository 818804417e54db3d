"""The process of one contender on one job: verify, then time, then print the seconds as JSON.

``python -m bench.worker JOB CONTENDER EXAMPLES.npz EXPECTED.npz``
"""

import gc
import json
import os
import sys
import time

import numpy as np

from .contenders import CONTENDERS, NetworkClass
from .jobs import JOBS, Job
from .problems import Examples
from .verification import MismatchError, check, outcome

_MIN_REPEATS = 3  # in each of the rounds
_MIN_SECONDS = 0.5


def main(job_name: str, contender_name: str, examples_path: str, expected_path: str) -> None:
    """Do one job with one contender."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    (job,) = (job for job in JOBS if job.name == job_name)
    (contender,) = (contender for contender in CONTENDERS if contender.name == contender_name)
    with np.load(examples_path) as arrays:
        examples = Examples(**arrays)
    with np.load(expected_path) as arrays:
        expected = dict(arrays)
    network_class = contender.load()
    # This run warms up, too.
    got = outcome(job, network_class, examples)
    check(got, expected, job.tolerance(len(examples.X)))
    json.dump(_time(job, network_class, examples), sys.stdout)


def _time(job: Job, network_class: NetworkClass, examples: Examples) -> list[float]:
    """Seconds of run after run, each on a network that starts like the one verified."""
    seconds: list[float] = []
    gc.collect()
    gc.disable()
    stop = time.perf_counter() + _MIN_SECONDS
    while len(seconds) < _MIN_REPEATS or time.perf_counter() < stop:
        run = job.prepare(network_class, examples)
        start = time.perf_counter()
        run.work()
        seconds.append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except MismatchError as error:
        sys.exit(str(error))
