"""The engine on the compiled kernels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..activations import BuiltinActivation
from ..common.arrays import Array, aligned_zeros
from ..data.inputs import Inputs
from ..data.targets import Targets
from ..losses import BuiltinLoss
from .base import Engine, Epochs, Objective, StepRule, Trainer
from .layout import Parameters
from .numpy_engine import all_outputs
from .prediction import evaluate, one_row_predictor, predict
from .trainers import gradient_trainer, trainer


class KernelEngine(Engine):
    """Computes in the compiled kernels, which know the built-in activations and losses."""

    activations: tuple[BuiltinActivation, ...]
    loss: BuiltinLoss

    def _allocate(self) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        self._parameters = Parameters(self.layer_sizes, self.activations, self.loss, self.dtype)
        self._predict_one_row = one_row_predictor(self._parameters)
        return self._parameters.views(self._parameters.flat)

    def storage(self) -> Sequence[Array]:
        return [self._parameters.flat]

    def squared_norm(self) -> float:
        return float(self._parameters.kernels.squared_norm(self._parameters.network))

    def new_slot(self) -> list[Array]:
        return [aligned_zeros(self._parameters.flat.size, self.dtype)]

    def views(self, storage: Sequence[Array]) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        (flat,) = storage
        return self._parameters.views(flat)

    def trainer(self, inputs: Inputs, targets: Targets, batch_size: int, rule: StepRule) -> Trainer:
        return trainer(self._parameters, inputs, targets, batch_size, rule)

    def objective(self, inputs: Inputs, targets: Targets, n_threads: int) -> Objective:
        n_examples = len(inputs)
        train, gradient = gradient_trainer(self._parameters, inputs, targets, n_threads)
        rows = np.arange(n_examples).reshape(1, -1)
        epoch = Epochs(rows, np.ones((1, 1)), np.zeros(1, np.uint64), 0)

        def objective() -> tuple[float, tuple[Array, ...], tuple[Array, ...]]:
            losses = np.zeros(1)
            gradient[...] = 0
            for start in range(0, n_examples, train.chunk):
                train(epoch, start, min(start + train.chunk, n_examples), losses)
            return float(losses[0]) / n_examples, *self._parameters.views(gradient)

        return objective

    def outputs_and_loss(self, inputs: Inputs, targets: Targets) -> tuple[Array, float]:
        return evaluate(self._parameters, inputs, targets)

    def all_outputs(self, inputs: Inputs) -> list[Array]:
        return all_outputs(self, inputs)

    def outputs(self, inputs: Inputs, n_threads: int) -> Array:
        if (
            len(inputs) == 1
            and (outputs := self.quick_outputs(inputs.array(slice(0, 1)))) is not None
        ):
            return outputs
        return predict(self._parameters, inputs, n_threads)

    def quick_outputs(self, X: Any) -> Array | None:
        return self._predict_one_row(X)
