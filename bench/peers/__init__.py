"""The libraries compared, behind one interface.

Each has a module of its own, which only the processes that run it import.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fastnn import datasets, reference
from fastnn.network import Network

from ..problems import Array, Examples, Problem

Outcome = Mapping[str, Array]


MOMENTUM = 0.9


class Descent(NamedTuple):
    """Gradient descent in shuffled order: arguments of ``MLP.train``.

    Attributes
    ----------
    rule : {"sgd", "momentum", "adam"}
        Plain steps, steps with `MOMENTUM`, or `fastnn.Adam` with its defaults.
    dropout : float
        Of all hidden layers.
    """

    epochs: int
    batch_size: int | None
    learning_rate: float
    rule: str
    dropout: float

    def rows_per_batch(self, n_examples: int) -> int:
        """The batch size, for the full batch too."""
        return self.batch_size or n_examples


class Run(NamedTuple):
    """Work that is ready to be done, as often as wanted.

    Attributes
    ----------
    reset : callable
        Before the work is done again: makes it the same work.
    work : callable
        What is timed.
    outcome : callable
        After the work: what it came to, by name.
    """

    reset: Callable[[], None]
    work: Callable[[], None]
    outcome: Callable[[], Outcome]


class Peer(ABC):
    """A network in one of the libraries: it starts, and draws its orders, as `fastnn.MLP` does.

    Conversions to the library's own arrays are no part of the work that is timed.
    """

    def __init__(self, problem: Problem, seed: int, threads: int) -> None:
        self._problem, self._seed, self._threads = problem, seed, threads
        self.reset()

    @abstractmethod
    def reset(self) -> None:
        """Start anew."""

    @abstractmethod
    def training(self, examples: Examples, descent: Descent) -> Run:
        """Train; the outcome is that of `parameters_outcome`."""

    def own(self, X: Any) -> Any:
        """X as the library's `predictor` likes it best."""
        return X

    @abstractmethod
    def predictor(self) -> Callable[[Any], Any]:
        """What predicts the outputs for an `own` X; `numpy.asarray` makes an array of them."""

    def _new(self, network_class: type[Network], seed: int | np.random.Generator) -> Network:
        return network_class(
            self._problem.layer_sizes,
            activation=self._problem.activation,
            output_activation=self._problem.output_activation,
            seed=seed,
        )


class OtherLibrary(Peer):
    """Gets the initial parameters, and the orders, from outside."""

    def reset(self) -> None:
        self._generator = np.random.default_rng(self._seed)
        start = self._new(reference.MLP, self._generator)
        self._adopt(start.weights, start.biases)

    @abstractmethod
    def _adopt(self, weights: Sequence[Array], biases: Sequence[Array]) -> None:
        """Take these over: (fan_in, fan_out) and (fan_out,) for each layer."""

    def _orders(self, n_examples: int, descent: Descent) -> Iterator[Any]:
        """What to index the examples with in each epoch; the full batch has no order."""
        for _ in range(descent.epochs):
            is_full = descent.batch_size is None
            yield slice(None) if is_full else self._generator.permutation(n_examples)


def targets(examples: Examples, problem: Problem) -> Array:
    """Targets (n_examples, n_outputs) float32."""
    if np.issubdtype(examples.y.dtype, np.integer):
        return datasets.one_hot(examples.y, problem.layer_sizes[-1])
    return examples.y[:, None]


def parameters_outcome(weights: Iterable[Array], biases: Iterable[Array]) -> Outcome:
    """As an outcome: (fan_in, fan_out) and (fan_out,) for each layer."""
    return {
        **{f"weights[{layer}]": np.asarray(w) for layer, w in enumerate(weights)},
        **{f"biases[{layer}]": np.asarray(b) for layer, b in enumerate(biases)},
    }
