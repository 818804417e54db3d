"""The results as a bar chart."""

from pathlib import Path

from matplotlib.figure import Figure

from .contenders import FASTNN
from .report import Report

_BAR = 0.2  # inches


def draw(report: Report, path: Path) -> None:
    """Write a picture of how many times fastnn's time the others took."""
    opponents = [contender for contender in report.contenders if contender != FASTNN]
    jobs = [job for job in report.jobs if any(report.times_fastnn(job, o) for o in opponents)]
    height = _BAR * (len(jobs) * (len(opponents) + 1) + 6)
    figure = Figure(figsize=(9, height), layout="constrained")
    axes = figure.subplots()
    for place, opponent in enumerate(opponents):
        times = {
            number * (len(opponents) + 1) + place: times
            for number, job in enumerate(jobs)
            if (times := report.times_fastnn(job, opponent))
        }
        lengths = [t - 1 for t in times.values()]
        bars = axes.barh(list(times), lengths, 1, left=1, label=opponent.name)
        axes.bar_label(bars, [f"{t:.3g}" for t in times.values()], padding=2, fontsize=7)
    middle = (len(opponents) - 1) / 2
    axes.set_yticks(
        [number * (len(opponents) + 1) + middle for number in range(len(jobs))],
        [job.name for job in jobs],
    )
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.axvline(1, color="black")
    axes.set_xlabel("times fastnn's time (less than 1: faster than fastnn)")
    axes.legend()
    figure.savefig(path, dpi=150)
