"""The ways through the numbers: what they promise beyond being right."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fastnn import MLP, by_kernel

pytestmark = pytest.mark.usefixtures("variant")


def sparse_rows(n_examples: int, n_inputs: int, density: float, dtype: Any) -> NDArray[Any]:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(n_examples, n_inputs))
    X[generator.random(X.shape) >= density] = 0
    return X.astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("density", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("sizes", [[30, 3], [30, 20, 3], [7, 64, 17, 2], [100, 65, 33, 9]], ids=str)
@pytest.mark.parametrize("activation", ["sigmoid", "relu", "tanh"])
def test_postponed_updates_are_the_same_to_the_bit(
    dtype: str,
    density: float,
    sizes: list[int],
    activation: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An update that waits for its row to be needed comes to what one at once comes to."""
    X = sparse_rows(300, sizes[0], density, dtype)
    y = np.arange(300) % sizes[-1]
    found = []
    for n_deltas in (1, 2, 64):
        monkeypatch.setattr(by_kernel, "_deltas_that_wait", lambda *_, n=n_deltas: n)
        net = MLP(sizes, activation=activation, dtype=dtype, seed=1)
        loss = net.train(X, y, epochs=2, learning_rate=0.05).loss
        found.append((loss, [w.tobytes() for w in (*net.weights, *net.biases)]))
    assert found[0] == found[1] == found[2]


def test_chunks_of_an_epoch_are_the_same_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = sparse_rows(300, 30, 0.3, "float32"), np.arange(300) % 3
    found = []
    for chunk in (300, 7):
        monkeypatch.setattr(by_kernel, "_examples_per_call", lambda *_, n=chunk: n)
        net = MLP([30, 20, 3], seed=1)
        net.train(X, y, epochs=2)
        found.append([w.tobytes() for w in (*net.weights, *net.biases)])
    assert found[0] == found[1]


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
@pytest.mark.parametrize("n_examples", [0, 1, 1023, 1024, 1025, 5000])
def test_predictions_are_the_same_bits_for_any_number_of_threads(
    path: str, dtype: str, n_examples: int
) -> None:
    X = (sparse_rows(5000, 20, 0.5, "float64") * 3).astype(dtype)[:n_examples]
    net = MLP([20, 33, 4], activation="relu", seed=1)
    one = net.predict(X)
    for n_threads in (2, 3, 8):
        assert net.predict(X, n_threads=n_threads).tobytes() == one.tobytes()


def test_many_threads_predict_with_one_network(path: str) -> None:
    X = sparse_rows(3000, 20, 0.5, "float32")
    net = MLP([20, 33, 4], seed=1)
    expected = net.predict(X).tobytes()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: net.predict(X, n_threads=2).tobytes(), range(32)))
    assert set(found) == {expected}


@pytest.mark.parametrize("bad", [0, -1, 1.5, "2", True, None])
def test_n_threads_is_a_positive_integer(bad: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="n_threads must be"):
        MLP([2, 2]).predict(np.zeros((3, 2)), n_threads=bad)
