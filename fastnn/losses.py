"""The losses: a table of the built-in ones, and the class for users' own.

The reference computes with the formulas; the tests compare the kernels with them. In the formulas,
a are the outputs of examples, z their weighted inputs and t the targets, all of shape (n_examples,
n_outputs).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .activations import softplus
from .common.arrays import Array
from .common.call_errors import with_helpful_errors
from .common.parametrized import Parametrized


@with_helpful_errors
@dataclass(frozen=True)
class Loss:
    r"""A loss of your own, written with NumPy.

    The built-in ones have names. The loss of one example is the sum over its outputs a and targets
    t of

    - "squared_error": ½(a - t)²; "absolute_error": \|a - t\|;
    - "huber" and "quantile": `Huber` and `Quantile` with their defaults;
    - "cross_entropy": -t log a, for "softmax" outputs;
    - "binary_cross_entropy": -t log a - (1 - t) log(1 - a), for "sigmoid" outputs: an example may
      have any number of the classes;
    - "poisson": a - t log a, for "exp" outputs.

    Parameters
    ----------
    name : str
        The name in messages and model files.
    function : callable
        It takes outputs and targets, both (n_examples, n_outputs) arrays of the network's dtype,
        which it must not change. It returns the loss of each example, (n_examples,), and the
        derivatives of the loss with respect to the outputs, (n_examples, n_outputs). Labels arrive
        as rows of 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import MLP, Loss
    >>> def log_cosh(outputs, targets):
    ...     errors = outputs - targets
    ...     return np.log(np.cosh(errors)).sum(axis=1), np.tanh(errors)
    >>> net = MLP([4, 3, 1], output_activation="identity", loss=Loss("log_cosh", log_cosh))
    >>> net.loss
    'log_cosh'
    """

    name: str
    function: Callable[[Array, Array], tuple[Array, Array]]

    is_multilabel = False

    def __repr__(self) -> str:  # without the useless address of the function
        return f"{type(self).__name__}({self.name!r})"

    def values(self, z: Array, a: Array, t: Array) -> Array:
        """Compute the loss of each example, (n_examples,)."""
        return self.values_and_derivatives(a, t)[0]

    def derivative(self, a: Array, t: Array) -> Array:
        """Compute dL/da or, for a loss with an output activation of its own, dL/dz."""
        return np.array(self.values_and_derivatives(a, t)[1], a.dtype)

    def values_and_delta(self, z: Array, a: Array, t: Array) -> tuple[Array, Array]:
        """Compute `values` and `derivative`, with one call of a user's function."""
        values, derivatives = self.values_and_derivatives(a, t)
        return values, np.array(derivatives, a.dtype)

    def values_and_derivatives(self, a: Array, t: Array) -> tuple[Array, Array]:
        """Compute the loss of each example and dL/da, for a loss without an output activation.

        Raises
        ------
        ValueError
            If the results have wrong shapes, which NumPy would silently broadcast.
        """
        values, derivatives = map(np.asarray, self.function(a, t))
        if values.shape != (len(a),) or derivatives.shape != a.shape:
            raise ValueError(
                f"loss {self.name!r} must return losses and derivatives of shapes {(len(a),)} and "
                f"{a.shape} for outputs {a.shape}, got {values.shape} and {derivatives.shape}"
            )
        return values, derivatives

    @property
    def output_activation(self) -> str | None:
        """The only activation that the loss allows; with one, derivatives are dL/dz."""
        return None


def _no_function(a: Array, t: Array) -> tuple[Array, Array]:
    raise NotImplementedError("a built-in loss is computed from weighted inputs, too")


class BuiltinLoss(Parametrized, Loss):
    """A loss that the kernels know, too.

    Attributes
    ----------
    is_multilabel : bool
        Whether each of several outputs is a label by itself.
    lowest, highest : float
        The range of its targets.
    parameter_limit : float
        The supremum of its parameter, whose infimum is 0.
    """

    parameter_limit = np.inf

    def __init__(
        self,
        name: str,
        values: Callable[[Array, Array, Array], Array],
        derivative: Callable[[Array, Array], Array],
        *,
        output_activation: str | None = None,
        is_multilabel: bool = False,
        lowest: float = -np.inf,
        highest: float = np.inf,
        **parameters: float,
    ) -> None:
        super().__init__(name, _no_function)
        vars(self).update(
            parameters=parameters,
            _values=values,
            _derivative=derivative,
            is_multilabel=is_multilabel,
            lowest=lowest,
            highest=highest,
            _output_activation=output_activation,
        )

    is_multilabel: bool
    lowest: float
    highest: float
    _values: Callable[[Array, Array, Array], Array]
    _derivative: Callable[[Array, Array], Array]
    _output_activation: str | None

    def values(self, z: Array, a: Array, t: Array) -> Array:
        return self._values(z, a, t)

    def values_and_delta(self, z: Array, a: Array, t: Array) -> tuple[Array, Array]:
        return self.values(z, a, t), self.derivative(a, t)

    def derivative(self, a: Array, t: Array) -> Array:
        return self._derivative(a, t)

    @property
    def output_activation(self) -> str | None:
        return self._output_activation

    def __reduce__(self) -> tuple[Any, ...]:
        return builtin, (self.name, self.parameters)


@with_helpful_errors
class Huber(BuiltinLoss):
    """½(a - t)² up to the distance ``delta``, and its tangent beyond; summed over outputs.

    Parameters
    ----------
    delta : float, default 1.0
        Above 0.
    """

    def __init__(self, delta: float = 1.0) -> None:
        def values(z: Array, a: Array, t: Array) -> Array:
            error = np.abs(a - t)
            inner = np.minimum(error, a.dtype.type(delta))
            return (inner * (error - inner / 2)).sum(axis=1)

        def derivative(a: Array, t: Array) -> Array:
            return np.clip(a - t, -a.dtype.type(delta), a.dtype.type(delta))

        super().__init__("huber", values, derivative, delta=delta)


@with_helpful_errors
class Quantile(BuiltinLoss):
    """The pinball loss, which is minimal if outputs are the ``quantile`` of the targets.

    ``quantile`` (t - a) if a is below t, else (1 - ``quantile``) (a - t); summed over outputs.

    Parameters
    ----------
    quantile : float, default 0.5
        Between 0 and 1.
    """

    parameter_limit = 1.0

    def __init__(self, quantile: float = 0.5) -> None:
        def derivative(a: Array, t: Array) -> Array:
            low, high = a.dtype.type(-quantile), a.dtype.type(1 - quantile)
            return np.where(a < t, low, np.where(a > t, high, a.dtype.type(0)))

        def values(z: Array, a: Array, t: Array) -> Array:
            return np.vecdot(a - t, derivative(a, t))

        super().__init__("quantile", values, derivative, quantile=quantile)


def _squared_error(z: Array, a: Array, t: Array) -> Array:
    errors = np.subtract(a, t)
    return np.vecdot(errors, errors) / 2


def _absolute_error(z: Array, a: Array, t: Array) -> Array:
    return np.abs(a - t).sum(axis=1)


def _cross_entropy(z: Array, a: Array, t: Array) -> Array:
    below = z.max(axis=1, keepdims=True) - z
    return np.vecdot(t, below + np.log(np.exp(-below).sum(axis=1, keepdims=True)))


def _cross_entropy_slope(a: Array, t: Array) -> Array:
    return a * t.sum(axis=1, keepdims=True) - t


def _binary_cross_entropy(z: Array, a: Array, t: Array) -> Array:
    return (softplus(-np.abs(z)) + (np.maximum(z, 0) - z * t)).sum(axis=1)


def _poisson(z: Array, a: Array, t: Array) -> Array:
    return (a - t * z).sum(axis=1)


LOSSES: dict[str, BuiltinLoss] = {
    loss.name: loss
    for loss in (
        BuiltinLoss("squared_error", _squared_error, np.subtract),
        BuiltinLoss("absolute_error", _absolute_error, lambda a, t: np.sign(a - t)),
        Huber(),
        Quantile(),
        BuiltinLoss(
            "cross_entropy",
            _cross_entropy,
            _cross_entropy_slope,
            output_activation="softmax",
            lowest=0,
            highest=1,
        ),
        BuiltinLoss(
            "binary_cross_entropy",
            _binary_cross_entropy,
            np.subtract,
            output_activation="sigmoid",
            is_multilabel=True,
            lowest=0,
            highest=1,
        ),
        BuiltinLoss(
            "poisson",
            _poisson,
            np.subtract,
            output_activation="exp",
            lowest=0,
        ),
    )
}


def builtin(name: str, parameters: dict[str, float]) -> BuiltinLoss:
    """Return the built-in loss with this name and these parameters."""
    default = LOSSES[name]
    return type(default)(**parameters) if parameters else default  # type: ignore[arg-type]
