"""What `MLP` and its reference refuse: the type of the error, what it says, and nothing changed."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest

import fastnn
from fastnn import (
    LBFGS,
    SGD,
    Activation,
    Adagrad,
    Adam,
    AdamW,
    Linear,
    ReduceOnPlateau,
    RMSprop,
    Rprop,
    reference,
)
from fastnn.arrays import Array
from fastnn.network import Network

NetworkClass = type[fastnn.MLP] | type[reference.MLP]

N_EXAMPLES, SIZES = 5, (4, 3, 3)
X: Array = np.random.default_rng(0).random((N_EXAMPLES, 4), dtype=np.float32)
LABELS: Array = np.array([0, 1, 2, 0, 1])
TARGETS: Array = np.eye(3, dtype=np.float32)[LABELS]


@pytest.fixture(
    params=[
        pytest.param(fastnn.MLP, id="MLP"),
        pytest.param(reference.MLP, id="reference"),
    ]
)
def network_class(request: pytest.FixtureRequest) -> NetworkClass:
    cls: NetworkClass = request.param
    return cls


class Watched:
    """A network and the random generator that it draws from."""

    def __init__(self, cls: NetworkClass, sizes: tuple[int, ...] = SIZES, **options: Any) -> None:
        self.generator = np.random.default_rng(1)
        self.network: Network = cls(sizes, seed=self.generator, **options)

    def state(self) -> Any:
        parameters = (*self.network.weights, *self.network.biases)
        return [p.tobytes() for p in parameters], self.generator.bit_generator.state


@pytest.fixture
def watched(network_class: NetworkClass) -> Watched:
    return Watched(network_class)


@contextmanager
def refusal(error: type[Exception], *words: str) -> Iterator[None]:
    """Expect exactly this error; its message begins with the first and has all words in order."""
    with pytest.raises(error) as caught:
        yield
    assert type(caught.value) is error
    message = str(caught.value)
    assert re.match(".*".join(map(re.escape, words)), message, re.DOTALL), message


@contextmanager
def unchanged(watched: Watched) -> Iterator[None]:
    before = watched.state()
    yield
    assert watched.state() == before, "parameters or random generator changed"


def at(value: Any, row: int, column: int | None = None, of: Array = X) -> Array:
    """Copy ``of``, wide enough for the value, with the value put in one place."""
    array = of.astype(np.float64)
    array[row if column is None else (row, column)] = value
    return array


def replaced(value: Any) -> Array:
    """Copy X with any object put at row 3, column 1."""
    array = X.astype(object)
    array[3, 1] = value
    return array


# The constructor

WIDTHS = "layer_sizes must be two or more positive integers"


@pytest.mark.parametrize(
    ("sizes", "error", "got"),
    [
        ([], ValueError, "got []"),
        ([3], ValueError, "got [3]"),
        ([3, 0], ValueError, "got 0 in [3, 0]"),
        ([0, 3], ValueError, "got 0 in [0, 3]"),
        ([4, -1, 3], ValueError, "got -1 in [4, -1, 3]"),
        ([3, 1.5], TypeError, "got 1.5 in"),
        ([3, 4.0], TypeError, "got 4.0 in"),
        ([3, True], TypeError, "got True in"),
        ([3, np.True_], TypeError, "got np.True_ in"),
        ([3, "4"], TypeError, "got '4' in"),
        ([3, None], TypeError, "got None in"),
        ([3, float("nan")], TypeError, "got nan in"),
        ([[3, 4]], TypeError, "got [3, 4] in"),
        (np.array([3.0, 4.0]), TypeError, "got np.float64(3.0) in"),
        (np.array(5), TypeError, "got array(5)"),
        (5, TypeError, "got 5"),
        ("4,3", TypeError, "got '4,3'"),
        (b"43", TypeError, "got b'43'"),
        (None, TypeError, "got None"),
    ],
    ids=repr,
)
def test_layer_sizes(
    network_class: NetworkClass, sizes: Any, error: type[Exception], got: str
) -> None:
    with refusal(error, WIDTHS, got):
        network_class(sizes)


def test_layer_sizes_beyond_memory(network_class: NetworkClass) -> None:
    bytes_needed = f"{(10**10 + 1) * 10**10 * 4:,} bytes in float32"
    with refusal(MemoryError, "layer_sizes must", "fits in memory", "10000000000", bytes_needed):
        network_class([10**10, 10**10])


KNOWN = ("must be one of 'identity', 'sigmoid', ", " or an Activation, got")
ONE_FOR_EACH = ("activation must be one name or Activation, or a list of 1", "hidden layer", "got")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"activation": "swish"}, ValueError, ("activation", *KNOWN, "'swish'")),
        ({"activation": "Sigmoid"}, ValueError, ("activation", *KNOWN, "'Sigmoid'")),
        ({"activation": ["swish"]}, ValueError, ("activation", *KNOWN, "'swish'")),
        ({"activation": [3]}, TypeError, ("activation", *KNOWN, "3")),
        ({"activation": ["tanh", "tanh"]}, ValueError, (*ONE_FOR_EACH, "['tanh', 'tanh']")),
        ({"activation": []}, ValueError, (*ONE_FOR_EACH, "[]")),
        ({"activation": 3}, TypeError, (*ONE_FOR_EACH, "3")),
        ({"activation": None}, TypeError, (*ONE_FOR_EACH, "None")),
        ({"activation": np.tanh}, TypeError, (*ONE_FOR_EACH, "<ufunc 'tanh'>")),
        ({"output_activation": "swish"}, ValueError, ("output_activation", *KNOWN, "'swish'")),
        ({"output_activation": ["tanh"]}, TypeError, ("output_activation", *KNOWN, "['tanh']")),
        (
            {"loss": "mse"},
            ValueError,
            ("loss must be one of", " or a Loss, got 'mse'"),
        ),
        ({"loss": ["squared_error"]}, TypeError, ("loss must be one of", "got ['squared_error']")),
        ({"dtype": int}, ValueError, ("dtype must be", "float", "got <class 'int'>")),
        ({"dtype": "int32"}, ValueError, ("dtype must be", "float", "got 'int32'")),
        ({"dtype": complex}, ValueError, ("dtype must be", "float", "got <class 'complex'>")),
        ({"dtype": object}, ValueError, ("dtype must be", "float", "got <class 'object'>")),
        ({"dtype": "f4,f4"}, ValueError, ("dtype must be", "float", "got 'f4,f4'")),
        ({"dtype": "swish"}, ValueError, ("dtype must be", "float", "got 'swish'")),
        ({"dtype": {"names": ["a"]}}, ValueError, ("dtype must be", "float", "got {'names'")),
        ({"dtype": None}, ValueError, ("dtype must be", "float", "got None")),
    ],
    ids=repr,
)
def test_options_of_the_constructor(
    network_class: NetworkClass,
    options: dict[str, Any],
    error: type[Exception],
    words: tuple[str, ...],
) -> None:
    generator = np.random.default_rng(1)
    before = generator.bit_generator.state
    with refusal(error, *words):
        network_class([4, 3, 3], **{"seed": generator, **options})
    assert generator.bit_generator.state == before


def test_kernels_are_for_float32_and_float64() -> None:
    with refusal(ValueError, "dtype must be float32 or float64, got 'float16'"):
        fastnn.MLP([4, 3], dtype="float16")
    assert reference.MLP([4, 3], dtype="float16").dtype == np.float16


@pytest.mark.parametrize(
    ("seed", "error"),
    [
        (-1, ValueError),
        ([1, -2], ValueError),
        (1.5, TypeError),
        ([1.5], TypeError),
        ("1", TypeError),
        ({}, TypeError),
    ],
    ids=repr,
)
def test_seed(network_class: NetworkClass, seed: Any, error: type[Exception]) -> None:
    with refusal(error, "seed must be", "non-negative integer", "Generator", f"got {seed!r}"):
        network_class([4, 3], seed=seed)


def plain(z: Array) -> Array:
    return z + 1


@pytest.mark.parametrize("argument", ["activation", "output_activation"])
@pytest.mark.parametrize(
    ("name", "function", "derivative", "error", "words"),
    [
        ("sum", np.sum, plain, ValueError, ("'sum'", "a function", "shape", "got float32 ()")),
        ("one", plain, lambda z: 1.0, ValueError, ("'one'", "a derivative", "shape", "got")),
        ("turn", np.transpose, plain, ValueError, ("'turn'", "a function", "shape", "(3, 2)")),
        ("im", lambda z: z + 1j, plain, ValueError, ("'im'", "real numbers", "got complex64")),
        ("none", lambda z: None, plain, ValueError, ("'none'", "real numbers", "got object")),
        ("three", 3, plain, TypeError, ("'three'", "function", "got 3")),
        ("four", plain, 4, TypeError, ("'four'", "derivative", "got 4")),
    ],
)
def test_activation_of_ones_own(
    network_class: NetworkClass,
    argument: str,
    name: str,
    function: Any,
    derivative: Any,
    error: type[Exception],
    words: tuple[str, ...],
) -> None:
    own = Activation(name, function, derivative)
    options: dict[str, Any] = {argument: own}
    with refusal(error, argument, *words):
        network_class([4, 3, 3], **options)


def overwriting(z: Array) -> Array:
    return np.tanh(z, out=z)


def test_activation_that_overwrites_its_argument(network_class: NetworkClass) -> None:
    own = Activation("over", overwriting, plain)
    with refusal(ValueError, "activation", "'over'", "function", "leaves its argument"):
        network_class([4, 3, 3], activation=own)


def test_two_activations_of_one_name(network_class: NetworkClass) -> None:
    first, second = Activation("f", np.sin, np.cos), Activation("f", np.cos, np.sin)
    with refusal(ValueError, "activation must have different names", "'f'"):
        network_class([4, 3, 3], activation=first, output_activation=second)
    network_class([4, 3, 3], activation=first, output_activation=first)


def test_activation_is_checked_without_a_hidden_layer(network_class: NetworkClass) -> None:
    with refusal(ValueError, "activation must be one of", "got 'bogus'"):
        network_class([4, 3], activation="bogus")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        (3, TypeError),  # a model file could not be read again
        (None, TypeError),
        ("sigmoid", ValueError),  # a model file would be read as the built-in one
    ],
    ids=repr,
)
def test_name_of_an_activation_of_ones_own(
    network_class: NetworkClass, name: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=f"(?i)activation.*name.*{name!r}"):
        network_class([4, 3, 3], activation=Activation(name, np.sin, np.cos))


# The options of train


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"learning_rate": 0}, ValueError, ("learning_rate must be", "above zero", "got 0")),
        ({"learning_rate": -0.1}, ValueError, ("learning_rate must be", "above zero", "got -0.1")),
        ({"learning_rate": np.nan}, ValueError, ("learning_rate must be finite", "got nan")),
        ({"learning_rate": np.inf}, ValueError, ("learning_rate must be finite", "got inf")),
        ({"learning_rate": 10**400}, ValueError, ("learning_rate must be finite", "got 1000")),
        ({"learning_rate": "0.1"}, TypeError, ("learning_rate must be a number", "got '0.1'")),
        ({"learning_rate": True}, TypeError, ("learning_rate must be a number", "got True")),
        ({"learning_rate": 1j}, TypeError, ("learning_rate must be a number", "got 1j")),
        ({"learning_rate": [0.1]}, TypeError, ("learning_rate must be a number", "got [0.1]")),
        ({"epochs": -1}, ValueError, ("epochs must be at least 0", "got -1")),
        ({"epochs": 1.5}, TypeError, ("epochs must be an integer", "got 1.5")),
        ({"epochs": 2.0}, TypeError, ("epochs must be an integer", "got 2.0")),
        ({"epochs": True}, TypeError, ("epochs must be an integer", "got True")),
        ({"epochs": "2"}, TypeError, ("epochs must be an integer", "got '2'")),
        ({"epochs": None}, TypeError, ("epochs must be an integer", "got None")),
        ({"batch_size": 0}, ValueError, ("batch_size must be at least 1", "got 0")),
        ({"batch_size": -1}, ValueError, ("batch_size must be at least 1", "got -1")),
        ({"batch_size": 2.5}, TypeError, ("batch_size must be an integer", "got 2.5")),
        ({"batch_size": True}, TypeError, ("batch_size must be an integer", "got True")),
        ({"batch_size": "all"}, TypeError, ("batch_size must be an integer", "got 'all'")),
        ({"shuffle": 1}, TypeError, ("shuffle must be True or False", "got 1")),
        ({"shuffle": None}, TypeError, ("shuffle must be True or False", "got None")),
        (
            {"shuffle": lambda n: range(n - 1)},
            ValueError,
            (f"shuffle must return {N_EXAMPLES} integers", f"got int64 ({N_EXAMPLES - 1},)"),
        ),
        (
            {"shuffle": lambda n: np.arange(n) / 1},
            ValueError,
            (f"shuffle must return {N_EXAMPLES} integers", f"got float64 ({N_EXAMPLES},)"),
        ),
        (
            {"shuffle": lambda n: np.arange(n) // 2},
            ValueError,
            (
                f"shuffle must return each number below {N_EXAMPLES} once",
                "got some twice or others",
            ),
        ),
        (
            {"shuffle": lambda n: np.arange(n) - 1},
            ValueError,
            (
                f"shuffle must return each number below {N_EXAMPLES} once",
                "got some twice or others",
            ),
        ),
        ({"callback": 3}, TypeError, ("callback must be None or callable", "got 3")),
    ],
    ids=lambda value: re.sub(" at 0x.*", "", f"{value}")[:40] if isinstance(value, dict) else None,
)
def test_options_of_train(
    watched: Watched, options: dict[str, Any], error: type[Exception], words: tuple[str, ...]
) -> None:
    with unchanged(watched), refusal(error, *words):
        watched.network.train(X, LABELS, **options)


NOT_WITH_LBFGS = "must be left out for the optimizer 'lbfgs'"
A_RATE_PER_LAYER = "dropout must be a rate from 0 to below 1, or a list of 1, one per hidden layer"
KNOWN_OPTIMIZERS = ("optimizer must be one of 'sgd', 'adam', ", "or an object such as SGD(), got")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"optimizer": "sdg"}, ValueError, (*KNOWN_OPTIMIZERS, "'sdg'")),
        ({"optimizer": "Adam"}, ValueError, (*KNOWN_OPTIMIZERS, "'Adam'")),
        ({"optimizer": None}, TypeError, (*KNOWN_OPTIMIZERS, "None")),
        ({"optimizer": Adam}, TypeError, (*KNOWN_OPTIMIZERS, "<class")),
        ({"optimizer": 0.1}, TypeError, (*KNOWN_OPTIMIZERS, "0.1")),
        (
            {"optimizer": SGD(0.1), "learning_rate": 0.2},
            ValueError,
            ("learning_rate must be left out where the optimizer is an object", "0.2", "SGD("),
        ),
        (
            {"optimizer": "adam", "learning_rate": 0},
            ValueError,
            ("learning_rate must be finite and above zero, got 0",),
        ),
        (
            {"optimizer": "adam", "learning_rate": "fast"},
            TypeError,
            (
                "learning_rate must be a number, a schedule such as",
                "got 'fast'",
            ),
        ),
        (
            {"learning_rate": lambda step: -0.1},
            ValueError,
            ("learning_rate at step 0 must be at least 0 and finite, got -0.1",),
        ),
        (
            {"learning_rate": lambda step: "fast"},
            TypeError,
            ("learning_rate at step 0 must be a number, got 'fast'",),
        ),
        (
            {"learning_rate": ReduceOnPlateau(0.1, "validation_loss")},
            ValueError,
            ("learning_rate monitors 'validation_loss'", "validation_data or"),
        ),
        ({"l1": -0.1}, ValueError, ("l1 must be at least 0 and finite, got -0.1",)),
        ({"l1": np.inf}, ValueError, ("l1 must be at least 0 and finite, got inf",)),
        ({"l1": "0.1"}, TypeError, ("l1 must be a number, got '0.1'",)),
        ({"l1": None}, TypeError, ("l1 must be a number, got None",)),
        ({"l2": -0.1}, ValueError, ("l2 must be at least 0 and finite, got -0.1",)),
        ({"l2": np.nan}, ValueError, ("l2 must be at least 0 and finite, got nan",)),
        ({"l2": True}, TypeError, ("l2 must be a number, got True",)),
        (
            {"l2": 10},
            ValueError,
            ("l2 times learning_rate must be below 1", "got 10.0 times", "0.1"),
        ),
        ({"dropout": 1}, ValueError, (A_RATE_PER_LAYER, "got 1")),
        ({"dropout": 1.0}, ValueError, (A_RATE_PER_LAYER, "got 1.0")),
        ({"dropout": -0.1}, ValueError, (A_RATE_PER_LAYER, "got -0.1")),
        ({"dropout": np.nan}, ValueError, (A_RATE_PER_LAYER, "got nan")),
        ({"dropout": [0.5, 0.5]}, ValueError, (A_RATE_PER_LAYER, "got [0.5, 0.5]")),
        ({"dropout": []}, ValueError, (A_RATE_PER_LAYER, "got []")),
        ({"dropout": [2]}, ValueError, (A_RATE_PER_LAYER, "got [2]")),
        ({"dropout": "0.5"}, TypeError, (A_RATE_PER_LAYER, "got '0.5'")),
        ({"dropout": ["0.5"]}, TypeError, (A_RATE_PER_LAYER, "got ['0.5']")),
        ({"dropout": True}, TypeError, (A_RATE_PER_LAYER, "got True")),
        ({"dropout": None}, TypeError, (A_RATE_PER_LAYER, "got None")),
        ({"clip_norm": 0}, ValueError, ("clip_norm must be finite and above zero, got 0",)),
        ({"clip_norm": -1}, ValueError, ("clip_norm must be finite and above zero, got -1",)),
        ({"clip_norm": np.inf}, ValueError, ("clip_norm must be finite and above zero, got inf",)),
        ({"clip_norm": "1"}, TypeError, ("clip_norm must be a number, got '1'",)),
        ({"max_norm": 0.0}, ValueError, ("max_norm must be finite and above zero, got 0.0",)),
        ({"max_norm": np.nan}, ValueError, ("max_norm must be finite and above zero, got nan",)),
        ({"max_norm": [1]}, TypeError, ("max_norm must be a number, got [1]",)),
        *(
            (
                {"optimizer": name, "batch_size": batch_size},
                ValueError,
                (
                    "batch_size must be None, the full batch, for the optimizer",
                    f"{name!r}, got {batch_size}",
                ),
            )
            for name in ("rprop", "lbfgs")
            for batch_size in (1, 5, 32)
        ),
        *(
            (
                {"optimizer": "lbfgs", "batch_size": None, argument: value},
                ValueError,
                (argument, NOT_WITH_LBFGS),
            )
            for argument, value in {
                "l1": 0.1,
                "dropout": [0.5],
                "clip_norm": 1.0,
                "max_norm": 1.0,
                "batch_callback": print,
                "learning_rate": 0.1,
            }.items()
        ),
    ],
    ids=lambda value: re.sub(" at 0x.*", "", f"{value}")[:60] if isinstance(value, dict) else None,
)
def test_how_to_train(
    network_class: NetworkClass,
    options: dict[str, Any],
    error: type[Exception],
    words: tuple[str, ...],
) -> None:
    watched, untroubled = Watched(network_class), Watched(network_class)
    for each in (watched, untroubled):
        each.network.train(X, LABELS, epochs=2, optimizer=Adam(Linear(0.1, n_steps=30)))
    with unchanged(watched), refusal(error, *words):
        watched.network.train(X, LABELS, **options)
    for each in (watched, untroubled):  # goes on with the optimizer's memory, and the schedule
        each.network.train(X, LABELS, epochs=2, optimizer=Adam(Linear(0.1, n_steps=30)))
    assert watched.state() == untroubled.state()


def test_dropout_without_hidden_layers(network_class: NetworkClass) -> None:
    watched = Watched(network_class, (4, 3))
    with unchanged(watched), refusal(ValueError, "dropout must be 0 without hidden layers, got 0."):
        watched.network.train(X, LABELS, dropout=0.5)
    watched.network.train(X, LABELS, dropout=0.0)
    watched.network.train(X, LABELS, dropout=[])


@pytest.mark.parametrize("optimizer", ["lbfgs", LBFGS()], ids=repr)
def test_lbfgs_makes_no_steps_for_batches(watched: Watched, optimizer: Any) -> None:
    got = f"got {optimizer!r}"
    with unchanged(watched), refusal(ValueError, "optimizer must be one that makes a step", got):
        watched.network.train_batch(X, LABELS, optimizer=optimizer)


def test_a_schedule_for_single_batches_needs_its_length(watched: Watched) -> None:
    with unchanged(watched), refusal(ValueError, "learning_rate must have n_steps"):
        watched.network.train([(X, LABELS)], learning_rate=Linear(0.1), batch_size=2)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, RMSprop, Adagrad, Rprop], ids=str)
@pytest.mark.parametrize(
    ("rate", "error", "words"),
    [
        (0, ValueError, "must be finite and above zero, got 0"),
        (-1, ValueError, "must be finite and above zero, got -1"),
        (np.inf, ValueError, "must be finite and above zero, got inf"),
        (
            "0.1",
            TypeError,
            "must be a number, a schedule such as Cosine(0.1) or a function of the step, got '0.1'",
        ),
        (
            True,
            TypeError,
            "must be a number, a schedule such as Cosine(0.1) or a function of the step, got True",
        ),
        (
            None,
            TypeError,
            "must be a number, a schedule such as Cosine(0.1) or a function of the step, got None",
        ),
    ],
)
def test_rates_of_optimizers(
    kind: Callable[..., Any], rate: Any, error: type[Exception], words: str
) -> None:
    with refusal(error, f"learning_rate of {kind.__name__} {words}"):
        kind(rate)


@pytest.mark.parametrize(
    ("kind", "arguments", "error", "words"),
    [
        (SGD, {"momentum": 1}, ValueError, "momentum of SGD must be at least 0 and below 1, got 1"),
        (SGD, {"momentum": -0.1}, ValueError, "momentum of SGD must be at least 0 and below 1, g"),
        (SGD, {"momentum": "0.9"}, TypeError, "momentum of SGD must be a number, got '0.9'"),
        (SGD, {"nesterov": 1}, TypeError, "nesterov of SGD must be True or False, got 1"),
        (SGD, {"nesterov": True}, ValueError, "nesterov of SGD must be False without momentum"),
        (Adam, {"beta_1": 1.0}, ValueError, "beta_1 of Adam must be at least 0 and below 1, got 1"),
        (Adam, {"beta_2": -1}, ValueError, "beta_2 of Adam must be at least 0 and below 1, got -1"),
        (Adam, {"beta_2": None}, TypeError, "beta_2 of Adam must be a number, got None"),
        (Adam, {"epsilon": 0}, ValueError, "epsilon of Adam must be finite and above zero, got 0"),
        (AdamW, {"beta_1": 2}, ValueError, "beta_1 of AdamW must be at least 0 and below 1, got 2"),
        (AdamW, {"weight_decay": -1}, ValueError, "weight_decay of AdamW must be at least 0 and f"),
        (AdamW, {"weight_decay": "a"}, TypeError, "weight_decay of AdamW must be a number, got 'a"),
        (RMSprop, {"rho": 1}, ValueError, "rho of RMSprop must be at least 0 and below 1, got 1"),
        (RMSprop, {"epsilon": -1}, ValueError, "epsilon of RMSprop must be finite and above zero"),
        (Adagrad, {"epsilon": 0.0}, ValueError, "epsilon of Adagrad must be finite and above zero"),
        (Rprop, {"shorter": 1}, ValueError, "shorter of Rprop must be above 0 and below 1, got 1"),
        (Rprop, {"shorter": 0}, ValueError, "shorter of Rprop must be above 0 and below 1, got 0"),
        (Rprop, {"longer": 1}, ValueError, "longer of Rprop must be above 1 and finite, got 1"),
        (Rprop, {"shortest": 0}, ValueError, "shortest of Rprop must be finite and above zero, g"),
        (Rprop, {"shortest": 2, "longest": 1}, ValueError, "longest of Rprop must be at least 2 a"),
        (LBFGS, {"memory": 0}, ValueError, "memory of LBFGS must be at least 1, got 0"),
        (LBFGS, {"memory": 2.0}, TypeError, "memory of LBFGS must be an integer, got 2.0"),
        (LBFGS, {"tolerance": -1}, ValueError, "tolerance of LBFGS must be at least 0 and finite"),
    ],
)
def test_arguments_of_optimizers(
    kind: Callable[..., Any], arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with refusal(error, words):
        kind(**arguments)


# Data

ANY_SHAPE = ("X must have shape (n_examples, 4)", "got")
Refused = tuple[Any, type[Exception], tuple[str, ...]]


class Unconvertible:
    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        raise KeyError("no such column")


def no_numbers(argument: str, shape: tuple[int, ...]) -> list[Refused]:
    """What has the right shape but is not of real numbers."""
    real = f"{argument} must be an array of real numbers, got"
    full: Array = np.ones(shape)
    return [
        (full.astype(complex), TypeError, (real, "complex128")),
        (full.astype(str), TypeError, (real, "<U32")),
        (full.astype(bytes), TypeError, (real, "S32")),
        (full.astype(str).tolist(), TypeError, (real, "<U3", "list")),
        (full.astype("M8[D]"), TypeError, (real, "datetime64[D]")),
        (full.astype("m8[D]"), TypeError, (real, "timedelta64[D]")),
        (full.astype(complex).astype(object), TypeError, (real, "object", "ndarray")),
        (np.full(shape, None), TypeError, (real, "object", "ndarray")),
        (np.zeros(shape, "f4,f4"), TypeError, (real, "f0")),
        ([[1.0], [1.0, 2.0]], TypeError, (real, "list", "convert", "inhomogeneous")),
        (None, TypeError, (real, "object", "NoneType")),
        ({1, 2}, TypeError, (real, "object", "set")),
        (iter([1.0]), TypeError, (real, "object", "list_iterator")),
        (Unconvertible(), TypeError, (real, "Unconvertible", "convert", "no such column")),
    ]


BAD_X: list[Refused] = [
    *no_numbers("X", X.shape),
    (X[:, :3], ValueError, (*ANY_SHAPE, "(5, 3)")),
    (X[:, [0, 0, 1, 2, 3]], ValueError, (*ANY_SHAPE, "(5, 5)")),
    (X.T, ValueError, (*ANY_SHAPE, "(4, 5)")),
    (X[:, :0], ValueError, (*ANY_SHAPE, "(5, 0)")),
    (X[np.newaxis], ValueError, (*ANY_SHAPE, "(1, 5, 4)")),
    (X[:, :, np.newaxis], ValueError, (*ANY_SHAPE, "(5, 4, 1)")),
    (X[0, :3], ValueError, (*ANY_SHAPE, "(3,)")),
    (np.empty((0, 5)), ValueError, (*ANY_SHAPE, "(0, 5)")),
    (0.5, ValueError, (*ANY_SHAPE, "()")),
    (at(np.nan, 3, 1), ValueError, ("X must be finite", "got nan at row 3, column 1")),
    (at(np.inf, 0, 0), ValueError, ("X must be finite", "got inf at row 0, column 0")),
    (at(-np.inf, 4, 3), ValueError, ("X must be finite", "got -inf at row 4, column 3")),
    (at(1e39, 1, 2), ValueError, ("X must be finite in float32", "1e+39 at row 1, column 2")),
    (at(-1e39, 1, 2), ValueError, ("X must be finite in float32", "-1e+39 at row 1, column 2")),
    (
        np.where(np.arange(20).reshape(5, 4) > 10, np.nan, 0),
        ValueError,
        ("X must be finite", "got nan at row 2, column 3"),
    ),
    (
        np.asfortranarray(at(np.nan, 3, 1, of=at(np.nan, 4, 0))),
        ValueError,
        ("X must be finite", "at row 3, column 1"),
    ),
    (at(np.nan, 3, 1)[::-1], ValueError, ("X must be finite", "at row 1, column 1")),
]
BAD_X_IDS = [f"{index}-{words[-1]}" for index, (_, _, words) in enumerate(BAD_X)]

FOR_LABELS = ("y must be integer labels from 0 to 2", "(5, 3)", "got")

BAD_Y: list[Refused] = [
    *no_numbers("y", LABELS.shape),
    *no_numbers("y", TARGETS.shape),
    (LABELS[:4], ValueError, ("X and y must hold equally many", "(5, 4) and (4,)")),
    (TARGETS[:4], ValueError, ("X and y must hold equally many", "(5, 4) and (4, 3)")),
    ([], ValueError, ("X and y must hold equally many", "(5, 4) and (0,)")),
    (1, ValueError, ("X and y must hold equally many", "(5, 4) and ()")),
    (at(3, 2, of=LABELS), ValueError, (*FOR_LABELS, "3", "at row 2")),
    ([0, 1, 3, 0, 4], ValueError, (*FOR_LABELS, "3 at row 2")),
    ([0, 1, 2, 0, -1], ValueError, (*FOR_LABELS, "-1 at row 4")),
    ([0, 0.5, 2, 0, 1], ValueError, (*FOR_LABELS, "0.5 at row 1")),
    ([0, 1, np.nan, 0, 1], ValueError, (*FOR_LABELS, "nan at row 2")),
    ([0, 1, np.inf, 0, 1], ValueError, (*FOR_LABELS, "inf at row 2")),
    ([0, 1, 1e300, 0, 1], ValueError, (*FOR_LABELS, "1e+300 at row 2")),
    ([0, 1, 2.0**63, 0, 1], ValueError, (*FOR_LABELS, "e+18 at row 2")),
    (np.array([0, 2**64 - 1, 2, 0, 1], np.uint64), ValueError, (*FOR_LABELS, "at row 1")),
    (np.array([0, 1, 0, 0, 128], np.uint8), ValueError, (*FOR_LABELS, "128 at row 4")),
    (TARGETS[:, :2], ValueError, ("y must have shape (5, 3)", "(5,)", "labels", "got (5, 2)")),
    (LABELS[:, np.newaxis], ValueError, ("y must have shape (5, 3)", "(5,)", "got (5, 1)")),
    (TARGETS[:, :, np.newaxis], ValueError, ("y must have shape (5, 3)", "got (5, 3, 1)")),
    (
        at(np.nan, 3, 1, of=TARGETS),
        ValueError,
        ("y must be finite", "got nan at row 3, column 1"),
    ),
    (
        at(-np.inf, 0, 2, of=TARGETS),
        ValueError,
        ("y must be finite", "got -inf at row 0, column 2"),
    ),
    (
        at(1e39, 4, 0, of=TARGETS),
        ValueError,
        ("y must be finite in float32", "got 1e+39 at row 4, column 0"),
    ),
]
BAD_Y_IDS = [f"{index}-{words[-1]}" for index, (_, _, words) in enumerate(BAD_Y)]

with_data = pytest.mark.parametrize("method", ["train", "train_batch", "evaluate", "gradients"])
without_targets = pytest.mark.parametrize("method", ["predict", "classify", "activations"])


@with_data
@pytest.mark.parametrize("bad", BAD_X, ids=BAD_X_IDS)
def test_X(watched: Watched, method: str, bad: Refused) -> None:
    data, error, words = bad
    with unchanged(watched), refusal(error, *words):
        getattr(watched.network, method)(data, LABELS)


@without_targets
@pytest.mark.parametrize("bad", BAD_X, ids=BAD_X_IDS)
def test_X_alone(watched: Watched, method: str, bad: Refused) -> None:
    data, error, words = bad
    with unchanged(watched), refusal(error, *words):
        getattr(watched.network, method)(data)


@with_data
@pytest.mark.parametrize("bad", BAD_Y, ids=BAD_Y_IDS)
def test_y(watched: Watched, method: str, bad: Refused) -> None:
    data, error, words = bad
    if data is None and method == "train":  # X may be blocks that bring their y
        words = ("y must be given", "got a ndarray for X and None for y")
    with unchanged(watched), refusal(error, *words):
        getattr(watched.network, method)(X, data)


@with_data
@pytest.mark.parametrize(
    ("y", "words"),
    [
        (at(np.nan, 2, of=LABELS), ("y must be finite", "nan at row 2")),
        (at(1e39, 2, of=LABELS), ("y must be finite in float32", "1e+39 at row 2")),
        (TARGETS, ("y must have shape (5, 1) for targets or (5,) for targets", "got (5, 3)")),
    ],
)
def test_y_of_one_output(
    network_class: NetworkClass, method: str, y: Array, words: tuple[str, ...]
) -> None:
    watched = Watched(network_class, (4, 3, 1))
    with unchanged(watched), refusal(ValueError, *words):
        getattr(watched.network, method)(X, y)


@with_data
def test_one_example_is_no_data(watched: Watched, method: str) -> None:
    """`predict` takes one example without its axis; what has targets does not."""
    with unchanged(watched), refusal(ValueError, *ANY_SHAPE, "(4,)"):
        getattr(watched.network, method)(X[0], LABELS[:1])


@without_targets
@pytest.mark.parametrize("column", range(4))
def test_one_example_that_is_not_finite(watched: Watched, method: str, column: int) -> None:
    example = at(np.inf, column, of=X[0])
    with refusal(ValueError, "X must be finite", f"got inf at row 0, column {column}"):
        getattr(watched.network, method)(example)


def test_what_is_too_large_depends_on_the_dtype(network_class: NetworkClass) -> None:
    large = at(1e39, 3, 1)
    assert np.isfinite(network_class(SIZES, dtype="float64").predict(large)).all()
    with refusal(ValueError, "X must be finite in float32"):
        network_class(SIZES).predict(large)
    with refusal(ValueError, "X must be finite in float16", "got 70000.0 at row 3, column 1"):
        reference.MLP(SIZES, dtype="float16").predict(at(7e4, 3, 1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_every_place_is_looked_at(variant: str, dtype: str, value: float) -> None:
    network = fastnn.MLP([7, 2], dtype=dtype)
    for row, column in np.ndindex(9, 7):
        data = at(value, row, column, of=np.ones((9, 7)))
        with refusal(ValueError, f"X must be finite in {dtype}, got {value} at row {row}, col"):
            network.predict(data.astype(dtype))


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param(lambda: pd.DataFrame(at(np.nan, 3, 1)), id="nan"),
        pytest.param(lambda: pd.DataFrame(at(np.nan, 3, 1), dtype="Float64"), id="nullable"),
        pytest.param(lambda: replaced(None), id="None"),
        pytest.param(lambda: replaced("x"), id="text"),
    ],
)
def test_where_a_value_is_missing(watched: Watched, missing: Callable[[], Any]) -> None:
    """Whoever has to clean a table needs to know where."""
    data = missing()
    with pytest.raises((TypeError, ValueError), match=r"^X must be .* got .* at row 3, column 1"):
        watched.network.predict(data)


@pytest.mark.parametrize(
    ("huge", "got"),
    [(10**400, "got inf"), (Fraction(10**400), "got inf"), (-(10**400), "got -inf")],
    ids=["int", "fraction", "negative"],
)
def test_numbers_beyond_float64(watched: Watched, huge: Any, got: str) -> None:
    with unchanged(watched), refusal(ValueError, "X must be finite", f"{got} at row 3, column 1"):
        watched.network.train(replaced(huge), LABELS)


# Nothing to do


@with_data
@pytest.mark.parametrize("y", [LABELS[:0], TARGETS[:0]], ids=["labels", "targets"])
def test_no_examples(watched: Watched, method: str, y: Array) -> None:
    with (
        unchanged(watched),
        refusal(ValueError, "X must hold at least one example", "got shape (0, 4)"),
    ):
        getattr(watched.network, method)(X[:0], y)


@with_data
def test_empty_lists(watched: Watched, method: str) -> None:
    with unchanged(watched), refusal(ValueError, "X must", "got", "(0,"):
        getattr(watched.network, method)([], [])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize(
    "empty",
    [
        X[:0],
        np.empty((0, 4), int),
        np.empty((0, 4), object),
        [],
        pd.DataFrame(columns=list("abcd")),
    ],
    ids=["float32", "int", "object", "list", "frame"],
)
def test_predictions_for_no_examples(
    network_class: NetworkClass, dtype: str, n_outputs: int, empty: Any
) -> None:
    network = network_class([4, 3, n_outputs], dtype=dtype)
    outputs, labels = network.predict(empty), network.classify(empty)
    assert outputs.shape == (0, n_outputs)
    assert outputs.dtype == dtype
    assert labels.shape == (0,)
    assert labels.dtype == np.intp


def test_no_epochs(watched: Watched) -> None:
    with unchanged(watched):
        assert watched.network.train(X, LABELS, epochs=0).loss == []


def test_a_number_alone_is_no_example() -> None:
    """Arrays of no dimension have no last one to compare with the number of inputs."""
    for dtype in ("float32", "float64"):
        net = fastnn.MLP([1, 2], dtype=dtype)
        with pytest.raises(ValueError, match=r"X must have shape \(n_examples, 1\)"):
            net.predict(np.array(1, dtype))
