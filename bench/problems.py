"""What the networks are trained on: data and the layers that go with them."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fastnn import datasets

Array = NDArray[Any]

# Enough for timing: an epoch is longer than anything else in a call, and still short.
_N_EXAMPLES = 6_000


_NORMAL_DATA = f"{_N_EXAMPLES:,} dense rows, standard normal"


class MissingDataError(Exception):
    """The data are not part of the project and were not found."""


class Examples(NamedTuple):
    """X (n_examples, n_inputs) float32, an array or CSR; y: class labels, or targets of one output.

    y has the shape (n_examples,); labels are integers.
    """

    X: Any
    y: Array

    @property
    def n_examples(self) -> int:
        """How many (scipy's sparse arrays have no length)."""
        return len(self.y)

    def first(self, count: int | None) -> "Examples":
        """So many from the start, or all."""
        return Examples(self.X[:count], self.y[:count])


@dataclass(frozen=True)
class Problem:
    """A data set and a network for it."""

    name: str
    data: str  # in words
    load: Callable[[], Examples]
    layer_sizes: tuple[int, ...]
    activation: str = "sigmoid"
    output_activation: str = "sigmoid"

    def __str__(self) -> str:
        return f"{self.name} {'-'.join(map(str, self.layer_sizes))}"

    @property
    def activations(self) -> tuple[str, ...]:
        """Of each layer, the output layer's last."""
        return (self.activation,) * (len(self.layer_sizes) - 2) + (self.output_activation,)


@cache
def _iris() -> Examples:
    iris = datasets.load_iris()
    low, high = iris.X.min(axis=0), iris.X.max(axis=0)
    return Examples((iris.X - low) / (high - low), iris.y)


def mnist() -> tuple[Examples, Examples]:
    """All of it, for training and for test; pixels / 255.

    Raises
    ------
    MissingDataError
        If it was not found.
    """
    beside_checkout = Path(__file__).parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("FASTNN_DATA") or beside_checkout) / "mnist"
    if not folder.is_dir():
        raise MissingDataError(f"no folder {folder}; FASTNN_DATA names the folder that holds mnist")
    train, test = datasets.load_mnist(folder)
    return Examples(train.X, train.y), Examples(test.X, test.y)


@cache
def _mnist() -> tuple[Examples, Examples]:
    train, test = mnist()
    X, y = train.first(_N_EXAMPLES)
    return Examples(X.copy(), y), test  # a copy, to let go of the other 54,000


def _mnist_tiled() -> Examples:
    X, y = _mnist()[1]
    return Examples(np.tile(X, (10, 1)), np.tile(y, 10))


def _normal(n_inputs: int, n_classes: int) -> Examples:
    generator = np.random.default_rng(0)
    X = generator.standard_normal((_N_EXAMPLES, n_inputs), np.float32)
    return Examples(X, generator.integers(n_classes, size=_N_EXAMPLES))


def _sparse() -> Examples:
    # Few rows: dense, as the reference takes them, they are 200 KB each.
    n_rows, n_columns, n_values = 2_000, 50_000, 100
    generator = np.random.default_rng(0)
    stretch = n_columns // n_values
    columns = generator.integers(stretch, size=(n_rows, n_values), dtype=np.int32)
    columns += stretch * np.arange(n_values, dtype=np.int32)  # one in each stretch, in order
    values = generator.standard_normal((n_rows, n_values), np.float32)
    starts = np.arange(0, columns.size + 1, n_values, dtype=np.int32)
    X = sparse.csr_array((values.ravel(), columns.ravel(), starts), shape=(n_rows, n_columns))
    return Examples(X, generator.standard_normal(n_rows, np.float32))


_RELU = {"activation": "relu", "output_activation": "identity"}

IRIS = Problem("iris", "150 rows, scaled to [0, 1]", _iris, (4, 3, 3))
MNIST = Problem(
    "MNIST", f"first {_N_EXAMPLES:,} rows, pixels / 255", lambda: _mnist()[0], (784, 300, 10)
)
MNIST_TEST = Problem("MNIST test", "10,000 rows, pixels / 255", lambda: _mnist()[1], (784, 300, 10))
MNIST_TILED = Problem("MNIST tiled", "the test rows ten times over", _mnist_tiled, (784, 300, 10))
NORMAL = Problem("normal", _NORMAL_DATA, lambda: _normal(784, 10), (784, 300, 10))
NORMAL_RELU = Problem("normal, ReLU", _NORMAL_DATA, NORMAL.load, (784, 300, 10), **_RELU)
NORMAL_DEEP = Problem(
    "normal, ReLU", _NORMAL_DATA, lambda: _normal(100, 10), (100, 256, 128, 10), **_RELU
)
NORMAL_SMALL = Problem("normal, ReLU", _NORMAL_DATA, lambda: _normal(20, 1), (20, 100, 1), **_RELU)
SPARSE = Problem(
    "CSR, ReLU",
    "2,000 rows, 100 standard-normal values in each",
    _sparse,
    (50_000, 64, 1),
    **_RELU,
)
