"""Interrupted, stopped and refused training: what it leaves, and how the next call resumes."""

import copy
import signal
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from helpers import (
    SOFTSIGN,
    Error,
    Kind,
    Options,
    arrays_of,
    parameters,
    parametrize,
    refusal,
    unchanged,
)

from fastnn import LBFGS, MLP, SGD, Adam, AdamW, InverseScaling, OneCycle, ReduceOnPlateau, Step
from fastnn.network import Network
from fastnn.schedules import Schedule


def data(n: int = 60) -> tuple[Any, Any]:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(n, 5)).astype(np.float32)
    return X, (X[:, 0] > 0) + (X[:, 1] > 0)


def n_steps(net: Network) -> int:
    assert net._memory.training is not None
    return net._memory.training.n_steps


@pytest.fixture
def after() -> Iterator[Callable[[float], None]]:
    """Sends the process a signal some seconds later, as Ctrl-C does."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)

    def set_timer(seconds: float) -> None:
        signal.setitimer(signal.ITIMER_REAL, seconds)

    yield set_timer
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.memory
@parametrize("n_threads", 1, 2)
@parametrize("activation", "relu", SOFTSIGN, ids=["kernels", "by NumPy"])
@parametrize(
    "options",
    {"optimizer": "adam", "batch_size": 8},
    {"learning_rate": InverseScaling(0.1, 0.1)},
    ids=["batches", "one by one"],
)
def test_steps_before_ctrl_c_are_counted(
    after: Callable[[float], None], options: Options, activation: Any, n_threads: int
) -> None:
    """So many steps from the beginning come to where it was interrupted."""
    X = np.random.default_rng(0).normal(size=(4000, 40)).astype(np.float32)
    y = np.arange(4000) % 3
    settings = {"shuffle": False, "n_threads": n_threads, **options}

    def new() -> MLP:
        return MLP([40, 50, 3], activation=activation, seed=1)

    def set_off(step: Step) -> None:
        if step.epoch == 1:
            after(0.02)

    net = new()
    with pytest.raises(KeyboardInterrupt):
        net.train(X, y, epochs=1_000_000, callback=set_off, **settings)
    again, made = new(), n_steps(net)
    n_batches = -(-4000 // settings.get("batch_size", 1))
    assert made > 0
    again.train(X, y, epochs=made // n_batches, **settings)
    rest = made % n_batches * settings.get("batch_size", 1)
    if rest:
        again.train(X[:rest], y[:rest], **settings)
    # To the bit, but where a call of threads was cut short within a step.
    if n_threads == 1:
        assert parameters(again) == parameters(net)
    assert n_steps(again) == made


@parametrize("batch_size", 1, 8)
def test_a_copy_within_an_epoch_resumes(kind: Kind, batch_size: int) -> None:
    X, y = data()
    net = kind([5, 9, 3], seed=1)
    kept: list[Network] = []

    def keep(step: Step) -> None:
        if step.batch == 4:
            kept.append(copy.deepcopy(net))

    options: Options = {"optimizer": "adam", "batch_size": batch_size, "shuffle": False}
    net.train(X, y, batch_callback=keep, **options)
    (checkpoint,) = kept
    assert n_steps(checkpoint) == 4
    checkpoint.train(X[4 * batch_size :], y[4 * batch_size :], **options)
    assert parameters(checkpoint) == parameters(net)
    assert n_steps(checkpoint) == n_steps(net)


def test_no_epochs_change_nothing(kind: Kind) -> None:
    net, untroubled = kind([5, 9, 3], seed=1), kind([5, 9, 3], seed=1)
    for each in (net, untroubled):
        each.train(*data(), optimizer="adam", batch_size=8)
    with unchanged(net):
        assert net.train(*data(), epochs=0).loss == []
    for each in (net, untroubled):
        each.train(*data(), optimizer="adam", batch_size=8)
    assert parameters(net) == parameters(untroubled)


# L-BFGS


@pytest.mark.memory
@parametrize("dtype", "float32", "float64")
@parametrize("options", {"optimizer": "lbfgs", "batch_size": None}, {"batch_size": 90}, ids=str)
def test_training_is_the_same_to_the_bit_for_any_number_of_threads(
    dtype: str, options: Options
) -> None:
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(700, 8)), generator.random((700, 3))
    found = []
    for n_threads in (1, 2, 3):
        net = MLP([8, 100, 60, 3], dtype=dtype, seed=2)
        history = net.train(X, y, epochs=10, n_threads=n_threads, **options)
        found.append((parameters(net), history.loss))
    assert found[0] == found[1] == found[2]


def test_lbfgs_on_other_data_starts_without_its_history(kind: Kind) -> None:
    """Even where the loss at the beginning is the same, for all parameters were 0 there."""
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(60, 5)), generator.random((60, 2))
    one_column = X * np.eye(5)[2]
    optimum: Options = {"optimizer": LBFGS(tolerance=1e-9), "batch_size": None, "epochs": 100}
    net, fresh = (kind([5, 2], output_activation="identity", dtype="float64") for _ in range(2))
    for array in arrays_of(net):
        array[:] = 0
    net.train(X, y, **optimum)
    for each in (net, fresh):
        each.train(one_column, y, **optimum)
    best = fresh.evaluate(one_column, y).loss
    assert net.evaluate(one_column, y).loss == pytest.approx(best, rel=1e-9)


def test_the_loss_of_lbfgs_beside_a_large_penalty(kind: Kind) -> None:
    """Doubles do not hold both: it is no difference of the two."""
    X, y = np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([1.0, -0.5])
    net = kind([2, 1], output_activation="identity", dtype="float64", seed=1)
    net.weights[0][1] = 1e8
    history = net.train(X, y, optimizer="lbfgs", batch_size=None, l2=1.0)
    assert abs(net.weights[0][1, 0]) > 1e7, "the penalty is not large any more"
    expected = 0.5 * ((X[:, 0] * net.weights[0][0, 0] + net.biases[0][0] - y) ** 2).mean()
    assert history.loss == pytest.approx([expected], rel=1e-9)


# What is refused


class OwnAdam(Adam):
    slots = ("mean",)  # type: ignore[assignment]


class OwnSchedule(Schedule):
    name = "own"

    def rates(self, steps: Any) -> Any:
        return 0.1 + 0 * steps


@parametrize(
    "options, error, must",
    ({"optimizer": OwnAdam()}, TypeError, "optimizer must be one of"),
    ({"learning_rate": OwnSchedule()}, TypeError, "learning_rate must be a number, a schedule"),
    ({"learning_rate": OneCycle}, TypeError, "learning_rate must be a number, a schedule"),
    (
        {"sample_weight": np.r_[1, np.zeros(59)], "validation_fraction": 0.1},
        ValueError,
        "sample_weight must be above 0 for an example at least of the",
    ),
)
def test_refused(options: Options, error: Error, must: str) -> None:
    net = MLP([5, 9, 3], seed=1)
    with unchanged(net), refusal(error, must):
        net.train(*data(), **options)


@parametrize("argument", "callback", "batch_callback")
def test_a_rate_that_is_assigned_and_too_large_for_l2(kind: Kind, argument: str) -> None:
    def speed_up(step: Step) -> None:
        step.learning_rate = 5.0

    net = kind([5, 9, 3], seed=1)
    with pytest.raises(ValueError, match="l2 times learning_rate must be below 1"):
        net.train(*data(), epochs=3, l2=0.2, **{argument: speed_up})  # type: ignore[arg-type]
    assert np.isfinite(net.predict(data()[0])).all()


# Blocks


def test_blocks_may_share_their_memory() -> None:
    X, y = data()
    shared_X, shared_y = np.empty_like(X[:10]), np.empty_like(y[:10])
    parts = [(X[start : start + 10], y[start : start + 10]) for start in range(0, 60, 10)]

    def blocks() -> Iterator[tuple[Any, Any]]:
        yield X[:0], y[:0]  # without examples: left out
        for part in parts:
            shared_X[...], shared_y[...] = part
            yield shared_X, shared_y

    net, expected = MLP([5, 9, 3], seed=1), MLP([5, 9, 3], seed=1)
    net.train(blocks(), batch_size=7, buffer_size=25)
    expected.train(parts, batch_size=7, buffer_size=25)
    assert parameters(net) == parameters(expected)


def test_the_last_rate_of_a_training_that_a_batch_stopped() -> None:
    history = MLP([5, 9, 3], seed=1).train(
        *data(),
        optimizer=SGD(lambda step: 1 / (1 + step)),
        batch_callback=lambda step: step.batch == 4,
    )
    assert history.learning_rate == [1 / 4]


def test_functions_of_the_step_are_asked_once_per_step() -> None:
    asked: list[int] = []

    def rate(step: int) -> float:
        asked.append(step)
        return 0.1

    MLP([5, 9, 3], seed=1).train(*data(), epochs=2, batch_size=10, learning_rate=rate)
    assert asked == list(range(12))


@parametrize("n_inputs", 2, 3)
def test_y_must_be_given(n_inputs: int) -> None:
    """Rows of two or three numbers look like blocks."""
    with pytest.raises(TypeError, match="y must be given"):
        MLP([n_inputs, 1]).train(np.ones((4, n_inputs)).tolist())


def test_train_batch_refuses_schedules_without_n_steps() -> None:
    net = MLP([5, 9, 3], seed=1)
    for options in ({"learning_rate": OneCycle(0.1)}, {"optimizer": Adam(OneCycle(0.1))}):
        with pytest.raises(ValueError, match="learning_rate must have n_steps"):
            net.train_batch(*data(), **options)


def test_weight_decay_times_rate_is_below_1() -> None:
    net = MLP([5, 9, 3], seed=1)
    with pytest.raises(ValueError, match="l2 times learning_rate must be below 1"):
        net.train(*data(), l2=2, learning_rate=0.5)
    with pytest.raises(ValueError, match="weight_decay times learning_rate must be below 1"):
        net.train(*data(), optimizer=AdamW(0.5, weight_decay=2))
    # To others a penalty is a part of the gradient, whatever the rate.
    net.train(*data(), optimizer=Adam(0.001), l2=1000)


@parametrize("monitor, better, worse", ("loss", -1.1, -0.9), ("validation_score", -0.9, -1.00005))
def test_the_monitored_value_may_be_negative(monitor: str, better: float, worse: float) -> None:
    schedule = ReduceOnPlateau(0.1, monitor, min_delta=1e-3)
    state = schedule.after(schedule.begin(), -1.0)
    for value, n_bad_epochs in ((-1.0, 1), (worse, 1), (better, 0)):
        assert schedule.after(state, value).n_bad_epochs == n_bad_epochs
