"""Networks from and to scikit-learn's arrays and PyTorch's state_dict, and their summary."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from helpers import SOFTSIGN, Error, Kind, Options, arrays_of, parametrize, refusal
from safetensors.numpy import load_file, save_file
from sklearn.neural_network import MLPClassifier, MLPRegressor

import fastnn
from fastnn import ELU, LeakyReLU
from fastnn.common.arrays import Array
from fastnn.network import Network

SIZES = 4, 40, 3  # the last layer is stored transposed

each_dtype = parametrize("dtype", "float32", "float64")


def arrays(sizes: tuple[int, ...] = SIZES, dtype: str = "float64") -> tuple[list[Array], ...]:
    """Weights (fan_in, fan_out) and biases (fan_out,)."""
    values = np.random.default_rng(1)
    return (
        [values.standard_normal(shape).astype(dtype) for shape in pairwise(sizes)],
        [values.standard_normal(fan_out).astype(dtype) for fan_out in sizes[1:]],
    )


def linears(
    sizes: tuple[int, ...] = SIZES, dtype: str = "float64", prefixes: list[str] | None = None
) -> dict[str, Array]:
    """As PyTorch has them: weight (fan_out, fan_in) and bias (fan_out,), from input to output."""
    names = prefixes or [f"{2 * layer}" for layer in range(len(sizes) - 1)]
    return {
        f"{prefix}.{name}": array
        for prefix, w, b in zip(names, *arrays(sizes, dtype), strict=True)
        for name, array in (("weight", w.T.copy()), ("bias", b))
    }


def assert_holds(network: Network, weights: Sequence[Array], biases: Sequence[Array]) -> None:
    for own, given in zip(arrays_of(network), (*weights, *biases), strict=True):
        assert (own.dtype, own.shape) == (given.dtype, given.shape)
        assert own.tobytes() == given.tobytes()
        assert not np.shares_memory(own, given)


# Arrays


@each_dtype
@parametrize("sizes", SIZES, (1, 1), (3, 17, 40, 2))
def test_arrays_come_back_to_the_bit(kind: Kind, dtype: str, sizes: tuple[int, ...]) -> None:
    weights, biases = arrays(sizes, dtype)
    network = kind.from_arrays(weights, biases, activation="tanh", loss="huber")
    assert type(network) is kind
    assert (network.layer_sizes, network.dtype.name, network.loss) == (sizes, dtype, "huber")
    assert_holds(network, weights, biases)
    assert_holds(kind.from_arrays(network.weights, network.biases), weights, biases)


def test_the_defaults_are_those_of_the_constructor(kind: Kind) -> None:
    network = kind.from_arrays(*arrays(dtype="float32"))
    assert repr(network) == repr(kind(SIZES))


@parametrize(
    "of_weights, of_biases, expected",
    ("float32", "float32", "float32"),
    ("float16", "float32", "float32"),
    ("float16", "float16", "float32"),
    (">f4", "<f4", "float32"),
    ("float32", "float64", "float64"),
    ("float64", "float32", "float64"),
    ("longdouble", "float32", "float64"),
    ("int8", "float32", "float64"),
    ("int64", "bool", "float64"),
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
FOR_OUTPUTS = "biases[0] must have shape (3,), one for each output of weights[0], got (2,)"
REAL = "must be an array of real numbers"


A_LIST = "must be a list of one array per layer, got"


@parametrize(
    "weights, biases, error, message",
    (None, [], TypeError, f"weights {A_LIST} None"),
    ("abc", [], TypeError, f"weights {A_LIST} 'abc'"),
    ({"a": [1]}, [], TypeError, f"weights {A_LIST} {{"),
    ({0: [[1]]}.values(), [[1]], TypeError, f"weights {A_LIST} dict_values"),  # in no order
    ([[[1.0]]], 3, TypeError, f"biases {A_LIST} 3"),
    ([], [], ValueError, "weights must be one array per layer, got none"),
    ([[[1.0]]], [], ValueError, "biases must be one array per layer, 1 as in weights, got 0"),
    ([[[1.0]]] * 2, [[1.0]], ValueError, "biases must be one array per layer, 2 as in weights"),
    ([[1.0]], [[1.0]], ValueError, "weights[0] must have shape (fan_in, fan_out), got (1,)"),
    ([[[1.0]]], [1.0], ValueError, "biases[0] must have shape (fan_out,), got ()"),
    ([[[1.0]]], [[[1.0]]], ValueError, "biases[0] must have shape (fan_out,), got (1, 1)"),
    ([np.ones((2, 3)), np.ones((4, 5))], [np.ones(3), np.ones(5)], ValueError, CHAIN),
    ([np.ones((2, 3))], [np.ones(2)], ValueError, FOR_OUTPUTS),
    ([np.ones((0, 3))], [np.ones(3)], ValueError, "weights[0] must have one input and one out"),
    ([[[np.nan]]], [[1.0]], ValueError, "weights[0] must be finite in float64, got nan"),
    ([[[1.0]]], [[-np.inf]], ValueError, "biases[0] must be finite in float64, got -inf"),
    ([[["1"]]], [[1.0]], TypeError, f"weights[0] {REAL}, got dtype <U1 from a list"),
    ([[[1j]]], [[1.0]], TypeError, f"weights[0] {REAL}, got dtype complex128 from a list"),
    ([[[1], [2, 3]]], [[1]], TypeError, f"weights[0] {REAL}, got a list that NumPy cannot"),
    ([[[1.0]]], [[None]], TypeError, f"biases[0] {REAL}, got dtype object from a list: None"),
)
def test_wrong_arrays(kind: Kind, weights: Any, biases: Any, error: Error, message: str) -> None:
    with refusal(error, message):
        kind.from_arrays(weights, biases)


def test_what_does_not_fit_the_dtype(kind: Kind) -> None:
    with refusal(ValueError, "weights[0] must be finite in float32, got 1e+300"):
        kind.from_arrays([[[1, 1e300]]], [[0, 0]], dtype="float32")


@parametrize(
    "options, argument",
    ({"activation": "logistic"}, "activation"),
    ({"activation": ["tanh", "tanh"]}, "activation"),
    ({"output_activation": "softmax", "loss": "squared_error"}, "loss"),
    ({"loss": "cross_entropy", "output_activation": "sigmoid"}, "output_activation"),
    ({"dtype": "int32"}, "dtype"),
    ({"seed": -1}, "seed"),
)
def test_wrong_options(kind: Kind, options: Options, argument: str) -> None:
    with refusal(ValueError, f"{argument} must be"):
        kind.from_arrays(*arrays(), **options)
    with refusal(ValueError, f"{argument} must be"):
        kind.from_state_dict(linears(), **options)


# scikit-learn

NAMES = {"logistic": "sigmoid"}  # the others are the same
LOSSES = {
    **{"softmax": "cross_entropy", "logistic": "binary_cross_entropy"},
    **{"identity": "squared_error", "exp": "poisson"},
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


@parametrize("activation", "identity", "logistic", "tanh", "relu")
@parametrize("targets", "two classes", "three classes", "labels")
def test_a_classifier(kind: Kind, activation: str, targets: str) -> None:
    classes = np.array(["ant", "bee", "cow"])[np.arange(30) % (2 if "two" in targets else 3)]
    y = X[:, :3] > 0 if targets == "labels" else classes
    estimator = MLPClassifier(activation=activation, **QUICK).fit(X, y)
    network = network_of(kind, estimator)
    assert network.dtype == "float64"
    expected = estimator.predict_proba(X)[:, 1 if "two" in targets else 0 :]
    np.testing.assert_allclose(network.predict(X), expected, rtol=1e-12)
    labels = network.classify(X)
    found = labels if targets == "labels" else estimator.classes_[labels]
    assert (found == estimator.predict(X)).all()


@parametrize("loss", "squared_error", "poisson")
@each_dtype
def test_a_regressor(kind: Kind, loss: str, dtype: str) -> None:
    inputs = X.astype(dtype)
    estimator = MLPRegressor(loss, **QUICK).fit(inputs, abs(inputs[:, 0]))
    network = network_of(kind, estimator)
    assert (network.dtype.name, network.loss) == (dtype, loss)
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
        self.detach = lambda: array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


class Parameters(Mapping[str, Any]):
    """A mapping that is no dict."""

    def __init__(self, arrays: dict[str, Any]) -> None:
        self._arrays = arrays

    def __getitem__(self, name: str) -> Any:
        return self._arrays[name]

    def __iter__(self) -> Any:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


@each_dtype
def test_a_chain_of_linear_layers(kind: Kind, dtype: str) -> None:
    linear = linears((4, 7, 5, 3), dtype)
    activations: Options = {"activation": ["tanh", "identity"], "output_activation": "identity"}
    network = kind.from_state_dict(linear, **activations)
    assert network.dtype == dtype
    assert network.layer_sizes == (4, 7, 5, 3)
    hidden = np.tanh(X @ linear["0.weight"].T + linear["0.bias"])
    hidden = hidden @ linear["2.weight"].T + linear["2.bias"]
    expected = hidden @ linear["4.weight"].T + linear["4.bias"]
    tolerance = {"float32": 2e-5, "float64": 1e-12}[dtype]
    np.testing.assert_allclose(network.predict(X), expected, rtol=tolerance, atol=tolerance)


@each_dtype
@parametrize("given", dict, "tensors", Parameters)
def test_a_state_dict_comes_back_to_the_bit(kind: Kind, dtype: str, given: Any) -> None:
    linear = linears((4, 7, 40, 3), dtype)
    tensors = {name: Tensor(array) for name, array in linear.items()}
    network = kind.from_state_dict(tensors if given == "tensors" else given(linear))
    found = network.state_dict()
    assert list(found) == ["0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"]
    for name, array in found.items():
        assert (array.dtype, array.shape) == (dtype, linear[name].shape)
        assert array.tobytes() == linear[name].tobytes()
        assert array.flags.c_contiguous and array.flags.owndata
        assert not any(np.shares_memory(array, own) for own in arrays_of(network))


# The order of layers is not that of the dict, but of numbers in names, or what the shapes allow.


def orders(state_dict: dict[str, Array]) -> list[dict[str, Array]]:
    """As PyTorch has it, sorted by name as safetensors has it, and backwards."""
    names = [list(state_dict), sorted(state_dict), list(state_dict)[::-1]]
    return [{name: state_dict[name] for name in some} for some in names]


SQUARES = 3, 3, 3, 3, 3, 3, 3  # any order of the layers is a chain
NUMBERED = {
    "Sequential": [f"{2 * i}" for i in range(6)],
    "Sequential within": [f"mlp.{2 * i}" for i in range(6)],
    "list": [f"net.layers.{i + 7}" for i in range(6)],
    "modules in a list": [f"layers.{5 * i}.linear" for i in range(6)],
    "fc8 to fc13": [f"fc{i}" for i in range(8, 14)],
    "numbers in between": [f"hidden_{i}_dense" for i in range(8, 14)],
    "Sequential in Sequential": ["0.0", "0.2", "0.10", "1", "2.0", "10"],
    "blocks": ["b1.fc1", "b1.fc2", "b2.fc1", "b2.fc2", "b10.fc1", "b10.fc2"],
}


@parametrize("prefixes", *NUMBERED.values(), ids=NUMBERED)
def test_numbers_in_names_order_layers(kind: Kind, tmp_path: Path, prefixes: list[str]) -> None:
    path, state_dict = tmp_path / "module.safetensors", linears(SQUARES, prefixes=prefixes)
    save_file(state_dict, path)
    for some in (*orders(state_dict), load_file(path)):
        assert_holds(kind.from_state_dict(some), *arrays(SQUARES))
    del state_dict[f"{prefixes[1]}.bias"]
    for some in orders(state_dict):
        network = kind.from_state_dict(some)
        assert network.biases[1].tolist() == [0, 0, 0]
        assert (network.weights[5] == arrays(SQUARES)[0][5]).all()


@parametrize(
    "prefixes, sizes",
    (["model.input", "model.hidden", "model.a"], (4, 7, 5, 3)),
    (["input", "hidden", "a"], (4, 16, 16, 3)),  # the square one goes in between
    (["input", "up", "down", "a"], (4, 16, 32, 16, 3)),
    (["z", "y", "x", "w"], (5, 3, 7, 3, 2)),
    (["z"], (3, 3)),
    (["fc", "fc2"], (4, 5, 3)),
    (["hidden.10", "hidden.2", "a"], (4, 5, 6, 3)),
)
def test_shapes_order_layers(kind: Kind, prefixes: list[str], sizes: tuple[int, ...]) -> None:
    for state_dict in orders(linears(sizes, prefixes=prefixes)):
        assert_holds(kind.from_state_dict(state_dict), *arrays(sizes))


ALPHABET = [f"layer {name}" for name in "abcdefghijklmnopqrstuvwxyz"]


@parametrize(
    "prefixes, sizes, hint",
    (["input", "hidden", "a"], (3, 3, 3, 3), ""),
    (["input", "hidden", "more", "a"], (4, 16, 16, 16, 3), ""),
    (["z", "y", "x", "w", "v"], (5, 3, 7, 3, 3, 2), ""),  # or 5, 3, 3, 7, 3, 2
    (["encoder", "decoder"], (8, 2, 8), ""),  # or the decoder first: 2, 8, 2
    (["fc", "fc1"], (3, 3, 3), ""),
    (["01", "1"], (3, 3, 3), ""),
    (["mlp.0", "head"], (3, 3, 3), ""),
    (ALPHABET, (3,) * 27, ""),
    (["fc512", "fc128", "fc10"], (6, 5, 4, 3), "order=['fc512', 'fc128', 'fc10']"),  # widths
    (["10", "9"], SIZES, "order=['10', '9']"),
)
def test_an_order_that_nothing_tells_is_asked_for(
    kind: Kind, prefixes: list[str], sizes: tuple[int, ...], hint: str
) -> None:
    for state_dict in orders(linears(sizes, prefixes=prefixes)):
        with refusal(
            ValueError, "order must list the prefixes of the layers from input to output"
        ) as caught:
            kind.from_state_dict(state_dict)
        assert not hint or str(caught.value).endswith(f"the shapes allow {hint} only")
        assert_holds(kind.from_state_dict(state_dict, order=prefixes), *arrays(sizes))


@parametrize("order", "02", 3, {"0", "2"}, ["0"], ["0", "2", "2"], ["0.weight", "2.weight"], [0, 2])
def test_wrong_orders(order: Any) -> None:
    error = ValueError if isinstance(order, list) else TypeError
    with refusal(
        error, "order must be a list of the prefixes ['0', '2'] from input to output, got "
    ):
        fastnn.MLP.from_state_dict(linears(), order=order)


def test_a_state_dict_through_a_file_of_safetensors(kind: Kind, tmp_path: Path) -> None:
    network = kind(SQUARES, activation="tanh", seed=1)
    save_file(network.state_dict(), tmp_path / "module.safetensors")
    found = kind.from_state_dict(load_file(tmp_path / "module.safetensors"), activation="tanh")
    assert repr(found) == repr(network)
    assert_holds(found, network.weights, network.biases)


@parametrize("sizes", {784, 300, 10}, dict.fromkeys([784, 10]))
def test_collections_without_an_order_are_no_layer_sizes(sizes: Any) -> None:
    with refusal(TypeError, "layer_sizes must be two or more positive integers"):
        fastnn.MLP(sizes)


@each_dtype
def test_layers_without_bias(kind: Kind, dtype: str) -> None:
    linear = linears(dtype=dtype)
    del linear["0.bias"]
    network = kind.from_state_dict(linear)
    assert network.dtype == dtype
    assert network.biases[0].tolist() == [0] * 40
    assert network.biases[1].tobytes() == linear["2.bias"].tobytes()


def test_a_lone_linear_layer_has_no_prefix(kind: Kind) -> None:
    state_dict = {"weight": [[1, 2], [3, 4], [5, 6]], "bias": [0, 0, 1]}
    network = kind.from_state_dict(state_dict, output_activation="identity")
    assert network.predict([1, 10]).tolist() == [21, 43, 66]


ONLY = "state_dict must have '<prefix>.weight' and '<prefix>.bias' of Linear layers only, got "
ONE: dict[Any, Any] = {"0.weight": np.ones((3, 2))}
WEIGHT, BIAS = "state_dict['0.weight']", "state_dict['0.bias']"


@parametrize(
    "state_dict, error, message",
    (None, TypeError, ONLY + "None"),
    ([("0.weight", [[1.0]])], TypeError, ONLY + "[("),
    ("0.weight", TypeError, ONLY + "'0.weight'"),
    ({}, ValueError, ONLY + "[]"),
    ({"1.weight": np.ones(3), "1.running_var": [1.0]}, ValueError, ONLY + "'1.running_var'"),
    ({**ONE, "0.weights": [0.0]}, ValueError, ONLY + "'0.weights'"),
    ({**ONE, 3: [0.0]}, ValueError, ONLY + "3"),
    ({**ONE, "1.bias": [0.0]}, ValueError, ONLY + "'1.bias' without the weight"),
    ({"0.weight": np.ones(3)}, ValueError, f"{WEIGHT} must have shape (fan_out, fan_in), got ("),
    ({**ONE, "0.bias": np.ones((3, 1))}, ValueError, f"{BIAS} must have shape (fan_out,), got "),
    (
        {**ONE, "0.bias": np.ones(2)},
        ValueError,
        f"{BIAS} must have shape (3,), one for each output of {WEIGHT}, got (2,)",
    ),
    (
        {**ONE, "2.weight": np.ones((4, 5))},
        ValueError,
        f"state_dict['2.weight'] must have 3 inputs, as many as {WEIGHT} has outputs, got 5",
    ),
    (
        {"fc1.weight": np.ones((3, 2)), "fc2.weight": np.ones((5, 4))},
        ValueError,
        "state_dict['fc2.weight'] must have 3 inputs, as many as state_dict['fc1.weight'] has",
    ),
    ({"0.weight": [[1.0, np.inf]]}, ValueError, f"{WEIGHT} must be finite in float64, got inf"),
    ({"0.weight": "text"}, TypeError, f"{WEIGHT} {REAL}, got dtype <U4"),
)
def test_wrong_state_dicts(kind: Kind, state_dict: Any, error: Error, message: str) -> None:
    with refusal(error, message):
        kind.from_state_dict(state_dict)


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
    assert sum(array.nbytes for array in arrays_of(network)) == 1650952
