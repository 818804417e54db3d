"""Numbers that overflow, or that NumPy would warn of: an error, infinity or NaN, and no warning."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from helpers import Kind, parametrize
from numpy.typing import NDArray

from fastnn import LBFGS, MLP, InputScaling, TrainingDiverged
from fastnn.network import Network


def identity(kind: Kind, *, weight: float = 1.0, dtype: str = "float64") -> Network:
    """The network y = weight * x."""
    net = kind([1, 1], output_activation="identity", dtype=dtype)
    net.weights[0][...] = weight
    return net


@parametrize("scale", 1.0, 1e200, 2.0**1021, 1e-300)
def test_only_the_ratios_of_weights_count_in_an_evaluation(kind: Kind, scale: float) -> None:
    X, y, weights = [[1.0], [3.0]], [0.0, 1.0], scale * np.array([1.0, 3.0])
    found = identity(kind).evaluate(X, y, sample_weight=weights)
    assert found.loss == pytest.approx((0.5 + 3 * 2) / 4)
    assert found.score == pytest.approx(1 - (1 + 3 * 4) / (0.75**2 + 3 * 0.25**2))
    net = kind([1, 2], output_activation="softmax", loss="cross_entropy", dtype="float64")
    for parameters in (*net.weights, *net.biases):
        parameters[...] = 0
    found = net.evaluate(X, [0, 1], sample_weight=weights)  # 0 is what it says
    assert (found.loss, found.score) == pytest.approx((np.log(2), 0.25))


@parametrize("weights", None, [1e200, 1e200], ids=["unweighted", "weighted"])
def test_errors_whose_squares_overflow_have_an_infinite_loss(kind: Kind, weights: Any) -> None:
    found = identity(kind).evaluate([[1e200], [-1e200]], [0.0, 1.0], sample_weight=weights)
    assert found.loss == np.inf
    assert not np.isfinite(found.score)


def test_a_line_search_that_goes_too_far(kind: Kind) -> None:
    net = identity(kind, weight=1e30, dtype="float32")
    before = net.weights[0].copy()
    with pytest.raises(TrainingDiverged):
        net.train([[1.0]], [1.0], optimizer=LBFGS(), batch_size=None, l2=1e10)
    np.testing.assert_array_equal(net.weights[0], before)


def signalling(shape: int | tuple[int, ...], dtype: str) -> NDArray[Any]:
    """Ones, and a signalling NaN at the second place."""
    bits = {"float32": 0x7F800001, "float64": (0x7FF0 << 48) + 1}[dtype]
    array = np.ones(shape, dtype)
    array.reshape(-1).view(f"u{array.itemsize}")[1] = bits
    return array


ARGUMENTS: dict[str, Callable[[MLP, str], object]] = {
    "X": lambda net, dtype: net.train(signalling((3, 2), dtype), [0, 1, 0]),
    "X must be finite": lambda net, dtype: net.predict(
        scipy.sparse.csr_array(signalling((3, 2), dtype))
    ),
    "y must be finite": lambda net, dtype: net.train(np.ones((3, 2)), signalling((3, 2), dtype)),
    "y must be integer labels": lambda net, dtype: net.train(np.ones((3, 2)), signalling(3, dtype)),
    "sample_weight": lambda net, dtype: net.train(
        np.ones((3, 2)), [0, 1, 0], sample_weight=signalling(3, dtype)
    ),
    "weights": lambda net, dtype: MLP.from_arrays(
        [signalling((2, 2), dtype)], [np.zeros(2)], dtype=net.dtype
    ),
    "scale": lambda net, dtype: InputScaling(np.zeros(2), signalling(2, dtype)),
}


@parametrize("given", "float32", "float64")
@parametrize("dtype", "float32", "float64")
@parametrize("argument", *ARGUMENTS)
def test_a_signalling_nan_is_an_error_that_names_its_argument(
    argument: str, dtype: str, given: str
) -> None:
    with pytest.raises(ValueError, match=argument):
        ARGUMENTS[argument](MLP([2, 2], dtype=dtype), given)
