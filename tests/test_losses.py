"""Losses: what they come to, what goes with them, and those of users."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Array, Kind, Options, copies_of, parametrize, refusal, unchanged
from helpers import kind_and_variant as kind_and_variant

import fastnn
from fastnn import MLP, Huber, Loss, ModelFileError, Quantile, reference
from fastnn.activations import ACTIVATIONS
from fastnn.losses import LOSSES
from fastnn.network import Network

DTYPES = parametrize("dtype", "float32", "float64")


def shifted(kind: Kind, z: Array, output: str, loss: Any, dtype: str) -> Network:
    """A network whose weighted inputs are z, whatever the example."""
    net = kind([1, len(z)], output_activation=output, loss=loss, dtype=dtype)
    net.weights[0][:] = 0
    net.biases[0][:] = z
    return net


def loss_and_slope(net: Network, y: Any) -> tuple[float, Array]:
    """The loss of one example, and its derivative with respect to z."""
    X = np.zeros((1, 1))
    loss = net.gradients(X, y).loss
    before = net.biases[0].astype(float)
    net.train(X, y, learning_rate=1)
    return loss, before - net.biases[0]


# Outputs are identities, so z = a.
@DTYPES
@parametrize(
    "loss, expected, slope",
    ("squared_error", (9 + 0.25 + 0) / 2, [-3, 0.5, 0]),
    ("absolute_error", 3.5, [-1, 1, 0]),
    ("huber", 2.5 + 0.125, [-1, 0.5, 0]),
    (Huber(2), 2 * (3 - 1) + 0.125, [-2, 0.5, 0]),
    ("quantile", 1.5 + 0.25, [-0.5, 0.5, 0]),
    (Quantile(0.9), 2.7 + 0.05, [-0.9, 0.1, 0]),
    ids=str,
)
def test_values(
    path: str, kind: Kind, dtype: str, loss: Any, expected: float, slope: list[float]
) -> None:
    net = shifted(kind, np.array([1, 2.5, 7]), "identity", loss, dtype)
    found = loss_and_slope(net, [[4, 2, 7]])
    assert found[0] == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(found[1], slope, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:y holds rows with a sum below 1")
@DTYPES
def test_values_of_probabilities(path: str, kind: Kind, dtype: str) -> None:
    z, t = np.array([0.5, -1, 2]), np.array([0.2, 0.1, 0.3])
    softmax, sigmoid = np.exp(z) / np.exp(z).sum(), 1 / (1 + np.exp(-z))
    entropy = -(t * np.log(sigmoid) + (1 - t) * np.log(1 - sigmoid)).sum()
    counts = np.array([3, 0, 1])
    for output, loss, y, expected, slope in (
        ("softmax", "cross_entropy", [2], -np.log(softmax[2]), softmax - [0, 0, 1]),
        # Targets may be any probabilities, and even those of a part of the classes.
        ("softmax", "cross_entropy", [t], -t @ np.log(softmax), softmax * t.sum() - t),
        ("sigmoid", "binary_cross_entropy", [t], entropy, sigmoid - t),
        ("exp", "poisson", [counts], (np.exp(z) - counts * z).sum(), np.exp(z) - counts),
    ):
        found = loss_and_slope(shifted(kind, z, output, loss, dtype), y)
        assert found[0] == pytest.approx(expected, rel=1e-5)
        np.testing.assert_allclose(found[1], slope, rtol=1e-4)


@DTYPES
@parametrize(
    "z, output, loss, y, expected, slope, atol",
    ([1e4, -1e4, 0], "softmax", "cross_entropy", [0], 0, 0, 1e-30),
    # As finely as z itself is known.
    ([1e4, -1e4, 0], "softmax", "cross_entropy", [1], 2e4, [1, -1, 0], 1e-3),
    (
        *([1e4, -1e4, 0], "sigmoid", "binary_cross_entropy", [[0, 1, 1]]),
        *(2e4 + np.log(2), [1, -1, -0.5], 1e-3),
    ),
    ([-1e4], "exp", "poisson", [[2]], 2e4, -2, 1e-3),
)
def test_extreme_logits(
    path: str,
    kind: Kind,
    dtype: str,
    z: Any,
    output: str,
    loss: str,
    y: Any,
    expected: float,
    slope: Any,
    atol: float,
) -> None:
    found = loss_and_slope(shifted(kind, np.array(z), output, loss, dtype), y)
    assert found[0] == pytest.approx(expected)
    np.testing.assert_allclose(found[1], slope, rtol=0, atol=atol)


@DTYPES
@parametrize("n_outputs", 2, 15, 16, 17, 40)
def test_softmax_is_a_distribution(variant: str, path: str, dtype: str, n_outputs: int) -> None:
    net = MLP(
        [4, n_outputs], output_activation="softmax", loss="cross_entropy", dtype=dtype, seed=1
    )
    net.weights[0][:] *= 100
    outputs = net.predict(np.random.default_rng(0).normal(size=(50, 4)))
    assert (outputs >= 0).all()
    np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-5)


def test_labels_are_rows_of_0_and_1(path: str, kind: Kind) -> None:
    X, labels = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 3
    for loss in LOSSES.values():
        output = loss.output_activation or "tanh"
        nets = [kind([4, 3], output_activation=output, loss=loss, seed=1) for _ in range(2)]
        targets: list[Any] = [labels, fastnn.one_hot(labels, 3)]
        losses = [
            net.train(X, y, epochs=3, batch_size=4, learning_rate=0.1).loss
            for net, y in zip(nets, targets, strict=True)
        ]
        assert losses[0] == pytest.approx(losses[1])
        np.testing.assert_allclose(nets[0].weights[0], nets[1].weights[0], rtol=1e-5, atol=1e-7)


def test_many_labels(kind: Kind) -> None:
    net = shifted(kind, np.array([3, -3, 0.1]), "sigmoid", "binary_cross_entropy", "float32")
    assert net.classify(np.zeros(1)).tolist() == [1, 0, 1]
    assert net.classify(np.zeros((2, 1))).tolist() == [[1, 0, 1]] * 2
    evaluation = net.evaluate(np.zeros((4, 1)), [[1, 0, 1], [1, 0, 0], [1, 0, 1], [0, 1, 0]])
    assert (evaluation.metric, evaluation.score) == ("accuracy", 0.5)  # all of an example's


def test_quantiles_are_learnt(kind: Kind) -> None:
    y = np.random.default_rng(0).exponential(size=(500, 1))
    for quantile in (0.1, 0.5, 0.9):
        net = kind([1, 1], output_activation="identity", loss=Quantile(quantile), seed=1)
        net.train(np.zeros((500, 1)), y, epochs=300, batch_size=None, learning_rate=0.2)
        assert (y < net.predict(np.zeros(1))).mean() == pytest.approx(quantile, abs=0.03)


def test_poisson_is_a_regression(kind: Kind) -> None:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(400, 2))
    y = generator.poisson(np.exp(X @ [0.5, -0.3] + 1))
    net = kind([2, 1], output_activation="exp", loss="poisson", seed=1)
    net.train(X, y, epochs=20, batch_size=8, learning_rate=0.05)
    np.testing.assert_allclose(net.weights[0][:, 0], [0.5, -0.3], atol=0.1)
    assert net.evaluate(X, y).metric == "r2"


SINGLE: Any = np.float32(0.5)


def own(outputs: Array, targets: Array) -> tuple[Array, Array]:
    errors = outputs - targets
    return (errors * errors).sum(axis=1) / 2, errors


@parametrize("batch_size", 1, 7, None)
def test_own_loss_equals_the_built_in_one(variant: str, batch_size: int | None) -> None:
    generator = np.random.default_rng(0)
    X, labels = generator.normal(size=(50, 4)), generator.integers(3, size=50)
    options: Options = {"epochs": 5, "batch_size": batch_size, "learning_rate": 0.1}
    nets = [
        kind([4, 6, 3], activation="silu", loss=loss, dtype="float64", seed=1)
        for kind in (MLP, reference.MLP)
        for loss in ("squared_error", Loss("mine", own))
    ]
    losses = [net.train(X, labels, **options).loss for net in nets]
    for net, loss in zip(nets, losses, strict=True):
        assert loss == pytest.approx(losses[0])
        assert net.evaluate(X, labels).loss == pytest.approx(nets[0].evaluate(X, labels).loss)
        np.testing.assert_allclose(net.weights[0], nets[0].weights[0], atol=1e-10)


@parametrize(
    "loss", Huber(0.25), Huber(SINGLE), "poisson", "cross_entropy", Loss("mine", own), ids=str
)
def test_saved_and_pickled(tmp_path: Path, kind: Kind, loss: Any) -> None:
    name = loss if isinstance(loss, str) else loss.name
    output = (LOSSES[name].output_activation if name in LOSSES else None) or "identity"
    net = kind([4, 3], output_activation=output, loss=loss, seed=1)
    net.save(tmp_path / "net")
    loaded = kind.load(tmp_path / "net", losses=[Loss("mine", own)])
    X, y = np.random.default_rng(0).random((9, 4)), np.eye(3)[np.arange(9) % 3]
    for copy in (loaded, pickle.loads(pickle.dumps(net))):
        assert repr(copy) == repr(net)
        assert copy.evaluate(X, y) == net.evaluate(X, y)
    if name == "mine":
        with pytest.raises(ModelFileError, match=r"'mine', which is not built in.*`losses`"):
            kind.load(tmp_path / "net")
    with pytest.raises(TypeError, match="losses must be an iterable of Loss, got 'mine' in it"):
        kind.load(tmp_path / "net", losses=["mine"])  # type: ignore[list-item]


@parametrize(
    "given, output, loss",
    ({}, "sigmoid", "squared_error"),
    ({"loss": "cross_entropy"}, "softmax", "cross_entropy"),
    ({"loss": "binary_cross_entropy"}, "sigmoid", "binary_cross_entropy"),
    ({"loss": LOSSES["poisson"]}, "exp", "poisson"),
    ({"loss": Huber(2.0)}, "sigmoid", "huber"),
    ({"loss": Loss("mine", own)}, "sigmoid", "mine"),
    ({"output_activation": "softmax"}, "softmax", "cross_entropy"),
    ({"output_activation": ACTIVATIONS["softmax"]}, "softmax", "cross_entropy"),
    ({"output_activation": "exp"}, "exp", "squared_error"),
    ids=str,
)
def test_of_loss_and_output_activation_one_brings_the_other(
    tmp_path: Path, kind: Kind, given: Options, output: str, loss: str
) -> None:
    net = kind([4, 5, 3], **given)
    of_arrays = kind.from_arrays(net.weights, net.biases, **given)
    of_state_dict = kind.from_state_dict(net.state_dict(), **given)
    net.save(tmp_path / "net")
    loaded = kind.load(tmp_path / "net", losses=[Loss("mine", own)])
    for each in (net, of_arrays, of_state_dict, loaded):
        assert (each.activation_functions[-1].name, each.loss) == (output, loss)
        assert f"output_activation='{output}'" in repr(each)
        assert repr(each) == repr(net)


@parametrize("given", {"loss": "cross_entropy"}, {"output_activation": "softmax"})
def test_a_softmax_of_one_output_is_refused(kind: Kind, given: Options) -> None:
    """It is 1, whatever the example: training would change nothing, and the loss would be 0."""
    with refusal(ValueError, "layer_sizes must end in two ", ", got 1: ", "'binary_cross_entropy'"):
        kind([4, 5, 1], **given)


@parametrize(
    "output, loss, y, words",
    ("softmax", "cross_entropy", [0.5, -0.5], ("from 0 to 1 ", "got -0.5 at row 1")),
    ("sigmoid", "binary_cross_entropy", [0, 1.5], ("from 0 to 1 ", "got 1.5 at row 1, column 2")),
    ("exp", "poisson", [3, -1], ("at least 0 ", "got -1.0 at row 1")),
)
def test_targets_out_of_range(
    kind: Kind, output: str, loss: str, y: list[float], words: tuple[str, str]
) -> None:
    net = kind([2, 3], output_activation=output, loss=loss, seed=1)
    targets = np.full((2, 3), y[0], float)
    targets[1, 2] = y[1]
    must, got = words
    for method in (net.train, net.evaluate):
        with unchanged(net), refusal(ValueError, f"y must be {must}for the loss '{loss}'", got):
            method(np.zeros((2, 2)), targets)


def test_one_kind_of_activation_with_different_parameters(tmp_path: Path, kind: Kind) -> None:
    hidden: list[Any] = [fastnn.LeakyReLU(0.1), fastnn.LeakyReLU(0.5), "elu"]
    net = kind([4, 5, 6, 7, 3], activation=hidden, output_activation=fastnn.ELU(0.3), seed=1)
    X = np.random.default_rng(0).normal(size=(9, 4))
    for loaded in copies_of(net, tmp_path):
        assert repr(loaded) == repr(net)
        np.testing.assert_array_equal(loaded.predict(X), net.predict(X))


def test_a_loss_for_so_many_outputs(kind: Kind) -> None:
    weights = np.array([1.0, 2.0])

    def weighted(a: Array, t: Array) -> tuple[Array, Array]:
        return ((a - t) ** 2) @ weights / 2, (a - t) * weights

    net = kind([4, 2], loss=Loss("weighted", weighted), seed=1)
    assert np.isfinite(net.train(np.ones((3, 4)), np.zeros((3, 2))).loss).all()


@parametrize("output", "silu", "gelu", "softplus")
@parametrize("batch_size", 1, 2)
@pytest.mark.filterwarnings("ignore:the outputs are the same:fastnn.TrainingWarning")
def test_what_diverged_leaves_nothing_behind(
    variant: str, path: str, output: str, batch_size: int
) -> None:
    """Epochs that are repeated one by one come to what they come to by themselves."""
    X, y = np.array([[1.0], [2.0], [3.0]]), np.array([[3.0], [0.0], [1.0]])
    diverged = 0
    for rate in (*np.geomspace(0.1, 30, 13), *np.linspace(0.3, 0.4, 21)):
        found = []
        for callback in (None, lambda step: None):  # with one, each epoch has a backup
            net = MLP(
                [1, 3, 1], activation="identity", output_activation=output, dtype="float64", seed=1
            )
            options = {"batch_size": batch_size, "learning_rate": rate, "callback": callback}
            try:
                net.train(X, y, epochs=30, **options)
                message = ""
            except fastnn.TrainingDiverged as error:
                message = str(error)
                diverged += "epoch 1:" not in message
            found.append((message, [w.tobytes() for w in net.weights]))
        assert found[0] == found[1], rate
    assert diverged, "no training went well for an epoch and then diverged"
