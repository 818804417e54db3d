"""scikit-learn."""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from fastnn import Adam

from ..problems import Array, Examples
from . import MOMENTUM, Descent, OtherLibrary, Outcome, Run, parameters_outcome, targets

_ACTIVATIONS = {"sigmoid": "logistic", "relu": "relu"}


class ScikitLearn(OtherLibrary):
    """`MLPRegressor`; for sigmoid outputs `MLPClassifier`, which trains on another loss."""

    def _adopt(self, weights: Sequence[Array], biases: Sequence[Array]) -> None:
        n_inputs, *hidden, n_outputs = self._problem.layer_sizes
        estimators = {"identity": MLPRegressor, "sigmoid": MLPClassifier}
        self._model = estimators[self._problem.output_activation](
            hidden_layer_sizes=hidden,
            activation=_ACTIVATIONS[self._problem.activation],
            solver="sgd",
            alpha=0,
            momentum=0,
            nesterovs_momentum=False,
            shuffle=False,
            max_iter=1,
            n_iter_no_change=np.inf,
            warm_start=True,
        )
        # Fitted, it has parameters; with rows of several classes, its outputs are sigmoid.
        y = np.repeat(np.array([[0], [1]], np.float32), n_outputs, axis=1)
        self._fit(np.zeros((2, n_inputs), np.float32), y)
        for own, new in zip(self._model.coefs_, weights, strict=True):
            own[...] = new
        for own, new in zip(self._model.intercepts_, biases, strict=True):
            own[...] = new

    def training(self, examples: Examples, descent: Descent) -> Run:
        if descent.epochs > 1 and descent.rule != "sgd":
            raise NotImplementedError("each call of fit forgets the momentum")
        X, T = examples.X, targets(examples, self._problem)
        adam = Adam()

        def reset() -> None:
            self.reset()
            self._model.set_params(
                solver="adam" if descent.rule == "adam" else "sgd",
                # Added to a root that is not unbiased yet: at step 1, where it counts, the same.
                epsilon=adam.epsilon * math.sqrt(1 - adam.beta_2),
                momentum=MOMENTUM if descent.rule == "momentum" else 0,
                learning_rate_init=descent.learning_rate,
                batch_size=descent.rows_per_batch(examples.n_examples),
            )

        def work() -> None:
            if descent.batch_size is None:
                self._model.set_params(max_iter=descent.epochs)
                self._fit(X, T)
            else:
                for order in self._orders(examples.n_examples, descent):
                    self._fit(X[order], T[order])

        def outcome() -> Outcome:
            return parameters_outcome(self._model.coefs_, self._model.intercepts_)

        reset()
        return Run(reset, work, outcome)

    def predictor(self) -> Callable[[Array], Array]:
        is_regressor = self._problem.output_activation == "identity"
        return self._model.predict if is_regressor else self._model.predict_proba

    def _fit(self, X: Any, y: Array) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it ends after max_iter epochs
            self._model.fit(X, y.squeeze())  # a column of targets would be a warning too
