"""fastnn."""

from typing import Any

from fastnn import MLP

from ..problems import Array, Examples
from .racers import NETWORK, Racer


class FastNN(Racer):
    """The arguments are those of `MLP.train`."""

    def __init__(
        self, examples: Examples, *, epochs: int, threads: int, seed: int, **arguments: Any
    ) -> None:
        self._network = MLP(
            NETWORK.layer_sizes,
            activation=NETWORK.activation,
            output_activation="softmax",
            loss="cross_entropy",
            seed=seed,
        )
        self._examples = examples
        self._arguments = {"epochs": epochs, "n_threads": threads, **arguments}

    def train(self) -> None:
        self._network.train(*self._examples, **self._arguments)

    def classify(self, X: Array) -> Array:
        return self._network.classify(X)
