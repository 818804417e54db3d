"""Ctrl-C in the course of a step, or of a prediction, that takes long."""

import signal
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers import parametrize
from numpy.typing import NDArray

from fastnn import MLP, _kernels

WIDTHS = [3000, 3000, 10]
N_EXAMPLES = 256  # one batch of them takes these kernels half a second and more
SOON = 0.1  # seconds, of which a step takes several times as many


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> MLP:
    monkeypatch.setattr(_kernels, "active", "baseline")  # the slowest
    return MLP(WIDTHS, activation="relu", output_activation="identity", seed=1)


@pytest.fixture
def X() -> NDArray[np.float32]:
    return np.random.default_rng(0).random((N_EXAMPLES, WIDTHS[0]), np.float32)


def interrupt(call: Callable[[], Any]) -> None:
    """Interrupt a call soon after it has begun."""
    timer = threading.Timer(SOON, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        call()
    timer.join()


@parametrize("n_threads", 1, 2)
@parametrize("optimizer", "sgd", "adam")
def test_a_step_is_abandoned_whole(
    net: MLP, X: NDArray[np.float32], optimizer: str, n_threads: int
) -> None:
    """The interruption is noticed within the first step, of which nothing is left."""
    y = np.arange(N_EXAMPLES) % 10
    options: Any = {"optimizer": optimizer, "learning_rate": 1e-4, "n_threads": n_threads}
    before = [w.copy() for w in (*net.weights, *net.biases)]
    interrupt(lambda: net.train(X, y, batch_size=None, **options))
    for parameters, copy in zip((*net.weights, *net.biases), before, strict=True):
        np.testing.assert_array_equal(parameters, copy)
    some = X[:8]
    again = MLP.from_arrays(before[:2], before[2:], activation="relu", output_activation="identity")
    for trained in (net, again):
        trained.train(some, y[:8], batch_size=None, **options)
    np.testing.assert_array_equal(net.predict(some), again.predict(some))


@parametrize("n_threads", 1, 2)
def test_a_prediction_ends(net: MLP, X: NDArray[np.float32], n_threads: int) -> None:
    """Four blocks take seconds; after an interruption the network predicts as before."""
    expected, many = net.predict(X), np.tile(X, (8, 1))
    interrupt(lambda: net.predict(many, n_threads=n_threads))
    np.testing.assert_array_equal(net.predict(X, n_threads=n_threads), expected)


def test_a_handler_that_raises_nothing_changes_nothing(net: MLP, X: NDArray[np.float32]) -> None:
    y = np.arange(N_EXAMPLES) % 10
    seen: list[bool] = []
    undisturbed = MLP(WIDTHS, activation="relu", output_activation="identity", seed=1)
    usual = signal.signal(signal.SIGINT, lambda *_: seen.append(True))
    try:
        timer = threading.Timer(SOON, signal.raise_signal, [signal.SIGINT])
        timer.start()
        net.train(X, y, batch_size=None, learning_rate=1e-4)
        timer.join()
    finally:
        signal.signal(signal.SIGINT, usual)
    assert seen
    undisturbed.train(X, y, batch_size=None, learning_rate=1e-4)
    np.testing.assert_array_equal(net.predict(X), undisturbed.predict(X))
