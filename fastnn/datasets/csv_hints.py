"""Guess the cause of unexpected content in a CSV file."""

import re
from collections.abc import Sequence

WHITESPACE = "whitespace"
"""The delimiter that stands for runs of blanks and tabs."""

_MISSING = {"", "?", "-", ".", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "missing"}
_NO_LABELS = _MISSING & {"?", "na", "n/a", "#n/a", "null"}
_COMMAS = re.compile(r"[+-]?[\d.]*(,\d+)+(\.\d+)?")
_PAIR = re.compile(r"\d+:\S+")
_DELIMITERS = ";\t|,"


def is_missing(field: str) -> bool:
    """Return whether a field stands for a missing value."""
    return field.strip().casefold() in _MISSING


def is_no_label(text: str) -> bool:
    """Return whether a text stands for a missing value rather than a class."""
    return text.casefold() in _NO_LABELS


def of_field(field: str, delimiter: str, is_last: bool) -> str:
    """Guess, in parentheses, what a field of the wrong kind is."""
    field = field.strip()
    if not field and delimiter in "\t ":
        return (
            " (a missing value: fill it in, or leave its row out; if runs of blanks separate the "
            f"fields: delimiter={WHITESPACE!r})"
        )
    if not field and is_last:
        return " (a missing value, or does the line end in a delimiter?)"
    if field.casefold() in ("true", "false"):
        return " (write 1 for true, and 0 for false)"
    if is_missing(field):
        return " (a missing value: fill it in, or leave its row out)"
    if _COMMAS.fullmatch(field):
        return " (a decimal comma? Numbers have a point, and no other mark)"
    if _PAIR.fullmatch(field):
        return " (libsvm's format? It is not read)"
    return of_delimiter([field], delimiter)


def of_delimiter(fields: Sequence[str], delimiter: str) -> str:
    """Guess, in parentheses, the true delimiter of a line that has these fields."""
    text = "".join(fields).strip()
    if text.startswith(("#", "%", "@")) or text.casefold().startswith("sep="):
        return " (a comment? Leave it out)"
    found = max(_DELIMITERS.replace(delimiter, ""), key=text.count)
    if not text.count(found):
        if len(text.split()) == 1 or delimiter == WHITESPACE:
            return ""
        found = WHITESPACE
    return f" (delimiter={found!r}, as it seems)"
