"""The process of one package: ``python -m bench.drop_in.worker PACKAGE TASK``.

It works once for every line that it reads, and prints the seconds and what it came to.
"""

import json
import sys
import time

from .. import threads
from .tasks import TASKS


def main(package: str, number: str) -> None:
    """Work whenever asked."""
    threads.pin(1)
    work = TASKS[int(number)].start(package)
    for _ in sys.stdin:
        begin = time.perf_counter()
        result = work()
        seconds = time.perf_counter() - begin
        print(json.dumps([seconds, result.tolist()]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
