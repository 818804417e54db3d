"""Find the order of the layers in a mapping whose own order has no meaning.

Files of safetensors, for example, list "10.weight" before "2.weight" and "hidden" before "input".
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cmp_to_key
from itertools import pairwise

_MAX_STEPS = 10_000  # of the search for chains; it takes few, unless many layers have one shape
_NUMBER = re.compile("([0-9]+)")

Shape = tuple[int, ...]
"""(fan_in, fan_out)."""


class _Unordered(Exception):
    """Raised for two names that do not determine which layer comes first."""


def ordered(shapes: Mapping[str, Shape], order: Sequence[str] | None) -> list[str]:
    """Return the names of the layers from input to output.

    Parameters
    ----------
    shapes : dict of str to tuple
        Shapes (fan_in, fan_out) by the names of the layers.
    order : sequence of str or None
        The order that the user gave.
    """
    if order is not None:
        return _given_order(order, list(shapes))
    by_number = _by_number(shapes)
    if by_number is not None and _is_chain(by_number, shapes):
        return by_number
    chain = _only_chain(shapes)
    if by_number is not None:
        if chain is None:  # the shapes will be rejected later
            return by_number
        # The numbers may be widths, as in "fc512".
        raise ValueError(
            "order must list the prefixes of the layers from input to output, where numbers in "
            f"them contradict the shapes of the layers, got None for {by_number}, the order of the "
            f"numbers: the shapes allow order={chain} only"
        )
    if chain is None:
        raise ValueError(
            "order must list the prefixes of the layers from input to output, where neither "
            "numbers in them nor the shapes of the layers tell it, got None for the prefixes "
            f"{list(shapes)}"
        )
    return chain


def _given_order(order: Sequence[str], names: list[str]) -> list[str]:
    expected = f"order must be a list of the prefixes {names} from input to output"
    if isinstance(order, str) or not isinstance(order, Sequence):
        raise TypeError(f"{expected}, got {order!r}")
    if Counter(order) != Counter(names):
        raise ValueError(f"{expected}, got {list(order)}")
    return list(order)


def _by_number(names: Iterable[str]) -> list[str] | None:
    """Return the names in the order of the numbers in them; None if they do not determine one."""
    try:
        return sorted(names, key=cmp_to_key(_compare))
    except _Unordered:
        return None


def _is_chain(names: Sequence[str], shapes: Mapping[str, Shape]) -> bool:
    """Return whether each layer has as many inputs as the previous one has outputs."""
    return all(shapes[a][1] == shapes[b][0] for a, b in pairwise(names))


def _compare(a: str, b: str) -> int:
    """Compare two names by the first number that differs, unless text before it differs."""
    parts = zip(_NUMBER.split(a), _NUMBER.split(b), strict=False)
    for index, (part_a, part_b) in enumerate(parts):
        if part_a != part_b:
            is_number = index % 2 == 1
            if is_number and int(part_a) != int(part_b):
                return int(part_a) - int(part_b)
            break
    raise _Unordered


def _only_chain(shapes: Mapping[str, Shape]) -> list[str] | None:
    """Return the order that makes the layers a chain; None unless there is exactly one."""
    starts = Counter(fan_in for fan_in, _ in shapes.values())
    starts.subtract(fan_out for _, fan_out in shapes.values())
    chain: list[str] | None = None
    # A chain begins at a width where no layer ends; if one did, the chain could begin anywhere.
    partial_chains = [[name] for name, (fan_in, _) in shapes.items() if starts[fan_in] == 1]
    for _ in range(_MAX_STEPS):
        if not partial_chains:
            return chain
        names = partial_chains.pop()
        if len(names) == len(shapes):
            if chain is not None:
                return None
            chain = names
        width = shapes[names[-1]][1]
        partial_chains += [
            [*names, name]
            for name, (fan_in, _) in shapes.items()
            if fan_in == width and name not in names
        ]
    return None
