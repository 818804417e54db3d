"""``python -m bench``: verify, time, print a table."""

import argparse
import sys
from pathlib import Path

from . import report
from .jobs import JOBS
from .machine import Machine
from .problems import MissingDataError, Problem
from .runner import Result, WorkerError, run


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", metavar="SUBSTRING", default="", help="jobs with it in the name")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the results there as well")
    arguments = parser.parse_args()
    jobs = [job for job in JOBS if arguments.only.lower() in job.name.lower()]
    if not jobs:
        names = "\n  ".join(job.name for job in JOBS)
        parser.error(f"no job has {arguments.only!r} in its name; there are:\n  {names}")
    results: list[Result] = []
    left_out: set[Problem] = set()
    for number, job in enumerate(jobs, start=1):
        if job.problem in left_out:
            continue
        print(f"{number}/{len(jobs)}  {job.name}", file=sys.stderr)
        try:
            results += run(job)
        except MissingDataError as error:
            left_out.add(job.problem)
            print(f"Left out, all jobs on {job.problem.name}: {error}", file=sys.stderr)
        except WorkerError as error:
            sys.exit(str(error))
    if not results:
        sys.exit("No job was run.")
    machine = Machine.this()
    print(report.as_markdown(machine, results))
    if arguments.json:
        arguments.json.write_text(report.as_json(machine, results), encoding="utf-8")


if __name__ == "__main__":
    main()
