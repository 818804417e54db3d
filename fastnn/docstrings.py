"""Lists in docstrings that follow from the tables of functions and optimizers."""

import re
import textwrap
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T", bound=Callable[..., Any])

_WIDTH = 100


def listed(entries: Iterable[Any]) -> str:
    """Return the names of entries of a table, each with its class if the class is for it alone.

    Parameters
    ----------
    entries : iterable of Activation or of subclasses of Optimizer
    """
    kinds = [(e.name, e if isinstance(e, type) else type(e)) for e in entries]
    texts = [
        f'"{name}"' if kind.__name__.startswith("Builtin") else f'"{name}" (`{kind.__name__}`)'
        for name, kind in kinds
    ]
    return f"{', '.join(texts[:-1])} and {texts[-1]}."


def with_lists(**lists: str) -> Callable[[T], T]:
    """Replace each line ``{name}`` of a docstring by the list of that name; a decorator.

    Parameters
    ----------
    **lists : str
        Each line of a list becomes a paragraph, or an item if it begins with a hyphen.
    """

    def filled(placeholder: re.Match[str]) -> str:
        indent = placeholder[1]
        return "\n".join(
            textwrap.fill(
                line,
                _WIDTH,
                initial_indent=indent,
                subsequent_indent=indent + "  " * line.startswith("-"),
            )
            for line in lists[placeholder[2]].split("\n")
        )

    def decorate(documented: T) -> T:
        if documented.__doc__:  # not with python -OO
            documented.__doc__ = re.sub(r"(?m)^( *)\{(\w+)\}$", filled, documented.__doc__)
        return documented

    return decorate
