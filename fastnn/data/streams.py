"""Blocks of examples of data that do not fit in memory, and a buffer that gathers them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from .inputs import Inputs, MatrixLike, concatenated
from .targets import Targets

Block: TypeAlias = tuple[Any, ...]
"""(X, y) or (X, y, sample_weight)."""

Examples: TypeAlias = tuple[Inputs, Targets]


class Blocks:
    """An iterable of blocks, (X, y) or (X, y, sample_weight), that is read once per epoch.

    Parameters
    ----------
    given : iterable of blocks
        The user's X.
    epochs : int
        How often the blocks are read.
    """

    def __init__(self, given: MatrixLike | Iterable[Block], epochs: int) -> None:
        if (
            hasattr(given, "shape")
            or not isinstance(given, Iterable)
            or isinstance(given, str | Mapping)
        ):
            hint = ": call it, and pass what it returns" if callable(given) else ""
            raise TypeError(
                "y must be given, unless X is an iterable of blocks (X, y), got a "
                f"{type(given).__name__} for X and None for y{hint}"
            )
        if epochs > 1 and iter(given) is given:
            raise ValueError(
                f"epochs must be 1 for an iterator, which can be gone through once, got {epochs}: "
                "pass what can be gone through again, such as a list or an object with __iter__"
            )
        self._given = given

    def examples(self, check: Callable[..., Examples]) -> Iterator[Examples]:
        """Yield the examples of each block, as ``check`` returns them."""
        for number, block in enumerate(self._given):
            if not isinstance(block, tuple | list) or len(block) not in (2, 3):
                raise TypeError(
                    "X must be an iterable of blocks (X, y) or (X, y, sample_weight) where y is "
                    f"None, got a {type(block).__name__} for block {number}"
                    f"{': pass X and y as two arguments' if isinstance(self._given, tuple) else ''}"
                )
            if np.ndim(block[0]) == 0 and not hasattr(block[0], "tocsr"):  # a row of numbers
                raise TypeError(
                    "y must be given, unless X is an iterable of blocks (X, y), got a "
                    f"{type(block[0]).__name__} for the X of block {number}"
                )
            if np.ndim(block[1]) and not len(block[1]):
                continue
            try:
                yield check(*block)
            except (TypeError, ValueError) as error:
                error.add_note(f"in block {number}")
                raise


def buffered(blocks: Iterable[Examples], buffer_size: int, batch_size: int) -> Iterator[Examples]:
    """Yield at least ``buffer_size`` examples at a time, in whole batches but for the last."""
    held: list[Examples] = []
    n_held = 0
    for block in blocks:
        held.append(block)
        n_held += len(block[0])
        if n_held >= max(buffer_size, batch_size):
            inputs, targets = _joined(held)
            n_whole = n_held // batch_size * batch_size
            yield inputs[:n_whole], targets[:n_whole]
            n_held -= n_whole
            held = [(inputs[n_whole:], targets[n_whole:])] if n_held else []
        if held:  # a copy: the iterable may write the next block into the same memory
            inputs, targets = held[-1]
            rows = np.arange(len(inputs))
            held[-1] = inputs.take(rows), targets[rows]
    if held:
        yield _joined(held)


def _joined(held: list[Examples]) -> Examples:
    if len(held) == 1:
        return held[0]
    inputs, targets = zip(*held, strict=True)
    return concatenated(inputs), Targets.concatenated(targets)
