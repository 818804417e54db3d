"""Networks from and to scikit-learn's arrays and PyTorch's state_dict, and their summary."""

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import SOFTSIGN, Error, Kind, Options
from helpers import kind as kind
from safetensors.numpy import load_file, save_file
from sklearn.neural_network import MLPClassifier, MLPRegressor

import fastnn
from fastnn import ELU, LeakyReLU
from fastnn.arrays import Array
from fastnn.network import Network

SIZES = 4, 40, 3  # the last layer is stored transposed

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def arrays(
    sizes: tuple[int, ...] = SIZES, dtype: str = "float64"
) -> tuple[list[Array], list[Array]]:
    """Weights (fan_in, fan_out) and biases (fan_out,)."""
    values = np.random.default_rng(1)
    return (
        [values.standard_normal(shape).astype(dtype) for shape in pairwise(sizes)],
        [values.standard_normal(fan_out).astype(dtype) for fan_out in sizes[1:]],
    )


def linears(sizes: tuple[int, ...] = SIZES, dtype: str = "float64") -> dict[str, Array]:
    """As PyTorch has them: weight (fan_out, fan_in) and bias (fan_out,)."""
    weights, biases = arrays(sizes, dtype)
    return {
        f"{2 * layer}.{name}": array
        for layer, (w, b) in enumerate(zip(weights, biases, strict=True))
        for name, array in (("weight", w.T.copy()), ("bias", b))
    }


def assert_holds(network: Network, weights: list[Array], biases: list[Array]) -> None:
    for own, given in zip((*network.weights, *network.biases), (*weights, *biases), strict=True):
        assert own.dtype == given.dtype
        assert own.shape == given.shape
        assert own.tobytes() == given.tobytes()
        assert not np.shares_memory(own, given)


# Arrays


@each_dtype
@pytest.mark.parametrize("sizes", [SIZES, (1, 1), (3, 17, 40, 2)])
def test_arrays_come_back_to_the_bit(kind: Kind, dtype: str, sizes: tuple[int, ...]) -> None:
    weights, biases = arrays(sizes, dtype)
    network = kind.from_arrays(weights, biases, activation="tanh", loss="huber")
    assert type(network) is kind
    assert network.layer_sizes == sizes
    assert network.dtype == dtype
    assert network.loss == "huber"
    assert_holds(network, weights, biases)
    assert_holds(kind.from_arrays(network.weights, network.biases), weights, biases)


def test_the_defaults_are_those_of_the_constructor(kind: Kind) -> None:
    network = kind.from_arrays(*arrays(dtype="float32"))
    assert repr(network) == repr(kind(SIZES))


@pytest.mark.parametrize(
    ("of_weights", "of_biases", "expected"),
    [
        ("float32", "float32", "float32"),
        ("float16", "float32", "float32"),
        ("float16", "float16", "float32"),
        (">f4", "<f4", "float32"),
        ("float32", "float64", "float64"),
        ("float64", "float32", "float64"),
        ("longdouble", "float32", "float64"),
        ("int8", "float32", "float64"),
        ("int64", "bool", "float64"),
    ],
)
def test_the_dtype_is_that_of_the_arrays(
    kind: Kind, of_weights: str, of_biases: str, expected: str
) -> None:
    weights, biases = np.ones((2, 3), of_weights), np.ones(3, of_biases)
    assert kind.from_arrays([weights], [biases]).dtype == expected
    for dtype in ("float32", "float64"):
        assert kind.from_arrays([weights], [biases], dtype=dtype).dtype == dtype


def test_lists_and_generators_will_do(kind: Kind) -> None:
    network = kind.from_arrays(
        ([[1, 2]] for _ in range(1)), ([0.5, -1] for _ in range(1)), output_activation="identity"
    )
    assert network.predict([3]).tolist() == [3.5, 5]


def test_no_initial_weights_are_drawn(kind: Kind) -> None:
    generator = np.random.default_rng(7)
    network = kind.from_arrays(*arrays(), seed=generator)
    assert generator.bit_generator.state == np.random.default_rng(7).bit_generator.state
    twin = kind.from_arrays(*arrays(), seed=7)
    X, y = np.random.default_rng(3).random((9, 4)), np.arange(9) % 3
    assert network.train(X, y).loss == twin.train(X, y).loss


CHAIN = "weights[1] must have 3 inputs, as many as weights[0] has outputs, got 4"
REAL = "must be an array of real numbers"


@pytest.mark.parametrize(
    ("weights", "biases", "error", "message"),
    [
        (None, [], TypeError, "weights must be a list of one array per layer, got None"),
        ("abc", [], TypeError, "weights must be a list of one array per layer, got 'abc'"),
        ({"a": [1]}, [], TypeError, "weights must be a list of one array per layer, got {"),
        ([[[1.0]]], 3, TypeError, "biases must be a list of one array per layer, got 3"),
        ([], [], ValueError, "weights must be one array per layer, got none"),
        ([[[1.0]]], [], ValueError, "biases must be one array per layer, 1 as in weights, got 0"),
        ([[[1.0]]] * 2, [[1.0]], ValueError, "biases must be one array per layer, 2 as in weights"),
        ([[1.0]], [[1.0]], ValueError, "weights[0] must have shape (fan_in, fan_out), got (1,)"),
        ([[[1.0]]], [1.0], ValueError, "biases[0] must have shape (fan_out,), got ()"),
        ([[[1.0]]], [[[1.0]]], ValueError, "biases[0] must have shape (fan_out,), got (1, 1)"),
        (
            [np.ones((2, 3)), np.ones((4, 5))],
            [np.ones(3), np.ones(5)],
            ValueError,
            CHAIN,
        ),
        (
            [np.ones((2, 3))],
            [np.ones(2)],
            ValueError,
            "biases[0] must have shape (3,), one for each output of weights[0], got (2,)",
        ),
        (
            [np.ones((0, 3))],
            [np.ones(3)],
            ValueError,
            "weights[0] must have one input and one output or more, got 0 and 3",
        ),
        ([[[np.nan]]], [[1.0]], ValueError, "weights[0] must be finite in float64, got nan"),
        ([[[1.0]]], [[-np.inf]], ValueError, "biases[0] must be finite in float64, got -inf"),
        ([[["1"]]], [[1.0]], TypeError, f"weights[0] {REAL}, got dtype <U1 from a list"),
        ([[[1j]]], [[1.0]], TypeError, f"weights[0] {REAL}, got dtype complex128 from a list"),
        ([[[1], [2, 3]]], [[1]], TypeError, f"weights[0] {REAL}, got a list that NumPy cannot"),
        ([[[1.0]]], [[None]], TypeError, f"biases[0] {REAL}, got dtype object from a list: None"),
    ],
)  # fmt: skip
def test_wrong_arrays(kind: Kind, weights: Any, biases: Any, error: Error, message: str) -> None:
    with pytest.raises(error, match="^" + re.escape(message)):
        kind.from_arrays(weights, biases)


def test_what_does_not_fit_the_dtype(kind: Kind) -> None:
    message = re.escape("weights[0] must be finite in float32, got 1e+300")
    with pytest.raises(ValueError, match=message):
        kind.from_arrays([[[1, 1e300]]], [[0, 0]], dtype="float32")


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"activation": "logistic"}, "activation"),
        ({"activation": ["tanh", "tanh"]}, "activation"),
        ({"output_activation": "softmax", "loss": "squared_error"}, "loss"),
        ({"loss": "cross_entropy", "output_activation": "sigmoid"}, "output_activation"),
        ({"dtype": "int32"}, "dtype"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_options(kind: Kind, options: Options, argument: str) -> None:
    with pytest.raises(ValueError, match=f"^{argument} must be"):
        kind.from_arrays(*arrays(), **options)
    with pytest.raises(ValueError, match=f"^{argument} must be"):
        kind.from_state_dict(linears(), **options)


# scikit-learn

NAMES = {"logistic": "sigmoid"}  # the others are the same
LOSSES = {
    "softmax": "cross_entropy",
    "logistic": "binary_cross_entropy",
    "identity": "squared_error",
    "exp": "poisson",
}
X: Array = np.random.default_rng(2).standard_normal((30, 4))
# No improvement is large enough to go on after 20 epochs, and nothing is warned of.
QUICK: Options = {
    "hidden_layer_sizes": (7, 5),
    "random_state": 1,
    "tol": 1e9,
    "n_iter_no_change": 20,
}


def network_of(kind: Kind, estimator: Any) -> Network:
    outputs = estimator.out_activation_
    return kind.from_arrays(
        estimator.coefs_,
        estimator.intercepts_,
        activation=NAMES.get(estimator.activation, estimator.activation),
        output_activation=NAMES.get(outputs, outputs),
        loss=LOSSES[outputs],
    )


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_classifier(kind: Kind, activation: str, n_classes: int) -> None:
    labels = np.array(["ant", "bee", "cow"])[np.arange(30) % n_classes]
    estimator = MLPClassifier(activation=activation, **QUICK).fit(X, labels)
    network = network_of(kind, estimator)
    assert network.dtype == "float64"
    expected = estimator.predict_proba(X)[:, 1:] if n_classes == 2 else estimator.predict_proba(X)
    np.testing.assert_allclose(network.predict(X), expected, rtol=1e-12)
    assert (estimator.classes_[network.classify(X)] == estimator.predict(X)).all()


def test_a_classifier_of_many_labels(kind: Kind) -> None:
    estimator = MLPClassifier(**QUICK).fit(X, X[:, :3] > 0)
    network = network_of(kind, estimator)
    np.testing.assert_allclose(network.predict(X), estimator.predict_proba(X), rtol=1e-12)
    assert (network.classify(X) == estimator.predict(X)).all()


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_regressor(kind: Kind, loss: str, dtype: str) -> None:
    inputs = X.astype(dtype)
    estimator = MLPRegressor(loss, **QUICK).fit(inputs, abs(inputs[:, 0]))
    network = network_of(kind, estimator)
    assert network.dtype == dtype
    assert network.loss == loss
    np.testing.assert_allclose(network.predict(inputs)[:, 0], estimator.predict(inputs), rtol=1e-5)


def test_back_to_scikit_learn(kind: Kind) -> None:
    labels = np.arange(30) % 3
    estimator = MLPClassifier(**QUICK).fit(X, labels)
    network = network_of(kind, estimator)
    network.train(X, labels, epochs=5)
    assert abs(network.predict(X) - estimator.predict_proba(X)).max() > 0.01
    estimator.coefs_ = [w.copy() for w in network.weights]
    estimator.intercepts_ = [b.copy() for b in network.biases]
    np.testing.assert_allclose(network.predict(X), estimator.predict_proba(X), rtol=1e-12)


# PyTorch


class Tensor:
    """What PyTorch's parameters are to NumPy."""

    def __init__(self, array: Array) -> None:
        self._array = array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    def detach(self) -> Array:
        return self._array


@each_dtype
def test_a_chain_of_linear_layers(kind: Kind, dtype: str) -> None:
    linear = linears((4, 7, 5, 3), dtype)
    network = kind.from_state_dict(
        linear, activation=["tanh", "identity"], output_activation="identity"
    )
    assert network.dtype == dtype
    assert network.layer_sizes == (4, 7, 5, 3)
    hidden = np.tanh(X @ linear["0.weight"].T + linear["0.bias"])
    hidden = hidden @ linear["2.weight"].T + linear["2.bias"]
    expected = hidden @ linear["4.weight"].T + linear["4.bias"]
    tolerance = {"float32": 2e-5, "float64": 1e-12}[dtype]
    np.testing.assert_allclose(network.predict(X), expected, rtol=tolerance, atol=tolerance)


@each_dtype
def test_a_state_dict_comes_back_to_the_bit(kind: Kind, dtype: str) -> None:
    linear = linears((4, 7, 40, 3), dtype)
    network = kind.from_state_dict(linear)
    found = network.state_dict()
    assert list(found) == ["0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"]
    for name, array in found.items():
        assert array.dtype == dtype
        assert array.shape == linear[name].shape
        assert array.tobytes() == linear[name].tobytes()
        assert array.flags.c_contiguous and array.flags.owndata
        for own in (*network.weights, *network.biases):
            assert not np.shares_memory(array, own)


def test_tensors_that_have_gradients(kind: Kind) -> None:
    linear = linears()
    network = kind.from_state_dict({name: Tensor(a) for name, a in linear.items()})
    for name, array in network.state_dict().items():
        assert array.tobytes() == linear[name].tobytes()


# The order of layers is not that of the dict, but of numbers in names, or what the shapes allow.


def layers_named(prefixes: list[str], sizes: tuple[int, ...]) -> dict[str, Array]:
    """Linear layers with these prefixes, from input to output."""
    weights, biases = arrays(sizes)
    return {
        f"{prefix}.{name}": array
        for prefix, w, b in zip(prefixes, weights, biases, strict=True)
        for name, array in (("weight", w.T.copy()), ("bias", b))
    }


def orders(state_dict: dict[str, Array]) -> list[dict[str, Array]]:
    """As PyTorch has it, sorted by name as safetensors has it, and backwards."""
    names = [list(state_dict), sorted(state_dict), list(state_dict)[::-1]]
    return [{name: state_dict[name] for name in some} for some in names]


SQUARES = 3, 3, 3, 3, 3, 3, 3  # any order of the layers is a chain
NUMBERED = [
    pytest.param([f"{2 * i}" for i in range(6)], id="Sequential"),
    pytest.param([f"mlp.{2 * i}" for i in range(6)], id="Sequential within"),
    pytest.param([f"net.layers.{i + 7}" for i in range(6)], id="list"),
    pytest.param([f"layers.{5 * i}.linear" for i in range(6)], id="modules in a list"),
    pytest.param([f"fc{i}" for i in range(8, 14)], id="fc8 to fc13"),
    pytest.param([f"hidden_{i}_dense" for i in range(8, 14)], id="numbers in between"),
    pytest.param(["0.0", "0.2", "0.10", "1", "2.0", "10"], id="Sequential in Sequential"),
    pytest.param(["b1.fc1", "b1.fc2", "b2.fc1", "b2.fc2", "b10.fc1", "b10.fc2"], id="blocks"),
]


@pytest.mark.parametrize("prefixes", NUMBERED)
def test_numbers_in_names_order_layers(kind: Kind, prefixes: list[str]) -> None:
    for state_dict in orders(layers_named(prefixes, SQUARES)):
        assert_holds(kind.from_state_dict(state_dict), *arrays(SQUARES))


@pytest.mark.parametrize(
    ("prefixes", "sizes"),
    [
        (["model.input", "model.hidden", "model.a"], (4, 7, 5, 3)),
        (["input", "hidden", "a"], (4, 16, 16, 3)),  # the square one goes in between
        (["input", "up", "down", "a"], (4, 16, 32, 16, 3)),
        (["z", "y", "x", "w"], (5, 3, 7, 3, 2)),
        (["z"], (3, 3)),
        (["fc", "fc2"], (4, 5, 3)),
        (["hidden.10", "hidden.2", "a"], (4, 5, 6, 3)),
    ],
)
def test_shapes_order_layers(kind: Kind, prefixes: list[str], sizes: tuple[int, ...]) -> None:
    for state_dict in orders(layers_named(prefixes, sizes)):
        assert_holds(kind.from_state_dict(state_dict), *arrays(sizes))


@pytest.mark.parametrize(
    ("prefixes", "sizes"),
    [
        (["input", "hidden", "a"], (3, 3, 3, 3)),
        (["input", "hidden", "more", "a"], (4, 16, 16, 16, 3)),
        (["z", "y", "x", "w", "v"], (5, 3, 7, 3, 3, 2)),  # or 5, 3, 3, 7, 3, 2
        (["encoder", "decoder"], (8, 2, 8)),  # or the decoder first: 2, 8, 2
        (["fc", "fc1"], (3, 3, 3)),
        (["01", "1"], (3, 3, 3)),
        (["mlp.0", "head"], (3, 3, 3)),
        ([f"layer {name}" for name in "abcdefghijklmnopqrstuvwxyz"], (3,) * 27),
    ],
)
def test_an_order_that_nothing_tells_is_asked_for(
    kind: Kind, prefixes: list[str], sizes: tuple[int, ...]
) -> None:
    for state_dict in orders(layers_named(prefixes, sizes)):
        message = "order must list the prefixes of the layers from input to output"
        with pytest.raises(ValueError, match="^" + message):
            kind.from_state_dict(state_dict)
        network = kind.from_state_dict(state_dict, order=prefixes)
        assert_holds(network, *arrays(sizes))


def test_the_user_knows_better_than_numbers() -> None:
    state_dict = layers_named(["10", "9"], SIZES)
    with pytest.raises(ValueError, match=re.escape("the shapes allow order=['10', '9'] only")):
        fastnn.MLP.from_state_dict(state_dict)
    assert_holds(fastnn.MLP.from_state_dict(state_dict, order=["10", "9"]), *arrays())


def test_numbers_that_are_widths(kind: Kind) -> None:
    prefixes, sizes = ["fc512", "fc128", "fc10"], (6, 5, 4, 3)
    for state_dict in orders(layers_named(prefixes, sizes)):
        with pytest.raises(ValueError, match=r"^order must list the prefixes .* order=") as caught:
            kind.from_state_dict(state_dict)
        assert str(caught.value).endswith(f"the shapes allow order={prefixes} only")
        assert_holds(kind.from_state_dict(state_dict, order=prefixes), *arrays(sizes))


def test_shapes_that_allow_no_order() -> None:
    state_dict = {"fc1.weight": np.ones((3, 2)), "fc2.weight": np.ones((5, 4))}
    message = "state_dict['fc2.weight'] must have 3 inputs, as many as state_dict['fc1.weight'] has"
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        fastnn.MLP.from_state_dict(state_dict)


@pytest.mark.parametrize(
    ("order", "error"),
    [
        ("02", TypeError),
        (3, TypeError),
        ({"0", "2"}, TypeError),
        (["0"], ValueError),
        (["0", "2", "2"], ValueError),
        (["0.weight", "2.weight"], ValueError),
        ([0, 2], ValueError),
    ],
)
def test_wrong_orders(order: Any, error: Error) -> None:
    message = "order must be a list of the prefixes ['0', '2'] from input to output, got "
    with pytest.raises(error, match="^" + re.escape(message)):
        fastnn.MLP.from_state_dict(linears(), order=order)


@pytest.mark.parametrize("prefixes", [None, *NUMBERED])
def test_through_a_file_of_safetensors(
    kind: Kind, tmp_path: Path, prefixes: list[str] | None
) -> None:
    network = kind(SQUARES, activation="tanh", seed=1)
    state_dict = network.state_dict()
    if prefixes is not None:
        state_dict = dict(zip(layers_named(prefixes, SQUARES), state_dict.values(), strict=True))
    save_file(state_dict, tmp_path / "module.safetensors")
    found = kind.from_state_dict(load_file(tmp_path / "module.safetensors"), activation="tanh")
    inputs = np.random.default_rng(1).random((9, 3), np.float32)
    np.testing.assert_allclose(found.predict(inputs), network.predict(inputs), rtol=1e-6)


def test_layers_in_any_order_without_bias(kind: Kind) -> None:
    state_dict = layers_named([f"net.{i}" for i in range(8, 14)], SQUARES)
    del state_dict["net.10.bias"]
    for some in orders(state_dict):
        network = kind.from_state_dict(some)
        assert network.biases[2].tolist() == [0, 0, 0]
        assert (network.weights[5] == arrays(SQUARES)[0][5]).all()


def test_collections_without_an_order_are_no_lists() -> None:
    weights, biases = arrays()
    with pytest.raises(TypeError, match=r"^weights must be a list of one array per layer, got "):
        fastnn.MLP.from_arrays(dict(enumerate(weights)).values(), biases)
    for sizes in ({784, 300, 10}, dict.fromkeys([784, 10])):
        with pytest.raises(TypeError, match=r"^layer_sizes must be two or more positive integers"):
            fastnn.MLP(sizes)


def test_a_lone_linear_layer_has_no_prefix(kind: Kind) -> None:
    network = kind.from_state_dict(
        {"weight": [[1, 2], [3, 4], [5, 6]], "bias": [0, 0, 1]}, output_activation="identity"
    )
    assert network.predict([1, 10]).tolist() == [21, 43, 66]


@each_dtype
def test_layers_without_bias(kind: Kind, dtype: str) -> None:
    linear = linears(dtype=dtype)
    del linear["0.bias"]
    network = kind.from_state_dict(linear)
    assert network.dtype == dtype
    assert network.biases[0].tolist() == [0] * 40
    assert network.biases[1].tobytes() == linear["2.bias"].tobytes()


ONLY = "state_dict must have '<prefix>.weight' and '<prefix>.bias' of Linear layers only, got "
ONE: dict[Any, Any] = {"0.weight": np.ones((3, 2))}


@pytest.mark.parametrize(
    ("state_dict", "error", "message"),
    [
        (None, TypeError, ONLY + "None"),
        ([("0.weight", [[1.0]])], TypeError, ONLY + "[("),
        ("0.weight", TypeError, ONLY + "'0.weight'"),
        ({}, ValueError, ONLY + "[]"),
        ({"1.weight": np.ones(3), "1.running_var": [1.0]}, ValueError, ONLY + "'1.running_var'"),
        ({**ONE, "0.weights": [0.0]}, ValueError, ONLY + "'0.weights'"),
        ({**ONE, 3: [0.0]}, ValueError, ONLY + "3"),
        ({**ONE, "1.bias": [0.0]}, ValueError, ONLY + "'1.bias' without the weight"),
        (
            {"0.weight": np.ones(3)},
            ValueError,
            "state_dict['0.weight'] must have shape (fan_out, fan_in), got (3,)",
        ),
        (
            {**ONE, "0.bias": np.ones((3, 1))},
            ValueError,
            "state_dict['0.bias'] must have shape (fan_out,), got (3, 1)",
        ),
        (
            {**ONE, "0.bias": np.ones(2)},
            ValueError,
            "state_dict['0.bias'] must have shape (3,), one for each output of "
            "state_dict['0.weight'], got (2,)",
        ),
        (
            {**ONE, "2.weight": np.ones((4, 5))},
            ValueError,
            "state_dict['2.weight'] must have 3 inputs, as many as state_dict['0.weight'] has "
            "outputs, got 5",
        ),
        (
            {"0.weight": [[1.0, np.inf]]},
            ValueError,
            "state_dict['0.weight'] must be finite in float64, got inf",
        ),
        (
            {"0.weight": "text"},
            TypeError,
            f"state_dict['0.weight'] {REAL}, got dtype <U4",
        ),
    ],
)  # fmt: skip
def test_wrong_state_dicts(kind: Kind, state_dict: Any, error: Error, message: str) -> None:
    with pytest.raises(error, match="^" + re.escape(message)):
        kind.from_state_dict(state_dict)


def test_any_mapping_will_do() -> None:
    class Parameters(Mapping[str, Any]):
        def __init__(self) -> None:
            self._arrays = linears()

        def __getitem__(self, name: str) -> Array:
            return self._arrays[name]

        def __iter__(self) -> Any:
            return iter(self._arrays)

        def __len__(self) -> int:
            return len(self._arrays)

    assert_holds(fastnn.MLP.from_state_dict(Parameters()), *arrays())


# The summary


def test_summary(kind: Kind) -> None:
    network = kind(
        [1000, 200, 30, 4, 3],
        activation=["relu", LeakyReLU(0.2), SOFTSIGN],
        output_activation=ELU(2),
        loss=fastnn.Huber(0.5),
        dtype="float64",
    )
    assert network.summary() == (
        "layer        shape  activation                     parameters\n"
        "    1  1000 -> 200  relu                              200,200\n"
        "    2    200 -> 30  LeakyReLU(negative_slope=0.2)       6,030\n"
        "    3      30 -> 4  softsign                              124\n"
        "    4       4 -> 3  ELU(alpha=2)                           15\n"
        "total                                                 206,369\n"
        "float64, 1,650,952 bytes, loss Huber(delta=0.5)"
    )
    assert network.n_parameters == 206369
    assert sum(p.nbytes for p in (*network.weights, *network.biases)) == 1650952
