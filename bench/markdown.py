"""Tables in Markdown."""

import math
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], body: Iterable[Sequence[str]], n_text: int) -> list[str]:
    """Lines of a table; so many columns of text come first, then columns of numbers."""
    rows = [head, *body]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * w if i < n_text else "-" * (w - 1) + ":" for i, w in enumerate(widths)])
    return [
        "| "
        + " | ".join(
            cell.ljust(width) if i < n_text else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in rows
    ]


def digits(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.{max(0, 2 - math.floor(math.log10(value)))}f}"
