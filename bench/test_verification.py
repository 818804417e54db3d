"""A contender that computes something else is found out, and one that is missing is named."""

import numpy as np
import pytest

from . import runner
from .__main__ import main
from .catalogue import JOBS
from .contenders import FASTNN, NUMPY, Contender
from .jobs import Job, Training
from .nearest import nearest
from .peers import Outcome, Peer
from .problems import Examples
from .test_bench import load
from .verification import MismatchError, check, outcome


def untrained(job: Job, peer_class: type[Peer], examples: Examples) -> Outcome:
    return job.prepare(peer_class, examples).outcome()


TRAININGS = {
    f"{job.name}, as {contender.name} does it": done
    for job in JOBS
    if isinstance(job, Training)
    for contender in job.contenders
    if contender == FASTNN or nearest(job, contender).note
    for done in [nearest(job, contender).job]
}


@pytest.mark.parametrize("job", TRAININGS.values(), ids=TRAININGS)
def test_training_goes_far_beyond_the_tolerance(job: Job) -> None:
    examples = load(job)
    before = untrained(job, NUMPY.load(), examples)
    before = {name: array.copy() for name, array in before.items()}
    after = outcome(job, NUMPY.load(), examples)
    for name in after:
        with pytest.raises(MismatchError, match=r"relative difference"):
            check({name: before[name]}, {name: after[name]}, 50 * job.tolerance(examples))


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


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["bench", *arguments])
    main()


def test_a_mismatch_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runner, "outcome", untrained)
    with pytest.raises(SystemExit, match="1"):
        run_main(monkeypatch, "--only", "iris 4-3-3: train, batch 32")
    assert "batch 32, fastnn: weights[0]: expected a relative difference" in capsys.readouterr().out


def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        Contender,
        "missing",
        lambda contender: None if contender == FASTNN else f"{contender.name} is a stranger",
    )
    run_main(monkeypatch, "--only", "iris 4-3-3: predict")
    printed = capsys.readouterr().out
    assert "- JAX: JAX is a stranger" in printed
    assert "| iris 4-3-3: predict, all rows |" in printed


def test_a_contender_that_is_not_installed_is_missing() -> None:
    contender = Contender("x", "x:X", ("fastnn-mlp", "no-such-distribution"))
    assert contender.missing() == "no-such-distribution is not installed"
