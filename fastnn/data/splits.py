"""The examples that are not trained on, but tell how good the network is."""

import base64
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..argument_checks import count, number_between
from ..arrays import Array
from ..warning import warn
from .targets import Targets

_MOST_EXAMPLES = 2**53  # integers up to there are the same in JSON readers of all kinds


@dataclass(frozen=True)
class Split:
    """The rows of some data that were not trained on, which training goes on to hold out.

    Attributes
    ----------
    n_examples : int
        Rows of the data.
    checksum : int
        CRC-32 of their labels or, where they have none, of their targets. Data of so many rows with
        these labels or targets are the same data.
    bits : bytes
        A bit for each row, 1 if it is held out; empty if no row is.
    """

    n_examples: int
    checksum: int
    bits: bytes

    @classmethod
    def of(cls, n_examples: int, checksum: int, held_out: Array) -> "Split":
        """Return the split of these data that holds out these rows."""
        bits = b""
        if len(held_out):
            is_held_out = np.zeros(n_examples, bool)
            is_held_out[held_out] = True
            bits = np.packbits(is_held_out).tobytes()
        return cls(n_examples, checksum, bits)

    def rows(self) -> tuple[Array, Array]:
        """Return the rows to train on and those that are held out, both ascending."""
        is_held_out = np.zeros(self.n_examples, bool)
        if self.bits:
            bits = np.frombuffer(self.bits, np.uint8)
            is_held_out = np.unpackbits(bits, count=self.n_examples).astype(bool)
        return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)

    def record(self) -> dict[str, Any]:
        """Return plain values for JSON, from which `from_record` makes an equal split."""
        return {**vars(self), "bits": base64.b64encode(self.bits).decode()}

    @classmethod
    def from_record(cls, n_examples: Any, checksum: Any, bits: Any) -> "Split":
        """Check and return a split.

        Raises
        ------
        TypeError, ValueError
            If the arguments are not what `record` returns.
        """
        number_between(count(n_examples, "n_examples", minimum=1), "n_examples", 1, _MOST_EXAMPLES)
        number_between(count(checksum, "checksum", minimum=0), "checksum", 0, 2**32)
        split = cls(n_examples, checksum, base64.b64decode(bits, validate=True))
        if split.bits:
            is_set = np.unpackbits(np.frombuffer(split.bits, np.uint8)).astype(bool)
            is_held_out, spare = is_set[:n_examples], is_set[n_examples:]
            if (
                len(split.bits) != -(-n_examples // 8)
                or is_held_out.all()
                or not is_held_out.any()
                or spare.any()
            ):
                raise ValueError(f"expected a bit for each of {n_examples} rows, got {bits}")
        return split


def next_split(
    before: Split | None,
    targets: Targets,
    fraction: float | None,
    labels: Array | None,
    generator: "np.random.Generator",
    fewest: int = 1,
) -> Split:
    """Return the split of a call of ``train``.

    Rows that were held out of the same data before stay held out, as many as the fraction takes.
    Without a fraction, all rows are trained on, and none of them is left to hold out.

    Parameters
    ----------
    before : Split or None
        That of the calls before.
    labels : ndarray of intp or None
        Those of the examples, be they given or told by targets of two levels.
    fewest : int, default 1
        Fewer rows to hold out are refused.
    """
    data = len(targets), _checksum(targets if labels is None else labels)
    if before is not None and (before.n_examples, before.checksum) != data:
        if fraction is None and before.bits:
            return before  # training may go back to those data
        before = None
    if fraction is None:
        return Split.of(*data, np.arange(0))
    if _n_held_out(data[0], fraction) < fewest:
        raise ValueError(
            f"validation_fraction must hold out {fewest} examples or more for R², the score of "
            f"targets that are not classes, got {fraction} of {data[0]}"
        )
    held_before = None if before is None else before.rows()[1]
    if held_before is not None:
        _warn_of_learnt(_n_held_out(data[0], fraction), len(held_before))
    return Split.of(*data, split(data[0], fraction, labels, generator, held_before)[1])


def _warn_of_learnt(n_held_out: int, n_held_before: int) -> None:
    if n_held_out > n_held_before:
        warn(
            "validation_fraction must be given from the first call on, and not grow: "
            f"{n_held_out - n_held_before} of the {n_held_out} examples to hold out now have been "
            "trained on in earlier calls with the same data, and the validation will look better "
            "than it is; pass validation_data of other examples, or begin with a new network"
        )


def split(
    n_examples: int,
    fraction: float,
    labels: Array | None,
    generator: "np.random.Generator",
    held_before: Array | None = None,
) -> tuple[Array, Array]:
    """Return the rows to train on and the rows to hold out, both ascending.

    If the examples have labels, each label has its share of both, to within one example. Rows that
    were held out before are held out first, and what is drawn besides them is so by itself.
    """
    n_held_out = _n_held_out(n_examples, fraction)
    is_held_out = np.zeros(n_examples, bool)
    candidates = np.arange(n_examples)
    if held_before is not None and n_held_out <= len(held_before):
        candidates = held_before
    elif held_before is not None:
        is_held_out[held_before] = True
        candidates = np.flatnonzero(~is_held_out)
    n_drawn = n_held_out - int(np.count_nonzero(is_held_out))
    is_held_out[_drawn(candidates, n_drawn, labels, generator)] = True
    return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)


def _n_held_out(n_examples: int, fraction: float) -> int:
    n_held_out = round(fraction * n_examples)
    if not 0 < n_held_out < n_examples:
        raise ValueError(
            "validation_fraction must leave an example at least on both sides, got "
            f"{fraction} of {n_examples}"
        )
    return n_held_out


def _drawn(
    rows: Array, n_drawn: int, labels: Array | None, generator: "np.random.Generator"
) -> Array:
    """Return so many of the rows, of each label in proportion."""
    if n_drawn == len(rows):
        return rows
    drawn = rows[generator.permutation(len(rows))]
    if labels is None:
        return drawn[:n_drawn]
    drawn = drawn[np.argsort(labels[drawn], kind="stable")]
    # Evenly spaced places in the order by labels.
    return drawn[(np.arange(n_drawn) * 2 + 1) * len(rows) // (2 * n_drawn)]


def _checksum(targets_or_labels: Targets | Array) -> int:
    if isinstance(targets_or_labels, Targets):
        return zlib.crc32(np.ascontiguousarray(targets_or_labels.values).data)
    return zlib.crc32(targets_or_labels.astype("<i8", copy=False).data)
