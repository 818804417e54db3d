"""The results as a bar chart."""

from pathlib import Path

from matplotlib.figure import Figure

from .contenders import FASTNN
from .report import Report

_THICKNESS = 0.2  # inches


def draw(report: Report, path: Path) -> None:
    """Write a picture of how many times fastnn's time the others took."""
    opponents = [contender for contender in report.contenders if contender != FASTNN]
    bars: dict[str, dict[int, float]] = {opponent.name: {} for opponent in opponents}
    names: dict[float, str] = {}
    place = 0
    for job in report.jobs:
        first = place
        for opponent in opponents:
            if times := report.times_fastnn(job, opponent):
                bars[opponent.name][place] = times
                place += 1
        if place > first:
            names[(first + place - 1) / 2] = job.name
            place += 1  # a gap

    figure = Figure(figsize=(10, _THICKNESS * (place + 5)), layout="constrained")
    axes = figure.subplots()
    for name, times_by_place in bars.items():
        lengths = [times - 1 for times in times_by_place.values()]
        drawn = axes.barh(list(times_by_place), lengths, 1, left=1, label=name)
        labels = [f"{times:.3g}" for times in times_by_place.values()]
        axes.bar_label(drawn, labels, padding=2, fontsize=7)
    axes.set_yticks(list(names), list(names.values()))
    axes.set_ylim(place - 0.5, -1)
    axes.set_xscale("log")
    axes.margins(x=0.1)
    axes.axvline(1, color="black")
    axes.set_xlabel("times fastnn's time (less than 1: faster than fastnn)")
    axes.legend()
    figure.savefig(path, format="png", dpi=150)
