"""The ways through the numbers: what they promise beyond being right."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from grid import ONE_VARIANT, PATHS, Tune, over
from helpers import Array, flat, parameters, parametrize

from fastnn import MLP
from fastnn.engine import dispatch, trainers, workspaces
from fastnn.engine.tuning import Tuning

pytestmark = pytest.mark.usefixtures("variant")


def sparse_rows(n_examples: int, n_inputs: int, density: float, dtype: Any) -> Array:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(n_examples, n_inputs))
    X[generator.random(X.shape) >= density] = 0
    return X.astype(dtype)


def trained(X: Any, sizes: list[int], **options: Any) -> tuple[list[float], list[bytes]]:
    """Losses and parameters after some epochs, one example at a time."""
    net = MLP(sizes, seed=1, **options)
    history = net.train(X, np.arange(X.shape[0]) % sizes[-1], epochs=3, learning_rate=0.05)
    return history.loss, parameters(net)


# Rows are full by nature, or hardly ever, or now and then in between.
@pytest.mark.emulated
@over(
    strength=3,
    dtype=["float32", "float64"],
    density_and_full=[(0.05, 0), (0.3, 0), (0.3, 3), (1.0, 1)],
    sizes=[[30, 3], [30, 20, 3], [7, 64, 17, 2], [100, 65, 33, 9]],
    activation=["sigmoid", "relu", "tanh"],
)
def test_pending_updates_equal_immediate_ones_to_the_bit(
    dtype: str,
    density_and_full: tuple[float, int],
    sizes: list[int],
    activation: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An update gives the same weights whether it is applied at once or pending for a while."""
    density, full = density_and_full
    X = sparse_rows(150, sizes[0], density, dtype)
    if full:
        X[np.random.default_rng(1).integers(full, size=len(X)) == 0] = 0.7
    found = []
    for n_deltas in (0, 1, 2, 3, 5, 64):
        monkeypatch.setattr(trainers, "max_pending_deltas", lambda *_, n=n_deltas: n)
        found.append(trained(X, sizes, activation=activation, dtype=dtype))
    assert all(one == found[0] for one in found)


@ONE_VARIANT
@parametrize("width", 64, 4096, 2**20, 2**25, 2**26, 2**28, 2**30)
@parametrize("dtype", "float32", "float64")
def test_indices_of_pending_deltas_fit_32_bits(dtype: str, width: int) -> None:
    parameters: Any = SimpleNamespace(
        layers=np.array([(784, width)], [("fan_in", np.intp), ("width", np.intp)]),
        flat=np.empty(0, dtype),
        tuning=Tuning(),
    )
    inputs: Any = SimpleNamespace(density=1.0)
    n_deltas = dispatch.max_pending_deltas(parameters, inputs)
    assert n_deltas > 0 or width > 2**20, "this layer is none of the widest"
    assert n_deltas * width < 2**31


@parametrize("n_deltas", 0, 1, 3, 8, 64)
@parametrize("make", np.array, np.asfortranarray, scipy.sparse.csr_array, ids=str)
def test_training_does_not_depend_on_the_epochs_per_kernel_call(
    n_deltas: int, make: Any, tune: Tune, monkeypatch: pytest.MonkeyPatch
) -> None:
    X = make(sparse_rows(300, 30, 0.3, "float32"))
    monkeypatch.setattr(trainers, "max_pending_deltas", lambda *_: n_deltas)
    monkeypatch.setattr(trainers, "_work_per_example", lambda *_: 1.0)
    calls: list[tuple[tuple[int, ...], int, int]] = []
    train = trainers.PerExample._train

    def recorded(self: Any, examples: Any, epochs: Any, start: int, stop: int, losses: Any) -> None:
        calls.append((epochs.orders.shape, start, stop))
        train(self, examples, epochs, start, stop, losses)

    monkeypatch.setattr(trainers.PerExample, "_train", recorded)
    found = []
    for chunk in (10_000, 700, 200, 64):
        tune(work_per_call=chunk)
        found.append(trained(X, [30, 20, 3]))
    # The sum over a row's inputs goes back and forth by its place in the order, whatever the call.
    assert all(one == found[0] for one in found)
    if make is not np.asfortranarray:  # which is converted for one epoch at a time
        together = [((3, 300), 0, 300)]
        two_and_one = [((2, 300), 0, 300), ((1, 300), 0, 300)]
        halves = [((1, 300), 0, 200), ((1, 300), 200, 300)] * 3
        parts = [((1, 300), start, min(start + 64, 300)) for start in range(0, 300, 64)] * 3
        assert calls == together + two_and_one + halves + parts


@over(path=PATHS, dtype=["float32", "float64", "uint8"], n_examples=[0, 1, 1023, 1024, 1025, 5000])
def test_predictions_are_the_same_to_the_bit_for_any_number_of_threads(
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


@over(
    strength=3,
    path=PATHS,
    dtype=["float32", "float64"],
    make=[np.array, scipy.sparse.csr_array, np.asfortranarray],
    batch_size=[1, 2, 33, None],
)
def test_training_is_the_same_to_the_bit_for_any_number_of_threads(
    path: str, dtype: str, make: Any, batch_size: int | None
) -> None:
    X, y = sparse_rows(300, 20, 0.5, dtype), np.arange(300) % 4  # 300 is more than a block
    found, losses = set(), []
    for n_threads in (1, 2, 5):
        net = MLP([20, 33, 17, 4], activation="relu", dtype=dtype, seed=1)
        history = net.train(make(X), y, epochs=3, batch_size=batch_size, n_threads=n_threads)
        found.add(flat(net).tobytes())
        losses.append(history.loss)
    assert len(found) == 1
    for loss in losses:
        assert loss == pytest.approx(losses[0], rel=1e-12)


@ONE_VARIANT
def test_ctrl_c_in_training_by_threads() -> None:
    X, y = sparse_rows(3000, 50, 1.0, "float32"), np.arange(3000) % 10
    net = MLP([50, 80, 10], seed=1)
    timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        net.train(X, y, epochs=1_000_000, batch_size=100, n_threads=2)  # would take hours
    timer.join()
    assert np.isfinite(net.train(X, y, batch_size=100, n_threads=2).loss).all()


@parametrize("failing", "caller", "other")
def test_training_without_all_of_its_threads_changes_nothing(
    failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when Ctrl-C comes after some of them have begun, or memory runs out in one."""
    X, y = sparse_rows(300, 50, 1.0, "float32"), np.arange(300) % 10
    net = MLP([50, 80, 10], seed=1)
    before = net.weights[0].tobytes()
    original = workspaces.Workspaces.run

    def run(team: workspaces.Workspaces, kernel: Any, losses: Any, n_done: Any) -> None:
        def call_or_fail(workspace: Any, losses: Any, n_done: Any) -> None:
            if (workspace is team.all[0]) == (failing == "caller"):
                raise MemoryError
            kernel(workspace, losses, n_done)

        original(team, call_or_fail, losses, n_done)

    monkeypatch.setattr(workspaces.Workspaces, "run", run)
    others = set(threading.enumerate())
    with pytest.raises(MemoryError):
        net.train(X, y, epochs=50, batch_size=100, n_threads=3)
    assert set(threading.enumerate()) <= others
    assert net.weights[0].tobytes() == before


@ONE_VARIANT
@parametrize("bad", 0, -1, 1.5, "2", True, None)
def test_n_threads_is_a_positive_integer(bad: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="n_threads must be"):
        MLP([2, 2]).predict(np.zeros((3, 2)), n_threads=bad)
    with pytest.raises((TypeError, ValueError), match="n_threads must be"):
        MLP([2, 2]).train(np.zeros((3, 2)), [0, 1, 0], n_threads=bad)
