"""The kernels against float64 formulas, variant by variant."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fastnn import MLP
from fastnn._kernels import kernels_for
from fastnn.activations import ACTIVATIONS
from fastnn.losses import LOSSES

DTYPES = ["float32", "float64"]


pytestmark = pytest.mark.usefixtures("variant")


def ulps(found: NDArray[np.float32], exact: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance in units of the last place of the exact result rounded to float32."""
    place = np.spacing(np.abs(exact.astype(np.float32))).astype(np.float64)
    return np.abs(found - exact) / place


def exp(x: NDArray[Any]) -> NDArray[Any]:
    y = np.empty_like(x)
    kernels_for(x.dtype).exp(x, y)
    return y


class TestExp:
    LARGEST = np.log(np.finfo(np.float32).max)  # 88.72
    SMALLEST = np.log(np.finfo(np.float32).smallest_normal)  # -87.34

    def test_within_two_ulps_over_the_range(self) -> None:
        x = np.linspace(self.SMALLEST, self.LARGEST, 2_000_003).astype(np.float32)[1:-1]
        error = ulps(exp(x), np.exp(x.astype(np.float64)))
        assert error.max() <= 2, f"{error.max()} ulps at {x[error.argmax()]}"

    def test_within_two_ulps_near_zero_and_near_powers_of_two(self) -> None:
        near_zero = np.ldexp(np.linspace(-1, 1, 1001), np.arange(-140, 1)[:, None])
        halfway = (np.arange(-126, 128) + 0.5)[:, None] * np.log(2) + np.linspace(-1e-4, 1e-4, 101)
        x = np.concatenate([near_zero.ravel(), halfway.ravel()]).astype(np.float32)
        x = x[(x > self.SMALLEST) & (x < self.LARGEST)]
        error = ulps(exp(x), np.exp(x.astype(np.float64)))
        assert error.max() <= 2, f"{error.max()} ulps at {x[error.argmax()]}"

    def test_saturates_instead_of_overflowing(self) -> None:
        beyond = np.array([88.8, 100, 1e30, np.inf] * 8, np.float32)
        limits = np.finfo(np.float32)
        np.testing.assert_allclose(exp(beyond), limits.max, rtol=1e-4)
        assert np.isfinite(exp(beyond)).all()
        np.testing.assert_allclose(exp(-beyond), limits.smallest_normal, rtol=1e-4)

    @pytest.mark.parametrize("bits", [0x7FC00000, 0xFFC00000, 0x7FC00001, 0xFFFFFFFF])
    def test_nan_stays_nan(self, bits: int) -> None:
        x = np.full(19, bits, np.uint32).view(np.float32)
        assert np.isnan(exp(x)).all()

    def test_float64(self) -> None:
        x = np.linspace(-700, 700, 1001)
        np.testing.assert_allclose(exp(x), np.exp(x), rtol=4e-16)

    @pytest.mark.parametrize("n", range(35))
    def test_every_length(self, n: int) -> None:
        x = np.linspace(-2, 2, n, dtype=np.float32)
        y = np.full(n + 3, 7, np.float32)
        kernels_for(x.dtype).exp(x, y[:n])
        np.testing.assert_allclose(y[:n], np.exp(x), rtol=3e-7)
        assert (y[n:] == 7).all(), "wrote past the end"


# tanh and sigmoid: a few units in the last place of the result.
TOLERANCE = {"float32": 6e-7, "float64": 1e-15}


# Far from 0 the last place of a tail of e**(-z**2 / 2) is that of z**2; there a < 1e-5.
ABSOLUTE_TOLERANCE = {("gelu", "float32"): 2e-11}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name, f in ACTIVATIONS.items() if f.is_elementwise])
class TestActivations:
    def z(self, dtype: str) -> NDArray[Any]:
        z = np.concatenate([np.linspace(-20, 20, 4001), np.geomspace(1e-30, 1, 200)])
        return np.concatenate([z, -z, [0]]).astype(dtype)

    def apply(self, name: str, z: NDArray[Any]) -> NDArray[Any]:
        """f(z), by a network that has one layer, weights of 0 and biases of z."""
        net = MLP([1, len(z)], output_activation=name, dtype=z.dtype)
        net.weights[0][:] = 0
        net.biases[0][:] = z
        return net.predict(np.zeros(1))

    def test_function(self, name: str, dtype: str) -> None:
        z = self.z(dtype)
        expected = ACTIVATIONS[name].function(z.astype(np.longdouble))
        found = self.apply(name, z)
        np.testing.assert_allclose(
            found,
            expected.astype(float),
            rtol=TOLERANCE[dtype],
            atol=ABSOLUTE_TOLERANCE.get((name, dtype), 0),
        )

    def test_slope_is_the_derivative(self, name: str, dtype: str) -> None:
        z = np.linspace(-5, 5, 401)  # its only point at a kink is 0
        z = z[z != 0]
        h = 1e-6
        function = ACTIVATIONS[name].function
        expected = (function(z + h) - function(z - h)) / (2 * h)
        # A step of rate 1 towards targets that are 1 less than the outputs: by the slope.
        net = MLP([1, len(z)], output_activation=name, dtype=dtype)
        net.weights[0][:] = 0
        net.biases[0][:] = z
        before = net.biases[0].copy()
        X = np.zeros((1, 1))
        net.train(X, net.predict(X).astype(float) - 1, learning_rate=1)
        tolerance = {"float32": 2e-6, "float64": 1e-9}[dtype]
        np.testing.assert_allclose(before - net.biases[0], expected, rtol=tolerance, atol=tolerance)

    def test_formulas_agree_with_each_other(self, name: str, dtype: str) -> None:
        z = self.z(dtype)
        f = ACTIVATIONS[name]
        if f.derivative_of_output is None:
            return
        np.testing.assert_allclose(
            f.derivative(z), f.derivative_of_output(f.function(z)), rtol=1e-6, atol=1e-7
        )

    def test_nan_stays_nan(self, name: str, dtype: str) -> None:
        assert np.isnan(self.apply(name, np.full(21, np.nan, dtype))).all()

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
            "silu": (np.nan, np.inf),  # -inf times 0, as in NumPy
            "gelu": (np.nan, np.inf),
            "exp": (0, np.finfo(dtype).max),
        }[name]
        found = self.apply(name, infinities)
        np.testing.assert_allclose(found, np.tile([low, high], 9), atol=1e-37, rtol=2e-3)


def test_every_loss_is_known() -> None:
    codes = kernels_for(np.dtype("float32")).LOSS_CODES
    assert codes.keys() == LOSSES.keys()
    assert len(set(codes.values())) == len(LOSSES)


def test_every_activation_has_a_code() -> None:
    codes = kernels_for(np.dtype("float32")).ACTIVATION_CODES
    assert codes.keys() == ACTIVATIONS.keys()
    assert len(set(codes.values())) == len(ACTIVATIONS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("n", [1, 15, 16, 17, 4095, 4096, 4097, 10_000])
def test_first_nonfinite(dtype: str, bad: float, n: int) -> None:
    find = kernels_for(np.dtype(dtype)).first_nonfinite
    # Finite, although their sums are not.
    x = np.full(n, np.finfo(dtype).max, dtype)
    assert find(x) == -1
    for at in {0, n // 2, n - 1}:
        y = x.copy()
        y[at:] = bad
        assert find(y) == at
