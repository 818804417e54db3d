"""Splits of the data into rows to train on and rows to validate on."""

import base64
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..common.argument_checks import count, number_between
from ..common.arrays import Array
from ..common.warning import warn
from .targets import Targets

_MAX_EXAMPLES = 2**53  # JSON readers of all kinds agree on integers up to this


@dataclass(frozen=True)
class Split:
    """The rows of some data that later calls of ``train`` continue to hold out.

    Attributes
    ----------
    n_examples : int
        Number of rows of the data.
    checksum : int
        CRC-32 of the labels or, without labels, of the targets. Data with the same number of rows
        and the same checksum are the same data.
    bits : bytes
        A bit for each row, 1 if the row is held out; empty if no row is.
    """

    n_examples: int
    checksum: int
    bits: bytes

    @classmethod
    def of(cls, n_examples: int, checksum: int, held_out: Array) -> "Split":
        """Return the split of some data that holds out the given rows."""
        bits = b""
        if len(held_out):
            is_held_out = np.zeros(n_examples, bool)
            is_held_out[held_out] = True
            bits = np.packbits(is_held_out).tobytes()
        return cls(n_examples, checksum, bits)

    def rows(self) -> tuple[Array, Array]:
        """Return the rows to train on and the rows that are held out, both ascending."""
        is_held_out = np.zeros(self.n_examples, bool)
        if self.bits:
            bits = np.frombuffer(self.bits, np.uint8)
            is_held_out = np.unpackbits(bits, count=self.n_examples).astype(bool)
        return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)

    def record(self) -> dict[str, Any]:
        """Return values for JSON, from which `from_record` makes an equal split."""
        return {**vars(self), "bits": base64.b64encode(self.bits).decode()}

    @classmethod
    def from_record(cls, n_examples: Any, checksum: Any, bits: Any) -> "Split":
        """Check and return a split.

        Raises
        ------
        TypeError, ValueError
            If the arguments are not what `record` returns.
        """
        number_between(count(n_examples, "n_examples", minimum=1), "n_examples", 1, _MAX_EXAMPLES)
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
    min_held_out: int = 1,
) -> Split:
    """Return the split of a call of ``train``.

    Rows of the same data that were held out before stay held out, as many as the fraction takes.
    Without a fraction all rows are trained on, so later calls have no such rows.

    Parameters
    ----------
    before : Split or None
        The split of the previous calls.
    targets : Targets
        The targets of all examples.
    fraction : float or None
        Fraction of the examples to hold out.
    labels : ndarray of intp or None
        Labels of the examples, given or derived from targets of two levels.
    generator : numpy.random.Generator
    min_held_out : int, default 1
        The smallest number of rows to hold out that is accepted.
    """
    data = len(targets), _checksum(targets if labels is None else labels)
    if before is not None and (before.n_examples, before.checksum) != data:
        if fraction is None and before.bits:
            return before  # later calls may train on those data again
        before = None
    if fraction is None:
        return Split.of(*data, np.arange(0))
    n_held_out = _n_held_out(data[0], fraction)
    if n_held_out < min_held_out:
        raise ValueError(
            f"validation_fraction must hold out {min_held_out} examples or more for R², the score "
            f"of targets that are not classes, got {fraction} of {data[0]}"
        )
    held_before = None if before is None else before.rows()[1]
    if held_before is not None and n_held_out > len(held_before):
        warn(
            "validation_fraction must be given from the first call on, and not grow: "
            f"{n_held_out - len(held_before)} of the {n_held_out} examples to hold out now have "
            "been trained on in earlier calls with the same data, and the validation will look "
            "better than it is; pass validation_data of other examples, or begin with a new network"
        )
    return Split.of(*data, split(data[0], fraction, labels, generator, held_before)[1])


def split(
    n_examples: int,
    fraction: float,
    labels: Array | None,
    generator: "np.random.Generator",
    held_before: Array | None = None,
) -> tuple[Array, Array]:
    """Return the rows to train on and the rows to hold out, both ascending.

    Each label, if there are labels, has its fraction of both, to within one example. Rows that were
    held out before are held out first; further rows are drawn from the others.
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
    """Draw some of the rows, in proportion to the frequency of each label."""
    if n_drawn == len(rows):
        return rows
    drawn = rows[generator.permutation(len(rows))]
    if labels is None:
        return drawn[:n_drawn]
    drawn = drawn[np.argsort(labels[drawn], kind="stable")]
    # Evenly spaced positions in the order by labels.
    return drawn[(np.arange(n_drawn) * 2 + 1) * len(rows) // (2 * n_drawn)]


def _checksum(targets_or_labels: Targets | Array) -> int:
    if isinstance(targets_or_labels, Targets):
        return zlib.crc32(np.ascontiguousarray(targets_or_labels.values).data)
    return zlib.crc32(targets_or_labels.astype("<i8", copy=False).data)
