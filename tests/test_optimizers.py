"""The optimizers: by hand, kernels against the reference, and how training goes on with them."""

import copy
import itertools
import pickle
from collections.abc import Callable, Iterable
from functools import cache
from math import sqrt
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from grid import ONE_VARIANT, PATHS, Tune, over
from helpers import (
    TOLERANCE,
    Array,
    Kind,
    Options,
    arrays_of,
    assert_same_parameters,
    flat,
    parameters,
    parametrize,
    unchanged,
)

from fastnn import (
    LBFGS,
    MLP,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Cosine,
    EarlyStopping,
    History,
    InverseScaling,
    Linear,
    OneCycle,
    ReduceOnPlateau,
    RMSprop,
    Rprop,
    Step,
    StepDecay,
    TrainingDiverged,
    reference,
)
from fastnn.network import Network
from fastnn.optimizers import OPTIMIZERS, Optimizer

pytestmark = pytest.mark.usefixtures("variant")


ALL: dict[str, Optimizer] = {
    "sgd": SGD(0.2),
    "momentum": SGD(0.03, momentum=0.8),
    "nesterov": SGD(0.03, momentum=0.8, nesterov=True),
    "adam": Adam(0.01),
    "adamw": AdamW(0.01, weight_decay=0.1),
    "rmsprop": RMSprop(0.01),
    "adagrad": Adagrad(0.05),
    "rprop": Rprop(0.01),
}
IN_BATCHES = {name: optimizer for name, optimizer in ALL.items() if optimizer.takes_batches}


class TestByHand:
    """The network is a = w x + b, the loss its size above -1000: gradients are x and 1."""

    def check(
        self,
        kind: Kind,
        inputs: list[float],
        expected_w: list[float],
        expected_b: list[float],
        **options: Any,
    ) -> None:
        functions: Options = {"output_activation": "identity", "loss": "absolute_error"}
        net = kind([1, 1], dtype="float64", seed=1, **functions)
        net.weights[0][:], net.biases[0][:] = 2, 1
        for step, x in enumerate(inputs):
            net.train_batch([[x]], [-1000.0], **options)
            expected = [expected_w[step], expected_b[step]]
            assert flat(net) == pytest.approx(expected, rel=1e-14), f"step {step + 1}"

    def test_sgd(self, kind: Kind) -> None:
        self.check(kind, [3, -2], [0.5, 1.5], [0.5, 0], optimizer=SGD(0.5))

    def test_momentum(self, kind: Kind) -> None:
        # Velocities of the weight: 3 and 3/2 - 2; of the bias: 1 and 1/2 + 1.
        optimizer = SGD(0.5, momentum=0.5)
        self.check(kind, [3, -2], [0.5, 0.75], [0.5, -0.25], optimizer=optimizer)

    def test_nesterov(self, kind: Kind) -> None:
        # With the same velocities, along 3 + 3/2 and -2 - 1/4; 1 + 1/2 and 1 + 3/4.
        optimizer = SGD(0.5, momentum=0.5, nesterov=True)
        self.check(kind, [3, -2], [-0.25, 0.875], [0.25, -0.625], optimizer=optimizer)

    # The weight's means are 3/2 and 3/4 - 1, unbiased 3 and -1/3; of squares 9/4 and
    # 27/16 + 1, unbiased 9 and 43/7.  The bias's are 1, unbiased, always.
    SECOND_STEP = 0.5 / 3 / (sqrt(43 / 7) + 1)

    def test_adam(self, kind: Kind) -> None:
        optimizer = Adam(0.5, beta_1=0.5, beta_2=0.75, epsilon=1.0)
        expected = [2 - 0.375, 2 - 0.375 + self.SECOND_STEP]
        self.check(kind, [3, -2], expected, [0.75, 0.5], optimizer=optimizer)

    def test_adamw(self, kind: Kind) -> None:
        optimizer = AdamW(0.5, beta_1=0.5, beta_2=0.75, epsilon=1.0, weight_decay=0.2)
        first = 2 * 0.9 - 0.375
        expected = [first, first * 0.9 + self.SECOND_STEP]
        self.check(kind, [3, -2], expected, [0.75, 0.5], optimizer=optimizer)

    def test_rmsprop(self, kind: Kind) -> None:
        # Mean squares: 9/4 and 27/16 + 1; 1/4 and 3/16 + 1/4.
        optimizer = RMSprop(0.5, rho=0.75, epsilon=0.5)
        w = [1.25, 1.25 + 1 / (sqrt(43 / 16) + 0.5)]
        b = [0.5, 0.5 - 0.5 / (sqrt(7 / 16) + 0.5)]
        self.check(kind, [3, -2], w, b, optimizer=optimizer)

    def test_adagrad(self, kind: Kind) -> None:
        w = [2 - 0.375, 2 - 0.375 + 1 / (sqrt(13) + 1)]
        b = [0.75, 0.75 - 0.5 / (sqrt(2) + 1)]
        self.check(kind, [3, -2], w, b, optimizer=Adagrad(0.5, epsilon=1.0))

    def test_rprop(self, kind: Kind) -> None:
        # The weight's sizes are 1/2, 1/4 where the sign changes and no step is made, 1/4 and 3/8;
        # then 3/16 -> 1/5, the shortest.  The bias's are 1/2, 3/4, and no longer than 1.
        optimizer = Rprop(0.5, shorter=0.5, longer=1.5, shortest=0.2, longest=1.0)
        w = [1.5, 1.5, 1.75, 2.125, 2.125, 1.925]
        b = [0.5, -0.25, -1.25, -2.25, -3.25, -4.25]
        self.check(kind, [3, -2, -2, -2, 1, 7], w, b, optimizer=optimizer)

    def test_rprop_where_a_gradient_is_zero(self, kind: Kind) -> None:
        # No step, and none of the sizes changes before or after it.
        self.check(kind, [1, 0, -1], [1.5, 1.5, 2], [0.5, -0.1, -0.82], optimizer=Rprop(0.5))

    def test_penalties(self, kind: Kind) -> None:
        self.check(kind, [3], [2 - 0.5 * 3.1], [0.5], optimizer=SGD(0.5), l1=0.1)
        self.check(kind, [3], [2 - 0.5 * 3.4], [0.5], optimizer=SGD(0.5), l2=0.2)
        self.check(kind, [3], [2 - 0.5 * 3.5], [0.5], optimizer=SGD(0.5), l1=0.1, l2=0.2)
        self.check(kind, [9, 1], [-2.55, -3], [0.5, 0], optimizer=SGD(0.5), l1=0.1)
        # They are part of the gradient that an optimizer keeps.
        optimizer = SGD(0.5, momentum=0.5)
        w = [2 - 0.5 * 3.4, 0.3 - 0.5 * (1.7 - 2 + 0.06)]
        self.check(kind, [3, -2], w, [0.5, -0.25], optimizer=optimizer, l2=0.2)

    def test_clip_norm(self, kind: Kind) -> None:
        part = 1 / (sqrt(10) + 1e-6)
        w, b = [2 - 1.5 * part], [1 - 0.5 * part]
        self.check(kind, [3], w, b, optimizer=SGD(0.5), clip_norm=1)
        self.check(kind, [3], [0.5], [0.5], optimizer=SGD(0.5), clip_norm=3.2)
        # Penalties are not clipped.
        self.check(kind, [3], [w[0] - 0.2], b, optimizer=SGD(0.5), clip_norm=1, l2=0.2)

    def test_max_norm(self, kind: Kind) -> None:
        self.check(kind, [3, 0], [0.3, 0.3], [0.5, 0], optimizer=SGD(0.5), max_norm=0.3)
        self.check(kind, [9, 0], [-0.3, -0.3], [0.5, 0], optimizer=SGD(0.5), max_norm=0.3)
        self.check(kind, [3], [0.5], [0.5], optimizer=SGD(0.5), max_norm=0.6)


SETTINGS = {"l1": 0.002, "l2": 0.05, "clip_norm": 0.1, "max_norm": 0.8}
SIZES = [20, 17, 6, 3]


def data(n_examples: int = 40) -> tuple[Array, Array]:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(n_examples, SIZES[0]))
    X[generator.random(X.shape) < 0.4] = 0
    return X, (X[:, :3] + generator.normal(size=(n_examples, 3)) / 2).argmax(axis=1)


def made(kind: Kind, dtype: str = "float64", **options: Any) -> Network:
    functions = {"output_activation": "softmax", "loss": "cross_entropy"}
    given = {"activation": "tanh", "seed": 1, **functions, **options}
    return kind(SIZES, dtype=dtype, **given)


def train(
    net: Network, name: str, batch_size: int | None, settings: Iterable[str], make: Any = np.array
) -> History:
    X, y = data()
    options: Options = {setting: SETTINGS[setting] for setting in settings}
    return net.train(make(X), y, epochs=4, batch_size=batch_size, optimizer=ALL[name], **options)


@cache
def oracle(
    name: str, dtype: str, batch_size: int | None, settings: tuple[str, ...]
) -> tuple[list[float], Network]:
    """Losses of the reference, and the network that came of them."""
    net = made(reference.MLP, dtype)
    before = flat(net)
    losses = train(net, name, batch_size, settings).loss
    assert losses[-1] < losses[0], "nothing was learnt: the comparison shows little"
    assert np.abs(flat(net) - before).max() > 0.01, "hardly anything changed"
    return losses, net


# All rules take a gradient that is clipped and penalized by the same code.
@over(
    strength=3,
    path=PATHS,
    case=[*itertools.product(IN_BATCHES, (1, 7, None)), ("rprop", None)],
    dtype=TOLERANCE,
    settings=[(), tuple(SETTINGS)],
)
@pytest.mark.filterwarnings("ignore:the outputs are the same:fastnn.TrainingWarning")  # penalties
def test_kernels_agree_with_the_reference(
    path: str, case: tuple[str, int | None], dtype: str, settings: tuple[str, ...]
) -> None:
    name, batch_size = case
    losses, expected = oracle(name, dtype, batch_size, settings)
    for setting in settings:
        others = tuple(other for other in settings if other != setting)
        with_all, without = (
            flat(oracle(name, "float64", batch_size, some)[1]) for some in (settings, others)
        )
        difference = np.abs(with_all - without).max()
        assert difference > 2 * TOLERANCE[dtype], f"{setting} does not bite"
    net = made(MLP, dtype)
    history = train(net, name, batch_size, settings)
    np.testing.assert_allclose(history.loss, losses, rtol=10 * TOLERANCE[dtype])
    assert_same_parameters(net, expected)


@over(path=PATHS, name=ALL, make=[np.array, np.asfortranarray, scipy.sparse.csr_array])
def test_layouts_of_inputs(path: str, name: str, make: Callable[[Any], Any]) -> None:
    _, expected = oracle(name, "float64", None, tuple(SETTINGS))
    net = made(MLP)
    train(net, name, None, SETTINGS, make)
    assert_same_parameters(net, expected)


@parametrize("name", "nesterov", "adam")
def test_a_batch_may_exceed_the_workspace(path: str, name: str, tune: Tune) -> None:
    tune(max_columns=16, max_rows=16, max_sparse_rows=16)
    _, expected = oracle(name, "float64", None, tuple(SETTINGS))
    net = made(MLP)
    train(net, name, None, SETTINGS)
    assert_same_parameters(net, expected)


@parametrize("batch_size", 100, None)
@parametrize("dtype", *TOLERANCE)
def test_the_same_bits_for_any_number_of_threads(
    path: str, dtype: str, batch_size: int | None
) -> None:
    X, y = data(300)  # more than a workspace holds
    options: Options = {"optimizer": Adam(0.02), "clip_norm": 0.1, "max_norm": 0.9}
    options["dropout"] = [0.5, 0.2]
    found, losses = set(), []
    for n_threads in (1, 2, 5):
        net = made(MLP, dtype)
        history = net.train(X, y, epochs=3, batch_size=batch_size, n_threads=n_threads, **options)
        found.add(flat(net).tobytes())
        losses.append(history.loss)
    assert len(found) == 1
    for loss in losses:
        assert loss == pytest.approx(losses[0], rel=1e-12 if dtype == "float64" else 1e-6)


@parametrize("optimizer", Adam(epsilon=1e-50), RMSprop(epsilon=1e-40), ids=repr)
def test_epsilon_may_underflow_in_float32(path: str, optimizer: Optimizer) -> None:
    """Gradients are never 0, but some of what lies between rows of weights is."""
    nets = [made(kind, "float32", activation="softplus") for kind in (MLP, reference.MLP)]
    X, y = data()
    for net in nets:
        net.train(np.abs(X) + 1, y, epochs=3, batch_size=7, optimizer=optimizer)
    assert_same_parameters(nets[0], nets[1])


class TestSecondCall:
    """From one call of train to the next."""

    def train(self, net: Network, epochs: int, optimizer: Any = "adam", **options: Any) -> Any:
        given = {"batch_size": 7, "dropout": 0.2, **options}
        return net.train(*data(), epochs=epochs, optimizer=optimizer, **given)

    @parametrize("optimizer", *ALL.values(), LBFGS(), ids=repr)
    def test_an_equal_optimizer_resumes(self, kind: Kind, optimizer: Optimizer) -> None:
        options: Options = {"batch_size": 7 if optimizer.takes_batches else None}
        if optimizer.name == "lbfgs":
            options["dropout"] = 0
        at_once, in_parts = made(kind), made(kind)
        losses = self.train(at_once, 10, optimizer, **options).loss
        parts = []
        for _ in range(2):
            again = type(optimizer)(**optimizer.parameters)
            parts += self.train(in_parts, 5, again, **options).loss
        assert parts == losses
        assert parameters(in_parts) == parameters(at_once)

    def test_an_optimizer_with_another_rate_keeps_its_slots(self, kind: Kind) -> None:
        net, by_hand = made(kind), made(kind)
        rates: Any = [0.01] * 6 + [0.002] * 6
        self.train(by_hand, 2, Adam(lambda step: rates[step]))
        self.train(net, 1, Adam(0.01))
        self.train(net, 1, Adam(0.002))
        assert parameters(net) == parameters(by_hand)

    @parametrize(
        "first, second",
        (Adam(), RMSprop()),
        (Adam(), AdamW()),
        (SGD(momentum=0.9), SGD()),
        (SGD(), SGD(momentum=0.9)),
        (RMSprop(), Adam()),
        (Adam(), Adagrad()),
        ids=repr,
    )
    def test_another_optimizer_starts_with_empty_slots(
        self, kind: Kind, first: Optimizer, second: Optimizer
    ) -> None:
        net, anew = made(kind), made(kind, seed=7)
        self.train(net, 2, first)
        copied = copy.deepcopy(net._memory.generator)
        for array, trained in zip(arrays_of(anew), arrays_of(net), strict=True):
            array[...] = trained
        anew._memory.generator = copied
        losses = [self.train(each, 2, second).loss for each in (net, anew)]
        assert losses[0] == losses[1]
        assert parameters(net) == parameters(anew)

    @parametrize(
        "schedule",
        InverseScaling(0.3),
        StepDecay(0.3, 0.5, every=5),
        Linear(0.3, n_steps=60),
        Cosine(0.3, n_steps=60),
        OneCycle(0.3, n_steps=60),
        ReduceOnPlateau(0.3, patience=0, min_delta=0.1),
        lambda step: 0.3 / (1 + step),
    )
    def test_equal_schedules_resume(self, kind: Kind, schedule: Any) -> None:
        at_once, in_parts = made(kind), made(kind)
        whole = self.train(at_once, 10, SGD(schedule))
        parts = [self.train(in_parts, 5, SGD(schedule)) for _ in range(2)]
        rates = parts[0].learning_rate + parts[1].learning_rate
        assert rates == whole.learning_rate
        assert len(set(rates)) > 2, "the rate hardly changed"
        assert parameters(in_parts) == parameters(at_once)

    @parametrize("schedule", Linear, Cosine, OneCycle)
    def test_schedules_without_a_length_span_each_call(
        self, kind: Kind, schedule: Callable[[float], Any]
    ) -> None:
        net = made(kind)
        first, second, longer = (self.train(net, n, SGD(schedule(0.3))) for n in (5, 5, 8))
        assert first.learning_rate == second.learning_rate
        expected = schedule(0.3).over(8 * 6).rates(np.arange(5, 48, 6))
        assert longer.learning_rate == pytest.approx(expected, rel=1e-14)

    def test_another_schedule_starts_at_its_first_step(self, kind: Kind) -> None:
        net = made(kind)
        first = self.train(net, 3, Adam(StepDecay(0.3, every=4)))
        second = self.train(net, 3, Adam(StepDecay(0.2, every=4)))
        assert first.learning_rate == pytest.approx([0.03, 0.003, 0.0003 / 10])
        assert second.learning_rate == pytest.approx([0.02, 0.002, 0.0002 / 10])

    def test_functions_count_the_steps_of_the_optimizer(self, kind: Kind) -> None:
        net = made(kind)
        steps: list[int] = []

        def rate(step: int) -> float:
            steps.append(step)
            return 0.01

        self.train(net, 2, SGD(0.01))
        self.train(net, 1, SGD(rate))
        self.train(net, 1, SGD(rate))
        self.train(net, 1, Adam(rate))  # another optimizer, whose first step is 0
        assert steps == [*range(12, 24), *range(6)]

    def test_train_batch_takes_one_step(self, kind: Kind) -> None:
        net, by_hand = made(kind), made(kind)
        X, y = data()
        schedule = Linear(0.01, n_steps=6)
        options: Options = {"optimizer": Adam(schedule), **SETTINGS}
        net.train(X, y, batch_size=7, shuffle=False, **options)
        for start in range(0, 40, 7):
            by_hand.train_batch(X[start : start + 7], y[start : start + 7], **options)
        np.testing.assert_allclose(flat(by_hand), flat(net), rtol=0, atol=1e-14)

    @parametrize(
        "copied",
        copy.deepcopy,
        copy.copy,
        lambda net: pickle.loads(pickle.dumps(net)),
        ids=["deepcopy", "copy", "pickle"],
    )
    @parametrize(
        "optimizer",
        *IN_BATCHES.values(),
        Adam(Cosine(0.01, n_steps=30)),
        SGD(ReduceOnPlateau(0.3)),
        ids=repr,
    )
    def test_copies_train_alike(
        self, kind: Kind, copied: Callable[[Network], Network], optimizer: Optimizer
    ) -> None:
        net = made(kind)
        self.train(net, 2, optimizer)
        other = copied(net)
        before = parameters(other)
        histories = [self.train(net, 2, optimizer)]
        assert parameters(other) == before, "the copy shares memory"
        histories.append(self.train(other, 2, optimizer))
        assert histories[0] == histories[1]
        assert parameters(net) == parameters(other)

    @parametrize("name", *IN_BATCHES)
    def test_divergence_restores_the_slots(self, kind: Kind, name: str) -> None:
        net, untroubled = (
            made(kind, output_activation="identity", loss="squared_error") for _ in range(2)
        )
        optimizer = ALL[name]
        far_settings = optimizer.parameters | {"learning_rate": 1e300}
        if "weight_decay" in far_settings:  # which such a rate would not be taken with
            far_settings["weight_decay"] = 0
        far = type(optimizer)(**far_settings)
        options: Options = {"shuffle": False, "dropout": 0}
        for each in (net, untroubled):
            self.train(each, 3, optimizer, **options)
        with pytest.raises(TrainingDiverged, match="epoch 1:"):
            self.train(net, 3, far, **options)
        assert parameters(net) == parameters(untroubled)
        losses = [self.train(each, 3, optimizer, **options).loss for each in (net, untroubled)]
        assert losses[0] == losses[1]
        assert parameters(net) == parameters(untroubled)

    def test_early_stopping_restores_the_slots(self, kind: Kind) -> None:
        net, untroubled = made(kind), made(kind)
        # Good for five epochs, and then much too large.
        optimizer = Adam(lambda step: 0.01 if step < 30 else 0.5)
        options: Options = {"shuffle": False, "dropout": 0}
        stopping = EarlyStopping("loss", patience=3)
        history = self.train(net, 20, optimizer, early_stopping=stopping, **options)
        assert history.best_epoch is not None and 3 < history.best_epoch < len(history)
        # The best loss was measured on the parameters before the last step of its epoch.
        best = history.best_epoch

        def stop(step: Step) -> bool:
            return (step.epoch, step.batch) == (best, 5)

        self.train(untroubled, best, optimizer, batch_callback=stop, **options)
        assert parameters(net) == parameters(untroubled)
        losses = [self.train(each, 3, Adam(0.01), **options).loss for each in (net, untroubled)]
        assert losses[0] == losses[1]
        assert parameters(net) == parameters(untroubled)

    @pytest.mark.memory
    def test_ctrl_c_in_the_middle_of_an_epoch(self, kind: Kind) -> None:
        net, stopped = made(kind), made(kind)
        options: Options = {"shuffle": False, "dropout": 0}

        def is_there(step: Step) -> bool:
            return (step.epoch, step.batch) == (2, 4)

        def interrupt(step: Step) -> None:
            if is_there(step):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            self.train(net, 9, batch_callback=interrupt, **options)
        history = self.train(stopped, 9, batch_callback=is_there, **options)
        assert history.stopped == "batch_callback said so"
        assert parameters(net) == parameters(stopped)
        for each in (net, stopped):  # the next step is number 11
            self.train(each, 2, Adam(lambda step: step / 1000), **options)
        assert parameters(net) == parameters(stopped)
        assert np.isfinite(flat(net)).all()

    @pytest.mark.memory
    @parametrize("where", "before", "after")
    def test_ctrl_c_in_a_call_of_kernels(
        self, kind: Kind, where: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        net = made(kind)
        self.train(net, 2)
        make_trainer = net._engine.trainer

        def interrupted(*arguments: Any) -> Any:
            trainer = make_trainer(*arguments)
            call = type(trainer).__call__

            def failing(self: Any, *some: Any) -> None:
                if where == "after":
                    call(self, *some)
                raise KeyboardInterrupt

            monkeypatch.setattr(type(trainer), "__call__", failing)
            return trainer

        monkeypatch.setattr(net._engine, "trainer", interrupted)
        with pytest.raises(KeyboardInterrupt):
            self.train(net, 3)
        monkeypatch.undo()
        assert np.isfinite(self.train(net, 3).loss).all()


BY_LBFGS: Options = {"batch_size": None, "optimizer": "lbfgs"}


class TestLBFGS:
    def problem(self, kind: Kind) -> tuple[Network, Array, Array]:
        generator = np.random.default_rng(0)
        X, y = generator.normal(size=(50, 6)), generator.normal(size=(50, 2))
        net = kind([6, 2], output_activation="identity", dtype="float64", seed=1)
        return net, X, y

    def test_finds_the_least_squares(self, kind: Kind) -> None:
        net, X, y = self.problem(kind)
        optimizer = LBFGS(tolerance=1e-9)
        history = net.train(X, y, epochs=200, batch_size=None, optimizer=optimizer)
        columns = np.column_stack([X, np.ones(50)])
        solution, *_ = np.linalg.lstsq(columns, y, rcond=None)
        np.testing.assert_allclose(net.weights[0], solution[:6], rtol=0, atol=1e-6)
        np.testing.assert_allclose(net.biases[0], solution[6], rtol=0, atol=1e-6)
        assert len(history) < 200
        assert history.stopped == "converged"
        assert history.learning_rate == [1.0] * len(history)

    def test_with_l2_is_ridge_regression(self, kind: Kind) -> None:
        net, X, y = self.problem(kind)
        optimizer, l2 = LBFGS(tolerance=1e-9), 0.3
        history = net.train(X, y, epochs=200, batch_size=None, optimizer=optimizer, l2=l2)
        # The penalty is on weights alone, like n l2 examples of the unit vectors, and 0.
        centred, level = X - X.mean(axis=0), y - y.mean(axis=0)
        rows = np.vstack([centred, np.sqrt(50 * l2) * np.eye(6)])
        weights, *_ = np.linalg.lstsq(rows, np.vstack([level, np.zeros((6, 2))]), rcond=None)
        np.testing.assert_allclose(net.weights[0], weights, rtol=0, atol=1e-6)
        biases = y.mean(axis=0) - X.mean(axis=0) @ weights
        np.testing.assert_allclose(net.biases[0], biases, rtol=0, atol=1e-6)
        assert history.loss[-1] == pytest.approx(net.evaluate(X, y).loss, rel=1e-9)

    def test_the_loss_never_rises(self, kind: Kind) -> None:
        net = made(kind)
        steps: list[Step] = []
        before = net.evaluate(*data()).loss
        history = net.train(*data(), epochs=15, callback=steps.append, **BY_LBFGS)
        assert len(history) == 15, "one for each iteration"
        assert history.loss == sorted(history.loss, reverse=True)
        assert history.loss[0] < before
        assert [step.loss for step in steps] == history.loss
        assert [step.epoch for step in steps] == [*range(1, 16)]
        assert history.stopped is None

    def test_no_epochs_change_nothing(self, kind: Kind) -> None:
        net = made(kind)
        with unchanged(net):
            assert len(net.train(*data(), epochs=0, **BY_LBFGS)) == 0

    def test_the_callback_stops_training(self, kind: Kind) -> None:
        net, shorter = made(kind), made(kind)
        history = net.train(*data(), epochs=15, callback=lambda s: s.epoch == 4, **BY_LBFGS)
        assert len(history) == 4
        assert history.stopped == "the callback said so"
        shorter.train(*data(), epochs=4, **BY_LBFGS)
        assert parameters(net) == parameters(shorter)

    def test_early_stopping(self, kind: Kind) -> None:
        net = made(kind)
        stopping = {"validation_fraction": 0.3, "early_stopping": EarlyStopping(patience=3)}
        options: Options = {**BY_LBFGS, **stopping}
        history = net.train(*data(), epochs=200, **options)
        assert history.best_epoch is not None
        assert len(history) == history.best_epoch + 3
        best = min(history.validation_loss)
        assert best == history.validation_loss[history.best_epoch - 1]

    @pytest.mark.memory
    def test_ctrl_c_keeps_the_last_iteration(self, kind: Kind) -> None:
        net, shorter = made(kind), made(kind)

        def interrupt(step: Step) -> None:
            if step.epoch == 4:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            net.train(*data(), epochs=9, callback=interrupt, **BY_LBFGS)
        shorter.train(*data(), epochs=4, **BY_LBFGS)
        assert parameters(net) == parameters(shorter)


@parametrize("l2", 0.0, 0.1)
def test_lbfgs_on_kernels_equals_the_reference(path: str, l2: float) -> None:
    nets, losses = [made(MLP), made(reference.MLP)], []
    for net in nets:
        options: Options = {"batch_size": None, "optimizer": LBFGS(memory=5)}
        losses.append(net.train(*data(), epochs=8, l2=l2, **options).loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)
    assert losses[1][-1] < losses[1][0] / 1.5, "nothing was learnt: the comparison shows little"
    assert_same_parameters(nets[0], nets[1], atol=1e-8)


def test_lbfgs_in_float32() -> None:
    net = made(MLP, "float32")
    before = net.evaluate(*data()).loss
    history = net.train(*data(), epochs=300, l2=0.01, **BY_LBFGS)
    assert history.loss[-1] < before / 2
    assert history.stopped == "converged"


@ONE_VARIANT
def test_every_optimizer_is_tested() -> None:
    missing = OPTIMIZERS.keys() - {"lbfgs"} - {optimizer.name for optimizer in ALL.values()}
    assert not missing, f"add {missing} to ALL in {__file__}"


@ONE_VARIANT
@parametrize("name", *OPTIMIZERS)
def test_descriptions(name: str) -> None:
    optimizer = OPTIMIZERS[name]()
    assert optimizer.name == name
    assert eval(repr(optimizer)) == optimizer
    assert type(optimizer)(**optimizer.parameters) == optimizer
    assert pickle.loads(pickle.dumps(optimizer)) == copy.deepcopy(optimizer) == optimizer
    assert len({OPTIMIZERS[other]() for other in OPTIMIZERS}) == len(OPTIMIZERS)
