"""The results as tables in Markdown, and as JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from .bars import standings
from .contenders import CONTENDERS, FASTNN, Contender
from .jobs import Bar, Job
from .machine import Machine
from .markdown import digits, table
from .nearest import nearest
from .runner import Result


@dataclass(frozen=True)
class Report:
    """All there is to say after a run."""

    machine: Machine
    missing: Mapping[str, str]  # contender: what it lacks
    failures: Sequence[str]
    results: Sequence[Result]

    @property
    def jobs(self) -> list[Job]:
        """Those with results."""
        return list(dict.fromkeys(result.job for result in self.results))

    @property
    def contenders(self) -> list[Contender]:
        """Those with results, in the order of their table."""
        ran = {result.contender for result in self.results}
        return [contender for contender in CONTENDERS if contender in ran]

    def result(self, job: Job, contender: Contender) -> Result | None:
        """If there is one."""
        results = (r for r in self.results if (r.job, r.contender) == (job, contender))
        return next(results, None)

    def times_fastnn(self, job: Job, contender: Contender) -> float | None:
        """How many times fastnn's time it took."""
        one, fastnn = self.result(job, contender), self.result(job, FASTNN)
        return one.minimum / fastnn.minimum if one and fastnn else None


def as_markdown(report: Report) -> str:
    """What it ran on, what the jobs are about, times, ratios, goals, and what is missing."""
    sections = [_header(report), _times(report), _ratios(report), _bars(report)]
    missing = [f"{name}: {why}" for name, why in report.missing.items()]
    if missing:
        sections.append(["Missing:", *(f"- {line}" for line in missing)])
    if report.failures:
        sections.append(["Failed:", *(f"- {line}" for line in report.failures)])
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def as_json(report: Report) -> str:
    """The same with all digits."""
    document = {
        "machine": asdict(report.machine),
        "missing": report.missing,
        "failures": report.failures,
        "results": [
            {
                "job": result.job.name,
                "contender": result.contender.name,
                "note": nearest(result.job, result.contender).note,
                "microseconds_per": result.job.per,
                "minimum": result.minimum,
                "median": result.median,
                "repeats": result.repeats,
            }
            for result in report.results
        ],
        "bars": [
            {
                "job": standing.job.name,
                "against": _opponents(standing.bar),
                "bar": _goal(standing.bar),
                "measured": standing.measured,
                "met": standing.is_met,
            }
            for standing in standings(report.results)
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _header(report: Report) -> list[str]:
    problems = dict.fromkeys(f"{job.problem}: {job.problem.data}" for job in report.jobs)
    return [
        f"{report.machine}.",
        "One thread, plain SGD where nothing else is said; squared error, float32; all layers "
        "sigmoid, or hidden layers ReLU and outputs identity.",
        *(f"{problem}." for problem in problems),
    ]


def _times(report: Report) -> list[str]:
    if not report.results:
        return []
    notes: list[str] = []

    def cell(job: Job, contender: Contender) -> str:
        result = report.result(job, contender)
        if not result:
            return "-"
        note = nearest(job, contender).note
        if note and note not in notes:
            notes.append(note)
        mark = f" [{notes.index(note) + 1}]" if note else ""
        return f"{digits(result.minimum)} ({digits(result.median)}){mark}"

    head = ["job", "µs per", *(contender.name for contender in report.contenders)]
    rows = [
        [job.name, job.per, *(cell(job, contender) for contender in report.contenders)]
        for job in report.jobs
    ]
    return [
        "Microseconds: minimum (median) of all repeats.",
        "",
        *table(head, rows, n_text=2),
        *([""] if notes else []),
        *(f"[{number}] {note}." for number, note in enumerate(notes, start=1)),
    ]


def _ratios(report: Report) -> list[str]:
    opponents = [contender for contender in report.contenders if contender != FASTNN]

    def cell(job: Job, contender: Contender) -> str:
        times = report.times_fastnn(job, contender)
        return f"1 : {digits(times)}" if times else "-"

    head = ["fastnn : contender", *(contender.name for contender in opponents)]
    rows = [
        [job.name, *(cell(job, contender) for contender in opponents)]
        for job in report.jobs
        if any(report.times_fastnn(job, contender) for contender in opponents)
    ]
    return table(head, rows, n_text=1) if rows else []


def _bars(report: Report) -> list[str]:
    met = {True: "yes", False: "NO", None: "-"}
    head = ["goal: times fastnn's time", "against", "goal", "measured", "met"]
    rows = [
        [
            standing.job.name,
            _opponents(standing.bar),
            _goal(standing.bar),
            digits(standing.measured) if standing.measured else "-",
            met[standing.is_met],
        ]
        for standing in standings(report.results)
    ]
    return table(head, rows, n_text=2) if rows else []


def _opponents(bar: Bar) -> str:
    names = " or ".join(opponent.name for opponent in bar.opponents)
    return f"{names} on {bar.on.name}" if bar.on else names


def _goal(bar: Bar) -> str:
    return f"≤ {bar.at_most:g}" if math.isfinite(bar.at_most) else f"≥ {bar.at_least:g}"
