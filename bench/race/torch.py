"""PyTorch."""

import numpy as np
import torch
from torch.nn import functional

from fastnn.schedules import Schedule

from ..peers import torch as peer
from ..problems import Array, Examples
from .racers import NETWORK, Racer


class PyTorch(peer.PyTorch, Racer):
    """The loop of the other benchmarks, which is the fastest known, on cross-entropy."""

    def __init__(
        self,
        examples: Examples,
        *,
        epochs: int,
        threads: int,
        seed: int,
        batch_size: int,
        rule: str,
        schedule: Schedule,
    ) -> None:
        super().__init__(NETWORK, seed, threads)
        self._X, self._labels = map(torch.from_numpy, examples)
        self._epochs, self._batch_size = epochs, batch_size
        self._parameters = [*self._weights, *self._biases]
        self._update = peer.UPDATES[rule](self._parameters)
        n_steps = epochs * -(-len(self._X) // batch_size)
        self._rates = schedule.over(n_steps).rates(np.arange(n_steps)).tolist()

    def train(self) -> None:
        rates = iter(self._rates)
        for _ in range(self._epochs):
            order = torch.from_numpy(self._generator.permutation(len(self._X)))
            batches = (of_all[order].split(self._batch_size) for of_all in (self._X, self._labels))
            for x, labels in zip(*batches, strict=True):
                loss = functional.cross_entropy(peer.outputs(self._layers, x), labels)
                slopes = torch.autograd.grad(loss, self._parameters)
                with torch.no_grad():
                    self._update(slopes, next(rates))

    def classify(self, X: Array) -> Array:
        return np.asarray(self.predictor()(torch.from_numpy(X))).argmax(axis=1)
