"""``python -m bench``: verify, time, print tables."""

import argparse
import sys
from pathlib import Path

from . import report
from .catalog import JOBS
from .contenders import CONTENDERS
from .machine import Machine
from .problems import MissingDataError
from .report import Report
from .runner import Result, run


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", metavar="SUBSTRING", default="", help="jobs with it in the name")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the results there as well")
    parser.add_argument("--chart", metavar="FILE", type=Path, help="draw the ratios there (PNG)")
    arguments = parser.parse_args()
    jobs = [job for job in JOBS if arguments.only.lower() in job.name.lower()]
    if not jobs:
        names = "\n  ".join(job.name for job in JOBS)
        parser.error(f"no job has {arguments.only!r} in its name; there are:\n  {names}")

    missing = {c.name: lack for c in CONTENDERS if (lack := c.missing())}
    failures: list[str] = []
    results: list[Result] = []
    for number, job in enumerate(jobs, start=1):
        print(f"{number}/{len(jobs)}  {job.name}", file=sys.stderr)
        try:
            of_job = run(job, [c for c in job.contenders if c.name not in missing])
        except MissingDataError as error:
            missing[job.name] = str(error)
            continue
        results += of_job.results
        failures += map(str, of_job.failures)

    machine = Machine.this(c for c in CONTENDERS if c.name not in missing)
    whole = Report(machine, missing, failures, results)
    print(report.as_markdown(whole))
    if arguments.json:
        arguments.json.write_text(report.as_json(whole), encoding="utf-8")
    if arguments.chart:
        from . import chart  # matplotlib is there for those who want it

        chart.draw(whole, arguments.chart)
    if failures:
        sys.exit(1)


if __name__ == "__main__":
    main()
