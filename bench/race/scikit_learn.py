"""scikit-learn."""

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from ..problems import Array, Examples
from .racers import NETWORK, Racer


class ScikitLearn(Racer):
    """The arguments are those of `MLPClassifier`; the process has the threads for its products."""

    def __init__(
        self, examples: Examples, *, epochs: int, threads: int, seed: int, **arguments: Any
    ) -> None:
        self._model = MLPClassifier(
            hidden_layer_sizes=NETWORK.layer_sizes[1:-1],
            activation=NETWORK.activation,
            max_iter=epochs,
            random_state=seed,
            **{"n_iter_no_change": np.inf, **arguments},
        )
        self._examples = examples

    def train(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it ends after max_iter epochs
            self._model.fit(*self._examples)

    def classify(self, X: Array) -> Array:
        return self._model.predict(X)
