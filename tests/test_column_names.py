"""Names of the columns of X and y: those of the training are kept, and no others let in."""

import copy
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import Kind
from helpers import kind as kind

import fastnn
from fastnn.network import Network

NAMES = "width", "height", "depth"
X = pd.DataFrame(np.random.default_rng(1).random((12, 3)), columns=list(NAMES))
Y = pd.DataFrame(np.random.default_rng(2).random((12, 2)), columns=["price", "weight"])
TURNED = X[["depth", "width", "height"]]

MUST = "X must have the columns of the training data, in their order, got "
ORDER = MUST + (
    "them in another order: 'depth' at index 0 instead of 'width'; put them into that of "
    "net.feature_names"
)


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


each_frame = pytest.mark.parametrize("frame", [pd.DataFrame, Polars, Arrow])
each_method = pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda net, X: net.predict(X), id="predict"),
        pytest.param(lambda net, X: net.classify(X), id="classify"),
        pytest.param(lambda net, X: net.activations(X), id="activations"),
        pytest.param(lambda net, X: net.evaluate(X, Y), id="evaluate"),
        pytest.param(lambda net, X: net.gradients(X, Y), id="gradients"),
        pytest.param(lambda net, X: net.train(X, Y), id="train"),
        pytest.param(lambda net, X: net.train_batch(X, Y), id="train_batch"),
        pytest.param(lambda net, X: net.train([(X, Y)]), id="train on blocks"),
        pytest.param(
            lambda net, X: net.train(X.to_numpy(), Y, validation_data=(X, Y)), id="validation"
        ),
    ],
)


def network(kind: Kind = fastnn.MLP) -> Network:
    return kind([3, 4, 2], output_activation="identity", seed=1)


def trained(kind: Kind = fastnn.MLP) -> Network:
    net = network(kind)
    net.train(X, Y)
    return net


@each_method
def test_another_order_is_refused(kind: Kind, use: Callable[[Network, Any], Any]) -> None:
    net = trained(kind)
    assert net.feature_names == NAMES
    before = pickle.dumps(net)
    with pytest.raises(ValueError, match="^" + re.escape(ORDER)):
        use(net, TURNED)
    assert pickle.dumps(net) == before
    use(net, TURNED[list(NAMES)])
    use(net, X)


@each_frame
def test_frames_of_all_kinds(frame: Callable[[pd.DataFrame], Any]) -> None:
    net = network()
    net.train(frame(X), frame(Y))
    assert net.feature_names == NAMES
    assert net.target_names == ("price", "weight")
    with pytest.raises(ValueError, match="^" + re.escape(ORDER)):
        net.predict(frame(TURNED))
    assert (net.predict(frame(X)) == net.predict(X)).all()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["width", "height", "length"], "1 unexpected: 'length', and 1 missing: 'depth'"),
        (["width", "height"], "1 missing: 'depth'"),
        ([*NAMES, "depth"], "1 unexpected: 'depth'"),
        ([*"abcdefg"], "7 unexpected: 'a', 'b', 'c', 'd', 'e', ..., and 3 missing: 'width', "),
    ],
)
def test_other_columns_are_refused(columns: list[str], message: str) -> None:
    frame = pd.DataFrame(np.zeros((2, len(columns))), columns=columns)
    with pytest.raises(ValueError, match="^" + re.escape(MUST + message)):
        trained().predict(frame)


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


def test_a_row_of_a_frame(kind: Kind) -> None:
    net = trained(kind)
    np.testing.assert_allclose(net.predict(X.iloc[3]), net.predict(X)[3], rtol=1e-6)
    with pytest.raises(ValueError, match="^" + re.escape(ORDER)):
        net.predict(TURNED.iloc[3])


def test_names_are_kept(kind: Kind, tmp_path: Path) -> None:
    net, path = trained(kind), tmp_path / "model.safetensors"
    net.save(path)
    for other in (kind.load(path), pickle.loads(pickle.dumps(net)), copy.copy(net)):
        assert other.feature_names == NAMES
        assert other.target_names == ("price", "weight")
        with pytest.raises(ValueError, match="^" + re.escape(ORDER)):
            other.predict(TURNED)


def test_the_first_training_agrees_with_itself(kind: Kind) -> None:
    net = network(kind)
    with pytest.raises(ValueError, match="^" + re.escape(ORDER)) as caught:
        net.train(X, Y, validation_data=(TURNED, Y))
    assert caught.value.__notes__ == ["in validation_data"]
    with pytest.raises(ValueError, match="^" + re.escape(ORDER)) as caught:
        net.train([(TURNED, Y)], validation_data=(X, Y))
    assert caught.value.__notes__ == ["in block 0"]
    assert net.feature_names is None
    with pytest.raises(ValueError, match="^" + re.escape(ORDER)) as caught:
        net.train([(X, Y), (TURNED, Y)], buffer_size=1)
    assert caught.value.__notes__ == ["in block 1"]
    assert net.feature_names == NAMES  # of what was trained on before it


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
    message = (
        "y must have the columns of the training data, in their order, got them in another order: "
        "'weight' at index 0 instead of 'price'; put them into that of net.target_names"
    )
    turned = Y[["weight", "price"]]
    for use in (
        lambda: net.evaluate(X, turned),
        lambda: net.train(X, turned),
        lambda: net.train(X, Y, validation_data=(X, turned)),
    ):
        with pytest.raises(ValueError, match="^" + re.escape(message)):
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
    message = (
        "X must have column names that are all strings, or none that is, got 0 among 2 strings"
    )
    with pytest.raises(TypeError, match="^" + re.escape(message)):
        network().train(X.rename(columns={"height": 0}), Y)


def test_equal_names(tmp_path: Path) -> None:
    net = network()
    net.train(X.set_axis(["a", "b", "a"], axis=1), Y)
    net.save(tmp_path / "model.safetensors")
    assert fastnn.MLP.load(tmp_path / "model.safetensors").feature_names == ("a", "b", "a")


def test_long_lists_of_names_are_compared_in_full() -> None:
    names = [f"pixel {i}" for i in range(100)]
    frame = pd.DataFrame(np.zeros((2, 100)), columns=names)
    net = fastnn.MLP([100, 2])
    net.train(frame, [0, 1])
    with pytest.raises(ValueError, match="'pixel 99' at index 98 instead of 'pixel 98'"):
        net.predict(frame[[*names[:98], names[99], names[98]]])
