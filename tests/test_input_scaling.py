"""The scaling of inputs, and the names of classes, that a network keeps."""

import copy
import pickle
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from helpers import Error, Kind, Options
from helpers import kind as kind
from scipy import sparse

import fastnn
from fastnn import InputScaling, ModelFileError
from fastnn.arrays import Array
from fastnn.network import Network

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])
each_X = pytest.mark.parametrize(
    "make",
    [
        pytest.param(np.asarray, id="float64"),
        pytest.param(lambda X: np.asarray(X, np.float32), id="float32"),
        pytest.param(np.asfortranarray, id="Fortran order"),
        pytest.param(lambda X: X.tolist(), id="list"),
        pytest.param(lambda X: X.astype(int), id="integers"),
    ],
)

SHIFT, SCALE = np.array([1000.0, -3.0, 0.0, 7.0]), np.array([250.0, 2.0, -1.0, 1e-3])
# Whole numbers, so that each dtype holds them.
RAW: Array = np.random.default_rng(1).integers(-9, 9, (300, 4)) + SHIFT
SCALED: Array = (RAW - SHIFT) / SCALE
LABELS = np.arange(300) % 3
ill_scaled = pytest.mark.filterwarnings("ignore:X should have columns:fastnn.TrainingWarning")


def network(kind: Kind = fastnn.MLP, **options: Any) -> Network:
    settings = {"activation": "tanh", "dtype": "float64", "seed": 1, **options}
    return kind([4, 7, 3], **settings)


def scaling_network(kind: Kind = fastnn.MLP, **options: Any) -> Network:
    net = network(kind, **options)
    net.input_scaling = InputScaling(SHIFT, SCALE)
    return net


@each_dtype
@each_X
def test_outputs_are_those_of_scaled_inputs(
    kind: Kind, dtype: str, make: Callable[[Array], Any]
) -> None:
    scaling, plain = (
        scaling_network(kind, dtype=dtype),
        network(kind, dtype=dtype),
    )
    X, tolerance = make(RAW), {"float32": 1e-5, "float64": 1e-12}[dtype]
    in_float64 = (np.asarray(X, float) - SHIFT) / SCALE
    np.testing.assert_allclose(scaling.predict(X), plain.predict(in_float64), rtol=tolerance)
    one = X[5]
    np.testing.assert_allclose(scaling.predict(one), plain.predict(in_float64[5]), rtol=tolerance)
    assert (scaling.classify(X) == plain.classify(in_float64)).all()
    for found, expected in zip(scaling.activations(X), plain.activations(in_float64), strict=True):
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(
        scaling.evaluate(X, LABELS).loss, plain.evaluate(in_float64, LABELS).loss, rtol=tolerance
    )


def test_a_row_by_itself_is_scaled(kind: Kind) -> None:
    """By hand: (1250 - 1000) / 250 = 1 and (1 + 3) / 2 = 2; 1 * 10 + 2 * 100 + 0.5 = 210.5."""
    net = kind.from_arrays([[[10.0], [100.0]]], [[0.5]], output_activation="identity")
    net.input_scaling = InputScaling([1000, -3], [250, 2])
    for X in ([1250.0, 1.0], np.array([1250.0, 1.0]), np.array([[1250.0, 1.0]])):
        assert net.predict(X).ravel().tolist() == [210.5]


@ill_scaled
@pytest.mark.parametrize("batch_size", [1, 32, None])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_training_is_that_on_scaled_inputs(
    kind: Kind, batch_size: int | None, optimizer: str
) -> None:
    scaling, plain = scaling_network(kind), network(kind)
    options: Options = {"epochs": 3, "batch_size": batch_size, "optimizer": optimizer}
    of_raw = scaling.train(RAW, LABELS, validation_data=(RAW[:50], LABELS[:50]), **options)
    of_scaled = plain.train(SCALED, LABELS, validation_data=(SCALED[:50], LABELS[:50]), **options)
    np.testing.assert_allclose(of_raw.loss, of_scaled.loss, rtol=1e-9)
    np.testing.assert_allclose(of_raw.validation_loss, of_scaled.validation_loss, rtol=1e-9)
    for found, expected in zip(scaling.weights, plain.weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


@ill_scaled
def test_all_else_that_takes_X(kind: Kind) -> None:
    scaling, plain = scaling_network(kind), network(kind)
    of_raw, of_scaled = scaling.gradients(RAW, LABELS), plain.gradients(SCALED, LABELS)
    for found, expected in zip(of_raw.weights, of_scaled.weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert scaling.train_batch(RAW, LABELS) == pytest.approx(plain.train_batch(SCALED, LABELS))
    blocks = [slice(0, 100), slice(100, 300)]
    of_blocks = scaling.train([(RAW[rows], LABELS[rows]) for rows in blocks], buffer_size=150)
    assert of_blocks.loss == pytest.approx(
        plain.train([(SCALED[rows], LABELS[rows]) for rows in blocks], buffer_size=150).loss
    )
    options: Options = {"epochs": 2, "validation_fraction": 0.2}
    scaling, plain = scaling_network(kind), network(kind)
    assert scaling.train(RAW, LABELS, **options).validation_loss == pytest.approx(
        plain.train(SCALED, LABELS, **options).validation_loss
    )


def test_sparse_inputs_may_be_divided(kind: Kind) -> None:
    X = sparse.csr_matrix(RAW[:60] * (np.random.default_rng(3).random((60, 4)) < 0.3))
    scaling, plain = network(kind), network(kind)
    scaling.input_scaling = InputScaling(np.zeros(4), SCALE)
    expected = plain.predict(X.toarray() / SCALE)
    np.testing.assert_allclose(scaling.predict(X), expected, rtol=1e-12)
    scaling.input_scaling = InputScaling([0, 0, 2, 0], SCALE)
    message = (
        "X must be dense where input_scaling shifts inputs, which makes zeros other numbers, got "
        "a sparse matrix, and a shift of 2.0 for input 2"
    )
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        scaling.predict(X)


def test_large_numbers_are_scaled_before_they_are_rounded() -> None:
    """In float32, 2**30 + 1 is 2**30."""
    net = fastnn.MLP.from_arrays([[[1.0]]], [[0.0]], output_activation="identity", dtype="float32")
    net.input_scaling = InputScaling([2.0**30], [1.0])
    assert net.predict([[2**30 + 1]]).tolist() == [[1.0]]
    net.input_scaling = InputScaling([0.0], [1e300])
    assert net.predict([[3e300]]).tolist() == [[3.0]]


@pytest.mark.parametrize("X", [[[1e30]], [[10**30]], np.array([[1e30]], np.float32)])
def test_what_is_not_finite_once_scaled(kind: Kind, X: Any) -> None:
    net = kind([1, 1])
    net.input_scaling = InputScaling([0.0], [1e-20])
    with pytest.raises(ValueError, match=r"^X must be finite in float32 once it is scaled, got 1"):
        net.predict(X)


# What is kept


def kept(net: Network, path: Path) -> list[Network]:
    net.save(path)
    return [
        type(net).load(path),
        pickle.loads(pickle.dumps(net)),
        copy.copy(net),
        copy.deepcopy(net),
    ]


@ill_scaled
def test_scaling_and_names_are_kept(kind: Kind, tmp_path: Path) -> None:
    net = scaling_network(kind)
    net.class_names = ["setosa", "versicolor", "Ирис"]
    net.train(RAW, LABELS, epochs=2)
    for other in kept(net, tmp_path / "model.safetensors"):
        assert other.input_scaling == InputScaling(SHIFT, SCALE)
        assert other.class_names == ("setosa", "versicolor", "Ирис")
        assert other.evaluate(RAW, LABELS) == net.evaluate(RAW, LABELS)
        other.input_scaling = other.class_names = None
        assert net.input_scaling == InputScaling(SHIFT, SCALE)


def test_networks_without_them(tmp_path: Path) -> None:
    for other in kept(network(), tmp_path / "model.safetensors"):
        assert other.input_scaling is None
        assert other.class_names is None
        assert other.feature_names is None


@pytest.mark.parametrize(
    "entries",
    [
        {"input_scaling": {"shift": [0, 0, 0, 0], "scale": [1, 0, 1, 1]}},
        {"input_scaling": {"shift": [0, 0, 0], "scale": [1, 1, 1]}},
        {"input_scaling": {"shift": [0, 0, 0, float("nan")], "scale": [1, 1, 1, 1]}},
        {"input_scaling": {"shift": [0, 0, 0, 0]}},
        {"input_scaling": [1, 2]},
        {"feature_names": ["a", "b", "c"]},
        {"feature_names": ["a", "b", "c", 4]},
        {"class_names": ["a", "b", "b"]},
        {"class_names": ["a", "b"]},
    ],
)
def test_damaged_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entries: Options) -> None:
    import json

    from fastnn.data_record import DataRecord

    record = {"class_names": None, "feature_names": None, "input_scaling": None, **entries}
    monkeypatch.setattr(DataRecord, "to_json", lambda self: json.dumps(record))
    path = tmp_path / "model.safetensors"
    network().save(path)
    with pytest.raises(ModelFileError, match="damaged: its record of the data"):
        fastnn.MLP.load(path)


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
    message = "input_scaling must be None for a state_dict, which has no place for it"
    with pytest.raises(ValueError, match="^" + message):
        net.state_dict()
    net.input_scaling = None
    assert len(net.state_dict()) == 4


def test_the_summary_tells_of_a_scaling() -> None:
    assert "scal" not in network().summary()
    assert scaling_network().summary().endswith(", loss squared_error, inputs are scaled")


# What is refused


@pytest.mark.parametrize(
    ("shift", "scale", "error", "message"),
    [
        ([0, 0], [1, 0], ValueError, "scale must not be 0, got 0 at index 1"),
        ([0, 0], [1], ValueError, "scale must have shape (2,), as shift has, got (1,)"),
        (0, 1, ValueError, "shift must have shape (n_inputs,), got ()"),
        ([], [], ValueError, "shift must have shape (n_inputs,), got (0,)"),
        ([[0]], [[1]], ValueError, "shift must have shape (n_inputs,), got (1, 1)"),
        ([np.nan], [1], ValueError, "shift must be finite, got nan at index 0"),
        ([0], [np.inf], ValueError, "scale must be finite, got inf at index 0"),
        (["1"], [1], TypeError, "shift must be an array of real numbers"),
        ([0], None, TypeError, "scale must be an array of real numbers"),
    ],
)
def test_wrong_scalings(shift: Any, scale: Any, error: Error, message: str) -> None:
    with pytest.raises(error, match="^" + re.escape(message)):
        InputScaling(shift, scale)


def test_wrong_assignments(kind: Kind) -> None:
    net = scaling_network(kind)
    with pytest.raises(ValueError, match=r"^input_scaling must have 4 shifts and scales, .* got 2"):
        net.input_scaling = InputScaling([0, 0], [1, 1])
    with pytest.raises(TypeError, match=r"^input_scaling must be an InputScaling or None, got "):
        net.input_scaling = (SHIFT, SCALE)  # type: ignore[assignment]
    expected = "^class_names must be a list of 3 different strings, one per class, got "
    for names in ({"a", "b", "c"}, "abc", 3, ["a", "b", 3]):
        with pytest.raises(TypeError, match=expected):
            net.class_names = names  # type: ignore[assignment]
    for wrong in (["a", "b"], ["a", "b", "a"]):
        with pytest.raises(ValueError, match=expected):
            net.class_names = wrong
    assert net.input_scaling == InputScaling(SHIFT, SCALE)
    assert net.class_names is None
    with pytest.raises(AttributeError):
        net.feature_names = ("a", "b", "c", "d")  # type: ignore[misc]


def test_a_single_output_has_two_classes() -> None:
    net = fastnn.MLP([4, 1])
    net.class_names = np.array(["no", "yes"])  # type: ignore[assignment]
    assert net.class_names == ("no", "yes")


@pytest.mark.parametrize("kind", [np.array, pd.Index, pd.Series, pd.Categorical, tuple])
def test_names_of_classes_in_arrays(kind: Callable[[list[str]], Any]) -> None:
    net = network()
    net.class_names = kind(["b", "a", "c"])
    assert net.class_names == ("b", "a", "c")


@pytest.mark.parametrize("names", [pd.DataFrame([["a"]]), np.array("abc"), {"a", "b", "c"}])
def test_names_of_classes_in_no_list(names: Any) -> None:
    net = network()
    with pytest.raises(TypeError, match=r"^class_names must be a list of 3 different strings"):
        net.class_names = names


@ill_scaled
@pytest.mark.parametrize("argument", ["callback", "batch_callback"])
def test_a_scaling_in_the_course_of_a_training(kind: Kind, argument: str) -> None:
    net = scaling_network(kind)
    message = "^input_scaling cannot be assigned while the network is being trained"

    def callback(step: fastnn.Step) -> None:
        for scaling in (None, InputScaling(SCALE, SCALE)):
            with pytest.raises(RuntimeError, match=message):
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
