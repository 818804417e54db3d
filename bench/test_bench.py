"""Every contender computes what the reference computes; fastnn's times under pytest-benchmark.

``pytest bench`` measures in one process and leaves threads as they are, so it is good for comparing
fastnn with itself (``--benchmark-autosave``, ``--benchmark-compare``); the other comparison is
``python -m bench``.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from .catalog import JOBS
from .contenders import FASTNN, NUMPY, Contender
from .jobs import Job, Training
from .nearest import nearest
from .problems import Examples, MissingDataError
from .verification import check, expectation, outcome


def load(job: Job) -> Examples:
    try:
        return job.load()
    except MissingDataError as error:
        pytest.skip(f"{job.problem.name}: {error}")


def small(job: Job) -> Job:
    job = replace(job, rows=300)
    return replace(job, epochs=min(job.epochs, 20)) if isinstance(job, Training) else job


@pytest.mark.parametrize(
    ("job", "contender"),
    [
        pytest.param(small(job), contender, id=f"{job.name}, {contender.name}")
        for job in JOBS
        for contender in job.contenders
        if contender != NUMPY and not contender.isa  # this process has its kernels already
    ],
)
def test_contender_computes_what_the_reference_computes(job: Job, contender: Contender) -> None:
    if lack := contender.missing():
        pytest.skip(lack)
    examples = load(job)
    done = nearest(job, contender).job
    got = outcome(done, contender.load(), examples)
    check(got, expectation(done, NUMPY.load(), examples), done.tolerance(examples))


@pytest.mark.benchmark(disable_gc=True)
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_fastnn(job: Job, benchmark: BenchmarkFixture) -> None:
    examples = load(job)
    run = job.prepare(FASTNN.load(), examples)

    def prepare() -> tuple[tuple[Callable[[], None]], dict[str, object]]:
        run.reset()
        return (run.work,), {}

    benchmark.group = f"{job.name} ({job.count(examples.n_examples):,} × 1 {job.per})"
    # pytest-benchmark says that it is typed, and is not.
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        lambda work: work(), setup=prepare, rounds=5, warmup_rounds=1
    )
