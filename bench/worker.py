"""The process of one contender on one job: verify, then time as often as it is asked to.

``python -m bench.worker JOB CONTENDER EXAMPLES EXPECTED``, two pickles that the runner has written.
After verification it prints a line; for every line it reads it prints the seconds of some runs.
"""

import gc
import json
import pickle
import sys
import time
from pathlib import Path

from . import threads
from .catalog import JOBS
from .contenders import CONTENDERS
from .nearest import nearest
from .peers import Run
from .verification import MismatchError, check

_MIN_SECONDS = 0.3


def main(job_name: str, contender_name: str, examples_path: str, expected_path: str) -> None:
    """Do one job with one contender."""
    (asked,) = (job for job in JOBS if job.name == job_name)
    (contender,) = (contender for contender in CONTENDERS if contender.name == contender_name)
    threads.pin(asked.threads)
    job = nearest(asked, contender).job
    examples, expected = (
        pickle.loads(Path(path).read_bytes()) for path in (examples_path, expected_path)
    )
    run = job.prepare(contender.load(), examples)
    run.work()  # warms up, and compiles what is compiled just in time
    check(run.outcome(), expected, job.tolerance(examples))
    gc.collect()
    gc.disable()
    print("verified", flush=True)
    for _ in sys.stdin:
        print(json.dumps(_time(run)), flush=True)


def _time(run: Run) -> list[float]:
    """Seconds of run after run, each on a network that starts like the one verified."""
    seconds: list[float] = []
    stop = time.perf_counter() + _MIN_SECONDS
    while not seconds or time.perf_counter() < stop:
        run.reset()
        start = time.perf_counter()
        run.work()
        seconds.append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except MismatchError as error:
        sys.exit(str(error))
