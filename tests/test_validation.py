"""Validation during training, early stopping, callbacks, schedules on a plateau, progress."""

import copy
import math
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from helpers import Kind, Options, copies_of, parameters, parametrize

import fastnn
from fastnn import MLP, SGD, Adam, EarlyStopping, Linear, ReduceOnPlateau, Step, evaluation
from fastnn.data.splits import split
from fastnn.network import Network


def data(n: int = 60) -> tuple[Any, Any]:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(n, 4))
    return X, (X[:, 0] > 0) + (X[:, 1] > 0)


def new(kind: Kind = MLP, **options: Any) -> Network:
    settings = {"output_activation": "softmax", "loss": "cross_entropy", "seed": 1, **options}
    return kind([4, 9, 3], **settings)


# Splitting


@parametrize(
    "wrong, weight",
    ({"l2": 50.0}, 1),
    ({"sample_weight": np.r_[1, np.zeros(59)]}, 1),
    ({"optimizer": "rprop", "batch_size": 3}, 1),
    ({}, np.nan),
    ids=["l2", "sample_weight", "batch_size", "weights"],
)
def test_a_split_that_is_refused_draws_nothing(kind: Kind, wrong: Options, weight: float) -> None:
    X, y = data()
    net, same = new(kind), new(kind)
    net.weights[0][:] *= weight
    with pytest.raises(ValueError):
        net.train(X, y, validation_fraction=0.2, **wrong)
    net.weights[0][:] = same.weights[0]
    for each in (net, same):
        each.train(X, y, validation_fraction=0.2, epochs=2)
    assert parameters(net) == parameters(same)


def test_labels_and_one_hot_rows_are_the_same_data(kind: Kind) -> None:
    X, y = data()
    net = new(kind)
    net.train(X, y, validation_fraction=0.2)
    held_out = net._memory.split
    net.train(X, np.eye(3)[y.astype(int)], validation_fraction=0.2)
    assert net._memory.split == held_out


@parametrize("n", 2, 3, 10, 97, 1000)
@parametrize("fraction", 0.05, 0.1, 0.3, 0.5, 0.99)
@parametrize("n_labels", None, 1, 2, 7)
def test_split(n: int, fraction: float, n_labels: int | None) -> None:
    generator = np.random.default_rng(n)
    n_held_out = round(fraction * n)
    labels = None if n_labels is None else generator.integers(n_labels, size=n)
    if not 0 < n_held_out < n:
        with pytest.raises(ValueError, match=rf"validation_fraction must .* got {fraction} of {n}"):
            split(n, fraction, labels, generator)
        return
    rows, held_out = split(n, fraction, labels, generator)
    assert sorted([*rows, *held_out]) == list(range(n))
    assert len(held_out) == n_held_out
    if labels is not None:
        for label in range(n_labels or 0):
            expected = np.count_nonzero(labels == label) * n_held_out / n
            assert abs(np.count_nonzero(labels[held_out] == label) - expected) <= 1


def test_splits_are_drawn() -> None:
    generator = np.random.default_rng(1)
    drawn = [split(50, 0.2, np.arange(50) % 3, generator)[1].tolist() for _ in range(5)]
    assert len(set(map(tuple, drawn))) == 5
    counts = np.bincount(np.concatenate([split(10, 0.2, None, generator)[1] for _ in range(500)]))
    assert (abs(counts - 100) < 4 * math.sqrt(80)).all(), "not all rows are equally likely"


@parametrize("batch_size", 1, 7, None)
def test_a_fraction_is_held_out_and_evaluated(kind: Kind, batch_size: int | None) -> None:
    X, y = data()
    net, by_hand = new(kind), new(kind)
    weights = np.linspace(0.5, 2, len(X))
    history = net.train(
        X, y, epochs=3, batch_size=batch_size, validation_fraction=0.25, sample_weight=weights
    )
    rows, held_out = split(len(X), 0.25, y, by_hand._memory.generator)
    for epoch in range(3):
        # Rows are drawn from those that are left.
        order = rows if batch_size is None else by_hand._memory.generator.permutation(rows)
        by_hand.train(
            X[order], y[order], batch_size=batch_size, shuffle=False, sample_weight=weights[order]
        )
        evaluation = by_hand.evaluate(X[held_out], y[held_out], sample_weight=weights[held_out])
        assert history.validation_loss[epoch] == pytest.approx(evaluation.loss, rel=1e-6)
        assert history.validation_score[epoch] == pytest.approx(evaluation.score, rel=1e-6)
    assert parameters(net) == parameters(by_hand)
    assert history.metric == "accuracy"


# Keeping the split

COPIES = ["a file", "a pickle", "a copy", "a deep copy"]  # of copies_of


@parametrize("way", None, *range(4), ids=["the same", *COPIES])
def test_ten_calls_of_four_epochs_are_one_of_forty(
    kind: Kind, way: int | None, tmp_path: Path
) -> None:
    """On noise, what has been learnt by heart would look good if it were held out later."""
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(120, 20)), generator.integers(2, size=120)
    options: Options = {"optimizer": Adam(0.02), "batch_size": 8, "validation_fraction": 0.25}
    nets: list[Network] = [kind([20, 40, 2], loss="cross_entropy", seed=1) for _ in range(2)]
    at_once, net = nets
    losses = at_once.train(X, y, epochs=40, **options).validation_loss
    in_parts: list[float] = []
    for _ in range(10):
        in_parts += net.train(X, y, epochs=4, **options).validation_loss
        net = net if way is None else copies_of(net, tmp_path)[way]
    assert in_parts == losses
    assert parameters(net) == parameters(at_once)
    assert losses[-1] > 1 > math.log(2), "no better than chance: it is noise"


def held_out_by(net: Network, X: Any, y: Any, **options: Any) -> Any:
    """The targets of the examples that a call of train evaluates first."""
    seen: list[Any] = []

    def record(engine: Any, inputs: Any, targets: Any, labeling: Any) -> fastnn.Evaluation:
        seen.append(targets.values)
        return fastnn.Evaluation(1, 1, "accuracy")

    with mock.patch.object(evaluation, "evaluate", record):
        net.train(X, y, **options)
    return seen[0]


def numbers_held_out(net: Network, X: Any, y: Any, fraction: float = 0.25, **options: Any) -> Any:
    """The targets, all different, of what is held out at a rate that changes next to nothing."""
    settings = {"learning_rate": 1e-9, **options}
    return set(held_out_by(net, X, y, validation_fraction=fraction, **settings)[:, 0].tolist())


def numbered(n: int = 40, first: int = 0) -> tuple[Any, Any]:
    return np.random.default_rng(0).normal(size=(n, 4)), np.arange(first, first + n) * 1.0


def regression() -> Network:
    return MLP([4, 1], output_activation="identity", seed=1)


QUIETLY: Options = {"learning_rate": 1e-9}


def test_the_same_rows_are_held_out_of_the_same_data(tmp_path: Path) -> None:
    X, y = numbered()
    net = regression()
    first = numbers_held_out(net, X, y)
    assert len(first) == 10
    again: list[tuple[Any, Options]] = [
        (X, {"optimizer": "adam"}),
        (X, {"optimizer": "lbfgs", "batch_size": None, "learning_rate": None}),
        (X * 2 + 1, {}),  # scaled, or augmented
        (X.astype(np.float32), {"sample_weight": np.arange(1.0, 41.0)}),
    ]
    for inputs, options in again:
        assert numbers_held_out(net, inputs, y, **options) == first
    # Whatever else it is trained on, as long as nothing of that is held out.
    net.train(*numbered(40, first=7), **QUIETLY)
    net.train([numbered(), numbered(30)], **QUIETLY)
    net.train_batch(*numbered(8), **QUIETLY)
    net.train(X, y, epochs=0)
    with pytest.raises(ValueError, match="l2 times learning_rate"):
        net.train(X, y, l2=2.0, learning_rate=1.0)
    assert numbers_held_out(net, X, y) == first
    net.save(tmp_path / "model", include_optimizer=False)
    assert numbers_held_out(MLP.load(tmp_path / "model"), X, y) == first


def test_other_data_are_split_anew() -> None:
    for other in (numbered(40, first=1), numbered(41)):
        net, fresh = regression(), regression()
        numbers_held_out(net, *numbered())
        for each in (net, fresh):
            each._memory.generator = np.random.default_rng(3)
        assert numbers_held_out(net, *other) == numbers_held_out(fresh, *other)


def test_a_smaller_fraction_takes_rows_that_were_held_out() -> None:
    net = regression()
    first = numbers_held_out(net, *numbered())
    smaller = numbers_held_out(net, *numbered(), fraction=0.1)
    assert len(smaller) == 4
    assert smaller < first
    # The others are learnt now.
    with pytest.warns(fastnn.TrainingWarning, match="6 of the 10 examples to hold out now have"):
        assert smaller < numbers_held_out(net, *numbered())


def test_a_larger_fraction_says_that_it_takes_rows_that_were_learnt() -> None:
    net = regression()
    first = numbers_held_out(net, *numbered())
    expected = "validation_fraction must be given from the first call on, and not grow: 10 of the 2"
    with pytest.warns(fastnn.TrainingWarning, match=expected) as caught:
        larger = numbers_held_out(net, *numbered(), fraction=0.5)
    assert caught[0].filename == __file__
    assert len(larger) == 20
    assert first < larger
    assert numbers_held_out(net, *numbered(), fraction=0.5) == larger


@parametrize("begins_with_a_fraction", False, True)
def test_a_call_without_a_fraction_learns_all_rows(
    begins_with_a_fraction: bool, tmp_path: Path
) -> None:
    net = regression()
    if begins_with_a_fraction:
        net.train(*numbered(), validation_fraction=0.25, **QUIETLY)
    net.train(*numbered(), **QUIETLY)
    for each in (*copies_of(net, tmp_path), net):
        with pytest.warns(fastnn.TrainingWarning, match="10 of the 10 examples to hold out now h"):
            each.train(*numbered(), validation_fraction=0.25, **QUIETLY)


def test_labels_are_held_out_in_proportion_whatever_was_before() -> None:
    generator = np.random.default_rng(0)
    labels = generator.permutation(np.repeat([0, 1, 2], [60, 30, 10]))
    for before in (0.5, 0.1):
        held_before = split(100, before, labels, generator)[1]
        rows, held_out = split(100, 0.2, labels, generator, held_before)
        assert sorted([*rows, *held_out]) == list(range(100))
        assert set(held_out) < set(held_before) or set(held_before) < set(held_out)
        assert (abs(np.bincount(labels[held_out], minlength=3) - [12, 6, 2]) <= 2).all()


def test_a_fraction_for_lbfgs() -> None:
    options: Options = {"batch_size": None, "optimizer": "lbfgs", "validation_fraction": 0.25}
    history = new().train(*data(), epochs=20, **options)
    assert len(history.validation_loss) == len(history.loss) == 20
    assert history.loss[-1] < 0.1


def test_classes_are_held_out_in_proportion() -> None:
    """Ten of a hundred examples are of class 1: so are two of the twenty held out."""
    X, _ = data(100)
    y = (np.arange(100) % 10 == 0).astype(int)
    for seed in range(5):
        rows = held_out_by(MLP([4, 2], seed=seed), X, np.eye(2)[y], validation_fraction=0.2)
        assert rows.sum(axis=0).tolist() == [18, 2]
        net = MLP([4, 1], loss="binary_cross_entropy", seed=seed)
        assert held_out_by(net, X, y, validation_fraction=0.2).sum() == 2


def test_validation_data(kind: Kind) -> None:
    X, y = data(90)
    net, without = new(kind), new(kind)
    history = net.train(X[:60], y[:60], epochs=4, validation_data=(X[60:], y[60:]))
    assert history.loss == without.train(X[:60], y[:60], epochs=4).loss
    assert parameters(net) == parameters(without), "validation has changed the training"
    last = net.evaluate(X[60:], y[60:])
    assert (history.validation_loss[-1], history.validation_score[-1]) == (last.loss, last.score)
    weights = np.arange(30.0)
    weighted = without.train(
        X[:60], y[:60], validation_data=(X[60:], y[60:], weights)
    ).validation_loss
    assert weighted == [without.evaluate(X[60:], y[60:], sample_weight=weights).loss]


# Early stopping


@parametrize("restore_best", True, False)
def test_early_stopping(kind: Kind, restore_best: bool) -> None:
    X, y = data()
    generator = np.random.default_rng(3)
    noise = generator.normal(size=(30, 4)), generator.integers(3, size=30)  # nothing to be learnt
    stopping = EarlyStopping(patience=3, restore_best=restore_best)
    options: Options = {"optimizer": "adam", "learning_rate": 0.02, "batch_size": 4}
    net = new(kind)
    snapshots: list[Network] = []
    history = net.train(
        *(X, y),
        epochs=300,
        validation_data=noise,
        early_stopping=stopping,
        callback=lambda step: snapshots.append(copy.deepcopy(net)),
        **options,
    )
    best = int(np.argmin(history.validation_loss)) + 1
    assert (history.best_epoch, len(history)) == (best, best + 3)
    assert history.stopped == "no better validation loss for 3 epochs"
    assert_both_go_on_alike(net, snapshots[best - 1 if restore_best else -1], **options)


def assert_both_go_on_alike(net: Network, other: Network, **options: Any) -> None:
    """Parameters are the same, and so is what the optimizer keeps."""
    assert parameters(net) == parameters(other)
    for each in (net, other):
        each._memory.generator = np.random.default_rng(5)
        each.train(*data(), **options)
    assert parameters(net) == parameters(other)


def test_the_best_is_restored_where_training_was_not_stopped() -> None:
    net = new()
    history = net.train(
        *data(),
        epochs=6,
        learning_rate=lambda step: 0.1 if step < 2 * 60 else 8.0,
        validation_data=data(),
        early_stopping=EarlyStopping(patience=50),
    )
    assert (history.best_epoch or 6) < 6
    assert history.stopped is None
    assert net.evaluate(*data()).loss == min(history.validation_loss)


def test_the_training_loss_can_be_monitored() -> None:
    stopping = EarlyStopping("loss", patience=2, min_delta=10)
    history = new().train(*data(), epochs=50, early_stopping=stopping)
    assert (len(history), history.best_epoch) == (3, 1)


# w = b = 0, x = y = 1: the output is w + b, both have the gradient w + b - 1, and so the distance
# of the output to 1 is multiplied by 1 - 2 * rate at each step.
RATES = [0.1, 1.2, 1.2, 1.2]
LOSSES = [0.5, 0.5 * 0.8**2, 0.5 * 1.12**2, 0.5 * 1.568**2, 0.5 * 2.1952**2]  # before each step


def line(kind: Kind) -> Network:
    net = kind([1, 1], output_activation="identity", dtype="float64")
    net.weights[0][:], net.biases[0][:] = 0, 0
    return net


def train_line(net: Network, n: int = 1, **options: Any) -> fastnn.History:
    def rate(step: int) -> float:
        return RATES[min(step, 3)]

    return net.train([[1.0]] * n, [1.0] * n, learning_rate=rate, **options)


def loss_of_line(net: Network) -> float:
    return float(0.5 * (net.weights[0][0, 0] + net.biases[0][0] - 1) ** 2)


@parametrize("batch_size", None, 1)
def test_the_parameters_are_kept_that_had_the_best_training_loss(
    kind: Kind, batch_size: int | None
) -> None:
    net = line(kind)
    stopping = EarlyStopping("loss", patience=2)
    history = train_line(net, epochs=10, batch_size=batch_size, early_stopping=stopping)
    assert history.loss == pytest.approx(LOSSES[:4], rel=1e-12)
    assert (history.best_epoch, history.stopped) == (2, "no better loss for 2 epochs")
    assert loss_of_line(net) == pytest.approx(LOSSES[1], rel=1e-12)
    # The steps after that are undone, and are made again: with the rate of the second one.
    again = train_line(net, batch_size=None)
    assert again.loss == pytest.approx([LOSSES[1]], rel=1e-12)
    assert again.learning_rate == [RATES[1]]


@pytest.mark.filterwarnings("ignore:y of the validation data is the same for all examples")
@parametrize("epochs", 1, 2, 3)
@parametrize("fraction, n", (None, 1), (0.5, 4))
def test_the_last_step_is_measured_too(
    kind: Kind, epochs: int, fraction: float | None, n: int
) -> None:
    """After the first step, which is for the better, and after the second, for the worse."""
    net = line(kind)
    options: Options = {"epochs": epochs, "batch_size": None, "validation_fraction": fraction}
    history = train_line(net, n, early_stopping=EarlyStopping("loss"), **options)
    assert history.best_epoch == min(epochs, 2)
    assert loss_of_line(net) == pytest.approx(LOSSES[1], rel=1e-12)


def test_the_parameters_kept_are_the_last_ones_that_the_best_loss_was_measured_on(
    kind: Kind,
) -> None:
    """Not those after the last batch of its epoch, which no loss of that epoch knows of."""
    net = line(kind)
    history = train_line(net, 2, epochs=10, early_stopping=EarlyStopping("loss", patience=1))
    expected = [np.mean(LOSSES[:2]), np.mean(LOSSES[2:4])]
    assert history.loss == pytest.approx(expected, rel=1e-12)
    assert loss_of_line(net) == pytest.approx(LOSSES[1], rel=1e-12)


@pytest.mark.filterwarnings("ignore::fastnn.TrainingWarning")  # the last rate wrecks it
@parametrize("batch_size", 1, 7, 30, None)
@parametrize("ending", "batch_callback", "blocks", "")
def test_the_best_training_loss_is_restored_with_its_optimizer(
    kind: Kind, batch_size: int | None, ending: str
) -> None:
    X, y = data()
    net, twin = new(kind), new(kind)
    n_batches = -(-60 // (batch_size or 60))
    adam = Adam(lambda step: 0.01 if step < 3 * n_batches else 9.0)
    options: Options = {"batch_size": batch_size, "optimizer": adam, "epochs": 8}
    copies = [copy.deepcopy(twin)]
    twin.train(X, y, batch_callback=lambda s: copies.append(copy.deepcopy(twin)), **options)
    given: tuple[Any, ...] = (X, y)
    if ending == "blocks" and batch_size is not None:
        given = ([(X[:30], y[:30]), (X[30:], y[30:])],)
    if ending == "batch_callback":
        options["batch_callback"] = lambda step: False
    history = net.train(*given, early_stopping=EarlyStopping("loss", patience=2), **options)
    assert history.best_epoch is not None
    assert len(history) == history.best_epoch + 2 < 8
    kept = copies[history.best_epoch * n_batches - 1]
    assert_both_go_on_alike(net, kept, optimizer="adam", batch_size=4)


def test_a_batch_that_stops_training_is_the_last_step(kind: Kind) -> None:
    net = line(kind)
    stopping = EarlyStopping("loss")
    history = train_line(
        net, 4, early_stopping=stopping, batch_callback=lambda step: step.batch == 2
    )
    assert history.loss == pytest.approx([np.mean(LOSSES[:2])], rel=1e-12)
    assert loss_of_line(net) == pytest.approx(LOSSES[1], rel=1e-12)


def test_lbfgs_measures_its_loss_after_an_iteration() -> None:
    X, y = data()
    net = new(dtype="float64")
    history = net.train(
        X, y, epochs=5, batch_size=None, optimizer="lbfgs", early_stopping=EarlyStopping("loss")
    )
    assert history.best_epoch == 5
    assert net.evaluate(X, y).loss == pytest.approx(history.loss[-1], rel=1e-9)


# Callbacks


@parametrize("batch_size", 1, 7, 60, None)
def test_a_callback_per_batch_sees_all_of_them(kind: Kind, batch_size: int | None) -> None:
    steps: list[Step] = []
    net, without = new(kind), new(kind)
    rate = Linear(0.2, n_steps=130)
    history = net.train(
        *data(), epochs=2, batch_size=batch_size, learning_rate=rate, batch_callback=steps.append
    )
    expected = without.train(*data(), epochs=2, batch_size=batch_size, learning_rate=rate)
    assert history.loss == pytest.approx(expected.loss, rel=1e-12)
    assert parameters(net) == parameters(without)
    n_batches = -(-60 // (batch_size or 60))
    assert [(step.epoch, step.batch) for step in steps] == [
        (epoch, batch) for epoch in (1, 2) for batch in range(1, n_batches + 1)
    ]
    rates = [step.learning_rate for step in steps]
    assert rates == rate.rates(np.arange(2 * n_batches)).tolist()
    sizes = [min(batch_size or 60, 60 - start) for start in range(0, 60, batch_size or 60)]
    means = [
        np.average([s.loss for s in steps if s.epoch == epoch], weights=sizes) for epoch in (1, 2)
    ]
    assert means == pytest.approx(history.loss, rel=1e-12)


@parametrize("in_blocks", False, True)
@parametrize("batch_size", 1, 2)
def test_the_loss_of_a_batch_is_its_own(kind: Kind, in_blocks: bool, batch_size: int) -> None:
    """Whatever came before: beside 5e17, doubles do not hold the losses of the others."""
    X, y, output = np.ones((4, 1)), np.array([1e9, 1e9, 1.0, 2.0]), 0.126
    net = kind([1, 1], output_activation="identity", dtype="float64")
    net.weights[0][:], net.biases[0][:] = 0.1, 0.026
    losses: list[float] = []
    net.train(
        *([[(X, y)]] if in_blocks else [X, y]),
        batch_size=batch_size,
        learning_rate=1e-30,  # the output stays as it is
        shuffle=False,
        batch_callback=lambda step: losses.append(step.loss),
    )
    expected = (0.5 * (output - y) ** 2).reshape(-1, batch_size).mean(axis=1)
    assert losses == pytest.approx(expected, rel=1e-12)


@parametrize("batch_size", 1, 7)
def test_a_callback_per_batch_stops_training(kind: Kind, batch_size: int) -> None:
    X, y = data()
    net, by_hand = new(kind), new(kind)
    history = net.train(
        X, y, epochs=5, batch_size=batch_size, shuffle=False, batch_callback=lambda s: s.batch == 3
    )
    n = 3 * batch_size
    expected = by_hand.train(X[:n], y[:n], batch_size=batch_size, shuffle=False)
    assert history.loss == pytest.approx(expected.loss, rel=1e-12)
    assert history.stopped == "batch_callback said so"
    assert parameters(net) == parameters(by_hand)
    assert net._memory.training is not None
    assert net._memory.training.n_steps == 3


def test_callbacks_change_the_learning_rate(kind: Kind) -> None:
    X, y = data()

    def halve(step: Step) -> None:
        step.learning_rate /= 2

    net, by_hand = new(kind), new(kind)
    history = net.train(X, y, epochs=3, learning_rate=0.4, callback=halve)
    for rate in (0.4, 0.2, 0.1):
        by_hand.train(X, y, learning_rate=rate)
    assert history.learning_rate == [0.4, 0.2, 0.1]
    assert parameters(net) == parameters(by_hand)

    net, by_hand = new(kind), new(kind)
    history = net.train(X, y, epochs=2, batch_size=30, learning_rate=0.4, batch_callback=halve)
    by_hand.train(X, y, epochs=2, batch_size=30, learning_rate=lambda step: 0.4 / 2**step)
    assert history.learning_rate == [0.2, 0.05]
    assert parameters(net) == parameters(by_hand)


def test_what_a_callback_assigns_is_for_this_call_alone() -> None:
    X, y = data()

    def slow_down(step: Step) -> None:
        step.learning_rate = 1e-9

    net = new()
    first = net.train(X, y, epochs=2, learning_rate=Linear(0.1), callback=slow_down)
    assert first.learning_rate[1] == 1e-9
    assert net.train(X, y, learning_rate=0.1).learning_rate == [0.1]


def test_a_rate_that_falls_on_a_plateau(kind: Kind) -> None:
    X, y = data()
    schedule = ReduceOnPlateau(0.1, factor=0.5, patience=1, min_delta=0.5)  # it is seldom met
    net = new(kind)
    history = net.train(X, y, epochs=9, optimizer=SGD(schedule))
    state = schedule.begin()
    rates = []
    for loss in history.loss:
        rates.append(state.rate)
        state = schedule.after(state, loss)
    assert history.learning_rate == rates
    assert len(set(rates)) > 2
    goes_on = net.train(X, y, optimizer=SGD(schedule))
    assert goes_on.learning_rate == [state.rate]


def test_progress_is_shown_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    new().train(*data(), epochs=3, progress=True, validation_fraction=0.2)
    shown = capsys.readouterr()
    assert shown.out == ""
    for word in ("3/3", "loss=", "learning_rate=", "validation_loss="):
        assert word in shown.err
    new().train(*data(), epochs=3)
    assert capsys.readouterr().err == ""
