"""The code that both estimators share: their parameters, network, fitting and predictions.

It replaces the methods of scikit-learn's classes that compute, ``_fit_stochastic``, ``_fit_lbfgs``
and ``_forward_pass_fast``, and extends ``fit`` and ``_score``. All else stays scikit-learn's:
checks of parameters, labels, initial weights, messages and tags.
"""

import copy
import math
from contextlib import suppress
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin, _fit_context
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.utils._param_validation import Interval, Real, StrOptions
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from .. import internals, validation
from ..activations import ACTIVATIONS, Activation
from ..common.arrays import Array
from ..common.call_errors import with_helpful_errors_in_subclasses
from ..mlp import MLP
from ..optimizers import OPTIMIZERS, Optimizer
from . import full_batch, losses, settings, stochastic

_LOSS_OF_OUTPUTS = {"softmax": "cross_entropy", "logistic": "binary_cross_entropy"}

_ELEMENTWISE = {name for name, f in ACTIVATIONS.items() if f.is_elementwise}

# Parameters that change the model and that scikit-learn lacks; each is false if it has no effect.
_NOT_IN_SKLEARN = ("optimizer", "class_weight", "dropout", "l1", "clip_norm", "max_norm", "scoring")

# Attributes that copies and pickles leave out: a copy has a network of its own.
_OF_NETWORK = {"_network", "_network_for", "_tasks", "_validation"}

# Arguments of validate_data for predictions.
_CHECKS = {"accept_sparse": ["csr", "csc"], "reset": False}


class Perceptron(CallbackSupportMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Mixin of both estimators; it precedes the class of scikit-learn, ``_sklearn_class``."""

    _sklearn_class: ClassVar[Any]
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        # scikit-learn draws initial weights by these names, so "sigmoid" is "logistic".
        "activation": [
            StrOptions({"logistic", *_ELEMENTWISE} - {"sigmoid"}),
            Activation,
            list,
            tuple,
        ],
        "optimizer": [StrOptions(set(OPTIMIZERS) - {"lbfgs"}), Optimizer, None],
        "dropout": [Interval(Real, 0, 1, closed="left"), list, tuple],
        "l1": [Interval(Real, 0, None, closed="left")],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "max_norm": [Interval(Real, 0, None, closed="neither"), None],
        "scoring": [StrOptions({"loss", *get_scorer_names()}), callable, None],
        "progress": ["boolean"],
        "n_jobs": [Integral, None],
    }

    # Set while ``fit`` runs, for methods that scikit-learn's ``_fit`` calls without them.
    _tasks: stochastic.Tasks | None = None
    _validation: tuple[Any, Any, Any] = (None, None, None)  # X_val, y_val, sample_weight_val

    def _set_parameters(self, given: dict[str, Any]) -> None:
        """Set the parameters, given the local variables of a constructor."""
        of_sklearn = self._sklearn_class._get_param_names()
        super().__init__(**{name: given[name] for name in of_sklearn})
        for name in given.keys() - {"self", *of_sklearn}:
            setattr(self, name, given[name])

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    @with_helpful_errors_in_subclasses
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Any:
        """Fit the model to data matrix X and target(s) y.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, or numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights.
        X_val, y_val, sample_weight_val : default=None
            Data to validate on after every epoch, instead of a part of X, for
            ``validation_scores_`` and ``early_stopping``. Not for ``solver="lbfgs"``.

        Returns
        -------
        self : object
            The fitted model.
        """
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val must be given together")
        if X_val is None and sample_weight_val is not None:
            raise ValueError("sample_weight_val must be left out without X_val")
        context = self._init_callback_context(max_subtasks=self.max_iter)
        data = {"estimator": self, "X": X, "y": y, "metadata": {"sample_weight": sample_weight}}
        context.call_on_fit_task_begin(**data)
        self._tasks = stochastic.Tasks(data, context)
        self._validation = X_val, y_val, sample_weight_val
        try:
            self._fit(X, y, sample_weight=sample_weight, incremental=False)
        finally:
            del self._tasks, self._validation
        context.call_on_fit_task_end(**data, reconstruction_attributes={})
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False) -> Any:
        settings.check(self, incremental)
        return super()._fit(X, y, sample_weight=sample_weight, incremental=incremental)

    def _validate_input(self, X: Any, y: Any, *options: Any, **more: Any) -> Any:
        for array, argument in ((X, "X"), (y, "y")):
            validation.check_unmasked(array, argument)
        return super()._validate_input(X, y, *options, **more)

    def _fit_stochastic(
        self, X: Any, y: Array, sample_weight: Array | None, *buffers_and_incremental: Any
    ) -> None:
        *_, incremental = buffers_and_incremental
        weights = self._training_weights(y, sample_weight)
        stochastic.Training(self, self._own_network(), X, y, weights, incremental).run()

    def _fit_lbfgs(self, X: Any, y: Array, sample_weight: Array | None, *buffers: Any) -> None:
        weights = self._training_weights(y, sample_weight)
        # In float64 for any X: the line search needs it. scikit-learn computes in float64, too,
        # except in a first fit of float32, and clips probabilities to the epsilon of its dtype.
        max_loss = losses.max_log_loss(np.result_type(X.dtype, self.coefs_[0].dtype))
        network = self._own_network(np.dtype(float))
        full_batch.minimize(self, network, X, y, weights, max_loss)

    def _training_weights(self, y: Array, sample_weight: Array | None) -> Array | None:
        """Return the weights of the samples, given their encoded targets."""
        return sample_weight

    def _forward_pass_fast(self, X: Any, check_input: bool = True) -> Array:
        if check_input:
            if (outputs := self._quick_outputs(X)) is not None:
                return outputs
            validation.check_unmasked(X, "X")
            X = validate_data(self, X, **_CHECKS)
        network = self._current_network()
        outputs = network.predict(X, n_threads=self._n_threads())
        return outputs.astype(np.result_type(X.dtype, network.dtype), copy=False)

    def _quick_outputs(self, X: Any) -> Array | None:
        """Predict an array that needs none of scikit-learn's checks, which take longer."""
        network = self._live_network()
        if (
            network is not None
            and type(X) is np.ndarray
            and X.ndim == 2
            and X.dtype == network.dtype
            and X.shape[1] == self.n_features_in_
            and len(X)
            and "feature_names_in_" not in vars(self)
        ):
            with suppress(ValueError):  # NaN: scikit-learn raises its own error
                return network.predict(X, n_threads=self._n_threads())
        return None

    @with_helpful_errors_in_subclasses
    def transform(self, X: Any) -> Array:
        """Compute the outputs of the last hidden layer.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_units)
            Features for other estimators; ``get_feature_names_out`` names them.
        """
        check_is_fitted(self)
        X = validate_data(self, X, **_CHECKS)
        if len(self.coefs_) == 1:
            raise ValueError("hidden_layer_sizes must name a layer to transform, got none")
        return self._current_network().activations(X)[-2]

    @property
    def _n_features_out(self) -> int:
        return len(self.coefs_[-1])

    def _score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        if self.scoring is None:
            try:
                return super()._score(X, y, sample_weight=sample_weight)
            except FloatingPointError:  # the outputs are not finite
                return math.nan
        if self.scoring == "loss":
            return -self._validation_loss(X, y, sample_weight)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        return float(check_scoring(self, scoring=self.scoring)(self, X, y, **weights))

    def _checked_validation(self) -> tuple[Any, Any, Any]:
        """Return the checked validation data of ``fit``."""
        X, y, sample_weight = self._validation
        X = validate_data(self, X, dtype=(np.float64, np.float32), **_CHECKS)
        check_consistent_length(X, y)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        return X, self._checked_y_val(y), sample_weight

    def _checked_y_val(self, y: Any) -> Array:
        return np.asarray(y)

    def _validation_loss(self, X: Any, y: Any, sample_weight: Any) -> float:
        network, targets = self._current_network(), self._targets(self._encoded(y))
        examples = internals.checked_examples(network, X, targets, sample_weight)
        return internals.mean_loss(network, examples) / losses.n_averaged(self)

    # coefs_ and intercepts_ are live views of the parameters of a network. Users may also assign
    # other arrays to them: these are then the parameters, and the network is made anew.

    def _own_network(self, dtype: "np.dtype[Any] | None" = None) -> MLP:
        """Return the estimator's network; make it if it is missing or has another dtype."""
        network = self._live_network()
        if network is None or network.dtype != (dtype or network.dtype):
            before: MLP | None = vars(self).get("_network")
            network = self._new_network(dtype)
            if before is not None and before.layer_sizes == network.layer_sizes:
                internals.set_training_state(network, internals.training_state(before))
            self._adopt(network)
        return network

    def _current_network(self) -> MLP:
        """Return a network with the parameters, which may be a temporary one."""
        return self._live_network() or self._new_network()

    def _live_network(self) -> MLP | None:
        """Return the estimator's network if ``coefs_`` and ``intercepts_`` are still its views."""
        network: MLP | None = vars(self).get("_network")
        if network is None or self._network_for != (self.activation, self.out_activation_):
            return None
        own = (*network.weights, *network.biases)
        given = (*self.coefs_, *self.intercepts_)
        if len(own) == len(given) and all(a is b for a, b in zip(own, given, strict=True)):
            return network
        return None

    def _initialize(self, y: Any, layer_units: list[int], dtype: Any) -> None:
        self._hidden_activations(len(layer_units) - 2)  # an error leaves the parameters as they are
        super()._initialize(y, layer_units, dtype)

    def _hidden_activations(self, n_layers: int) -> list[Any]:
        given = self.activation
        if not isinstance(given, list | tuple):
            given = [given] * n_layers
        elif len(given) != n_layers:
            raise ValueError(
                f"activation must be one name or Activation, or a list of {n_layers}, one per "
                f"hidden layer, got {given!r}"
            )
        return [_activation(f) for f in given]

    def _new_network(self, dtype: "np.dtype[Any] | None" = None) -> MLP:
        return MLP.from_arrays(
            self.coefs_,
            self.intercepts_,
            activation=self._hidden_activations(len(self.coefs_) - 1),
            output_activation=_activation(self.out_activation_),
            loss=_LOSS_OF_OUTPUTS.get(str(self.out_activation_)) or self.loss,
            dtype=dtype,
        )

    def _adopt(self, network: MLP) -> None:
        self._network, self._network_for = network, (self.activation, self.out_activation_)
        self.coefs_, self.intercepts_ = list(network.weights), list(network.biases)

    def _n_threads(self) -> int:
        return 1 if self.n_jobs is None else int(effective_n_jobs(self.n_jobs))

    def __getstate__(self) -> dict[str, Any]:
        state = {name: x for name, x in super().__getstate__().items() if name not in _OF_NETWORK}
        if (network := self._live_network()) is not None:
            state["_training_state"] = internals.training_state(network)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        training_state = state.pop("_training_state", None)
        super().__setstate__(state)
        if "coefs_" in state:
            # Parameters that were set since may not fit the network.
            with suppress(TypeError, ValueError):
                network = self._new_network()
                internals.set_training_state(network, training_state)
                self._adopt(network)

    def __sklearn_is_fitted__(self) -> bool:
        return "coefs_" in vars(self)

    @with_helpful_errors_in_subclasses
    def to_sklearn(self) -> Any:
        """Make an estimator of scikit-learn of this one, for predictions or further training.

        Returns
        -------
        estimator
            An estimator with the parameters that its class has, and copies of the fitted
            attributes, without the state of the optimizer.

        Raises
        ------
        ValueError
            If it has what scikit-learn lacks: an activation or a loss of your own, or a parameter
            that changes the model, such as ``dropout``.
        """
        new = self._sklearn_class()
        parameters = self.get_params(deep=False)
        unknown = [x for x in _NOT_IN_SKLEARN if x in parameters and np.any(parameters[x])]
        if unknown:
            defaults = type(self)().get_params(deep=False)
            found = ", ".join(f"{name}={parameters[name]!r}" for name in unknown)
            without = ", ".join(f"{name}={defaults[name]!r}" for name in unknown)
            raise ValueError(
                f"scikit-learn's {self._sklearn_class.__name__} has no {found}: to go on without, "
                f"use set_params({without})"
            )
        new.set_params(**{name: parameters[name] for name in new.get_params()})
        new._validate_params()
        left_out = {*parameters, *_OF_NETWORK, "_optimizer"}
        fitted = {name: x for name, x in vars(self).items() if name not in left_out}
        vars(new).update(copy.deepcopy(fitted))
        if "coefs_" in fitted:
            new.coefs_ = [np.array(w, order="C") for w in self.coefs_]
            new.intercepts_ = [np.array(b) for b in self.intercepts_]
        return new


def _activation(given: Any) -> Any:
    return "sigmoid" if isinstance(given, str) and given == "logistic" else given
