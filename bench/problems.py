"""What the networks are trained on: data and the layer sizes that go with them."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fastnn import datasets

from .contenders import Array

# Enough for timing: the data are larger than the caches, and an epoch is short.
_N_EXAMPLES = 6_000


class MissingDataError(Exception):
    """The data are not part of the project and were not found."""


class Examples(NamedTuple):
    """X (n_examples, n_inputs) float32 and class labels y (n_examples,)."""

    X: Array
    y: Array


@dataclass(frozen=True)
class Problem:
    """A data set and a network for it."""

    name: str
    data: str  # in words
    layer_sizes: tuple[int, ...]
    load: Callable[[], Examples]

    def __str__(self) -> str:
        return f"{self.name} {'-'.join(map(str, self.layer_sizes))}"


@cache
def _iris() -> Examples:
    iris = datasets.load_iris()
    low, high = iris.X.min(axis=0), iris.X.max(axis=0)
    return Examples((iris.X - low) / (high - low), iris.y)


@cache
def _mnist() -> Examples:
    beside_checkout = Path(__file__).parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("FASTNN_DATA") or beside_checkout) / "mnist"
    if not folder.is_dir():
        raise MissingDataError(f"no folder {folder}; FASTNN_DATA names the folder that holds mnist")
    train, _ = datasets.load_mnist(folder)
    # Copies, to let go of the other 54,000.
    return Examples(train.X[:_N_EXAMPLES].copy(), train.y[:_N_EXAMPLES].copy())


@cache
def _random() -> Examples:
    generator = np.random.default_rng(0)
    X = generator.standard_normal((_N_EXAMPLES, 784), np.float32)
    return Examples(X, generator.integers(10, size=_N_EXAMPLES))


IRIS = Problem("iris", "150 rows, scaled to [0, 1]", (4, 3, 3), _iris)
MNIST = Problem("MNIST", f"first {_N_EXAMPLES:,} rows, pixels / 255", (784, 300, 10), _mnist)
RANDOM = Problem("random", f"{_N_EXAMPLES:,} dense rows, standard normal", (784, 300, 10), _random)
