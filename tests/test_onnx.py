"""ONNX files: what ONNX Runtime makes of them, and that a file is whole or absent."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from helpers import SOFTSIGN, Kind, Options, arrays_of, parametrize, refusal, run_python

import fastnn
from fastnn import ELU, Activation, LeakyReLU, reference
from fastnn.activations import ACTIVATIONS
from fastnn.common.arrays import Array
from fastnn.network import Network

ELEMENTWISE = [name for name, f in ACTIVATIONS.items() if f.is_elementwise]
TOLERANCE = {"float32": 1e-6, "float64": 1e-12}

each_dtype = parametrize("dtype", *TOLERANCE)
each_activation = parametrize(
    "activation", *ELEMENTWISE, LeakyReLU(0), LeakyReLU(3), ELU(0.5), ELU(2), ids=repr
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def outputs_of(path: Path, X: Array) -> Array:
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (outputs,) = session.run(["outputs"], {"X": X})
    return np.asarray(outputs)


def assert_same_outputs(network: Network, path: Path, X: Array, atol: float = 0) -> None:
    network.export_onnx(path)
    found, expected = outputs_of(path, X), network.predict(X)
    assert found.dtype == network.dtype
    tolerance = TOLERANCE[network.dtype.name]
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=atol or tolerance)


def examples(n: int, n_inputs: int, dtype: str) -> Array:
    return np.random.default_rng(3).standard_normal((n, n_inputs)).astype(dtype)


@each_dtype
@each_activation
def test_every_activation(kind: Kind, path: Path, activation: str | Activation, dtype: str) -> None:
    sizes = [5, 7, 40, 3]  # the last layer is stored transposed
    network = kind(sizes, activation=activation, output_activation=activation, dtype=dtype)
    values = np.random.default_rng(2)
    for array in arrays_of(network):
        array[:] = values.standard_normal(array.shape) / len(array)
    assert_same_outputs(network, path, examples(9, 5, dtype))


def network_of(z: Array, activation: str | Activation, dtype: str) -> Network:
    """One layer, whose weighted inputs are its biases."""
    zeros = np.zeros((1, len(z)))
    return fastnn.MLP.from_arrays([zeros], [z], output_activation=activation, dtype=dtype)


@each_dtype
@each_activation
def test_function(path: Path, activation: str | Activation, dtype: str) -> None:
    near_0 = np.geomspace(1e-30, 1, 100)
    z = np.concatenate([np.linspace(-6, 6, 1001), near_0, -near_0, [0]])
    assert_same_outputs(network_of(z, activation, dtype), path, np.zeros((1, 1), dtype))


@parametrize("name", "elu", "softplus", "silu", "gelu", "sigmoid", "tanh")
@each_dtype
def test_far_from_0(path: Path, name: str, dtype: str) -> None:
    z = np.array([-800, -100, -40, -36, 36, 40, 100, 800, 1e30])
    network = network_of(z, name, dtype)
    assert_same_outputs(network, path, np.zeros((1, 1), dtype), atol=100 * TOLERANCE[dtype])


@each_dtype
def test_softmax(kind: Kind, path: Path, dtype: str) -> None:
    network = kind([4, 20, 10], activation="relu", loss="cross_entropy", dtype=dtype, seed=1)
    network.train(examples(50, 4, dtype), np.arange(50) % 10)
    assert_same_outputs(network, path, examples(11, 4, dtype))


@each_dtype
def test_a_layer_for_every_activation(path: Path, dtype: str) -> None:
    sizes = [6] * (len(ELEMENTWISE) + 2) + [3]
    network = fastnn.MLP(sizes, activation=[*ELEMENTWISE, "relu"], dtype=dtype, seed=1)
    assert_same_outputs(network, path, examples(9, 6, dtype))


@parametrize("n_examples", 0, 1, 300)
def test_any_number_of_examples(path: Path, n_examples: int) -> None:
    assert_same_outputs(fastnn.MLP([4, 3, 2], seed=1), path, examples(n_examples, 4, "float32"))


@each_dtype
def test_what_the_file_says(path: Path, dtype: str) -> None:
    fastnn.MLP([4, 3, 2], dtype=dtype).export_onnx(path)
    model = onnx.load(path)
    assert model.ir_version == 7
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 13)]
    assert [node.op_type for node in model.graph.node] == ["Gemm", "Sigmoid", "Gemm", "Sigmoid"]
    code = {"float32": onnx.TensorProto.FLOAT, "float64": onnx.TensorProto.DOUBLE}[dtype]
    for values, name, width in ((model.graph.input, "X", 4), (model.graph.output, "outputs", 2)):
        (value,) = values
        assert value.name == name
        assert value.type.tensor_type.elem_type == code
        n_examples, n_units = value.type.tensor_type.shape.dim
        assert n_examples.dim_param and n_units.dim_value == width


@parametrize(
    "options",
    {"activation": ["tanh", SOFTSIGN]},
    {"output_activation": SOFTSIGN},
    ids=["hidden", "output"],
)
def test_own_activations_are_refused(kind: Kind, path: Path, options: Options) -> None:
    path.write_text("before")
    with refusal(
        ValueError, "activation must be a built-in one for ONNX, got one of your own, 'softs"
    ):
        kind([4, 3, 3, 2], **options).export_onnx(path)
    assert path.read_text() == "before"
    assert list(path.parent.iterdir()) == [path]


def test_dtypes_that_the_kernels_lack_are_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="dtype must be float32 or float64 for ONNX"):
        reference.MLP([4, 2], dtype="float16").export_onnx(path)
    assert not path.exists()


@parametrize("value", np.nan, np.inf)
@parametrize("place", "weights", "biases")
def test_a_wrecked_network_is_refused(kind: Kind, path: Path, place: str, value: float) -> None:
    network = kind([4, 3, 2])
    getattr(network, place)[1][..., 1] = value
    with refusal(ValueError, "weights and biases must be finite to export, got NaN or infinity in"):
        network.export_onnx(path)
    assert not path.exists()


def metadata(network: Network, path: Path) -> Options:
    network.export_onnx(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.get_modelmeta().custom_metadata_map
    return {name: json.loads(text) for name, text in found.items()}


def test_what_the_metadata_say_of_labels_and_columns(kind: Kind, path: Path) -> None:
    network = kind([2, 1], output_activation="tanh", seed=1)
    assert metadata(network, path) == {"is_multilabel": False, "threshold": 0.0}
    network.class_names = ["no", "größer"]
    network.train(pd.DataFrame([[0.0, 1], [1, 0]] * 5, columns=["a", "b"]), [-1, 0.5] * 5)
    assert metadata(network, path) == {
        "class_names": ["no", "größer"],
        "feature_names": ["a", "b"],
        "is_multilabel": False,
        "threshold": -0.25,  # halfway
    }
    network = kind([2, 3], output_activation="softmax")
    assert metadata(network, path) == {"is_multilabel": False}
    network = kind([2, 3], loss="binary_cross_entropy", seed=1)
    y = pd.DataFrame([[1, 1, 0], [0, 1, 1]] * 5, columns=["p", "q", "r"])
    network.train(np.array([[0, 1], [1, 0]] * 5), y)
    assert metadata(network, path) == {
        "target_names": ["p", "q", "r"],
        "is_multilabel": True,
        "threshold": 0.5,
    }


def test_own_losses_are_no_matter(path: Path) -> None:
    loss = fastnn.Loss("zero", lambda a, t: (0 * a.sum(axis=1), 0 * a))
    assert_same_outputs(fastnn.MLP([4, 2], loss=loss, seed=1), path, examples(5, 4, "float32"))


def test_without_onnx_says_what_to_install(path: Path) -> None:
    code = (
        f"sys.modules['onnx'] = None; import fastnn; fastnn.MLP([2, 1]).export_onnx({str(path)!r})"
    )
    done = run_python("-c", f"import sys; {code}")
    assert done.returncode
    message = 'the export to ONNX needs the package onnx: pip install "fastnn-mlp[onnx]"'
    assert f"ImportError: {message}" in done.stderr
    assert not path.exists()
