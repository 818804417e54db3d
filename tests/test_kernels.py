"""The kernels against float64 formulas, variant by variant."""

import math
from typing import Any

import numpy as np
import pytest
from helpers import Array, Options, parametrize
from numpy.typing import NDArray

from fastnn import MLP, validation
from fastnn._kernels import kernels_for
from fastnn.activations import ACTIVATIONS

DTYPES = ["float32", "float64"]

pytestmark = [pytest.mark.usefixtures("variant"), pytest.mark.emulated]


# In which references are computed, where the platform has it.
WIDER = {"float32": np.float64, "float64": np.longdouble}
NANS = {  # quiet and signalling ones, of either sign
    "float32": [0x7FC00000, 0xFFC00000, 0x7FC00001, 0xFFFFFFFF, 0x7F800001],
    "float64": [0x7FF8 << 48, 0xFFF8 << 48, (0x7FF8 << 48) + 1, 2**64 - 1, (0x7FF0 << 48) + 1],
}


def ulps(found: Array, exact: Array) -> Array:
    """Distance in units of the last place of the exact result rounded to the dtype found."""
    return np.abs(found - exact) / np.spacing(np.abs(exact.astype(found.dtype)))


def neighbors(x: Array, n: int) -> Array:
    """The numbers x and the n next to each of them on either side, x not being 0."""
    bits = x.view(f"i{x.itemsize}")[:, None] + np.arange(-n, n + 1, dtype=f"i{x.itemsize}")
    return bits.view(x.dtype).ravel()


def exp(x: Array) -> Array:
    y = np.empty_like(x)
    kernels_for(x.dtype).exp(x, y)
    return y


@parametrize("dtype", *DTYPES)
class TestExp:
    def smallest(self, dtype: str) -> Any:
        return np.log(np.finfo(dtype).smallest_normal)  # -87.34, -708.40

    def largest(self, dtype: str) -> Any:
        return np.log(np.finfo(dtype).max)  # 88.72, 709.78

    def assert_within_two_ulps(self, x: Array) -> None:
        dtype = x.dtype.name
        x = x[(x > self.smallest(dtype)) & (x < self.largest(dtype))]
        error = ulps(exp(x), np.exp(x.astype(WIDER[dtype])))
        assert error.max() <= 2, f"{error.max()} ulps at {x[error.argmax()]}"

    def test_within_two_ulps_over_the_range(self, dtype: str) -> None:
        x = np.linspace(self.smallest(dtype), self.largest(dtype), 2_000_003)
        self.assert_within_two_ulps(x.astype(dtype))

    def test_within_two_ulps_near_zero_and_near_powers_of_two(self, dtype: str) -> None:
        limits = np.finfo(dtype)
        scales, powers = np.arange(limits.minexp - 14, 1), np.arange(limits.minexp, limits.maxexp)
        near_zero = np.ldexp(np.linspace(-1, 1, 1001), scales[:, None])
        halfway = (powers + 0.5)[:, None] * np.log(2) + np.linspace(-1e-4, 1e-4, 101)
        self.assert_within_two_ulps(np.concatenate([near_zero, halfway], axis=None).astype(dtype))

    def test_within_two_ulps_next_to_halfway_points_and_to_the_ends(self, dtype: str) -> None:
        limits = np.finfo(dtype)
        halfway = (np.arange(limits.minexp, limits.maxexp) + 0.5) * np.log(2)
        ends = [self.smallest(dtype), self.largest(dtype)]
        self.assert_within_two_ulps(neighbors(np.append(halfway, ends).astype(dtype), 200))

    def test_saturates_instead_of_overflowing(self, dtype: str) -> None:
        beyond = np.array([1.001, 1.2, 1e30, np.inf] * 8, dtype) * self.largest(dtype)
        limits = np.finfo(dtype)
        rtol = {"float32": 1e-4, "float64": 1e-13}[dtype]
        np.testing.assert_allclose(exp(beyond), limits.max, rtol=rtol)
        assert np.isfinite(exp(beyond)).all()
        np.testing.assert_allclose(exp(-beyond), limits.smallest_normal, rtol=rtol)
        next_to_ends = neighbors(np.array([self.smallest(dtype), self.largest(dtype)]), 200)
        assert np.isfinite(exp(next_to_ends)).all()

    @parametrize("which", *range(5))
    def test_nan_stays_nan(self, dtype: str, which: int) -> None:
        bits = NANS[dtype][which]
        x = np.full(19, bits, f"u{np.dtype(dtype).itemsize}").view(dtype)
        assert np.isnan(exp(x)).all()

    @parametrize("n", *range(35))
    def test_every_length(self, dtype: str, n: int) -> None:
        x = np.linspace(-2, 2, n, dtype=dtype)
        y = np.full(n + 3, 7, dtype)
        kernels_for(x.dtype).exp(x, y[:n])
        np.testing.assert_allclose(
            y[:n], np.exp(x.astype(WIDER[dtype])), rtol=float(2 * np.finfo(dtype).eps)
        )
        assert (y[n:] == 7).all(), "wrote past the end"


# tanh and sigmoid: a few units in the last place of the result.
TOLERANCE = {"float32": 6e-7, "float64": 1e-15}


WIDE = bool(np.finfo(np.longdouble).eps < 1e-18)

# Far from 0 the last place of a tail of e**(-z**2 / 2) is that of z**2; there a < 1e-5.  (In double
# the kernels do better, and so does the formula, if it has a wider type for z**2.)
ABSOLUTE_TOLERANCE = {("gelu", "float32"): 2e-11, ("gelu", "float64"): 0 if WIDE else 1e-17}

# In double: two units in the last place for e**z, and what the operations on it may add.
ULPS = {"sigmoid": 3, "tanh": 3, "elu": 2, "softplus": 4, "silu": 4, "gelu": 8, "exp": 2}


def gelu(z: NDArray[np.longdouble]) -> NDArray[np.longdouble]:
    """Z times the normal distribution, by erfc in double.

    What rounding its argument changes, more than that far from 0, its derivative makes up for.
    """
    u = -z * np.sqrt(np.longdouble(0.5))
    rounded = u.astype(float)
    slope = np.exp(-u * u) * -2 / np.sqrt(np.longdouble(np.pi))
    return z * (np.vectorize(math.erfc)(rounded) + (u - rounded) * slope) / 2


def exactly(name: str, z: Array) -> NDArray[np.longdouble]:
    return (gelu if name == "gelu" else ACTIVATIONS[name].function)(z.astype(np.longdouble))


def apply(name: str, z: Array) -> Array:
    """f(z), by a network that has one layer, weights of 0 and biases of z."""
    net = MLP([1, len(z)], output_activation=name, dtype=z.dtype)
    net.weights[0][:] = 0
    net.biases[0][:] = z
    inputs = validation.examples(np.zeros((1, 1)), 1, z.dtype)
    return net._engine.outputs(inputs, 1)[0]  # `predict` refuses what is not finite


@pytest.mark.skipif(not WIDE, reason="long double is hardly wider than double")
@parametrize("name", *ULPS)
def test_activations_within_few_ulps_in_double(name: str) -> None:
    halfway = (np.arange(-52, 53) + 0.5) * np.log(2)  # and tanh takes e**(2 z)
    z = np.concatenate(
        [
            np.linspace(0, 37, 100_001),
            np.geomspace(1e-300, 1, 3001),
            np.geomspace(37, 700),
            neighbors(halfway, 20),
            neighbors(halfway / 2, 20),
        ]
    )
    z = np.concatenate([z, -z])
    if name == "gelu":
        z = z[z > -37.4]  # beyond, it is subnormal
    error = ulps(apply(name, z), exactly(name, z))
    assert error.max() <= ULPS[name], f"{error.max()} ulps at {z[error.argmax()]}"


@parametrize("dtype", *DTYPES)
@parametrize("name", *[name for name, f in ACTIVATIONS.items() if f.is_elementwise])
class TestActivations:
    def z(self, dtype: str) -> Array:
        z = np.concatenate([np.linspace(-20, 20, 4001), np.geomspace(1e-30, 1, 200)])
        return np.concatenate([z, -z, [0]]).astype(dtype)

    def test_function(self, name: str, dtype: str) -> None:
        z = self.z(dtype)
        found = apply(name, z)
        atol = ABSOLUTE_TOLERANCE.get((name, dtype), 0)
        exact = exactly(name, z).astype(float)
        np.testing.assert_allclose(found, exact, rtol=TOLERANCE[dtype], atol=atol)

    def test_far_from_zero(self, name: str, dtype: str) -> None:
        if name == "exp":
            return  # it has no limits there
        limits = np.finfo(dtype)
        z = np.geomspace(20, limits.max / 4, 2001, dtype=dtype)
        z = np.concatenate([z, -z])
        with np.errstate(over="ignore"):
            expected = exactly(name, z).astype(float)
        atol = max(1e4 * float(limits.smallest_normal), ABSOLUTE_TOLERANCE.get((name, dtype), 0))
        np.testing.assert_allclose(apply(name, z), expected, rtol=TOLERANCE[dtype], atol=atol)

    def test_slope_is_the_derivative(self, name: str, dtype: str) -> None:
        z = np.linspace(-5, 5, 401)  # its only point at a kink is 0
        z = z[z != 0]
        h = 1e-6
        function = ACTIVATIONS[name].function
        expected = (function(z + h) - function(z - h)) / (2 * h)
        # A step of rate 1 towards targets at a distance of 1, or of 0.5 in bounded ranges.
        net = MLP([1, len(z)], output_activation=name, dtype=dtype)
        net.weights[0][:] = 0
        net.biases[0][:] = z
        before = net.biases[0].copy()
        X = np.zeros((1, 1))
        outputs = net.predict(X).astype(float)
        low, high = ACTIVATIONS[name].output_range
        distance, middle = (1, 1) if high == np.inf else (0.5, (low + high) / 2)
        distances = np.where(outputs > middle, distance, -distance)
        net.train(X, outputs - distances, learning_rate=1)
        tolerance = {"float32": 2e-6, "float64": 1e-9}[dtype]
        found = (before - net.biases[0]) / distances[0]
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)

    def test_formulas_agree_with_each_other(self, name: str, dtype: str) -> None:
        z = self.z(dtype)
        f = ACTIVATIONS[name]
        if f.derivative_of_output is None:
            return
        np.testing.assert_allclose(
            f.derivative(z), f.derivative_of_output(f.function(z)), rtol=1e-6, atol=1e-7
        )

    def test_nan_stays_nan(self, name: str, dtype: str) -> None:
        assert np.isnan(apply(name, np.full(21, np.nan, dtype))).all()

    def test_infinity(self, name: str, dtype: str) -> None:
        infinities = np.array([-np.inf, np.inf] * 9, dtype)
        low, high = {
            "identity": (-np.inf, np.inf),
            "sigmoid": (0, 1),
            "tanh": (-1, 1),
            "relu": (0, np.inf),
            "leaky_relu": (-np.inf, np.inf),
            "elu": (-1, np.inf),
            "softplus": (0, np.inf),
            "silu": (0, np.inf),
            "gelu": (0, np.inf),
            "exp": (0, np.finfo(dtype).max),
        }[name]
        found = apply(name, infinities)
        np.testing.assert_allclose(found, np.tile([low, high], 9), atol=1e-37, rtol=2e-3)
        if np.isfinite(found).all():
            return
        with np.errstate(over="ignore"):
            by_numpy = ACTIVATIONS[name].function(infinities)
        np.testing.assert_array_equal(by_numpy, np.tile([low, high], 9))

    def test_slope_far_from_zero(self, name: str, dtype: str) -> None:
        """It is that of the limit, whatever order a compiler takes products in."""
        if name == "exp":
            return  # it has no limits there
        far = np.geomspace(1e3, 1e18, 31, dtype=dtype)
        z = np.concatenate([far, -far])
        left, right = {
            "identity": (1, 1),
            "relu": (0, 1),
            "leaky_relu": (0.01, 1),
            "elu": (0, 1),
            "softplus": (0, 1),
            "silu": (0, 1),
            "gelu": (0, 1),
        }.get(name, (0, 0))
        expected = np.repeat([right, left], len(far))
        with np.errstate(over="ignore"):
            by_numpy = ACTIVATIONS[name].derivative(z)
        np.testing.assert_allclose(by_numpy, expected, atol=1e-30)
        # Outputs of the layer above its targets: the derivative of each loss is 1.
        outputs: Options = {"output_activation": "identity", "loss": "absolute_error"}
        net = MLP([1, len(z), len(z)], activation=name, dtype=dtype, **outputs)
        net.weights[0][:], net.weights[1][:] = 0, np.eye(len(z))
        net.biases[0][:], net.biases[1][:] = z, 0
        found = net.gradients([[0]], np.full((1, len(z)), -1e25)).biases[0]
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-30)


@parametrize("dtype", *DTYPES)
@parametrize("bad", np.nan, np.inf, -np.inf)
@parametrize("n", 1, 15, 16, 17, 4095, 4096, 4097, 10_000)
def test_first_nonfinite(dtype: str, bad: float, n: int) -> None:
    find = kernels_for(np.dtype(dtype)).first_nonfinite
    # Finite, although their sums are not.
    x = np.full(n, np.finfo(dtype).max, dtype)
    assert find(x) == -1
    for at in {0, n // 2, n - 1}:
        y = x.copy()
        y[at:] = bad
        assert find(y) == at
