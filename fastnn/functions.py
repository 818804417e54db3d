"""The one table of activations and losses.

Each built-in function stands here as a formula in NumPy, which the reference computes with and the
tests hold the kernels to; the kernels know activations by the codes in ``ACTIVATION_CODES``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Activation:
    """An activation function of your own, written with NumPy.

    Parameters
    ----------
    name : str
        What messages and model files call it.
    function : callable
        a = f(z), element by element, for an array z of any shape and the network's dtype. It must
        leave z as it is.
    derivative : callable
        f'(z), likewise; a function of the weighted input z, not of the output.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import MLP, Activation
    >>> softsign = Activation(
    ...     "softsign", lambda z: z / (1 + abs(z)), lambda z: 1 / (1 + abs(z)) ** 2
    ... )
    >>> MLP([4, 3, 3], activation=softsign).predict(np.zeros(4)).shape
    (3,)
    """

    name: str
    function: Callable[[Array], Array]
    derivative: Callable[[Array], Array]

    @property
    def gain(self) -> float:
        """Variance of the initial weights, times fan_in."""
        return 1.0

    def outputs(self, z: Array) -> Array:
        """f(z), in the dtype of z."""
        return np.asarray(self.function(z), z.dtype)

    def slope(self, z: Array, a: Array) -> Array:
        """f'(z), in the dtype of z, given both z and a = f(z)."""
        return np.asarray(self.derivative(z), z.dtype)


@dataclass(frozen=True)
class BuiltinActivation(Activation):
    """An activation that the kernels know too."""

    derivative_of_output: Callable[[Array], Array]
    initial_gain: float = 1.0

    @property
    def gain(self) -> float:
        return self.initial_gain

    def slope(self, z: Array, a: Array) -> Array:
        return self.derivative_of_output(a)

    def __reduce__(self) -> tuple[Any, ...]:
        return _builtin_activation, (self.name,)


def _builtin_activation(name: str) -> BuiltinActivation:
    return ACTIVATIONS[name]


def _identity(z: Array) -> Array:
    return z


def _one(z: Array) -> Array:
    return np.ones_like(z)


def _sigmoid(z: Array) -> Array:
    a = np.negative(z)
    np.exp(a, out=a)
    a += 1
    np.reciprocal(a, out=a)
    return a


def _sigmoid_slope(a: Array) -> Array:
    slope = 1 - a
    slope *= a
    return slope


def _tanh_slope(a: Array) -> Array:
    return 1 - a * a


def _relu(z: Array) -> Array:
    return np.maximum(z, 0)


def _relu_slope(z_or_a: Array) -> Array:
    return (z_or_a > 0).astype(z_or_a.dtype)


ACTIVATIONS: dict[str, BuiltinActivation] = {
    activation.name: activation
    for activation in (
        BuiltinActivation("identity", _identity, _one, _one),
        BuiltinActivation(
            "sigmoid", _sigmoid, lambda z: _sigmoid_slope(_sigmoid(z)), _sigmoid_slope
        ),
        BuiltinActivation("tanh", np.tanh, lambda z: _tanh_slope(np.tanh(z)), _tanh_slope),
        BuiltinActivation("relu", _relu, _relu_slope, _relu_slope, initial_gain=2.0),
    )
}


@dataclass(frozen=True)
class Loss:
    """A loss, summed over the examples of a block, and its derivative with respect to outputs."""

    name: str
    value: Callable[[Array, Array], float]  # of outputs and targets, (n_examples, n_outputs) each
    gradient: Callable[[Array, Array], Array]

    def __reduce__(self) -> tuple[Any, ...]:
        return _loss, (self.name,)


def _loss(name: str) -> Loss:
    return LOSSES[name]


def _squared_error(outputs: Array, targets: Array) -> float:
    errors = np.subtract(outputs, targets)
    return float(np.vecdot(errors, errors).sum(dtype=np.float64)) / 2


LOSSES: dict[str, Loss] = {
    loss.name: loss for loss in (Loss("squared_error", _squared_error, np.subtract),)
}
