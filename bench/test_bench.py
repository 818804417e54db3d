"""The jobs under pytest-benchmark: ``pytest bench``.

It measures in one process and leaves threads as they are: set OMP_NUM_THREADS=1 and
OPENBLAS_NUM_THREADS=1 for it, or run ``python -m bench``.
"""

from collections.abc import Callable
from functools import cache

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from .contenders import CONTENDERS, REFERENCE, Contender
from .jobs import JOBS, Job, Outcome
from .problems import MissingDataError
from .verification import check, outcome


@cache
def expected(job: Job) -> Outcome:
    return outcome(job, REFERENCE.load(), job.problem.load())


@pytest.mark.benchmark(disable_gc=True)
@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: contender.name)
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_job(job: Job, contender: Contender, benchmark: BenchmarkFixture) -> None:
    try:
        examples = job.problem.load()
    except MissingDataError as error:
        pytest.skip(f"{job.problem.name}: {error}")
    network_class = contender.load()
    got = outcome(job, network_class, examples)
    check(got, expected(job), job.tolerance(len(examples.X)))

    def prepare() -> tuple[tuple[Callable[[], None]], dict[str, object]]:
        return (job.prepare(network_class, examples).work,), {}

    benchmark.group = f"{job.name} ({job.count(len(examples.X)):,} × 1 {job.per})"
    # pytest-benchmark says that it is typed, and is not.
    benchmark.pedantic(lambda work: work(), setup=prepare, rounds=5)  # type: ignore[no-untyped-call]
