"""Data in blocks, and one batch at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from grid import over
from helpers import Error, Kind, Options, assert_close, parameters, parametrize, unchanged

from fastnn import MLP, Linear, Step, TrainingDiverged, reference
from fastnn.network import Network


def data(n: int = 60) -> tuple[Any, Any]:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(n, 4))
    X[generator.random(X.shape) < 0.5] = 0
    return X, (X[:, 0] > 0) + (X[:, 1] > 0)


def new(kind: Kind = MLP) -> Network:
    return kind([4, 9, 3], output_activation="softmax", loss="cross_entropy", seed=1)


def blocks(sizes: list[int], make: Any = np.array) -> list[tuple[Any, Any]]:
    X, y = data(sum(sizes))
    ends = np.cumsum(sizes)
    return [
        (make(X[end - size : end]), y[end - size : end])
        for size, end in zip(sizes, ends, strict=True)
    ]


@over(
    strength=3,
    kind=[MLP, reference.MLP],
    make=[np.array, np.asfortranarray, scipy.sparse.csr_array],
    batch_size=[1, 7, 100],
    buffer_size=[1, 20, 10_000],
    sizes=[[60], [1, 1, 40, 3, 15], [30, 30]],
)
def test_unshuffled_blocks_train_like_arrays(
    kind: Kind, make: Any, batch_size: int, buffer_size: int, sizes: list[int]
) -> None:
    X, y = data()
    net, at_once = new(kind), new(kind)
    options: Options = {"epochs": 2, "batch_size": batch_size, "shuffle": False}
    history = net.train(blocks(sizes, make), buffer_size=buffer_size, **options)
    expected = at_once.train(make(X), y, **options)
    assert history.loss == pytest.approx(expected.loss, rel=1e-6)
    assert_close(net.weights, at_once.weights, atol=1e-6)


def test_blocks_of_different_types_and_with_sample_weights() -> None:
    X, y = data()
    weights = np.linspace(0, 2, 60)
    net, at_once = new(), new()
    given = [
        (X[:20], y[:20]),
        (scipy.sparse.csr_array(X[20:40]), y[20:40].tolist(), weights[20:40]),
        [X[40:].tolist(), y[40:], weights[40:]],
    ]
    options: Options = {"batch_size": 7, "shuffle": False, "class_weight": {1: 2.0}}
    net.train(given, **options)
    all_weights = np.concatenate([np.ones(20), weights[20:]])
    at_once.train(X, y, sample_weight=all_weights, **options)
    assert_close(net.weights, at_once.weights, atol=1e-6)


def test_examples_are_shuffled_within_the_buffer() -> None:
    n = 1000
    X = np.zeros((n, 4))
    X[:, 0] = np.arange(n)
    net = new()
    orders: list[list[int]] = []
    make_trainer = net._engine.trainer

    def recorded(inputs: Any, *arguments: Any) -> Any:
        trainer = make_trainer(inputs, *arguments)

        class Recorder:
            chunk, examples_per_backup = trainer.chunk, trainer.examples_per_backup
            examples_per_checkpoint = trainer.examples_per_checkpoint
            flush = staticmethod(trainer.flush)

            def __call__(self, epochs: Any, start: int, stop: int, losses: Any) -> None:
                rows = epochs.orders[0, start:stop]
                orders.append(inputs.array(rows)[:, 0].astype(int).tolist())

        return Recorder()

    net._engine.trainer = recorded  # type: ignore[method-assign, assignment]
    given = [(X[start : start + 100], np.zeros(100, int)) for start in range(0, n, 100)]
    net.train(given, batch_size=64, buffer_size=300)
    order = [row for part in orders for row in part]
    assert sorted(order) == list(range(n))
    assert order != list(range(n))
    # Three blocks at a time, in whole batches: what is left over comes with the next.
    assert set(order[:256]) < set(range(300))
    assert set(order[256 : 256 + 320]) < set(range(600))


def test_each_epoch_iterates_over_the_blocks_once() -> None:
    n_passes = 0

    class Blocks:
        def __iter__(self) -> Iterator[tuple[Any, Any]]:
            nonlocal n_passes
            n_passes += 1
            yield from [data(50)] * 4

    history = new().train(Blocks(), epochs=3, batch_size=16)
    assert n_passes == 3
    assert len(history) == 3
    assert history.loss == sorted(history.loss, reverse=True)


def test_an_iterator_serves_one_epoch() -> None:
    assert len(new().train(iter(blocks([30, 30])))) == 1
    net = new()
    with unchanged(net), pytest.raises(ValueError, match="epochs must be 1 for an iterator"):
        net.train(iter(blocks([30, 30])), epochs=2)


def test_validation_and_callbacks_with_blocks() -> None:
    steps: list[Step] = []
    history = new().train(
        blocks([30, 30]),
        epochs=2,
        batch_size=8,
        buffer_size=20,
        learning_rate=Linear(0.1, n_steps=20),
        validation_data=data(),
        batch_callback=steps.append,
    )
    assert len(history.validation_loss) == 2
    assert [step.batch for step in steps] == [*range(1, 9)] * 2
    rates = [step.learning_rate for step in steps]
    assert rates == pytest.approx([0.1 - s / 200 for s in range(16)])

    stopped = new().train(blocks([30, 30]), epochs=2, buffer_size=1, batch_callback=lambda s: True)
    assert len(stopped) == 1
    assert stopped.stopped == "batch_callback said so"


@parametrize(
    "X, options, error, message",
    (3, {}, TypeError, "y must be given, unless X is an iterable of blocks"),
    (np.ones((3, 4)), {}, TypeError, "got a ndarray for X and None for y"),
    ([np.ones((3, 4))], {}, TypeError, "got a ndarray for block 0"),
    ([(np.ones((3, 4)),)], {}, TypeError, "got a tuple for block 0"),
    ([(np.ones((3, 5)), [0, 1, 2])], {}, ValueError, "X must have shape"),
    ([data(), (np.ones((1, 4)), [3])], {}, ValueError, "y must be integer labels"),
    ([data(), (np.ones((1, 4)), [[0, 0, 1]])], {}, ValueError, "y must be labels in all bl"),
    ([], {}, ValueError, "X must hold at least one example, got blocks without any"),
    ([data()], {"batch_size": None}, ValueError, "batch_size must be an integer where X are"),
    ([data()], {"sample_weight": [1]}, ValueError, "sample_weight must be None where X are"),
    ([data()], {"class_weight": "balanced"}, ValueError, "class_weight must be a dict or None"),
    ([data()], {"validation_fraction": 0.1}, ValueError, "validation_fraction must be None wh"),
    ([data()], {"buffer_size": 0}, ValueError, "buffer_size must be at least 1"),
    (
        [data()],
        {"learning_rate": Linear(0.1)},
        ValueError,
        "learning_rate must have n_steps where X",
    ),
)
def test_refused_blocks_leave_the_network_unchanged(
    X: Any, options: Options, error: Error, message: str
) -> None:
    net = new()
    with unchanged(net), pytest.raises(error, match=message):
        net.train(X, **options)
    net.train(*data())


def test_an_error_names_its_block() -> None:
    with pytest.raises(ValueError) as caught:
        new().train([data(), (np.ones((1, 5)), [0])])
    assert caught.value.__notes__ == ["in block 1"]


def test_blocks_that_diverge_leave_the_network_finite() -> None:
    net = MLP([4, 1], output_activation="identity", seed=1)
    X, y = data()
    with pytest.raises(TrainingDiverged):
        net.train([(X, y)] * 50, learning_rate=50.0, buffer_size=1)
    assert np.isfinite(net.predict(X)).all()


def test_a_memory_map_in_blocks(tmp_path: Path) -> None:
    X, y = data(200)
    mapped = np.memmap(tmp_path / "X", np.float32, "w+", shape=X.shape)
    mapped[...] = X
    net, in_memory = new(), new()
    given = [(mapped[start : start + 50], y[start : start + 50]) for start in range(0, 200, 50)]
    net.train(given, batch_size=10)
    in_memory.train(X, y, batch_size=10)
    assert parameters(net) == parameters(in_memory), "the buffer holds all: the order is the same"


# One batch at a time


@parametrize("optimizer", "sgd", "adam", "rmsprop")
def test_train_batch_over_all_batches_equals_an_epoch(kind: Kind, optimizer: str) -> None:
    X, y = data()
    net, at_once = new(kind), new(kind)
    options: Options = {"optimizer": optimizer, "learning_rate": 0.01, "l2": 0.01}
    batches = zip(np.split(X, 3), np.split(y, 3), strict=True)
    losses = [net.train_batch(*batch, **options) for batch in batches]
    history = at_once.train(X, y, batch_size=20, shuffle=False, **options)
    assert np.mean(losses) == pytest.approx(history.loss[0], rel=1e-6)
    assert_close(net.weights, at_once.weights, atol=1e-6)


def test_schedules_count_the_steps_of_train_batch() -> None:
    X, y = data()
    schedule = Linear(0.3, n_steps=3)
    net, at_once = new(), new()
    for _ in range(3):
        net.train_batch(X, y, learning_rate=schedule)
    at_once.train(X, y, epochs=3, batch_size=None, learning_rate=schedule)
    assert parameters(net) == parameters(at_once)
