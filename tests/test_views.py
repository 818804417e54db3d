"""What becomes of the views of weights and biases stays without effect on the network's own."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from helpers import Kind, arrays_of, copies_of, parametrize

from fastnn.common.arrays import Array
from fastnn.network import Network

X: Array = np.random.default_rng(1).random((9, 4), np.float32)
LABELS = np.arange(9) % 3


def reshape(view: Array) -> None:
    view.shape = (view.size, 1)


def reinterpret(view: Any) -> None:
    view.dtype = np.dtype(np.int32)


def restride(view: Array) -> None:
    view.strides = (0,) * view.ndim


def lock(view: Array) -> None:
    view.flags.writeable = False


def disfigured(kind: Kind, change: Callable[[Array], None]) -> Network:
    """A network whose biases of both layers, and weights of the last, were handed out and changed.

    The first bias is 7.
    """
    network = kind([4, 5, 3], seed=1)
    network.biases[0][0] = 7
    with warnings.catch_warnings():  # NumPy deprecates some of it
        warnings.simplefilter("ignore")
        for view in (*network.biases, network.weights[1]):
            try:
                change(view)
            except AttributeError:  # not possible without a copy
                assert view is network.weights[1]
    return network


@parametrize("change", reshape, reinterpret, restride, lock)
def test_a_view_that_is_changed(
    kind: Kind, change: Callable[[Array], None], tmp_path: Path
) -> None:
    intact = kind([4, 5, 3], seed=1)
    intact.biases[0][0] = 7
    network = disfigured(kind, change)
    network.export_onnx(tmp_path / "model.onnx")
    for other in (*copies_of(network, tmp_path), kind.from_state_dict(network.state_dict())):
        for found, expected in zip(arrays_of(other), arrays_of(intact), strict=True):
            np.testing.assert_array_equal(found, expected, strict=True)
    assert network.n_parameters == 4 * 5 + 5 + 5 * 3 + 3
    uses: list[Callable[[Network], Any]] = [
        lambda net: net.predict(X),
        lambda net: net.gradients(X, LABELS).biases[0],
        lambda net: net.train(X, LABELS, epochs=2, l2=0.01).loss,
        lambda net: net.train(X, LABELS, batch_size=None, optimizer="lbfgs", epochs=2).loss,
        lambda net: net.evaluate(X, LABELS).loss,
    ]
    for use in uses:
        np.testing.assert_array_equal(use(network), use(intact))


def test_a_view_of_another_shape_is_live(kind: Kind) -> None:
    network = disfigured(kind, reshape)
    view: Any = network.biases[0]
    view[:, 0] = [1, 2, 3, 4, 5]
    assert network.state_dict()["0.bias"].tolist() == [1, 2, 3, 4, 5]
    assert network.biases[0] is view
