"""What a contender does that cannot do a job, or not well: the nearest thing it can."""

from dataclasses import replace
from typing import NamedTuple

from .contenders import SCIKIT_LEARN, Contender
from .jobs import Job, Training
from .problems import SPARSE

_BATCH = 200


class Nearest(NamedTuple):
    """A job, and in words how it differs from the one wanted."""

    job: Job
    note: str | None


def nearest(job: Job, contender: Contender) -> Nearest:
    """The job itself, for most contenders."""
    if contender != SCIKIT_LEARN or not isinstance(job, Training):
        return Nearest(job, None)
    if job.problem.output_activation == "sigmoid":
        problem = replace(job.problem, output_activation="identity")
        note = "scikit-learn trains sigmoid outputs on log loss only: here, identity outputs"
        return Nearest(replace(job, problem=problem), note)
    if job.problem == SPARSE:
        # Each of its steps goes over all weights. The step per example stays what it was.
        rate = job.learning_rate * _BATCH
        note = f"scikit-learn takes batches of {_BATCH} here, its default"
        return Nearest(replace(job, batch_size=_BATCH, learning_rate=rate), note)
    return Nearest(job, None)
