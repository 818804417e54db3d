"""The results as a table in Markdown, and as JSON."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import groupby

from .contenders import CONTENDERS, FASTNN
from .machine import Machine
from .problems import Problem
from .runner import Result


def as_markdown(machine: Machine, results: Sequence[Result]) -> str:
    """What it ran on, what the jobs are about, and a table with a row per job."""
    problems = dict.fromkeys(result.job.problem for result in results)
    return "\n".join([*_header(machine, problems), "", *_table(results)])


def as_json(machine: Machine, results: Sequence[Result]) -> str:
    """The same with all digits."""
    rows = [
        {
            "job": result.job.name,
            "contender": result.contender.name,
            "microseconds_per": result.job.per,
            "minimum": result.minimum,
            "median": result.median,
            "repeats": result.repeats,
        }
        for result in results
    ]
    return json.dumps({"machine": asdict(machine), "results": rows}, indent=2) + "\n"


def _header(machine: Machine, problems: Iterable[Problem]) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return [
        f"{machine.cpu}, {machine.cores} cores, threads: {machine.threads}; "
        f"kernels: {machine.isa}; {versions}; {machine.date}.",
        f"Sigmoid, squared error, float32. {'; '.join(f'{p}: {p.data}' for p in problems)}.",
        "Microseconds: minimum (median) of all repeats.",
    ]


def _table(results: Sequence[Result]) -> list[str]:
    opponents = [contender for contender in CONTENDERS if contender != FASTNN]
    head = [
        "job",
        "µs per",
        *(contender.name for contender in CONTENDERS),
        *(f"{FASTNN.name} : {opponent.name}" for opponent in opponents),
    ]
    rows = [head]
    for job, results_of_job in groupby(results, key=lambda result: result.job):
        by_contender = {result.contender: result for result in results_of_job}
        times = [by_contender[contender] for contender in CONTENDERS]
        fastest = by_contender[FASTNN].minimum
        rows.append(
            [
                job.name,
                job.per,
                *(f"{_digits(time.minimum)} ({_digits(time.median)})" for time in times),
                *(f"1 : {_digits(by_contender[o].minimum / fastest)}" for o in opponents),
            ]
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * width if i < 2 else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    rows.insert(1, rule)
    return [
        "| "
        + " | ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in rows
    ]


def _digits(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.{max(0, 2 - math.floor(math.log10(value)))}f}"
