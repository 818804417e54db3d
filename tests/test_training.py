"""The training loop: order, batches, history, divergence, interruption, threads."""

import copy
import itertools
import math
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import pytest
from grid import ONE_VARIANT, PATHS, over
from helpers import Array, Kind, Options, arrays_of, flat, parameters, parametrize

import fastnn
from fastnn import MLP, SGD, Step, TrainingDiverged, reference
from fastnn.data.inputs import DenseInputs
from fastnn.data.targets import Targets
from fastnn.engine import Epochs, StepRule
from fastnn.network import Network
from fastnn.regularization import Regularization
from fastnn.training import loop as training
from fastnn.training.config import TrainingConfig
from fastnn.training.monitor import Monitor
from fastnn.training.sampler import Sampler
from fastnn.training.state import Rates, TrainingState

pytestmark = pytest.mark.usefixtures("variant")


def line(n: int = 40) -> tuple[Array, Array]:
    """Examples of y = 3 x - 1."""
    X = np.linspace(-1, 1, n).reshape(n, 1)
    return X, 3 * X[:, 0] - 1


def linear(kind: Kind, seed: int | np.random.Generator = 1) -> Network:
    return kind([1, 1], output_activation="identity", dtype="float64", seed=seed)


def hidden(kind: Kind, seed: int = 5) -> Network:
    return kind([1, 7, 1], output_activation="identity", seed=seed)


class TestSteps:
    """Steps of a network of one weight and one bias, worked out by hand."""

    def one_weight(self, kind: Kind) -> Network:
        net = linear(kind)
        net.weights[0][:], net.biases[0][:] = 2, 1
        return net

    def test_one_example(self, kind: Kind) -> None:
        net = self.one_weight(kind)
        history = net.train([[3.0]], [5.0], learning_rate=0.1)
        # a = 2*3 + 1 = 7; the loss is (7 - 5)**2 / 2 = 2; dL/dw = 2*3 = 6, dL/db = 2.
        assert history.loss == [2]
        assert flat(net) == pytest.approx([2 - 0.6, 1 - 0.2], rel=1e-14)

    def test_batch_takes_the_mean_gradient(self, kind: Kind) -> None:
        net = self.one_weight(kind)
        history = net.train([[3.0], [-1.0]], [5.0, 0.0], batch_size=None, learning_rate=0.1)
        # errors: 2 and -1; dL/dw = (2*3 + 1) / 2 = 3.5, dL/db = (2 - 1) / 2.
        assert history.loss == [(2 + 0.5) / 2]
        assert flat(net) == pytest.approx([2 - 0.35, 1 - 0.05], rel=1e-14)

    def test_a_smaller_last_batch_takes_its_own_mean(self, kind: Kind) -> None:
        X, y = [[3.0], [-1.0], [2.0]], [5.0, 0.0, 1.0]
        net, by_hand = self.one_weight(kind), self.one_weight(kind)
        net.train(X, y, batch_size=2, shuffle=False)
        by_hand.train(X[:2], y[:2], batch_size=None)
        by_hand.train(X[2:], y[2:], batch_size=None)
        assert flat(net) == pytest.approx(flat(by_hand), rel=1e-14)

    def test_per_example_steps_follow_each_other(self, kind: Kind) -> None:
        X, y = [[3.0], [-1.0]], [5.0, 0.0]
        net, by_hand = self.one_weight(kind), self.one_weight(kind)
        history = net.train(X, y, shuffle=False)
        losses = [by_hand.train([x], [t]).loss[0] for x, t in zip(X, y, strict=True)]
        assert parameters(net) == parameters(by_hand)
        assert history.loss == [sum(losses) / 2]

    def test_labels_are_targets_of_one_and_zero(self, kind: Kind) -> None:
        X, labels = np.random.default_rng(0).random((20, 3)), np.arange(20) % 4
        nets = [kind([3, 5, 4], seed=1) for _ in range(2)]
        losses = [
            net.train(X, y, epochs=3).loss
            for net, y in zip(nets, (labels, np.eye(4)[labels]), strict=True)
        ]
        assert losses[0] == losses[1]
        assert parameters(nets[0]) == parameters(nets[1])


class TestOrder:
    def test_shuffling_draws_a_permutation_per_epoch(self, kind: Kind) -> None:
        X, y = line()
        net, by_hand = linear(kind), linear(kind)
        net.train(X, y, epochs=3)
        generator = np.random.default_rng(1)
        generator.standard_normal((1, 1))  # the initial weight
        for _ in range(3):
            order = generator.permutation(len(X))
            by_hand.train(X[order], y[order], shuffle=False)
        assert parameters(net) == parameters(by_hand)

    @parametrize(
        "options", *({"batch_size": n} for n in (None, 40, 100)), {"shuffle": False}, ids=str
    )
    def test_nothing_is_drawn_for_whole_batches_or_without_shuffling(
        self, kind: Kind, options: Options
    ) -> None:
        generator = np.random.default_rng(3)
        net = linear(kind, seed=generator)
        before = generator.bit_generator.state
        net.train(*line(), epochs=2, **options)
        assert generator.bit_generator.state == before

    @parametrize("batch_size", 1, 7, None)
    def test_shuffle_may_be_a_function(self, kind: Kind, batch_size: int | None) -> None:
        X, y = line()
        net, by_hand = linear(kind), linear(kind)
        orders = list(np.random.default_rng(4).permuted(np.tile(np.arange(len(X)), (3, 1)), axis=1))
        upcoming = iter(orders)
        options: Options = {"shuffle": lambda n: next(upcoming)[:n].tolist()}
        net.train(X, y, epochs=3, batch_size=batch_size, **options)
        for order in orders:
            by_hand.train(X[order], y[order], batch_size=batch_size, shuffle=False)
        assert parameters(net) == parameters(by_hand)

    def test_the_same_seed_gives_the_same_bits(self, kind: Kind) -> None:
        net, equal, other = (hidden(kind, seed) for seed in (5, 5, 6))
        for each in (net, equal, other):
            each.train(*line(), epochs=3)
        assert parameters(net) == parameters(equal)
        assert parameters(net) != parameters(other)

    def test_a_second_call_continues_the_training(self, kind: Kind) -> None:
        at_once, in_parts = hidden(kind), hidden(kind)
        losses = at_once.train(*line(), epochs=5).loss
        first = in_parts.train(*line(), epochs=2).loss
        assert losses == first + in_parts.train(*line(), epochs=3).loss
        assert parameters(at_once) == parameters(in_parts)


class TestHistoryAndCallback:
    def test_one_loss_per_epoch(self, kind: Kind) -> None:
        net = linear(kind)
        assert net.train(*line(), epochs=0).loss == []
        history = net.train(*line(), epochs=4, learning_rate=0.01)
        assert len(history.loss) == 4
        assert history.loss == sorted(history.loss, reverse=True)

    def test_the_loss_is_that_before_the_update(self, kind: Kind) -> None:
        net = linear(kind)
        before = net.evaluate(*line()).loss
        history = net.train(*line(), batch_size=None)
        assert history.loss == [pytest.approx(before, rel=1e-12)]

    def test_callback_sees_every_epoch(self, kind: Kind) -> None:
        steps: list[Step] = []
        history = linear(kind).train(*line(), epochs=3, callback=steps.append)
        assert [step.epoch for step in steps] == [1, 2, 3]
        assert [step.loss for step in steps] == history.loss

    @parametrize("answer", True, np.bool_(True), 1)
    def test_callback_stops_training(self, kind: Kind, answer: Any) -> None:
        history = linear(kind).train(
            *line(), epochs=9, callback=lambda step: answer if step.epoch == 2 else None
        )
        assert len(history.loss) == 2

    def test_callback_may_predict_and_write_weights(self, kind: Kind) -> None:
        net = linear(kind)

        def callback(step: Step) -> None:
            net.predict([1.0])
            net.weights[0][:] = 7

        net.train(*line(), epochs=1, callback=callback)
        assert net.weights[0][0, 0] == 7

    def test_an_error_in_the_callback_leaves_the_network_usable(self, kind: Kind) -> None:
        net, untroubled = linear(kind), linear(kind)
        with pytest.raises(ZeroDivisionError):
            net.train(*line(), epochs=3, callback=lambda step: 1 / 0)
        untroubled.train(*line(), epochs=1)
        assert parameters(net) == parameters(untroubled)
        net.train(*line())


@parametrize("batch_size", 1, 7, None)
class TestDivergence:
    @pytest.mark.filterwarnings("ignore::fastnn.TrainingWarning")  # the step before is bad enough
    def test_names_the_epoch_and_keeps_the_last_finite_one(
        self, kind: Kind, batch_size: int | None
    ) -> None:
        steps: list[Step] = []
        net, stopped = linear(kind), linear(kind)
        options: Options = {"batch_size": batch_size, "learning_rate": 100.0}
        with pytest.raises(TrainingDiverged, match="learning_rate") as caught:
            net.train(*line(), epochs=1000, callback=steps.append, **options)
        last = len(steps)
        assert f"epoch {last + 1}:" in str(caught.value)
        assert all(math.isfinite(step.loss) for step in steps)
        if last:
            stopped.train(*line(), epochs=last, **options)
        assert parameters(net) == parameters(stopped)
        assert np.isfinite(net.predict([0.5])).all()

    def test_is_an_arithmetic_error(self, kind: Kind, batch_size: int | None) -> None:
        with pytest.raises(ArithmeticError):
            linear(kind).train(*line(), epochs=1000, batch_size=batch_size, learning_rate=1e30)

    def test_in_the_parameters_alone(self, kind: Kind, batch_size: int | None) -> None:
        # The only step makes the weight infinite after a loss that was finite.
        net = kind([1, 1], output_activation="identity", dtype="float32", seed=1)
        before = parameters(net)
        with pytest.raises(TrainingDiverged, match="epoch 1:"):
            net.train([[1e10]], [1e15], batch_size=batch_size, learning_rate=1e30)
        assert parameters(net) == before


def test_non_finite_weights_are_refused(kind: Kind) -> None:
    net = linear(kind)
    net.weights[0][:] = np.nan
    with pytest.raises(ValueError, match="weights and biases must be finite"):
        net.train(*line())


def test_divergence_in_batches_raises_without_a_warning() -> None:
    net = MLP([784, 300, 10], activation="relu", output_activation="identity", seed=1)
    X = np.random.default_rng(0).random((2000, 784), np.float32)
    before = parameters(net)
    with pytest.raises(TrainingDiverged, match="epoch 1:"):
        net.train(X, np.arange(2000) % 10, batch_size=500, learning_rate=1e30)
    assert parameters(net) == before
    for weights in net.weights:
        weights[...] = 1e30
    with pytest.raises(FloatingPointError, match="outputs must be finite"):
        net.predict(X)


def test_divergence_names_the_epoch_among_many_in_one_call() -> None:
    X, y = np.array([[1.0]]), np.array([0.0])
    nets = [MLP([1, 1], output_activation="identity", seed=1) for _ in range(2)]
    with pytest.raises(TrainingDiverged) as caught:
        nets[0].train(X, y, epochs=1000, learning_rate=3)
    epoch = int(str(caught.value).split("epoch ")[1].split(":")[0])
    assert epoch > 10
    history = nets[1].train(X, y, epochs=epoch - 1, learning_rate=3)
    assert np.isfinite(history.loss).all()
    assert parameters(nets[0]) == parameters(nets[1])


def test_training_stops_at_the_call_that_diverged() -> None:
    """Epochs after it, which share its backup, are not computed."""
    net = MLP([1, 1], output_activation="identity", seed=1)
    plan = TrainingConfig(1000, 1, SGD(3.0), True, Regularization())
    state = TrainingState(plan.optimizer, ())
    X, y = np.array([[1.0]], np.float32), np.zeros((1, 1), np.float32)
    rule = StepRule(plan.optimizer, plan.regularization, state.slots)
    trainer = net._engine.trainer(DenseInputs(X, net.dtype), Targets(y, None), 1, rule)
    found: list[list[float]] = []

    class OneEpochPerCall:
        chunk, examples_per_backup = 1, 10_000
        examples_per_checkpoint: int | None = None

        def __call__(self, epochs: Epochs, start: int, stop: int, losses: Any) -> None:
            trainer(epochs, start, stop, losses)
            found.append(losses.tolist())

        def flush(self) -> None:
            trainer.flush()

    rates = Rates(state, 1000, Regularization())
    monitor = Monitor(plan, state, rates, ())
    loop = training.EpochLoop(net._engine.storage(), state, rates, plan, monitor)
    with pytest.raises(TrainingDiverged):
        loop.train(OneEpochPerCall(), Sampler(plan, np.arange(1), net._memory.generator))
    first, *_ = [i for i, loss in enumerate(found) if not np.isfinite(loss).all()]
    assert 10 < first < 500
    assert len(found) == 2 * (first + 1)  # once more, to come to the last that was finite


@over(path=PATHS, batch_size_and_rate=[(1, 1.9), (10, 5.7), (None, 1000.0)], n_hidden=[17, 20, 33])
def test_divergence_leaves_no_trace_in_workspaces(
    path: str, batch_size_and_rate: tuple[int | None, float], n_hidden: int
) -> None:
    """The epochs before are computed a second time, to the same bits."""
    batch_size, rate = batch_size_and_rate
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(30, 5)), generator.normal(size=(30, 1))
    options: Options = {"batch_size": batch_size, "learning_rate": rate}
    found = []
    for callback in (None, lambda step: None):  # with one, epochs are not computed together
        net = MLP([5, n_hidden, 1], output_activation="identity", dtype="float64", seed=1)
        with pytest.raises(TrainingDiverged) as caught:
            net.train(X, y, epochs=300, callback=callback, **options)
        found.append((str(caught.value), parameters(net)))
    assert found[0] == found[1]
    assert "in epoch 1:" not in found[0][0], "there are no epochs before"


@parametrize("batch_size", 1, 7, None)
def test_epochs_in_one_call_equal_one_call_per_epoch(batch_size: int | None) -> None:
    X, y = np.random.default_rng(0).random((20, 4)), np.arange(20) % 3
    together, one_by_one = (MLP([4, 5, 3], seed=1) for _ in range(2))
    losses = together.train(X, y, epochs=9, batch_size=batch_size).loss
    steps: list[Step] = []
    one_by_one.train(X, y, epochs=9, batch_size=batch_size, callback=steps.append)
    assert [step.loss for step in steps] == losses
    assert parameters(together) == parameters(one_by_one)


@cache
def initial(sizes: tuple[int, ...]) -> MLP:
    return MLP(sizes, seed=1)


@ONE_VARIANT
class TestInterruption:
    @parametrize("batch_size", 1, 100)
    def test_ctrl_c_leaves_the_network_usable(self, path: str, batch_size: int) -> None:
        net = MLP([50, 80, 10], seed=1)
        X, y = np.random.default_rng(0).random((5000, 50)), np.arange(5000) % 10
        before = parameters(net)
        timer = threading.Timer(0.1, signal.raise_signal, [signal.SIGINT])

        def interrupt_soon(step: Step) -> None:
            if step.epoch == 1:
                timer.start()

        with pytest.raises(KeyboardInterrupt):
            # Would take hours.
            net.train(X, y, epochs=1_000_000, batch_size=batch_size, callback=interrupt_soon)
        timer.join()
        assert parameters(net) != before
        assert np.isfinite(net.predict(X)).all()
        net.train(X, y)

    @parametrize("sizes", [1, 1], [784, 300, 10], [3000, 3000, 1000], ids=str)
    def test_no_kernel_call_is_long(self, path: str, sizes: list[int]) -> None:
        # Ctrl-C is noticed between calls.  A core computes 3e9 parameters and more per second one
        # example at a time, and some 15e9 in batches: either way less than 100 ms.
        net = initial(tuple(sizes))
        X, zeros = np.ones((5000, sizes[0]), np.float32), np.zeros(5000, np.intp)
        targets = (np.zeros((5000, 1), np.float32), None) if sizes[-1] == 1 else (None, zeros)
        for batch_size in (1, None):
            inputs, rule = DenseInputs(X, net.dtype), StepRule(SGD(), Regularization())
            trainer = net._engine.trainer(inputs, Targets(*targets), batch_size or 5000, rule)
            most = 2e7 if batch_size == 1 else 4e8
            assert trainer.chunk == 1 or trainer.chunk * net.n_parameters <= most


class TestThreads:
    def test_a_second_training_of_one_network_is_refused(self) -> None:
        net = hidden(MLP)
        errors = []

        def train_again(step: Step) -> None:
            with pytest.raises(RuntimeError, match="being trained already") as caught:
                net.train(*line())
            errors.append(caught)

        net.train(*line(), callback=train_again)
        assert len(errors) == 1
        net.train(*line())

    def test_a_second_thread_is_refused_too(self) -> None:
        net = hidden(MLP)
        with ThreadPoolExecutor(1) as pool:

            def elsewhere(step: Step) -> None:
                with pytest.raises(RuntimeError, match="being trained already"):
                    pool.submit(net.train, *line()).result(timeout=30)

            net.train(*line(), callback=elsewhere)

    def test_predictions_of_many_threads_are_those_of_one(self, path: str) -> None:
        net = MLP([17, 33, 5], seed=1)
        X = np.random.default_rng(0).normal(size=(300, 17))
        expected = net.predict(X).tobytes()
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: net.predict(X).tobytes(), range(200)))
        assert all(each == expected for each in found)

    def test_trainings_in_threads_are_those_in_sequence(self, path: str) -> None:
        X, y = np.random.default_rng(0).normal(size=(300, 17)), np.arange(300) % 5

        def trained(seed: int) -> list[bytes]:
            net = MLP([17, 33, 5], seed=seed)
            net.train(X, y, epochs=3, batch_size=4)
            return parameters(net)

        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(trained, range(8)))
        assert together == [trained(seed) for seed in range(8)]


def test_a_shallow_copy_is_independent() -> None:
    net, alike = hidden(MLP), hidden(MLP)
    copy.copy(net).train(*line(), epochs=3)
    net.train(*line())
    alike.train(*line())
    assert parameters(net) == parameters(alike)


@parametrize("name", "layer_sizes", "activation_functions", "dtype", "loss", "n_parameters")
def test_attributes_that_kernels_rely_on_are_read_only(name: str) -> None:
    net = MLP([20, 3, 1])
    with pytest.raises(AttributeError):
        setattr(net, name, getattr(net, name))


def test_live_views_change_the_network() -> None:
    net = MLP([3, 20, 2], seed=1)
    for view in arrays_of(net):
        assert view.base is not None
        view[...] = 0
    np.testing.assert_array_equal(net.predict(np.ones((2, 3))), 0.5)
    with pytest.raises(TypeError):
        net.weights[0] = np.zeros((3, 20))  # type: ignore[index]
    with pytest.raises(AttributeError):
        net.weights = ()  # type: ignore[misc]


@parametrize("sizes", [1, 1], [3, 20, 2], [20, 3], [16, 16, 1], [100, 15, 17, 4])
def test_weights_have_their_shapes_and_do_not_overlap(sizes: list[int]) -> None:
    net = MLP(sizes, seed=1)
    arrays = arrays_of(net)
    shapes = [*itertools.pairwise(sizes), *((n,) for n in sizes[1:])]
    assert [array.shape for array in arrays] == shapes
    assert net.n_parameters == sum(math.prod(shape) for shape in shapes)
    for number, array in enumerate(arrays):
        array[...] = number
    assert all((array == number).all() for number, array in enumerate(arrays))


def test_padding_stays_zero(path: str) -> None:
    net = MLP([5, 3, 17, 2], activation="tanh", seed=1)
    X, y = np.random.default_rng(0).normal(size=(50, 5)), np.arange(50) % 2
    net.train(X, y, epochs=3, batch_size=4)
    unpadded = copy.deepcopy(net)
    for view in arrays_of(net):
        view[...] = 0
    assert not net._engine.storage()[0].any()
    assert unpadded._engine.storage()[0].any()


def test_initial_weights_follow_their_distribution() -> None:
    for activation, gain in (("sigmoid", 1), ("tanh", 1), ("identity", 1), ("relu", 2)):
        net = MLP([400, 300, 2], activation=activation, seed=1)
        deviation = float(net.weights[0].std())
        assert deviation == pytest.approx(math.sqrt(gain / 400), rel=0.01)
        assert not net.biases[0].any()
    drawn = np.random.default_rng(8)
    first, second = drawn.standard_normal((3, 4)), drawn.standard_normal((4, 2))
    net = MLP([3, 4, 2], seed=8, dtype="float64")
    np.testing.assert_allclose(net.weights[0], first / math.sqrt(3), rtol=1e-15)
    np.testing.assert_allclose(net.weights[1], second / math.sqrt(4), rtol=1e-15)


def test_evaluation() -> None:
    net = MLP([1, 1], output_activation="identity", dtype="float64")
    net.weights[0][:], net.biases[0][:] = 2, 0
    X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 2.0, 4.0, 10.0]
    # One error, of 4; the targets' sum of squares about their mean of 4 is 16 + 4 + 0 + 36.
    assert net.evaluate(X, y) == fastnn.Evaluation(16 / 2 / 4, 1 - 16 / 56, "r2")
    assert net.evaluate(X, [0.0, 2.0, 4.0, 6.0]).score == 1
    assert net.evaluate([[1.0], [1.0]], [2.0, 2.0]).score == 1  # constant, and met exactly
    assert net.evaluate([[1.0], [1.0]], [3.0, 3.0]).score == 0
    # Constant, although its mean is rounded and the sum of squares about it is not 0.
    assert net.evaluate([[1.0]] * 3, [0.1] * 3).score == 0


@parametrize("dtype", "float32", "float64")
def test_the_loss_of_many_outputs_is_summed_exactly(kind: Kind, dtype: str) -> None:
    net = kind([1, 1000], output_activation="identity", dtype=dtype)
    net.weights[0][:] = 0
    targets = np.full((2000, 1000), 0.1, np.float32)
    expected = 1000 * float(np.float32(0.1)) ** 2 / 2
    assert net.evaluate(np.zeros((2000, 1)), targets).loss == pytest.approx(expected, rel=1e-6)


@ONE_VARIANT
def test_a_float16_reference_sums_its_loss_without_overflow() -> None:
    net = reference.MLP([4, 100], dtype="float16", seed=1)
    targets = np.zeros((6000, 100))
    targets[0] = 1  # as far from the outputs, 0.5, as 0 is
    history = net.train(np.zeros((6000, 4)), targets, batch_size=None)
    assert history.loss == [pytest.approx(100 * 0.25 / 2, rel=1e-3)]


def test_evaluation_of_classes() -> None:
    net = MLP([2, 2], output_activation="identity", dtype="float64")
    net.weights[0][:] = np.eye(2)
    X = [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    found = net.evaluate(X, [0, 1, 0, 0])
    # The outputs are the inputs: one of four is wrong, by 1 in both outputs.
    assert found == fastnn.Evaluation((1 + 1) / 2 / 4, 0.75, "accuracy")
    assert net.classify(X).tolist() == [0, 1, 0, 1]
    assert net.classify([0.0, 1.0]) == 1


def test_a_single_output_classifies_at_one_half() -> None:
    net = MLP([1, 1], output_activation="identity")
    net.weights[0][:] = 1
    assert net.classify([[0.4], [0.5], [0.6]]).tolist() == [0, 0, 1]
    sigmoid = MLP([1, 1])
    sigmoid.weights[0][:] = 1
    found = sigmoid.evaluate([[-1.0], [1.0], [2.0]], [0, 1, 0])
    assert found.metric == "accuracy"
    assert found.score == pytest.approx(2 / 3)
