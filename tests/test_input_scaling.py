"""The scaling of inputs, and the names of classes, that a network keeps."""

import copy
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from helpers import Error, Kind, Options, assert_close, copies_of, parametrize, refusal
from scipy import sparse

import fastnn
from fastnn import InputScaling
from fastnn.common.arrays import Array
from fastnn.network import Network

each_dtype = parametrize("dtype", "float32", "float64")
each_X = parametrize(
    "make",
    np.asarray,
    np.float32,
    np.asfortranarray,
    np.ndarray.tolist,
    lambda X: X.astype(int),
    ids=["float64", "float32", "Fortran order", "list", "integers"],
)

SHIFT, SCALE = np.array([1000.0, -3.0, 0.0, 7.0]), np.array([250.0, 2.0, -1.0, 1e-3])
# Whole numbers, so that each dtype holds them.
RAW: Array = np.random.default_rng(1).integers(-9, 9, (300, 4)) + SHIFT
SCALED: Array = (RAW - SHIFT) / SCALE
LABELS = np.arange(300) % 3
ill_scaled = pytest.mark.filterwarnings("ignore:X should have columns:fastnn.TrainingWarning")


def network(kind: Kind = fastnn.MLP, **options: Any) -> Network:
    return kind([4, 7, 3], **{"activation": "tanh", "dtype": "float64", "seed": 1, **options})


def scaling_network(kind: Kind = fastnn.MLP, **options: Any) -> Network:
    net = network(kind, **options)
    net.input_scaling = InputScaling(SHIFT, SCALE)
    return net


@each_dtype
@each_X
def test_outputs_are_those_of_scaled_inputs(
    kind: Kind, dtype: str, make: Callable[[Array], Any]
) -> None:
    scaling, plain = scaling_network(kind, dtype=dtype), network(kind, dtype=dtype)
    X, rtol = make(RAW), {"float32": 1e-5, "float64": 1e-12}[dtype]
    scaled = (np.asarray(X, float) - SHIFT) / SCALE
    np.testing.assert_allclose(scaling.predict(X), plain.predict(scaled), rtol=rtol)
    np.testing.assert_allclose(scaling.predict(X[5]), plain.predict(scaled[5]), rtol=rtol)
    assert (scaling.classify(X) == plain.classify(scaled)).all()
    assert_close(scaling.activations(X), plain.activations(scaled), rtol, atol=rtol)
    expected = plain.evaluate(scaled, LABELS).loss
    assert scaling.evaluate(X, LABELS).loss == pytest.approx(expected, rel=rtol)


def test_a_row_by_itself_is_scaled(kind: Kind) -> None:
    """By hand: (1250 - 1000) / 250 = 1 and (1 + 3) / 2 = 2; 1 * 10 + 2 * 100 + 0.5 = 210.5."""
    net = kind.from_arrays([[[10.0], [100.0]]], [[0.5]], output_activation="identity")
    net.input_scaling = InputScaling([1000, -3], [250, 2])
    for X in ([1250.0, 1.0], np.array([1250.0, 1.0]), np.array([[1250.0, 1.0]])):
        assert net.predict(X).ravel().tolist() == [210.5]


@ill_scaled
@parametrize("batch_size", 1, 32, None)
@parametrize("optimizer", "sgd", "adam")
def test_training_is_that_on_scaled_inputs(
    kind: Kind, batch_size: int | None, optimizer: str
) -> None:
    scaling, plain = scaling_network(kind), network(kind)
    options: Options = {"epochs": 3, "batch_size": batch_size, "optimizer": optimizer}
    of_raw = scaling.train(RAW, LABELS, validation_data=(RAW[:50], LABELS[:50]), **options)
    of_scaled = plain.train(SCALED, LABELS, validation_data=(SCALED[:50], LABELS[:50]), **options)
    np.testing.assert_allclose(of_raw.loss, of_scaled.loss, rtol=1e-9)
    np.testing.assert_allclose(of_raw.validation_loss, of_scaled.validation_loss, rtol=1e-9)
    assert_close(scaling.weights, plain.weights, rtol=1e-7, atol=1e-9)


USES: dict[str, Callable[[Network, Array], Any]] = {
    "gradients": lambda net, X: np.concatenate(
        [array.ravel() for array in net.gradients(X, LABELS).weights]
    ),
    "train_batch": lambda net, X: net.train_batch(X, LABELS),
    "train on blocks": lambda net, X: (
        net.train([(X[:100], LABELS[:100]), (X[100:], LABELS[100:])], buffer_size=150).loss
    ),
    "validation fraction": lambda net, X: (
        net.train(X, LABELS, epochs=2, validation_fraction=0.2).validation_loss
    ),
}


@ill_scaled
@parametrize("use", *USES)
def test_all_else_that_takes_X(kind: Kind, use: str) -> None:
    found, expected = USES[use](scaling_network(kind), RAW), USES[use](network(kind), SCALED)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_sparse_inputs_may_be_divided(kind: Kind) -> None:
    X = sparse.csr_matrix(RAW[:60] * (np.random.default_rng(3).random((60, 4)) < 0.3))
    scaling, plain = network(kind), network(kind)
    scaling.input_scaling = InputScaling(np.zeros(4), SCALE)
    expected = plain.predict(X.toarray() / SCALE)
    np.testing.assert_allclose(scaling.predict(X), expected, rtol=1e-12)
    scaling.input_scaling = InputScaling([0, 0, 2, 0], SCALE)
    must = "X must be dense where input_scaling shifts inputs, which makes zeros other numbers"
    with refusal(ValueError, must, "got a sparse matrix, and a shift of 2.0 for input 2"):
        scaling.predict(X)


def test_large_numbers_are_scaled_before_they_are_rounded() -> None:
    """In float32, 2**30 + 1 is 2**30."""
    net = fastnn.MLP.from_arrays([[[1.0]]], [[0.0]], output_activation="identity", dtype="float32")
    net.input_scaling = InputScaling([2.0**30], [1.0])
    assert net.predict([[2**30 + 1]]).tolist() == [[1.0]]
    net.input_scaling = InputScaling([0.0], [1e300])
    assert net.predict([[3e300]]).tolist() == [[3.0]]


@parametrize("X", [[1e30]], [[10**30]], np.array([[1e30]], np.float32))
def test_what_is_not_finite_once_scaled(kind: Kind, X: Any) -> None:
    net = kind([1, 1])
    net.input_scaling = InputScaling([0.0], [1e-20])
    with pytest.raises(ValueError, match=r"^X must be finite in float32 once it is scaled, got 1"):
        net.predict(X)


# What is kept


@ill_scaled
def test_scaling_and_names_are_kept(kind: Kind, tmp_path: Path) -> None:
    net = scaling_network(kind)
    net.class_names = ["setosa", "versicolor", "Ирис"]
    net.train(RAW, LABELS, epochs=2)
    for other in copies_of(net, tmp_path):
        assert other.input_scaling == InputScaling(SHIFT, SCALE)
        assert other.class_names == ("setosa", "versicolor", "Ирис")
        assert other.evaluate(RAW, LABELS) == net.evaluate(RAW, LABELS)
        other.input_scaling = other.class_names = None
        assert net.input_scaling == InputScaling(SHIFT, SCALE)


def test_networks_without_scaling_and_names(tmp_path: Path) -> None:
    for other in copies_of(network(), tmp_path):
        assert (other.input_scaling, other.class_names, other.feature_names) == (None,) * 3


# Other libraries


@each_dtype
def test_onnx_scales_as_predict_does(kind: Kind, dtype: str, tmp_path: Path) -> None:
    net, path = scaling_network(kind, dtype=dtype), tmp_path / "model.onnx"
    net.export_onnx(path)
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (outputs,) = session.run(["outputs"], {"X": RAW.astype(dtype)})
    tolerance = {"float32": 1e-6, "float64": 1e-12}[dtype]
    np.testing.assert_allclose(outputs, net.predict(RAW), rtol=tolerance, atol=tolerance)


def test_a_state_dict_has_no_place_for_a_scaling(kind: Kind) -> None:
    net = scaling_network(kind)
    with refusal(ValueError, "input_scaling must be None for a state_dict, which has no place for"):
        net.state_dict()
    net.input_scaling = None
    assert len(net.state_dict()) == 4


def test_the_summary_tells_of_a_scaling() -> None:
    assert "scal" not in network().summary()
    assert scaling_network().summary().endswith(", loss squared_error, inputs are scaled")


# What is refused


@parametrize(
    "shift, scale, message",
    ([0, 0], [1, 0], "scale must not be 0, got 0 at index 1"),
    ([0, 0], [1], "scale must have shape (2,), as shift has, got (1,)"),
    (0, 1, "shift must have shape (n_inputs,), got ()"),
    ([], [], "shift must have shape (n_inputs,), got (0,)"),
    ([[0]], [[1]], "shift must have shape (n_inputs,), got (1, 1)"),
    ([np.nan], [1], "shift must be finite, got nan at index 0"),
    ([0], [np.inf], "scale must be finite, got inf at index 0"),
    (["1"], [1], "shift must be an array of real numbers"),
    ([0], None, "scale must be an array of real numbers"),
)
def test_wrong_scalings(shift: Any, scale: Any, message: str) -> None:
    with refusal(TypeError if "real numbers" in message else ValueError, message):
        InputScaling(shift, scale)


@parametrize(
    "name, value, error, message",
    (
        "input_scaling",
        InputScaling([0, 0], [1, 1]),
        ValueError,
        "input_scaling must have 4 shifts and scales",
    ),
    ("input_scaling", (SHIFT, SCALE), TypeError, "input_scaling must be an InputScaling or None"),
    *(
        ("class_names", names, error, "class_names must be a list of 3 different strings")
        for error, wrong in {
            TypeError: ({"a", "b", "c"}, "abc", 3, ["a", "b", 3], np.array("abc")),
            ValueError: (["a", "b"], ["a", "b", "a"]),
        }.items()
        for names in wrong
    ),
    ("class_names", pd.DataFrame([["a"]]), TypeError, "class_names must be a list of 3 differe"),
)
def test_wrong_assignments(kind: Kind, name: str, value: Any, error: Error, message: str) -> None:
    net = scaling_network(kind)
    with refusal(error, message, "got"):
        setattr(net, name, value)
    assert net.input_scaling == InputScaling(SHIFT, SCALE)
    assert net.class_names is None


def test_feature_names_cannot_be_assigned(kind: Kind) -> None:
    with pytest.raises(AttributeError):
        network(kind).feature_names = ("a", "b", "c", "d")  # type: ignore[misc]


def test_a_single_output_has_two_classes() -> None:
    net = fastnn.MLP([4, 1])
    net.class_names = np.array(["no", "yes"])  # type: ignore[assignment]
    assert net.class_names == ("no", "yes")


@parametrize("kind", np.array, pd.Index, pd.Series, pd.Categorical, tuple)
def test_names_of_classes_in_arrays(kind: Callable[[list[str]], Any]) -> None:
    net = network()
    net.class_names = kind(["b", "a", "c"])
    assert net.class_names == ("b", "a", "c")


@ill_scaled
@parametrize("argument", "callback", "batch_callback")
def test_a_scaling_in_the_course_of_a_training(kind: Kind, argument: str) -> None:
    net = scaling_network(kind)

    def callback(step: fastnn.Step) -> None:
        for scaling in (None, InputScaling(SCALE, SCALE)):
            with refusal(RuntimeError, "input_scaling cannot be assigned while the network is bei"):
                net.input_scaling = scaling
        net.class_names = ["a", "b", "c"]  # training makes no use of them

    options: Options = {argument: callback}
    net.train(RAW, LABELS, **options)
    assert net.input_scaling == InputScaling(SHIFT, SCALE)
    assert net.class_names == ("a", "b", "c")
    net.input_scaling = None


def test_a_scaling_cannot_be_changed() -> None:
    shift = SHIFT.copy()
    scaling = InputScaling(shift, SCALE)
    shift[0] = 5
    with warnings.catch_warnings():  # NumPy deprecates it
        warnings.simplefilter("ignore")
        scaling.shift.shape = (2, 2)
    assert scaling == InputScaling(SHIFT, SCALE)
    assert scaling != InputScaling(SHIFT, 2 * SCALE)
    with pytest.raises(ValueError):
        scaling.scale[0] = 0
    with pytest.raises(ValueError):
        scaling.scale.flags.writeable = True
    with pytest.raises(AttributeError):
        scaling.scale = SCALE  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(scaling)) == copy.deepcopy(scaling) == scaling
    assert repr(InputScaling([0, 1], [2, 0.5])) == "InputScaling(shift=[0., 1.], scale=[2. , 0.5])"
