"""What is timed: a job is a row of the table at the end."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from .contenders import Array, NetworkClass
from .problems import IRIS, MNIST, RANDOM, Examples, Problem

_SEED = 0
_EPS = float(np.finfo(np.float32).eps)

Outcome = Mapping[str, Array]


def _tolerance(steps: int, longest_sum: int) -> float:
    # Every step rounds the parameters, and every term rounds its sum. Such errors are as good as
    # random, so they grow with the square root of their number. The factor is what orders of
    # summation and approximations of exp may differ by; training has its effect far above it.
    return 8 * _EPS * math.sqrt(steps + longest_sum)


class Run(NamedTuple):
    """One run of a job on a new network.

    Attributes
    ----------
    work : callable
        What is timed.
    outcome : callable
        After the work: what it came to, by name.
    """

    work: Callable[[], None]
    outcome: Callable[[], Outcome]


@dataclass(frozen=True)
class Job(ABC):
    """Work for a network on the data of a problem."""

    problem: Problem

    @property
    @abstractmethod
    def name(self) -> str:
        """Unique, and with what sets the job apart."""

    @property
    @abstractmethod
    def per(self) -> str:
        """What `count` counts."""

    @abstractmethod
    def count(self, n_examples: int) -> int:
        """How many of them one run does."""

    @abstractmethod
    def prepare(self, network_class: NetworkClass, examples: Examples) -> Run:
        """Make ready to run: none of this is timed."""

    @abstractmethod
    def tolerance(self, n_examples: int) -> float:
        """How far right outcomes may be apart, as a part of the largest number in each array."""


@dataclass(frozen=True)
class Training(Job):
    """Training by gradient descent, in shuffled order."""

    per: ClassVar[str] = "example"

    batch_size: int | None  # None: the full batch
    epochs: int
    learning_rate: float

    @property
    def name(self) -> str:
        sizes = {1: "per example", None: "full batch"}
        return f"{self.problem}: train, {sizes.get(self.batch_size, f'batch {self.batch_size}')}"

    def count(self, n_examples: int) -> int:
        return n_examples * self.epochs

    def prepare(self, network_class: NetworkClass, examples: Examples) -> Run:
        network = network_class(self.problem.layer_sizes, seed=_SEED)

        def work() -> None:
            network.train(
                examples.X,
                examples.y,
                epochs=self.epochs,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
            )

        def outcome() -> Outcome:
            return {
                **{f"weights[{layer}]": w for layer, w in enumerate(network.weights)},
                **{f"biases[{layer}]": b for layer, b in enumerate(network.biases)},
                "predictions": network.predict(examples.X),
            }

        return Run(work, outcome)

    def tolerance(self, n_examples: int) -> float:
        batch_size = self.batch_size or n_examples
        steps = self.epochs * math.ceil(n_examples / batch_size)
        return _tolerance(steps, max(batch_size, *self.problem.layer_sizes))


@dataclass(frozen=True)
class Prediction(Job):
    """Prediction of every row, all in one call or each in a call of its own."""

    one_by_one: bool
    passes: int = 1  # over the data: small data are soon done

    @property
    def name(self) -> str:
        return f"{self.problem}: predict, {'one row' if self.one_by_one else 'all rows'}"

    @property
    def per(self) -> str:
        return "call" if self.one_by_one else "example"

    def count(self, n_examples: int) -> int:
        return n_examples * self.passes

    def prepare(self, network_class: NetworkClass, examples: Examples) -> Run:
        network = network_class(self.problem.layer_sizes, seed=_SEED)
        inputs = (list(examples.X) if self.one_by_one else [examples.X]) * self.passes

        def work() -> None:
            for X in inputs:
                network.predict(X)

        def outcome() -> Outcome:
            return {"predictions": np.vstack([network.predict(X) for X in inputs])}

        return Run(work, outcome)

    def tolerance(self, n_examples: int) -> float:
        return _tolerance(0, max(self.problem.layer_sizes))


JOBS: tuple[Job, ...] = (
    Training(IRIS, batch_size=1, epochs=100, learning_rate=0.1),
    Training(IRIS, batch_size=32, epochs=100, learning_rate=0.3),
    Training(IRIS, batch_size=None, epochs=1_000, learning_rate=1.0),
    Prediction(IRIS, one_by_one=True, passes=10),
    Prediction(IRIS, one_by_one=False, passes=100),
    Training(MNIST, batch_size=1, epochs=1, learning_rate=0.1),
    Training(MNIST, batch_size=32, epochs=1, learning_rate=0.5),
    Training(MNIST, batch_size=128, epochs=1, learning_rate=0.5),
    Training(MNIST, batch_size=None, epochs=3, learning_rate=1.0),
    Prediction(MNIST, one_by_one=True),
    Prediction(MNIST, one_by_one=False),
    Training(RANDOM, batch_size=1, epochs=1, learning_rate=0.1),
    Training(RANDOM, batch_size=128, epochs=1, learning_rate=0.5),
)
