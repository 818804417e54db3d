"""Do the contenders compute the same thing?"""

from typing import NamedTuple

import numpy as np

from .jobs import Job, Tolerance
from .peers import Outcome, Peer
from .problems import Examples


class MismatchError(Exception):
    """A contender computes something else."""


class Expectation(NamedTuple):
    """What the outcome would be without the work, and what it should be."""

    before: Outcome
    after: Outcome


def outcome(job: Job, peer_class: type[Peer], examples: Examples) -> Outcome:
    """Run the job once."""
    return expectation(job, peer_class, examples).after


def expectation(job: Job, peer_class: type[Peer], examples: Examples) -> Expectation:
    """Run the job once, and let its outcome be the standard."""
    run = job.prepare(peer_class, examples)
    before = {name: array.copy() for name, array in run.outcome().items()}
    run.work()
    return Expectation(before, run.outcome())


def check(got: Outcome, expected: Expectation, tolerance: Tolerance) -> None:
    """Raise MismatchError unless all arrays agree."""
    if got.keys() != expected.after.keys():
        raise MismatchError(f"expected {', '.join(expected.after)}, got {', '.join(got)}")
    for name, array in expected.after.items():
        if (got[name].shape, got[name].dtype) != (array.shape, array.dtype):
            raise MismatchError(
                f"{name}: expected {array.dtype} of shape {array.shape}, "
                f"got {got[name].dtype} of shape {got[name].shape}"
            )
        change = np.abs(array - expected.before[name]).max()
        allowed = tolerance.of_numbers * np.abs(array).max() + tolerance.of_changes * change
        difference = np.abs(got[name] - array).max()
        if not difference <= allowed:  # NaN is no agreement either
            raise MismatchError(
                f"{name}: expected a difference of at most {allowed:.1e}, got {difference:.1e}"
            )
