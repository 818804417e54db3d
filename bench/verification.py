"""Do the contenders compute the same thing?"""

import numpy as np

from .jobs import Job
from .peers import Outcome, Peer
from .problems import Examples


class MismatchError(Exception):
    """A contender computes something else."""


def outcome(job: Job, peer_class: type[Peer], examples: Examples) -> Outcome:
    """Run the job once."""
    run = job.prepare(peer_class, examples)
    run.work()
    return run.outcome()


def check(got: Outcome, expected: Outcome, tolerance: float) -> None:
    """Raise MismatchError unless all arrays agree, relative to the largest number in each."""
    if got.keys() != expected.keys():
        raise MismatchError(f"expected {', '.join(expected)}, got {', '.join(got)}")
    for name, array in expected.items():
        if (got[name].shape, got[name].dtype) != (array.shape, array.dtype):
            raise MismatchError(
                f"{name}: expected {array.dtype} of shape {array.shape}, "
                f"got {got[name].dtype} of shape {got[name].shape}"
            )
        difference = np.abs(got[name] - array).max() / np.abs(array).max()
        if not difference <= tolerance:  # NaN is no agreement either
            raise MismatchError(
                f"{name}: expected a relative difference of at most {tolerance:.1e}, "
                f"got {difference:.1e}"
            )
