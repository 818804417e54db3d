"""What an example costs at a point, and what it has to."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from fastnn import MLP

from ..problems import Examples
from .points import BATCH, SWEEPS, Point

CLIFF = 1.5
_MIN_SECONDS = 0.2
_MIN_REPEATS = 3


class Rates(NamedTuple):
    """What this machine can do in a second: bytes, and floating-point operations."""

    bandwidth: float
    flop: float

    @classmethod
    def measured(cls) -> "Rates":
        """By NumPy."""
        in_cache = np.ones(2**17, np.float32)  # half a megabyte
        square = np.ones((1024, 1024), np.float32)
        product = np.empty_like(square)
        return cls(
            2 * in_cache.nbytes / _seconds(partial(np.add, in_cache, 1, out=in_cache)),
            2 * 1024**3 / _seconds(partial(np.matmul, square, square, out=product)),
        )


@dataclass(frozen=True)
class Task:
    """What is timed, and the least seconds that an example could take."""

    name: str
    work: Callable[[MLP, Examples], object]
    floor: Callable[[Point, Rates], float]


TASKS = (
    Task(
        "train, per example",
        lambda network, examples: network.train(*examples, batch_size=1, learning_rate=0.01),
        lambda point, rates: 2 * 4 * point.touched / rates.bandwidth,
    ),
    Task(
        f"train, batch {BATCH}",
        lambda network, examples: network.train(*examples, batch_size=BATCH, learning_rate=0.01),
        lambda point, rates: point.flop_of_training / rates.flop,
    ),
    Task(
        "predict",
        lambda network, examples: network.predict(examples.X),
        lambda point, rates: point.flop_of_prediction / rates.flop,
    ),
)


@dataclass(frozen=True)
class Cost:
    """Seconds that one example takes."""

    task: Task
    sweep: str
    at: float
    seconds: float
    floor: float

    @property
    def per_weight(self) -> float:
        """Seconds per weight that the example touches."""
        return self.seconds / SWEEPS[self.sweep][self.at].touched


class Cliff(NamedTuple):
    """Two neighbors in a sweep, and how many times the cost per weight changes between them."""

    before: Cost
    after: Cost
    times: float


def measure(sweep: str, rates: Rates) -> Iterator[Cost]:
    """All tasks at all points of a sweep."""
    for at, point in SWEEPS[sweep].items():
        examples = point.examples()
        for task in TASKS:
            work = partial(task.work, MLP(point.layer_sizes, seed=0), examples)
            seconds = _seconds(work) / examples.n_examples
            yield Cost(task, sweep, at, seconds, task.floor(point, rates))


def curves(costs: Iterable[Cost]) -> dict[tuple[Task, str], list[Cost]]:
    """Costs of each task along each sweep."""
    found: dict[tuple[Task, str], list[Cost]] = {}
    for cost in costs:
        found.setdefault((cost.task, cost.sweep), []).append(cost)
    return found


def cliffs(costs: Iterable[Cost]) -> list[Cliff]:
    """Where the cost per weight changes too much."""
    steps = (
        Cliff(before, after, after.per_weight / before.per_weight)
        for curve in curves(costs).values()
        for before, after in pairwise(curve)
    )
    return [step for step in steps if not 1 / CLIFF < step.times < CLIFF]


def _seconds(work: Callable[[], object]) -> float:
    """The least that it takes."""
    work()
    seconds: list[float] = []
    stop = time.perf_counter() + _MIN_SECONDS
    while len(seconds) < _MIN_REPEATS or time.perf_counter() < stop:
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
