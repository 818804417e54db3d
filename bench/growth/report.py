"""Costs as tables in Markdown and as a chart."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from ..markdown import digits, table
from .costs import CLIFF, TASKS, Cliff, Cost, Rates, cliffs, curves
from .points import SWEEPS

REASONS = (
    "Per example, wide: all weights are read and written for each example. From 1,024 on (4 MB) "
    "they outgrow the cache of a core; then, with what else is there, that of all cores: in part "
    "at 2,048 (16 MB), wholly at 4,096 (64 MB). Memory has a fraction of the bandwidth.",
    "Prediction, from one row to two: one row alone goes to its kernel by a short way, without the "
    "general checks of an array; the rest of a call costs the same for any number of rows.",
    "Few rows, narrow layers, few inputs that are not 0: more weights share what a call, or an "
    "example, costs by itself, and vectors are filled.",
    "Density of a half and more in batches and predictions: zeros are multiplied like other inputs "
    "there, so that the cost per example is the same, and per non-zero falls.",
)
"""Of the cliffs that are known, on a machine with 1 MB of cache per core and 32 MB for all."""


def as_markdown(rates: Rates, costs: Sequence[Cost]) -> str:
    """The machine's rates, all costs, and where they jump."""
    head = ["task", "swept", "at", "µs per example", "floor", "times the floor", "ps per weight"]
    rows = [
        [
            cost.task.name,
            cost.sweep,
            f"{cost.at:,}",
            digits(cost.seconds * 1e6),
            digits(cost.floor * 1e6),
            digits(cost.seconds / cost.floor),
            digits(cost.per_weight * 1e12),
        ]
        for curve in curves(costs).values()
        for cost in curve
    ]
    found = cliffs(costs)
    return "\n".join(
        [
            f"Floors: {rates.bandwidth / 1e9:.0f} GB/s read and written in the cache, "
            f"{rates.flop / 1e9:.0f} GFLOP/s in matrix products.",
            "",
            *table(head, rows, n_text=2),
            "",
            f"Cliffs, where the cost per weight rises {CLIFF} times or more:",
            *_lines(cliff for cliff in found if cliff.times > 1),
            "",
            "Where it falls as much:",
            *_lines(cliff for cliff in found if cliff.times < 1),
            "",
            "The reasons:",
            *(f"- {reason}" for reason in REASONS),
        ]
    )


def draw(costs: Sequence[Cost], path: Path) -> None:
    """Write a picture: a column for each sweep, a row for each task."""
    figure = Figure(figsize=(4 * len(SWEEPS), 3 * len(TASKS)), layout="constrained")
    grid = figure.subplots(len(TASKS), len(SWEEPS), squeeze=False)
    for row, task in zip(grid, TASKS, strict=True):
        for axes, sweep in zip(row, SWEEPS, strict=True):
            curve = curves(costs)[task, sweep]
            at = [cost.at for cost in curve]
            axes.loglog(at, [cost.seconds * 1e6 for cost in curve], "o-", label="fastnn")
            axes.loglog(at, [cost.floor * 1e6 for cost in curve], "--", label="floor")
            axes.set_xlabel(sweep)
        row[0].set_ylabel(f"{task.name}\nµs per example")
    grid[0, 0].legend()
    figure.savefig(path, format="png", dpi=120)


def _lines(found: Iterable[Cliff]) -> list[str]:
    lines = [
        f"- {after.task.name}, {after.sweep} {before.at:,} to {after.at:,}: {digits(times)} times"
        for before, after, times in found
    ]
    return lines or ["- none"]
