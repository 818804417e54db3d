"""Validation during training, early stopping, callbacks, schedules on a plateau, progress."""

import copy
import math
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

import fastnn
from fastnn import (
    MLP,
    SGD,
    Adam,
    EarlyStopping,
    Linear,
    ReduceOnPlateau,
    Step,
    evaluation,
    reference,
)
from fastnn.data.splits import split
from fastnn.network import Network

EITHER = pytest.mark.parametrize("kind", [MLP, reference.MLP], ids=["kernels", "reference"])
Kind = type[MLP] | type[reference.MLP]


def data(n: int = 60) -> tuple[Any, Any]:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(n, 4))
    return X, (X[:, 0] > 0) + (X[:, 1] > 0)


def new(kind: Kind = MLP, **options: Any) -> Network:
    settings = {"output_activation": "softmax", "loss": "cross_entropy", "seed": 1, **options}
    return kind([4, 9, 3], **settings)


def parameters(net: Network) -> list[bytes]:
    return [p.tobytes() for p in (*net.weights, *net.biases)]


# Splitting


@EITHER
@pytest.mark.parametrize(
    "wrong",
    [
        {"l2": 50.0},
        {"sample_weight": np.r_[1, np.zeros(59)]},
        {"optimizer": "rprop", "batch_size": 3},
        {},  # weights that are not finite
    ],
    ids=["l2", "sample_weight", "batch_size", "weights"],
)
def test_a_split_that_is_refused_draws_nothing(kind: Kind, wrong: dict[str, Any]) -> None:
    X, y = data()
    net, same = new(kind), new(kind)
    if not wrong:
        net.weights[0][:] = np.nan
    with pytest.raises(ValueError):
        net.train(X, y, validation_fraction=0.2, **wrong)
    net.weights[0][:] = same.weights[0]
    for each in (net, same):
        each.train(X, y, validation_fraction=0.2, epochs=2)
    assert parameters(net) == parameters(same)


@EITHER
def test_labels_and_one_hot_rows_are_the_same_data(kind: Kind) -> None:
    X, y = data()
    net = new(kind)
    net.train(X, y, validation_fraction=0.2)
    held_out = net._memory.split
    net.train(X, np.eye(3)[y.astype(int)], validation_fraction=0.2)
    assert net._memory.split == held_out


@pytest.mark.parametrize("n", [2, 3, 10, 97, 1000])
@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.3, 0.5, 0.99])
@pytest.mark.parametrize("n_labels", [None, 1, 2, 7])
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


@EITHER
@pytest.mark.parametrize("batch_size", [1, 7, None])
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


def through_a_file(net: Network) -> Network:
    with tempfile.TemporaryDirectory() as folder:
        net.save(Path(folder) / "model", include_optimizer=True)
        return type(net).load(Path(folder) / "model")


WAYS: dict[str, Callable[[Network], Network]] = {
    "the same": lambda net: net,
    "a copy": copy.deepcopy,
    "a pickle": lambda net: pickle.loads(pickle.dumps(net)),
    "a file": through_a_file,
}


@EITHER
@pytest.mark.parametrize("way", WAYS)
def test_ten_calls_of_four_epochs_are_one_of_forty(kind: Kind, way: str) -> None:
    """On noise, what has been learnt by heart would look good if it were held out later."""
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(120, 20)), generator.integers(2, size=120)
    options: dict[str, Any] = {
        "optimizer": Adam(0.02),
        "batch_size": 8,
        "validation_fraction": 0.25,
    }
    nets: list[Network] = [
        kind([20, 40, 2], output_activation="softmax", loss="cross_entropy", seed=1)
        for _ in range(2)
    ]
    losses = nets[0].train(X, y, epochs=40, **options).validation_loss
    in_parts: list[float] = []
    for _ in range(10):
        in_parts += nets[1].train(X, y, epochs=4, **options).validation_loss
        nets[1] = WAYS[way](nets[1])
    assert in_parts == losses
    assert parameters(nets[1]) == parameters(nets[0])
    assert losses[-1] > 1 > math.log(2), "no better than chance: it is noise"


def held_out_by(net: Network, X: Any, y: Any, **options: Any) -> set[int]:
    """The targets, which are all different, of the examples that a call of train evaluates."""
    seen: list[set[int]] = []

    def record(engine: Any, inputs: Any, targets: Any, labeling: Any) -> fastnn.Evaluation:
        seen.append(set(targets.values[:, 0].astype(int).tolist()))
        return fastnn.Evaluation(1, 1, "r2")

    with mock.patch.object(evaluation, "evaluate", record):
        net.train(X, y, **options)
    return seen[0] if seen else set()


def numbered(n: int = 40, first: int = 0) -> tuple[Any, Any]:
    return np.random.default_rng(0).normal(size=(n, 4)), np.arange(first, first + n) * 1.0


def regression() -> Network:
    return MLP([4, 1], output_activation="identity", seed=1)


QUIETLY: dict[str, Any] = {"learning_rate": 1e-9}


def test_the_same_rows_are_held_out_of_the_same_data() -> None:
    X, y = numbered()
    net = regression()
    first = held_out_by(net, X, y, validation_fraction=0.25, **QUIETLY)
    assert len(first) == 10
    again: list[tuple[Any, dict[str, Any]]] = [
        (X, {"optimizer": "adam", "learning_rate": 1e-9}),
        (X, {"optimizer": "lbfgs", "batch_size": None}),
        (X * 2 + 1, QUIETLY),  # scaled, or augmented
        (X.astype(np.float32), {"sample_weight": np.arange(1.0, 41.0), **QUIETLY}),
    ]
    for inputs, options in again:
        assert held_out_by(net, inputs, y, validation_fraction=0.25, **options) == first
    # Whatever else it is trained on, as long as nothing of that is held out.
    net.train(*numbered(40, first=7), **QUIETLY)
    net.train([numbered(), numbered(30)], **QUIETLY)
    net.train_batch(*numbered(8), **QUIETLY)
    net.train(X, y, epochs=0)
    with pytest.raises(ValueError, match="l2 times learning_rate"):
        net.train(X, y, l2=2.0, learning_rate=1.0)
    assert held_out_by(net, X, y, validation_fraction=0.25, **QUIETLY) == first


def test_other_data_are_split_anew() -> None:
    for other in (numbered(40, first=1), numbered(41)):
        net, fresh = regression(), regression()
        held_out_by(net, *numbered(), validation_fraction=0.25, **QUIETLY)
        net._memory.generator = np.random.default_rng(3)
        fresh._memory.generator = np.random.default_rng(3)
        expected = held_out_by(fresh, *other, validation_fraction=0.25, **QUIETLY)
        assert held_out_by(net, *other, validation_fraction=0.25, **QUIETLY) == expected


def test_a_smaller_fraction_takes_rows_that_were_held_out() -> None:
    net = regression()
    first = held_out_by(net, *numbered(), validation_fraction=0.25, **QUIETLY)
    smaller = held_out_by(net, *numbered(), validation_fraction=0.1, **QUIETLY)
    assert len(smaller) == 4
    assert smaller < first
    # The others are learnt now.
    with pytest.warns(fastnn.TrainingWarning, match="6 of the 10 examples to hold out now have"):
        assert smaller < held_out_by(net, *numbered(), validation_fraction=0.25, **QUIETLY)


def test_a_larger_fraction_says_that_it_takes_rows_that_were_learnt() -> None:
    net = regression()
    first = held_out_by(net, *numbered(), validation_fraction=0.25, **QUIETLY)
    expected = (
        "validation_fraction must be given from the first call on, and not grow: 10 of the 20"
    )
    with pytest.warns(fastnn.TrainingWarning, match=expected) as caught:
        larger = held_out_by(net, *numbered(), validation_fraction=0.5, **QUIETLY)
    assert caught[0].filename == __file__
    assert len(larger) == 20
    assert first < larger
    assert held_out_by(net, *numbered(), validation_fraction=0.5, **QUIETLY) == larger


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("begins_with_a_fraction", [False, True])
def test_a_call_without_a_fraction_learns_all_rows(way: str, begins_with_a_fraction: bool) -> None:
    net = regression()
    if begins_with_a_fraction:
        net.train(*numbered(), validation_fraction=0.25, **QUIETLY)
    net.train(*numbered(), **QUIETLY)
    net = WAYS[way](net)
    with pytest.warns(fastnn.TrainingWarning, match="10 of the 10 examples to hold out now have"):
        net.train(*numbered(), validation_fraction=0.25, **QUIETLY)


def test_the_split_is_saved_without_the_optimizer(tmp_path: Path) -> None:
    net = regression()
    first = held_out_by(net, *numbered(), validation_fraction=0.25, optimizer="adam")
    net.save(tmp_path / "model", include_optimizer=False)
    loaded = MLP.load(tmp_path / "model")
    assert held_out_by(loaded, *numbered(), validation_fraction=0.25, **QUIETLY) == first


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
    X, y = data()
    history = new().train(
        X, y, epochs=20, batch_size=None, optimizer="lbfgs", validation_fraction=0.25
    )
    assert len(history.validation_loss) == len(history.loss) == 20
    assert history.loss[-1] < 0.1


def test_targets_of_one_output_are_held_out_in_proportion() -> None:
    X, _ = data(100)
    net = MLP([4, 1], loss="binary_cross_entropy", seed=1)
    seen: list[float] = []

    def record(engine: Any, inputs: Any, targets: Any, labeling: Any) -> fastnn.Evaluation:
        seen.append(float(targets.values.mean()))
        return fastnn.Evaluation(1, 1, "accuracy")

    with mock.patch.object(evaluation, "evaluate", record):
        net.train(X, X[:, 0] > 0.5, validation_fraction=0.1)
    assert abs(seen[0] - (X[:, 0] > 0.5).mean()) <= 0.1


def test_one_hot_rows_are_held_out_in_proportion() -> None:
    """Ten of a hundred examples are of class 1: so are two of the twenty held out."""
    X, _ = data(100)
    Y = np.eye(2)[(np.arange(100) % 10 == 0).astype(int)]
    for seed in range(5):
        net = MLP([4, 2], seed=seed)
        seen: list[Any] = []

        def record(
            engine: Any, inputs: Any, targets: Any, labeling: Any, seen: list[Any] = seen
        ) -> fastnn.Evaluation:
            seen.append(targets.values.sum(axis=0).tolist())
            return fastnn.Evaluation(1, 1, "accuracy")

        with mock.patch.object(evaluation, "evaluate", record):
            net.train(X, Y, validation_fraction=0.2)
        assert seen == [[18, 2]]


@EITHER
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


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"validation_data": (1,)}, TypeError, r"validation_data must be \(X, y\)"),
        ({"validation_data": 3}, TypeError, r"validation_data must be \(X, y\)"),
        ({"validation_data": (np.ones((3, 5)), [0, 1, 2])}, ValueError, "X must have shape"),
        ({"validation_data": (np.ones((2, 4)), [0, 3])}, ValueError, "y must be integer labels"),
        ({"validation_fraction": 0}, ValueError, "validation_fraction must be above 0"),
        ({"validation_fraction": 1.0}, ValueError, "validation_fraction must be .* below 1"),
        ({"validation_fraction": "0.1"}, TypeError, "validation_fraction must be a number"),
        (
            {"validation_fraction": 0.1, "validation_data": data()},
            ValueError,
            "validation_fraction must be None where validation_data are given",
        ),
        ({"early_stopping": 3}, TypeError, "early_stopping must be None or an EarlyStopping"),
        ({"early_stopping": EarlyStopping()}, ValueError, "early_stopping monitors 'validation_l"),
        (
            {"learning_rate": ReduceOnPlateau(0.1, "validation_score")},
            ValueError,
            "learning_rate monitors 'validation_score'",
        ),
        ({"callback": 3}, TypeError, "callback must be None or callable"),
        ({"batch_callback": 3}, TypeError, "batch_callback must be None or callable"),
        ({"progress": 1}, TypeError, "progress must be True or False"),
    ],
)
def test_bad_arguments(options: dict[str, Any], error: type[Exception], message: str) -> None:
    net = new()
    before = parameters(net), net._memory.generator.bit_generator.state
    with pytest.raises(error, match=message):
        net.train(*data(), epochs=2, **options)
    assert (parameters(net), net._memory.generator.bit_generator.state) == before


# Early stopping


@EITHER
@pytest.mark.parametrize("restore_best", [True, False])
def test_early_stopping(kind: Kind, restore_best: bool) -> None:
    X, y = data()
    generator = np.random.default_rng(3)
    noise = generator.normal(size=(30, 4)), generator.integers(3, size=30)
    stopping = EarlyStopping(patience=3, restore_best=restore_best)
    net = new(kind)
    snapshots: list[Network] = []
    history = net.train(
        X,
        y,
        epochs=300,
        optimizer="adam",
        learning_rate=0.02,
        batch_size=4,
        validation_data=noise,  # which nothing can be learnt about
        early_stopping=stopping,
        callback=lambda step: snapshots.append(copy.deepcopy(net)),
    )
    best = int(np.argmin(history.validation_loss)) + 1
    assert (history.best_epoch, len(history)) == (best, best + 3)
    assert history.stopped == "no better validation loss for 3 epochs"
    kept = snapshots[best - 1 if restore_best else -1]
    assert parameters(net) == parameters(kept)
    # The optimizer is restored with it: both go on alike.
    for each in (net, kept):
        each._memory.generator = np.random.default_rng(5)
        each.train(X, y, optimizer="adam", learning_rate=0.02, batch_size=4)
    assert parameters(net) == parameters(kept)


def test_the_best_is_restored_where_training_was_not_stopped() -> None:
    X, y = data()
    net = new()
    history = net.train(
        X,
        y,
        epochs=6,
        learning_rate=lambda step: 0.1 if step < 2 * 60 else 8.0,
        validation_data=(X, y),
        early_stopping=EarlyStopping(patience=50),
    )
    assert history.best_epoch is not None
    assert history.best_epoch < 6
    assert history.stopped is None
    assert net.evaluate(X, y).loss == min(history.validation_loss)


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


def loss_of_line(net: Network) -> float:
    return float(0.5 * (net.weights[0][0, 0] + net.biases[0][0] - 1) ** 2)


@EITHER
@pytest.mark.parametrize("batch_size", [None, 1])
def test_the_parameters_are_kept_that_had_the_best_training_loss(
    kind: Kind, batch_size: int | None
) -> None:
    net = line(kind)
    history = net.train(
        [[1.0]],
        [1.0],
        epochs=10,
        batch_size=batch_size,
        learning_rate=lambda step: RATES[min(step, 3)],
        early_stopping=EarlyStopping("loss", patience=2),
    )
    assert history.loss == pytest.approx(LOSSES[:4], rel=1e-12)
    assert (history.best_epoch, history.stopped) == (2, "no better loss for 2 epochs")
    assert loss_of_line(net) == pytest.approx(LOSSES[1], rel=1e-12)
    # The steps after that are undone, and are made again: with the rate of the second one.
    again = net.train([[1.0]], [1.0], batch_size=None, learning_rate=lambda step: RATES[step])
    assert again.loss == pytest.approx([LOSSES[1]], rel=1e-12)
    assert again.learning_rate == [RATES[1]]


@EITHER
@pytest.mark.filterwarnings("ignore:y of the validation data is the same for all examples")
@pytest.mark.parametrize("epochs", [1, 2, 3])
@pytest.mark.parametrize("validation_fraction", [None, 0.5])
def test_the_last_step_is_measured_too(
    kind: Kind, epochs: int, validation_fraction: float | None
) -> None:
    """After the first step, which is for the better, and after the second, for the worse."""
    net = line(kind)
    n = 1 if validation_fraction is None else 4
    history = net.train(
        [[1.0]] * n,
        [1.0] * n,
        epochs=epochs,
        batch_size=None,
        learning_rate=lambda step: RATES[step],
        validation_fraction=validation_fraction,
        early_stopping=EarlyStopping("loss"),
    )
    assert history.best_epoch == min(epochs, 2)
    assert loss_of_line(net) == pytest.approx(LOSSES[1], rel=1e-12)


@EITHER
def test_of_batches_the_last_parameters_are_kept_that_the_best_loss_was_measured_on(
    kind: Kind,
) -> None:
    """Not those after its last step, which no loss of that epoch knows of."""
    net = line(kind)
    history = net.train(
        [[1.0]] * 2,
        [1.0] * 2,
        epochs=10,
        learning_rate=lambda step: RATES[min(step, 3)],
        early_stopping=EarlyStopping("loss", patience=1),
    )
    expected = [np.mean(LOSSES[:2]), np.mean(LOSSES[2:4])]
    assert history.loss == pytest.approx(expected, rel=1e-12)
    assert loss_of_line(net) == pytest.approx(LOSSES[1], rel=1e-12)


@pytest.mark.filterwarnings("ignore::fastnn.TrainingWarning")  # the last rate wrecks it
@EITHER
@pytest.mark.parametrize("batch_size", [1, 7, 30, None])
@pytest.mark.parametrize("ending", ["batch_callback", "blocks", ""])
def test_the_best_training_loss_is_restored_with_its_optimizer(
    kind: Kind, batch_size: int | None, ending: str
) -> None:
    X, y = data()
    net, twin = new(kind), new(kind)
    options: dict[str, Any] = {
        "batch_size": batch_size,
        "optimizer": Adam(lambda step: 0.01 if step < 3 * n_batches else 9.0),
    }
    n_batches = -(-60 // (batch_size or 60))
    copies = [copy.deepcopy(twin)]
    twin.train(
        X, y, epochs=8, batch_callback=lambda s: copies.append(copy.deepcopy(twin)), **options
    )
    given: tuple[Any, ...] = (X, y)
    if ending == "blocks" and batch_size is not None:
        given = ([(X[:30], y[:30]), (X[30:], y[30:])],)
    if ending == "batch_callback":
        options["batch_callback"] = lambda step: False
    history = net.train(
        *given, epochs=8, early_stopping=EarlyStopping("loss", patience=2), **options
    )
    assert history.best_epoch is not None
    assert len(history) == history.best_epoch + 2 < 8
    kept = copies[history.best_epoch * n_batches - 1]
    assert parameters(net) == parameters(kept)
    for each in (net, kept):
        each._memory.generator = np.random.default_rng(5)
        each.train(X, y, optimizer="adam", batch_size=4)
    assert parameters(net) == parameters(kept)


@EITHER
def test_a_batch_that_stops_training_is_the_last_step(kind: Kind) -> None:
    net = line(kind)
    history = net.train(
        [[1.0]] * 4,
        [1.0] * 4,
        learning_rate=lambda step: RATES[step],
        early_stopping=EarlyStopping("loss"),
        batch_callback=lambda step: step.batch == 2,
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


@EITHER
@pytest.mark.parametrize("batch_size", [1, 7, 60, None])
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


@EITHER
@pytest.mark.parametrize("in_blocks", [False, True])
@pytest.mark.parametrize("batch_size", [1, 2])
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


@EITHER
@pytest.mark.parametrize("batch_size", [1, 7])
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


@EITHER
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


@EITHER
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
