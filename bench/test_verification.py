"""A contender that computes something else is found out."""

import numpy as np
import pytest

from . import runner
from .__main__ import main
from .contenders import REFERENCE, NetworkClass
from .jobs import JOBS, Job, Outcome, Training
from .problems import Examples, MissingDataError
from .verification import MismatchError, check, outcome


def untrained(job: Job, network_class: NetworkClass, examples: Examples) -> Outcome:
    return job.prepare(network_class, examples).outcome()


@pytest.mark.parametrize(
    "job", [job for job in JOBS if isinstance(job, Training)], ids=lambda job: job.name
)
def test_training_goes_far_beyond_the_tolerance(job: Job) -> None:
    try:
        examples = job.problem.load()
    except MissingDataError as error:
        pytest.skip(f"{job.problem.name}: {error}")
    before = untrained(job, REFERENCE.load(), examples)
    after = outcome(job, REFERENCE.load(), examples)
    for name in after:
        with pytest.raises(MismatchError, match=r"relative difference"):
            check({name: before[name]}, {name: after[name]}, 50 * job.tolerance(len(examples.X)))


@pytest.mark.parametrize(
    "got",
    [
        {"a": np.array([1.0, -2.1])},
        {"a": np.array([1.0, np.nan])},
        {"a": np.array([1.0, np.inf])},
        {"a": np.array([1.0])},
        {"a": np.array([1.0, -2.0], np.float32)},
        {"b": np.array([1.0, -2.0])},
        {},
    ],
    ids=["far", "nan", "inf", "shape", "dtype", "other", "missing"],
)
def test_check_finds_a_mismatch(got: Outcome) -> None:
    with pytest.raises(MismatchError):
        check(got, {"a": np.array([1.0, -2.0])}, tolerance=0.04)


def test_check_tolerates_rounding() -> None:
    check({"a": np.array([1.07, -2.0])}, {"a": np.array([1.0, -2.0])}, tolerance=0.04)


def test_a_mismatch_ends_the_run_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "outcome", untrained)
    monkeypatch.setattr("sys.argv", ["bench", "--only", "iris 4-3-3: train, batch 32"])
    with pytest.raises(SystemExit, match=r"fastnn: weights.* relative difference"):
        main()
