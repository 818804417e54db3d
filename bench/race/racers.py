"""What takes part in the race, behind one interface."""

import time
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from ..problems import Array, Examples, Problem, mnist

NETWORK = Problem(
    "MNIST",
    "60,000 rows, pixels / 255",
    lambda: mnist()[0],
    (784, 300, 10),
    activation="relu",
    output_activation="identity",  # softmax and cross-entropy take its outputs
)


class Racer(ABC):
    """A new network, and its data as the library takes them: ready to start.

    Parameters
    ----------
    examples : Examples
        With labels.
    epochs, threads, seed : int
    **arguments
        What else the library is asked for.
    """

    @abstractmethod
    def __init__(
        self, examples: Examples, *, epochs: int, threads: int, seed: int, **arguments: Any
    ) -> None: ...

    @abstractmethod
    def train(self) -> None:
        """What is timed."""

    @abstractmethod
    def classify(self, X: Array) -> Array:
        """Labels."""


class Finish(NamedTuple):
    """What a race came to: seconds of training, and the part of the test that is right."""

    seconds: float
    accuracy: float


def race(racer: Racer, test: Examples) -> Finish:
    """Train and test."""
    start = time.perf_counter()
    racer.train()
    seconds = time.perf_counter() - start
    return Finish(seconds, float(np.mean(racer.classify(test.X) == test.y)))
