"""Names of the columns of X and y: those of the training are kept, and no others let in."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import Kind, copies_of, parametrize, refusal

import fastnn
from fastnn.network import Network

NAMES = "width", "height", "depth"
X = pd.DataFrame(np.random.default_rng(1).random((12, 3)), columns=list(NAMES))
Y = pd.DataFrame(np.random.default_rng(2).random((12, 2)), columns=["price", "weight"])
TURNED = X[["depth", "width", "height"]]

MUST = "X must have the columns of the training data, in their order, got "
ANOTHER = "them in another order: {!r} at index 0 instead of {!r}; put them into that of net.{}"
ORDER = MUST + ANOTHER.format("depth", "width", "feature_names")


class Polars:
    """What a frame of polars is to fastnn: names in `columns`, and an array."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self.columns: list[Any] = list(frame.columns)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self._frame.to_numpy()


class Arrow(Polars):
    """A table of pyarrow, whose `columns` are arrays, and whose names are in `column_names`."""

    def __init__(self, frame: pd.DataFrame) -> None:
        super().__init__(frame)
        self.column_names = self.columns
        self.columns = [frame[name].to_numpy() for name in frame]


USES: dict[str, Callable[[Network, Any], Any]] = {
    "predict": lambda net, X: net.predict(X),
    "predict a row": lambda net, X: net.predict(X.iloc[3]),
    "classify": lambda net, X: net.classify(X),
    "activations": lambda net, X: net.activations(X),
    "evaluate": lambda net, X: net.evaluate(X, Y),
    "gradients": lambda net, X: net.gradients(X, Y),
    "train": lambda net, X: net.train(X, Y),
    "train_batch": lambda net, X: net.train_batch(X, Y),
    "train on blocks": lambda net, X: net.train([(X, Y)]),
    "validation": lambda net, X: net.train(X.to_numpy(), Y, validation_data=(X, Y)),
}


def network(kind: Kind = fastnn.MLP) -> Network:
    return kind([3, 4, 2], output_activation="identity", seed=1)


def trained(kind: Kind = fastnn.MLP) -> Network:
    net = network(kind)
    net.train(X, Y)
    return net


@parametrize("use", *USES)
def test_another_order_is_refused(kind: Kind, use: str) -> None:
    net = trained(kind)
    assert net.feature_names == NAMES
    before = pickle.dumps(net)
    with refusal(ValueError, ORDER):
        USES[use](net, TURNED)
    assert pickle.dumps(net) == before
    USES[use](net, TURNED[list(NAMES)])
    USES[use](net, X)


@parametrize("frame", pd.DataFrame, Polars, Arrow)
def test_frames_of_all_kinds(frame: Callable[[pd.DataFrame], Any]) -> None:
    net = network()
    net.train(frame(X), frame(Y))
    assert net.feature_names == NAMES
    assert net.target_names == ("price", "weight")
    with refusal(ValueError, ORDER):
        net.predict(frame(TURNED))
    assert (net.predict(frame(X)) == net.predict(X)).all()
    np.testing.assert_allclose(net.predict(X.iloc[3]), net.predict(X)[3], rtol=1e-6)


@parametrize(
    "columns, message",
    (["width", "height", "length"], "1 unexpected: 'length', and 1 missing: 'depth'"),
    (["width", "height"], "1 missing: 'depth'"),
    ([*NAMES, "depth"], "1 unexpected: 'depth'"),
    ([*"abcdefg"], "7 unexpected: 'a', 'b', 'c', 'd', 'e', ..., and 3 missing: 'width', "),
)
def test_other_columns_are_refused(columns: list[str], message: str) -> None:
    with refusal(ValueError, MUST + message):
        trained().predict(pd.DataFrame(np.zeros((2, len(columns))), columns=columns))


def test_X_without_names_is_taken_as_it_is(kind: Kind) -> None:
    net = trained(kind)
    expected = net.predict(X)
    others = X.to_numpy(), X.to_numpy().tolist(), pd.DataFrame(X.to_numpy())
    for other in others:
        assert (net.predict(other) == expected).all()
        net.evaluate(other, Y)
    net = network(kind)
    net.train(others[0], Y.to_numpy())
    assert net.feature_names is net.target_names is None
    net.predict(TURNED)  # nothing is known of their order
    net.train(X, Y)
    assert net.feature_names == NAMES


def test_names_are_kept(kind: Kind, tmp_path: Path) -> None:
    for other in copies_of(trained(kind), tmp_path):
        assert other.feature_names == NAMES
        assert other.target_names == ("price", "weight")
        with refusal(ValueError, ORDER):
            other.predict(TURNED)
    net = network(kind)
    net.train(X.set_axis(["a", "b", "a"], axis=1), Y)
    assert copies_of(net, tmp_path)[0].feature_names == ("a", "b", "a")


def test_the_first_training_agrees_with_itself(kind: Kind) -> None:
    net = network(kind)
    for note, given, options in (
        ("in validation_data", (X, Y), {"validation_data": (TURNED, Y)}),
        ("in block 0", ([(TURNED, Y)],), {"validation_data": (X, Y)}),
        ("in block 1", ([(X, Y), (TURNED, Y)],), {"buffer_size": 1}),
    ):
        assert net.feature_names is None
        with refusal(ValueError, ORDER) as caught:
            net.train(*given, **options)
        assert caught.value.__notes__ == [note]
    assert net.feature_names == NAMES  # of what was trained on before block 1


def test_a_training_that_is_refused_leaves_no_names(kind: Kind) -> None:
    net = network(kind)
    with pytest.raises(ValueError):
        net.train(X, Y, learning_rate=lambda step: -1.0)
    with pytest.raises(ValueError):
        net.train(X, Y, shuffle=lambda n: [0] * n)
    net.train(X, Y, epochs=0)
    assert net.feature_names is None


def test_the_columns_of_y(kind: Kind) -> None:
    net = trained(kind)
    turned = Y[["weight", "price"]]
    for use in (
        lambda: net.evaluate(X, turned),
        lambda: net.train(X, turned),
        lambda: net.train(X, Y, validation_data=(X, turned)),
    ):
        with refusal(
            ValueError, "y" + MUST[1:] + ANOTHER.format("weight", "price", "target_names")
        ):
            use()
    net.evaluate(X, Y.to_numpy()[:, ::-1])  # without names, taken as it is


def test_a_single_column_of_y_has_no_order() -> None:
    net = fastnn.MLP([3, 1])
    net.train(X, Y[["price"]])
    assert net.target_names is None
    net.evaluate(X, Y[["weight"]])
    net.evaluate(X, Y["weight"])


def test_row_names_of_labels_are_no_column_names() -> None:
    rows = [f"row {i}" for i in range(12)]
    net = network()
    net.train(X.set_index(pd.Index(rows)), pd.Series(np.arange(12) % 2, rows))
    assert net.feature_names == NAMES
    assert net.target_names is None


def test_names_of_two_kinds_are_refused() -> None:
    must = "X must have column names that are all strings, or none that is"
    with refusal(TypeError, f"{must}, got 0 among 2 strings"):
        network().train(X.rename(columns={"height": 0}), Y)


def test_long_lists_of_names_are_compared_in_full() -> None:
    names = [f"pixel {i}" for i in range(100)]
    frame = pd.DataFrame(np.zeros((2, 100)), columns=names)
    net = fastnn.MLP([100, 2])
    net.train(frame, [0, 1])
    with pytest.raises(ValueError, match="'pixel 99' at index 98 instead of 'pixel 98'"):
        net.predict(frame[[*names[:98], names[99], names[98]]])
