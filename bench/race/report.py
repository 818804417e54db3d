"""The race as a table in Markdown."""

import statistics
from collections.abc import Mapping, Sequence

from ..contenders import FASTNN
from ..machine import Machine
from ..markdown import digits, table
from .entries import Entry
from .racers import Finish

TARGET = 0.98


def as_markdown(
    machine: Machine,
    missing: Mapping[str, str],
    finishes: Mapping[Entry, Sequence[Finish]],
    n_seeds: int,
) -> str:
    """Who needed how long, and whether that meets the goals."""
    head = [
        "contender",
        "setting",
        "threads",
        "epochs",
        "seconds",
        "median test accuracy",
        "of each seed",
        f"reaches {TARGET:.1%}",
        "times fastnn's time",
        "goal",
        "met",
    ]
    own = next((_seconds(f) for entry, f in finishes.items() if entry.contender == FASTNN), None)
    rows = [_row(entry, of_entry, own) for entry, of_entry in finishes.items()]
    notes = [
        f"{entry.contender.name}: fewer seeds, as one takes so long."
        for entry, of_entry in finishes.items()
        if len(of_entry) < n_seeds
    ]
    return "\n".join(
        [
            f"{machine}.",
            "Seconds of training: minimum (median) of all seeds.",
            "",
            *table(head, rows, n_text=2),
            "",
            *notes,
            *(f"Missing: {name}: {why}" for name, why in missing.items()),
        ]
    ).rstrip()


def is_met(entry: Entry, finishes: Sequence[Finish], own_seconds: float) -> bool:
    """Whether fastnn's time, and its accuracy or the other's, are as good as wanted."""
    if entry.contender == FASTNN:
        return _accuracy(finishes) >= TARGET
    return _seconds(finishes) >= entry.at_least * own_seconds


def _row(entry: Entry, finishes: Sequence[Finish], own_seconds: float | None) -> list[str]:
    times = _seconds(finishes) / own_seconds if own_seconds else None
    median = statistics.median(finish.seconds for finish in finishes)
    return [
        entry.contender.name,
        entry.setting,
        str(entry.threads),
        str(entry.epochs),
        f"{digits(_seconds(finishes))} ({digits(median)})",
        f"{_accuracy(finishes):.2%}",
        " ".join(f"{100 * finish.accuracy:.2f}" for finish in finishes),
        "yes" if _accuracy(finishes) >= TARGET else "NO",
        digits(times) if times else "-",
        f"≥ {entry.at_least:g}" if entry.at_least else "-",
        "-" if not own_seconds else "yes" if is_met(entry, finishes, own_seconds) else "NO",
    ]


def _seconds(finishes: Sequence[Finish]) -> float:
    return min(finish.seconds for finish in finishes)


def _accuracy(finishes: Sequence[Finish]) -> float:
    return statistics.median(finish.accuracy for finish in finishes)
