"""Which number tells how good a network is: the accuracy of classes, the R² of quantities."""

import re
import warnings
from typing import Any

import numpy as np
import pytest
from helpers import Array, Kind, Options, parametrize, refusal, unchanged
from helpers import kind_and_variant as kind_and_variant

import fastnn
from fastnn import MLP, Activation, EarlyStopping
from fastnn.network import Network

INVERSES: Options = {
    "sigmoid": lambda a: np.log(a / (1 - a)),
    "tanh": np.arctanh,
    "softmax": np.log,
}


def giving(kind: Kind, outputs: Any, output: str, **options: Any) -> tuple[Network, Array]:
    """A network without hidden layers, and an X for which its outputs are these."""
    rows = np.array(outputs, float).reshape(len(outputs), -1)
    net = kind([rows.shape[1]] * 2, output_activation=output, dtype="float64", **options)
    net.weights[0][:] = np.eye(rows.shape[1])
    return net, INVERSES.get(output, np.positive)(rows)


def r2(outputs: Any, targets: Any) -> float:
    """R² of one output, by its definition."""
    outputs, targets = np.array(outputs, float), np.array(targets, float)
    return float(1 - ((outputs - targets) ** 2).sum() / ((targets - targets.mean()) ** 2).sum())


HALF = [0.3, 0.4, 0.6, 0.7]  # outputs: two below one half, two above
ROWS = [[0.9, 0.1, 0.2], [0.3, 0.6, 0.4], [0.7, 0.2, 0.8]]


@parametrize(
    "output, outputs, y, expected",
    ("sigmoid", HALF, [0, 1, 1, 1], 0.75),
    ("sigmoid", HALF, [False, False, True, False], 0.75),
    ("sigmoid", HALF, [0.01, 0.01, 0.99, 0.01], 0.75),
    ("sigmoid", HALF, [1, 1, 1, 1], 0.5),
    ("sigmoid", HALF, [[0], [0], [0], [0]], 0.5),
    ("relu", HALF, [0, 0, 1, 1], 1.0),
    ("tanh", [-0.4, 0.38, 0.1, -0.1], [-1, 1, 1, 1], 0.75),
    ("tanh", [-0.4, 0.38, 0.1, -0.1], [-0.9, 0.9, 0.9, 0.9], 0.75),
    ("tanh", [-0.4, 0.38, 0.1, -0.1], [-1, -1, -1, -1], 0.5),
    ("tanh", [0.1, 0.4, 0.6, 0.9], [0, 0, 1, 0], 0.75),
    ("sigmoid", ROWS, [0, 1, 0], 2 / 3),
    ("sigmoid", ROWS, [[1, 0, 0], [0, 1, 0], [1, 0, 0]], 2 / 3),
    ("sigmoid", ROWS, [[0.99, 0.01, 0.01], [0.01, 0.99, 0.01], [0.99, 0.01, 0.01]], 2 / 3),
    ("tanh", ROWS, [[1, -1, -1], [-1, 1, -1], [1, -1, -1]], 2 / 3),
    ("softmax", [[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]], [[1, 0, 0], [1, 0, 0]], 0.5),
    ("identity", ROWS, [0, 1, 0], 2 / 3),
    # Rows that are not one-hot: each output is a label, and all labels of a row must be right.
    ("sigmoid", ROWS, [[1, 0, 0], [0, 1, 0], [1, 0, 1]], 1.0),
    ("sigmoid", ROWS, [[0, 0, 0], [0, 1, 0], [1, 0, 1]], 2 / 3),
    ("tanh", [[0.3, -0.2], [0.1, 0.2]], [[1, -1], [1, 1]], 1.0),
)
def test_accuracy_of_classes(
    kind: Kind, output: str, outputs: Any, y: Any, expected: float
) -> None:
    net, X = giving(kind, outputs, output)
    found = net.evaluate(X, y)
    assert found.metric == "accuracy"
    assert found.score == pytest.approx(expected)


QUANTITIES = [[0.8, 0.1, 0.3], [0.2, 0.6, 0.9], [0.5, 0.5, 0.5]]


@parametrize(
    "output, outputs, y",
    ("sigmoid", HALF, [5, 20, 35, 50]),
    ("sigmoid", HALF, [1, 2, 2, 1]),
    ("sigmoid", HALF, [0.55, 0.61, 0.95, 0.8]),
    ("sigmoid", HALF, [0.55, 0.95, 0.95, 0.55]),
    ("sigmoid", HALF, [0, 1, 0.5, 1]),
    ("relu", HALF, [2, 2, 7, 2]),
    ("tanh", HALF, [-1, 0, 1, 1]),
    ("identity", HALF, [0, 0, 1, 1]),
    ("exp", HALF, [0, 0, 1, 1]),
    ("sigmoid", ROWS, QUANTITIES),
    # Several classes at a time are beyond softmax outputs, which sum to 1.
    ("softmax", [[0.5, 0.4, 0.1], [0.2, 0.3, 0.5]], [[1, 1, 0], [0, 0, 1]]),
)
def test_r2_of_quantities(kind: Kind, output: str, outputs: Any, y: Any) -> None:
    net, X = giving(kind, outputs, output)
    found = net.evaluate(X, y)
    assert found.metric == "r2"
    of_outputs = zip(net.predict(X).T, np.reshape(y, (len(y), -1)).T, strict=True)
    assert found.score == pytest.approx(np.mean([r2(*pair) for pair in of_outputs]))


def test_what_does_not_count_decides_nothing(kind: Kind) -> None:
    net, X = giving(kind, HALF, "sigmoid")
    found = net.evaluate(X, [0, 0, 1, 0.4], sample_weight=[1, 1, 2, 0])
    assert (found.metric, found.score) == ("accuracy", 1.0)
    found = net.evaluate(X, [0.2, 0.4, 0.6, 5], sample_weight=[1, 1, 1, 0])
    assert found.metric == "r2"
    assert found.score == pytest.approx(1 - 0.01 / 0.08)


def test_a_part_of_the_data_is_scored_as_the_whole(kind: Kind) -> None:
    X = np.linspace(-1, 1, 20).reshape(-1, 1)
    quantities, classes = np.linspace(0.05, 0.95, 20), np.arange(20) % 2 * 0.98 + 0.01
    net = kind([1, 4, 1], seed=1)
    net.train(X, quantities)
    # Two values on both sides of one half, and nothing but 0 and 1.
    assert net.evaluate(X[[0, 0, 19]], quantities[[0, 0, 19]]).metric == "r2"
    assert net.evaluate(X[:3], [0, 1, 1]).metric == "r2"
    net.train(X, classes)
    for rows in (slice(None), slice(0, None, 2), slice(1, None, 2), slice(3, 4)):
        found = net.evaluate(X[rows], classes[rows])
        right = (net.predict(X[rows])[:, 0] > 0.5) == (classes[rows] > 0.5)
        assert found.metric == "accuracy"
        assert found.score == pytest.approx(right.mean())
    assert net.evaluate(X, quantities).metric == "r2"


def test_probabilities_may_be_trained_on_and_classes_tested(kind: Kind) -> None:
    X = np.random.default_rng(0).normal(size=(30, 4))
    soft = np.random.default_rng(1).dirichlet(np.ones(3), size=30)
    labels = soft.argmax(axis=1)
    for loss in ("cross_entropy", "binary_cross_entropy"):
        net = kind([4, 3], loss=loss, seed=1)
        net.train(X, soft, epochs=3)
        assert net.evaluate(X, soft).metric == "r2"
        for y in (labels, fastnn.one_hot(labels, 3)):
            assert net.evaluate(X, y).metric == "accuracy"


GATES = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
AND, OR, XOR = GATES.min(axis=1), GATES.max(axis=1), GATES.sum(axis=1) % 2


def test_gates_are_learnt_as_labels_of_their_own(kind: Kind) -> None:
    Y = np.stack([AND, OR, 1 - AND, 1 - OR, XOR, 1 - XOR], axis=1)
    net = kind([2, 8, 6], activation="tanh", seed=1)
    net.train(GATES, Y, epochs=1500, learning_rate=0.5)
    assert np.abs(net.predict(GATES) - Y).max() < 0.3
    found = net.evaluate(GATES, Y)
    assert (found.metric, found.score) == ("accuracy", 1.0)
    np.testing.assert_array_equal(net.classify(GATES), Y)


def test_validation_and_early_stopping_go_by_the_score_that_fits(kind: Kind) -> None:
    X = np.random.default_rng(0).uniform(-1, 1, (60, 2))
    y = 0.55 + 0.4 * (X[:, 0] > 0) * np.abs(X[:, 1])
    kept: list[Array] = []
    net = kind([2, 4, 1], seed=1)
    history = net.train(
        *(X[:40], y[:40]),
        epochs=12,
        learning_rate=0.5,
        validation_data=(X[40:], y[40:]),
        early_stopping=EarlyStopping("validation_score", patience=12),
        callback=lambda step: kept.append(net.predict(X[40:])[:, 0]),
    )
    assert history.metric == "r2"
    expected = [r2(outputs, y[40:]) for outputs in kept]
    assert history.validation_score == pytest.approx(expected, rel=1e-4)
    assert history.best_epoch == 1 + int(np.argmax(expected)) > 1


# R² of one example, and of constants


@parametrize(
    "y, weights", ([0.5], None), ([0.5, 0.2, 0.9], [0, 2, 0]), ids=["one", "one that counts"]
)
def test_one_example_has_no_r2(kind: Kind, y: list[float], weights: Any) -> None:
    net, X = giving(kind, [0.3] * len(y), "identity")
    expected = "y must hold two examples or more.* for R², .*, got 1$"
    with pytest.raises(ValueError, match=expected):
        net.evaluate(X, y, sample_weight=weights)
    with unchanged(net), pytest.raises(ValueError, match=expected):
        net.train([[1.0], [2.0]], [1.0, 2.0], validation_data=(X, y, weights))
    blocks = [(np.ones((4, 1)), [0.2, 0.4, 0.6, 0.8])]
    with pytest.raises(ValueError, match=expected):  # which they may show late
        kind([1, 1], seed=1).train(blocks, validation_data=(np.ones((1, 1)), [1.0]))
    net, X = giving(kind, [0.7], "sigmoid")
    assert net.evaluate(X, [1]).score == 1  # of a class, it has an accuracy
    history = net.train(np.zeros((10, 1)), np.arange(10) % 2, validation_fraction=0.1)
    assert history.metric == "accuracy"


def test_a_validation_fraction_leaves_two_examples_for_r2(kind: Kind) -> None:
    X, y = np.linspace(0, 1, 10).reshape(-1, 1), np.linspace(0, 5, 10)
    net = kind([1, 1], output_activation="identity", seed=1)
    expected = r"validation_fraction must hold out 2 .* for R², .*, got 0.1 of"
    with unchanged(net), pytest.raises(ValueError, match=expected):
        net.train(X, y, validation_fraction=0.1)
    assert len(net.train(X, y, validation_fraction=0.2).validation_score) == 1


def test_a_constant_to_validate_on_is_warned_of(kind: Kind) -> None:
    net = kind([1, 1], output_activation="identity", seed=1)
    X, y = np.linspace(0, 1, 10).reshape(-1, 1), np.linspace(0, 5, 10)
    with pytest.warns(fastnn.TrainingWarning, match="the same for all examples: its R² is 1"):
        net.train(X, y, validation_data=(X[:3], [2.0] * 3))


# Targets out of reach

OWN = Activation("half", lambda z: z / 2, lambda z: np.full_like(z, 0.5))

REACH: dict[Any, tuple[list[float], list[float]]] = {
    # Values that the outputs come to, or as close as one likes, and values they never do.
    "sigmoid": ([0, 0.5, 1, 1 + 1e-7], [-0.01, 1.01, 5]),
    "tanh": ([-1, 0, 1, -1 - 1e-7], [-1.01, 1.01, 5]),
    "relu": ([0, 7, 1e6, -1e-7], [-0.01, -1]),
    "softplus": ([0, 7], [-0.01, -1]),
    "exp": ([0, 7], [-0.01, -1]),
    "elu": ([-1, 7], [-1.01]),
    fastnn.ELU(2.5): ([-2.5, 7], [-2.51]),
    "silu": ([-0.27846, 7], [-0.2785, -1]),
    "gelu": ([-0.16997, 7], [-0.1700, -1]),
    "leaky_relu": ([-1e6, 1e6], []),
    fastnn.LeakyReLU(0.0): ([0, 7], [-0.01]),
    "identity": ([-1e6, 1e6], []),
    OWN: ([-1e6, 1e6], []),
}


@parametrize("output", *REACH, ids=str)
def test_what_outputs_reach(output: Any) -> None:
    within, beyond = REACH[output]
    X = np.zeros((2, 1))

    def train(*y: float) -> None:
        net = MLP([1, 1], output_activation=output, dtype="float64", seed=1)
        net.train(X, y, learning_rate=1e-9)

    for value in within:
        train(value, within[0])
    for value in beyond:
        with pytest.warns(fastnn.TrainingWarning, match="cannot reach: scale y to that range, or "):
            train(value, within[0])
        with pytest.raises(ValueError, match=r"y must be .*: scale y to that range, or "):
            train(value, value)


@parametrize("output", "silu", "gelu")
def test_the_least_output(output: str) -> None:
    net = MLP([1, 1], activation=[], output_activation=output, dtype="float64")
    net.weights[0][:] = 1
    least = net.predict(np.linspace(-3, 0, 300_001).reshape(-1, 1)).min()
    assert net.activation_functions[-1].output_range[0] == pytest.approx(least, abs=1e-9)


def test_all_out_of_reach_is_an_error(kind: Kind) -> None:
    generator = np.random.default_rng(0)
    net = kind([4, 8, 1], seed=1)
    record = repr(net._memory.data)
    X, y = generator.normal(size=(50, 4)), generator.uniform(5, 50, 50)
    got = f"got targets from {y.min():g} to {y.max():g}"
    what_to_do = "scale y to that range, or take output_activation='identity'"
    with (
        unchanged(net),
        refusal(ValueError, f"y must be from 0 to 1 for 'sigmoid' outputs, {got}: {what_to_do}"),
    ):
        net.train(X, y)
    with unchanged(net), refusal(ValueError, "y must be from 0 to 1"):
        net.train(X, np.where(y > 25, 5, -5))  # above and below
    assert repr(net._memory.data) == record
    assert kind([4, 8, 1], output_activation="identity", seed=1).train(X, y, learning_rate=1e-3)


def test_some_out_of_reach_are_warned_of(kind: Kind) -> None:
    X, y = np.linspace(-1, 1, 20).reshape(-1, 1), np.repeat([-1, 1], 10)
    net = kind([1, 1], seed=1)
    expected = (
        "y holds targets from -1 to 1, some of which 'sigmoid' outputs, from 0 to 1, cannot reach"
    )
    with pytest.warns(fastnn.TrainingWarning, match=expected) as caught:
        net.train(X, y, epochs=200)
    assert [warning.filename for warning in caught] == [__file__]
    # Outputs for -1 tend to 0: one half is in the middle.
    assert net.threshold == 0.5
    assert net.evaluate(X, y).score >= 0.9
    # What does not count need not be reached.
    y[0] = -9
    kind([1, 1]).train(X, np.maximum(y, [-9] + [0] * 19), sample_weight=np.arange(20) > 0)


def test_losses_with_targets_of_their_own_keep_their_rule(kind: Kind) -> None:
    def hinge(a: Array, t: Array) -> tuple[Array, Array]:
        return np.maximum(0, 1 - a * t).sum(axis=1), np.where(a * t < 1, -t, 0)

    X, y = np.linspace(-1, 1, 20).reshape(-1, 1), np.repeat([-1.0, 1.0], 10)
    loss = fastnn.Loss("hinge", hinge)
    kind([1, 1], output_activation="relu", loss=loss, seed=2).train(X, y)  # whose unit is not dead
    with refusal(ValueError, "y must be from 0 to 1 for the loss 'binary_cross_entropy'"):
        kind([1, 1], loss="binary_cross_entropy").train(X, y)


def test_a_part_of_a_stream_is_no_evidence(kind: Kind) -> None:
    net = kind([1, 1], seed=1)
    with pytest.warns(fastnn.TrainingWarning, match="'sigmoid' outputs, from 0 to 1, cannot reach"):
        net.train_batch([[1.0]], [-1.0])
    net.train_batch([[1.0]], [-1.0])  # as before
    net.train_batch([[1.0]], [1.0])
    with pytest.warns(fastnn.TrainingWarning) as caught:
        kind([1, 1]).train([(np.ones((1, 1)), [y]) for y in (0.5, -3.0, -2.0)])
    assert len({str(warning.message) for warning in caught}) == 1  # which Python shows once


@parametrize(
    "rows, says",
    ([[1, 1, 0], [0, 0, 1], [0, 0, 1]], "sum above 1.*'binary_cross_entropy'"),
    # As those without a class that one-hot encoders make of missing labels: they have no loss.
    (np.zeros((3, 3)), "sum below 1, 0.* without a class"),
    (np.eye(3) / 2, "sum below 1, 0.* without a class"),
    ([[1, 0, 0], [0, 1, 0], [0, 0, 0]], "sum below 1, 0.* without a class"),
)
def test_rows_with_another_sum_are_beyond_softmax(kind: Kind, rows: Any, says: str) -> None:
    X = np.arange(12.0).reshape(12, 1) / 12
    net = kind([1, 3], loss="cross_entropy", seed=1)
    with pytest.warns(fastnn.TrainingWarning, match=says):
        net.train(X, np.tile(rows, (4, 1)))
    net.train(
        X, np.tile([0.5, 0.2, 0.3], (12, 1)) + np.arange(12)[:, np.newaxis] * [0.01, -0.01, 0]
    )


@parametrize("wrong", [0, 0, 0], [1, 1, 0], [0, 0.7, 0])
@parametrize("n, warns", (60, True), (12, False))
def test_one_row_that_makes_others_no_classes(kind: Kind, wrong: Any, n: int, warns: bool) -> None:
    """One of sixty is more likely wrong than meant, one of twelve may be meant."""
    X, Y = np.arange(n)[:, np.newaxis] / n, np.eye(3)[np.arange(n) % 3]
    Y[7] = wrong
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            kind([1, 3], loss="binary_cross_entropy", seed=1).train(X, Y)  # which is for such rows
        assert not caught
        net = kind([1, 3], seed=1)
        for _ in range(2):  # told of once
            net.train(X, Y)
    messages = [str(warning.message) for warning in caught]
    floats = [float(number) for number in wrong]
    what = "other numbers than 0 and 1" if 0.7 in wrong else "none or several high numbers"
    expected = f"y holds 1 of {n} rows with {what}, the first of them {str(floats)[:5]}"
    assert [expected in message for message in messages] == [True] * warns


def test_one_number_that_makes_others_no_classes(kind: Kind) -> None:
    X, y = np.arange(60)[:, np.newaxis] / 60, np.arange(60) % 2 * 1.0
    y[7] = 0.75
    with pytest.warns(fastnn.TrainingWarning, match=r"1 of 60 rows with other .* \[0\.75\].*R²"):
        kind([1, 1], seed=1).train(X, y)
    kind([1, 1], output_activation="identity", seed=1).train(X, y)  # quantities in any case
    y = np.zeros(60)
    y[:3] = 0.2, 0.5, 0.8
    kind([1, 1], seed=1).train(X, y)  # and quantities that are mostly zero


@parametrize("n_decimals", 2, 3)
def test_rounded_probabilities_are_probabilities(kind: Kind, n_decimals: int) -> None:
    Y = np.random.default_rng(0).dirichlet([1, 1, 1, 1], 200).round(n_decimals)
    kind([1, 4], output_activation="softmax", seed=1).train(np.arange(200)[:, np.newaxis] / 200, Y)


# One class


@parametrize(
    "n_outputs, y, shown",
    (3, np.full(12, 2), "2"),
    (1, np.zeros(12), "0"),
    (1, np.ones((12, 1), bool), "1"),
    (3, np.tile([0, 1, 0], (12, 1)), "one row of targets"),
    (3, np.tile([1, 1, 0], (12, 1)), "one row of targets"),
)
def test_one_class_is_warned_of(kind: Kind, n_outputs: int, y: Any, shown: str) -> None:
    def new() -> Network:
        return kind([2, n_outputs], seed=1)

    X = np.arange(24.0).reshape(12, 2) / 24
    expected = re.escape(f"y holds one class only, {shown} in all 12 examples")
    with pytest.warns(fastnn.TrainingWarning, match=expected):
        new().train(X, y)
    # What does not count makes no difference, and what counts does.
    other = y.copy()
    other[-1] = np.zeros_like(y[0]) if y[0].any() else 1
    with pytest.warns(fastnn.TrainingWarning, match=re.escape(f"{shown} in all 11 examples")):
        new().train(X, other, sample_weight=np.arange(12) < 11)
    new().train(X, other)
    # A few rows, parts of streams, and quantities are no sign of a mistake.
    new().train(X[:4], y[:4])
    new().train_batch(X, y)
    new().train([(X, y)])
    kind([2, 1], output_activation="identity", seed=1).train(X, np.ones(12), learning_rate=0.1)


def test_evaluate_warns_of_nothing() -> None:
    net = MLP([2, 1], seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.evaluate(np.zeros((20, 2)), np.ones(20))
        net.evaluate(np.zeros((20, 2)), np.full(20, 7.0))


@parametrize("dtype", np.float64, np.int64)
def test_targets_that_are_one_number_in_float32(kind: Kind, dtype: Any) -> None:
    """Their R² would be 1: 1e9 and 1e9 + 1 are one float32."""
    X, y = np.arange(8.0)[:, np.newaxis], (10**9 + np.arange(8) % 2).astype(dtype)
    net, wider = (kind([1, n], output_activation="identity") for n in (1, 2))
    expected = "y must differ by more than float32 tells apart, got numbers from 1000000000"
    with refusal(ValueError, expected, "dtype='float64'"):
        net.evaluate(X, y)
    with refusal(ValueError, expected):
        net.train(X, y)
    with refusal(ValueError, expected):
        wider.evaluate(X, np.stack([np.arange(8), y], axis=1))
    kind([1, 1], output_activation="identity", dtype="float64").evaluate(X, y)
    net.evaluate(X, np.full(8, 10**9 + 1))  # which differ in nothing


def test_rounding_errors_are_no_differences(kind: Kind) -> None:
    net, X = kind([1, 1], output_activation="identity", seed=1), np.eye(2)[:, :1]
    for y in ([0.1 + 0.2, 0.3], [1 - 1e-16, 1]):
        net.evaluate(X, y)
        net.train(X, y)
    net.train_batch(X, [1e9, 1e9 + 1], learning_rate=1e-12)  # a part of data that may differ
