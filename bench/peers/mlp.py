"""fastnn itself, and its reference."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np

import fastnn
from fastnn import reference
from fastnn.network import Network

from ..problems import Array, Examples
from . import MOMENTUM, Descent, Outcome, Peer, Run, parameters_outcome

OPTIMIZERS: dict[str, Callable[[float], Any]] = {
    "sgd": fastnn.SGD,
    "momentum": partial(fastnn.SGD, momentum=MOMENTUM),
    "adam": fastnn.Adam,
}


class FastNN(Peer):
    """`fastnn.MLP`."""

    _class: ClassVar[type[Network]] = fastnn.MLP

    def reset(self) -> None:
        self._network = self._new(self._class, self._seed)

    def training(self, examples: Examples, descent: Descent) -> Run:
        def work() -> None:
            self._network.train(
                *examples,
                epochs=descent.epochs,
                batch_size=descent.batch_size,
                optimizer=OPTIMIZERS[descent.rule](descent.learning_rate),
                dropout=descent.dropout,
                n_threads=self._threads,
            )

        def outcome() -> Outcome:
            return parameters_outcome(self._network.weights, self._network.biases)

        return Run(self.reset, work, outcome)

    def predictor(self) -> Callable[[Array], Array]:
        if self._threads == 1:
            return self._network.predict
        return partial(self._network.predict, n_threads=self._threads)


class NumPy(FastNN):
    """`fastnn.reference.MLP`; sparse data are made dense for it."""

    _class = reference.MLP

    def training(self, examples: Examples, descent: Descent) -> Run:
        if not isinstance(examples.X, np.ndarray):
            examples = Examples(examples.X.toarray(), examples.y)
        return super().training(examples, descent)

    def predictor(self) -> Callable[[Array], Array]:
        return self._network.predict
