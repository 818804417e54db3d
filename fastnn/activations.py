"""The activations: a table of the built-in ones, and the class for users' own.

Each is a formula in NumPy: the reference computes with it, and the tests compare the kernels with
it. The kernels know activations by the codes in ``ACTIVATION_CODES``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .common.arrays import Array
from .common.call_errors import with_helpful_errors
from .common.parametrized import Parametrized

Function = Callable[[Array], Array]


@with_helpful_errors
@dataclass(frozen=True)
class Activation:
    """An activation function of your own, written with NumPy.

    The built-in ones have names: "identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu",
    "softplus", "silu", "gelu", "exp" and, for outputs, "softmax". `LeakyReLU` and `ELU` have a
    parameter.

    Parameters
    ----------
    name : str
        The name in messages and model files.
    function : callable
        a = f(z), element by element, for an array z of any shape in the network's dtype. It must
        not change z.
    derivative : callable
        f'(z), element by element: a function of the weighted input z, not of the output.

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
    function: Function
    derivative: Function

    outputs_are_quantities = False  # nothing is known of a user's function

    def __repr__(self) -> str:  # without the useless addresses of the functions
        return f"{type(self).__name__}({self.name!r})"

    @property
    def gain(self) -> float:
        """Variance of the initial weights, times fan_in."""
        return 1.0

    @property
    def output_range(self) -> tuple[float, float]:
        """Infimum and supremum of f; infinite for a user's function, whose range is unknown."""
        return -math.inf, math.inf

    @property
    def is_bounded(self) -> bool:
        """Whether both ends of the output range are finite."""
        return all(map(math.isfinite, self.output_range))

    def outputs(self, z: Array) -> Array:
        """Compute f(z), in the dtype of z."""
        return self._as(z, self.function(z), "function").copy()  # users' functions may reuse theirs

    def slope(self, z: Array, a: Array) -> Array:
        """Compute f'(z), in the dtype of z, from z and a = f(z)."""
        return self._as(z, self.derivative(z), "derivative")

    def _as(self, z: Array, given: ArrayLike, part: str) -> Array:
        result = np.asarray(given, z.dtype)
        if result.shape != z.shape:  # NumPy would silently broadcast it
            raise ValueError(
                f"activation {self.name!r} must have a {part} that returns an array in the shape "
                f"of its argument, got {result.shape} for {z.shape}"
            )
        return result


class BuiltinActivation(Parametrized, Activation):
    """An activation that the kernels know, too.

    Attributes
    ----------
    derivative_of_output : callable or None
        f'(z) as a function of a = f(z); None if a does not determine it.
    is_elementwise : bool
        Whether each output depends on its own weighted input alone.
    zeros_are_common : bool
        Whether so many outputs are 0 that the next layer had better skip them.
    has_step_slope : bool
        Whether f'(z) is 1 where f(z) is above 0, and 0 elsewhere.
    outputs_are_quantities : bool
        Whether outputs of this activation are quantities, not probabilities of classes.
    """

    def __init__(
        self,
        name: str,
        function: Function,
        derivative: Function,
        derivative_of_output: Function | None = None,
        *,
        gain: float = 1.0,
        output_range: tuple[float, float] = (-math.inf, math.inf),
        is_elementwise: bool = True,
        zeros_are_common: bool = False,
        has_step_slope: bool = False,
        outputs_are_quantities: bool = False,
        **parameters: float,
    ) -> None:
        super().__init__(name, function, derivative)
        vars(self).update(
            parameters=parameters,
            derivative_of_output=derivative_of_output,
            is_elementwise=is_elementwise,
            zeros_are_common=zeros_are_common,
            has_step_slope=has_step_slope,
            outputs_are_quantities=outputs_are_quantities,
            _gain=gain,
            _output_range=output_range,
        )

    derivative_of_output: Function | None
    is_elementwise: bool
    zeros_are_common: bool
    has_step_slope: bool
    _gain: float
    _output_range: tuple[float, float]

    @property
    def gain(self) -> float:
        return self._gain

    @property
    def output_range(self) -> tuple[float, float]:
        return self._output_range

    def outputs(self, z: Array) -> Array:
        return self._as(z, self.function(z), "function")

    def slope(self, z: Array, a: Array) -> Array:
        if self.derivative_of_output is None:
            return self.derivative(z)
        return self.derivative_of_output(a)

    def __reduce__(self) -> tuple[Any, ...]:
        return builtin, (self.name, self.parameters)


@with_helpful_errors
class LeakyReLU(BuiltinActivation):
    """z if it is positive, else ``negative_slope`` times z; ``"leaky_relu"`` has the default.

    Parameters
    ----------
    negative_slope : float, default 0.01
        Not negative.
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        def slope(z_or_a: Array) -> Array:
            return np.where(z_or_a > 0, 1, negative_slope).astype(z_or_a.dtype)

        super().__init__(
            "leaky_relu",
            lambda z: z * slope(z),
            slope,
            slope,
            gain=2.0,
            negative_slope=negative_slope,
        )

    @property
    def output_range(self) -> tuple[float, float]:
        return -math.inf if self.parameters["negative_slope"] else 0.0, math.inf


@with_helpful_errors
class ELU(BuiltinActivation):
    """z if it is positive, else ``alpha`` (e**z - 1); ``"elu"`` has the default.

    Parameters
    ----------
    alpha : float, default 1.0
        Not negative.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        def function(z: Array) -> Array:
            return np.where(z > 0, z, z.dtype.type(alpha) * np.expm1(np.minimum(z, 0)))

        def derivative(z: Array) -> Array:
            return np.where(z > 0, 1, z.dtype.type(alpha) * np.exp(np.minimum(z, 0)))

        def derivative_of_output(a: Array) -> Array:
            return np.where(a > 0, 1, a + a.dtype.type(alpha))

        super().__init__("elu", function, derivative, derivative_of_output, gain=2.0, alpha=alpha)

    @property
    def output_range(self) -> tuple[float, float]:
        return -float(self.parameters["alpha"]), math.inf


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


def _relu_slope(z_or_a: Array) -> Array:
    return (z_or_a > 0).astype(z_or_a.dtype)


def softplus(z: Array) -> Array:
    """Compute log(1 + e**z) without overflow."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def _silu(z: Array) -> Array:
    z = np.maximum(z, -_FAR)
    return z * _sigmoid(z)


def _silu_slope(z: Array) -> Array:
    z = np.clip(z, -_FAR, _FAR)
    s = _sigmoid(z)
    return s * (1 + z * (1 - s))


# Beyond, silu and gelu equal their limits in every dtype; infinity times 0 would be NaN.
_FAR = 10_000


def _erfc(z: Array) -> Array:
    """Compute 1 - erf(z) in float64; by scipy if it is installed, in a fraction of the time."""
    erfc: Function
    try:
        from scipy.special import erfc
    except ImportError:
        erfc = np.vectorize(math.erfc, otypes=[float])
    return erfc(np.asarray(z, float))


def _normal_cdf(z: Array) -> Array:
    return (_erfc(z * -(0.5**0.5)) / 2).astype(z.dtype)


def _gelu(z: Array) -> Array:
    z = np.maximum(z, -_FAR)
    return z * _normal_cdf(z)


def _gelu_slope(z: Array) -> Array:
    z = np.clip(z, -_FAR, _FAR)
    return _normal_cdf(z) + z * np.exp(z * z / -2) * z.dtype.type((2 * math.pi) ** -0.5)


def _softmax(z: Array) -> Array:
    a = z - z.max(axis=-1, keepdims=True)
    np.exp(a, out=a)
    a /= a.sum(axis=-1, keepdims=True)
    return a


def _no_slope(z: Array) -> Array:
    raise NotImplementedError("the derivative of softmax is a matrix; its loss does not need it")


ACTIVATIONS: dict[str, BuiltinActivation] = {
    activation.name: activation
    for activation in (
        BuiltinActivation("identity", np.positive, _one, _one, outputs_are_quantities=True),
        BuiltinActivation(
            "sigmoid",
            _sigmoid,
            lambda z: _sigmoid_slope(_sigmoid(z)),
            _sigmoid_slope,
            output_range=(0, 1),
        ),
        BuiltinActivation(
            "tanh", np.tanh, lambda z: _tanh_slope(np.tanh(z)), _tanh_slope, output_range=(-1, 1)
        ),
        BuiltinActivation(
            "relu",
            lambda z: np.maximum(z, 0),
            _relu_slope,
            _relu_slope,
            gain=2.0,
            output_range=(0, math.inf),
            zeros_are_common=True,
            has_step_slope=True,
        ),
        LeakyReLU(),
        ELU(),
        BuiltinActivation("softplus", softplus, _sigmoid, gain=2.0, output_range=(0, math.inf)),
        BuiltinActivation(
            "silu",
            _silu,
            _silu_slope,
            gain=2.0,
            output_range=(-0.27846454276107385, math.inf),  # at z = -1.278...
        ),
        BuiltinActivation(
            "gelu",
            _gelu,
            _gelu_slope,
            gain=2.0,
            output_range=(-0.16997120747990369, math.inf),  # at z = -0.751...
        ),
        BuiltinActivation(
            "exp",
            np.exp,
            np.exp,
            np.positive,
            output_range=(0, math.inf),
            outputs_are_quantities=True,
        ),
        BuiltinActivation(
            "softmax", _softmax, _no_slope, output_range=(0, 1), is_elementwise=False
        ),
    )
}


def builtin(name: str, parameters: dict[str, float]) -> BuiltinActivation:
    """Return the built-in activation with this name and these parameters."""
    default = ACTIVATIONS[name]
    return type(default)(**parameters) if parameters else default  # type: ignore[arg-type]
