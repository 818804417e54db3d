"""What networks, optimizers and schedules refuse: the error, its message, and nothing changed."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import Error, Kind, Options, each_value, parameters, parametrize, refusal, unchanged

import fastnn
from fastnn import LBFGS, MLP, SGD, Activation, Adam, Linear, ReduceOnPlateau, reference
from fastnn.common.arrays import Array
from fastnn.network import Network

N_EXAMPLES, SIZES = 5, (4, 3, 3)
X: Array = np.random.default_rng(0).random((N_EXAMPLES, 4), dtype=np.float32)
LABELS: Array = np.array([0, 1, 2, 0, 1])
TARGETS: Array = np.eye(3, dtype=np.float32)[LABELS]


@pytest.fixture
def net(kind: Kind) -> Network:
    return kind(SIZES, seed=1)


def at(value: Any, row: int, column: int | None = None, of: Array = X) -> Array:
    """Copy ``of``, wide enough for the value, with the value put in one place."""
    array = of.astype(object if of.dtype == object else np.float64)
    array[row if column is None else (row, column)] = value
    return array


def got(value: Any) -> str:
    """Return what a message says of the value, as far as that is the same on all platforms."""
    return f"got {value!r}"[:24].removesuffix("'")


# The constructor


@parametrize(
    "sizes, wrong",
    *((sizes, sizes) for sizes in ([], [3], np.array(5), 5, "4,3", b"43", None)),
    *(([3, width], width) for width in (0, 1.5, 4.0, True, np.True_, "4", None, math.nan)),
    *(([0, 3], 0), ([4, -1, 3], -1), ([[3, 4]], [3, 4])),
    (np.array([3.0, 4.0]), np.float64(3)),
    ids=repr,
)
def test_layer_sizes(kind: Kind, sizes: Any, wrong: Any) -> None:
    is_of_integers = isinstance(sizes, list) and (sizes is wrong or type(wrong) is int)
    error = ValueError if is_of_integers else TypeError
    with refusal(error, "layer_sizes must be two or more positive integers", f"got {wrong!r}"):
        kind(sizes)


ACTIVATIONS = "must be one of 'identity', 'sigmoid', ", " or an Activation, got"
LOSSES = "loss must be one of", " or a Loss, got"
FOR_EACH = ("activation must be one name or Activation, or a list of 1", "hidden layer", "got")


def own_loss(outputs: Array, targets: Array) -> tuple[Array, Array]:
    errors = outputs - targets
    return (errors * errors).sum(axis=1) / 2, errors


def loss(function: Any, name: Any = "x") -> Options:
    return {"loss": fastnn.Loss(name, function)}


@parametrize(
    "options, error, words",
    ({"activation": "swish"}, ValueError, ("activation", *ACTIVATIONS, "'swish'")),
    ({"activation": "Sigmoid"}, ValueError, ("activation", *ACTIVATIONS, "'Sigmoid'")),
    ({"activation": ["swish"]}, ValueError, ("activation", *ACTIVATIONS, "'swish'")),
    ({"activation": [3]}, TypeError, ("activation", *ACTIVATIONS, "3")),
    ({"activation": ["tanh", "tanh"]}, ValueError, (*FOR_EACH, "['tanh', 'tanh']")),
    ({"activation": []}, ValueError, (*FOR_EACH, "[]")),
    ({"activation": 3}, TypeError, (*FOR_EACH, "3")),
    ({"activation": None}, TypeError, (*FOR_EACH, "None")),
    ({"activation": np.tanh}, TypeError, (*FOR_EACH, "<ufunc 'tanh'>")),
    ({"activation": "softmax"}, ValueError, ("activation must be one for hidden", "'softmax'")),
    ({"output_activation": "swish"}, ValueError, ("output_activation", *ACTIVATIONS, "'swish")),
    ({"output_activation": ["tanh"]}, TypeError, ("output_activation", *ACTIVATIONS, "['tanh")),
    ({"output_activation": 3}, TypeError, ("output_activation", *ACTIVATIONS, "3")),
    ({"loss": "mse"}, ValueError, (*LOSSES, "'mse'")),
    ({"loss": "crossentropy"}, ValueError, (*LOSSES, "'crossentropy'")),
    ({"loss": ["squared_error"]}, TypeError, (*LOSSES, "['squared_error']")),
    (loss(own_loss, "huber"), ValueError, ("loss must have a name that no built-in one has",)),
    (loss(own_loss, 3), TypeError, ("loss must have a name that is a str, got 3",)),
    (loss(3), TypeError, ("loss 'x' must have a callable function, got 3",)),
    (
        loss(lambda a, t: a - t),
        TypeError,
        ("loss 'x' must return losses ", " and derivatives ", "got a ndarray"),
    ),
    (
        loss(lambda a, t: (((a - t) ** 2).sum(), a - t)),
        ValueError,
        ("loss 'x' must return losses that are real numbers in shape (2,)",),
    ),
    (
        loss(lambda a, t: (a[:, 0], np.negative(a, out=a))),
        ValueError,
        ("loss 'x' must leave its arguments as they are",),
    ),
    *(
        ({"dtype": dtype}, ValueError, ("dtype must be", "float", got(dtype)))
        for dtype in (int, "int32", complex, object, "f4,f4", "swish", {"names": ["a"]}, None)
    ),
    ids=repr,
)
def test_options_of_the_constructor(
    kind: Kind, options: Options, error: Error, words: tuple[str, ...]
) -> None:
    generator = np.random.default_rng(1)
    before = generator.bit_generator.state
    with refusal(error, *words):
        kind(SIZES, **{"seed": generator, **options})
    assert generator.bit_generator.state == before


@parametrize(
    "loss, output, must",
    ("cross_entropy", "sigmoid", "output_activation must be 'softmax' for the loss"),
    (fastnn.losses.LOSSES["poisson"], "identity", "output_activation must be 'exp' for the "),
    ("binary_cross_entropy", "identity", "output_activation must be 'sigmoid' for the loss"),
    ("squared_error", "softmax", "loss must be 'cross_entropy' for softmax outputs"),
    ids=str,
)
def test_loss_and_output_activation_fit(kind: Kind, loss: Any, output: str, must: str) -> None:
    wrong = loss if must.startswith("loss") else output
    with refusal(ValueError, must, f"got {wrong!r}"):
        kind(SIZES, loss=loss, output_activation=output)


@parametrize(
    "options, error, message",
    ({"loss": fastnn.Huber(0)}, ValueError, "delta of loss 'huber' must be above 0 and finite"),
    ({"loss": fastnn.Huber("1")}, TypeError, "delta of loss 'huber' must be a number, got '1'"),  # type: ignore[arg-type]
    ({"loss": fastnn.Quantile(1)}, ValueError, "quantile of loss 'quantile' must be above 0 a"),
    (
        {"activation": fastnn.LeakyReLU(-0.1)},
        ValueError,
        "negative_slope of activation 'leaky_relu' must be at least 0 and finite, got -0.1",
    ),
    (
        {"output_activation": fastnn.ELU(np.nan)},
        ValueError,
        "alpha of output_activation 'elu' must be at least 0 and finite, got nan",
    ),
    ids=repr,
)
def test_parameters_of_losses_and_activations(
    kind: Kind, options: Options, error: Error, message: str
) -> None:
    with refusal(error, message):
        kind(SIZES, **options)


def test_kernels_are_for_float32_and_float64() -> None:
    with refusal(ValueError, "dtype must be float32 or float64, got 'float16'"):
        fastnn.MLP([4, 3], dtype="float16")
    assert reference.MLP([4, 3], dtype="float16").dtype == np.float16


@parametrize("seed", -1, [1, -2], 1.5, [1.5], "1", {}, ids=repr)
def test_seed(kind: Kind, seed: Any) -> None:
    error = ValueError if seed in (-1, [1, -2]) else TypeError
    with refusal(error, "seed must be", "non-negative integer", "Generator", f"got {seed!r}"):
        kind([4, 3], seed=seed)


def plain(z: Array) -> Array:
    return z + 1


def overwriting(z: Array) -> Array:
    return np.tanh(z, out=z)


@parametrize("argument", "activation", "output_activation")
@parametrize(
    "function, derivative, error, words",
    (np.sum, plain, ValueError, ("a function", "shape", "got float32 ()")),
    (plain, lambda z: 1.0, ValueError, ("a derivative", "shape", "got")),
    (np.transpose, plain, ValueError, ("a function", "shape", "(3, 2)")),
    (lambda z: z + 1j, plain, ValueError, ("real numbers", "got complex64")),
    (lambda z: None, plain, ValueError, ("real numbers", "got object")),
    (3, plain, TypeError, ("function", "got 3")),
    (plain, 4, TypeError, ("derivative", "got 4")),
    (overwriting, plain, ValueError, ("function", "leaves its argument")),
)
def test_activation_of_ones_own(
    kind: Kind, argument: str, function: Any, derivative: Any, error: Error, words: tuple[str, ...]
) -> None:
    options: Options = {argument: Activation("own", function, derivative)}
    with refusal(error, argument, "'own'", *words):
        kind(SIZES, **options)


def test_two_activations_of_one_name(kind: Kind) -> None:
    first, second = Activation("f", np.sin, np.cos), Activation("f", np.cos, np.sin)
    with refusal(ValueError, "activation must have different names", "'f'"):
        kind(SIZES, activation=first, output_activation=second)
    kind(SIZES, activation=first, output_activation=first)


def test_activation_is_checked_without_a_hidden_layer(kind: Kind) -> None:
    with refusal(ValueError, "activation must be one of", "got 'bogus'"):
        kind([4, 3], activation="bogus")


# A model file could not be read again, or would be read as the built-in one.
@parametrize("name", 3, None, "sigmoid", ids=repr)
def test_name_of_an_activation_of_ones_own(kind: Kind, name: Any) -> None:
    error = ValueError if isinstance(name, str) else TypeError
    with pytest.raises(error, match=f"(?i)activation.*name.*{name!r}"):
        kind(SIZES, activation=Activation(name, np.sin, np.cos))


# The options of train

DROPOUT = "dropout must be a rate from 0 to below 1, or a list of 1, one per hidden layer"
A_RATE = "must be a number, a schedule such as Cosine(0.1) or a function of the step"
ADAM: Options = {"optimizer": Adam(Linear(0.1, n_steps=30)), "epochs": 2}


@each_value(
    {
        "learning_rate must be finite and above zero": [0, -0.1, math.nan, math.inf, 10**400],
        "epochs must be at least 0": [-1],
        "batch_size must be at least 1": [0, -1],
        "optimizer must be one of 'sgd', 'adam', ": ["sdg", "Adam"],
        "l1 must be at least 0 and finite": [-0.1, math.inf],
        "l2 must be at least 0 and finite": [-0.1, math.nan],
        DROPOUT: [1, 1.0, -0.1, math.nan, [0.5, 0.5], [], [2]],
        "clip_norm must be finite and above zero": [0, -1, math.inf],
        "max_norm must be finite and above zero": [0.0, math.nan],
        "validation_fraction must be above 0": [0, 1.0],
    }
)
def test_values_of_options_of_train(net: Network, rule: str, argument: str, value: Any) -> None:
    options: Options = {argument: value}
    with unchanged(net), refusal(ValueError, rule, got(value)):
        net.train(X, LABELS, **options)


@each_value(
    {
        f"learning_rate {A_RATE}": ["0.1", True, 1j, [0.1]],
        "epochs must be an integer": [1.5, 2.0, True, "2", None],
        "batch_size must be an integer": [2.5, True, "all"],
        "buffer_size must be an integer": ["many"],
        "shuffle must be True or False": [1, None],
        "progress must be True or False": [1],
        "callback must be None or callable": [3],
        "batch_callback must be None or callable": [3],
        "early_stopping must be None or an EarlyStopping": [3],
        "optimizer must be one of 'sgd', 'adam', ": [None, Adam, 0.1],
        "l1 must be a number": ["0.1", None],
        "l2 must be a number": [True],
        DROPOUT: ["0.5", ["0.5"], True, None],
        "clip_norm must be a number": ["1"],
        "max_norm must be a number": [[1]],
        "validation_fraction must be a number": ["0.1"],
    }
)
def test_types_of_options_of_train(net: Network, rule: str, argument: str, value: Any) -> None:
    options: Options = {argument: value}
    with unchanged(net), refusal(TypeError, rule, got(value)):
        net.train(X, LABELS, **options)


RATE_AT_0 = "learning_rate at step 0 must be"
ONE_EACH = f"shuffle must return each number below {N_EXAMPLES} once", "got some twice or others"


@parametrize(
    "options, words",
    (
        {"shuffle": lambda n: range(n - 1)},
        (f"shuffle must return {N_EXAMPLES} integers", f"got int64 ({N_EXAMPLES - 1},)"),
    ),
    (
        {"shuffle": lambda n: np.arange(n) / 1},
        (f"shuffle must return {N_EXAMPLES} integers", f"got float64 ({N_EXAMPLES},)"),
    ),
    ({"shuffle": lambda n: np.arange(n) // 2}, ONE_EACH),
    ({"shuffle": lambda n: np.arange(n) - 1}, ONE_EACH),
    (
        {"optimizer": SGD(0.1), "learning_rate": 0.2},
        ("learning_rate must be left out where the optimizer is an object", "0.2", "SGD("),
    ),
    (
        {"optimizer": "adam", "learning_rate": 0},
        ("learning_rate must be finite and above zero, got 0",),
    ),
    ({"learning_rate": lambda step: -0.1}, (f"{RATE_AT_0} at least 0 and finite, got -0.1",)),
    (
        {"learning_rate": ReduceOnPlateau(0.1, "validation_loss")},
        ("learning_rate monitors 'validation_loss'", "validation_data or"),
    ),
    (
        {"learning_rate": ReduceOnPlateau(0.1, "validation_score")},
        ("learning_rate monitors 'validation_score'",),
    ),
    ({"l2": 10}, ("l2 times learning_rate must be below 1", "got 10.0 times", "0.1")),
    ({"early_stopping": fastnn.EarlyStopping()}, ("early_stopping monitors 'validation_loss'",)),
    ({"validation_data": (np.ones((3, 5)), [0, 1, 2])}, ("X must have shape",)),
    ({"validation_data": (np.ones((2, 4)), [0, 3])}, ("y must be integer labels",)),
    (
        {"validation_fraction": 0.2, "validation_data": (X, LABELS)},
        ("validation_fraction must be None where validation_data are given",),
    ),
    *(
        (
            {"optimizer": name, "batch_size": size},
            (
                "batch_size must be None, the full batch, for the optimizer",
                f"{name!r}, {got(size)}",
            ),
        )
        for name in ("rprop", "lbfgs")
        for size in (1, 5, 32)
    ),
    *(
        (
            {"optimizer": "lbfgs", "batch_size": None, argument: value},
            (argument, "must be left out for the optimizer 'lbfgs'"),
        )
        for argument, value in {
            **{"l1": 0.1, "dropout": [0.5], "clip_norm": 1.0, "max_norm": 1.0},
            **{"batch_callback": print, "learning_rate": 0.1},
        }.items()
    ),
)
def test_options_of_train_that_do_not_fit(
    kind: Kind, options: Options, words: tuple[str, ...]
) -> None:
    net, untroubled = kind(SIZES, seed=1), kind(SIZES, seed=1)
    for each in (net, untroubled):
        each.train(X, LABELS, **ADAM)
    with unchanged(net), refusal(ValueError, *words):
        net.train(X, LABELS, **options)
    for each in (net, untroubled):  # goes on with the optimizer's memory, and the schedule
        each.train(X, LABELS, **ADAM)
    assert parameters(net) == parameters(untroubled)


@parametrize(
    "options, message",
    ({"optimizer": "adam", "learning_rate": "fast"}, f"learning_rate {A_RATE}, got 'fast'"),
    ({"learning_rate": lambda step: "fast"}, f"{RATE_AT_0} a number, got 'fast'"),
    ({"validation_data": 3}, "validation_data must be (X, y) or (X, y, sample_weight), got a i"),
    ({"validation_data": (X,)}, "validation_data must be (X, y) or (X, y, sample_weight), got"),
)
def test_other_types_of_options_of_train(net: Network, options: Options, message: str) -> None:
    with unchanged(net), refusal(TypeError, message):
        net.train(X, LABELS, **options)


def test_dropout_without_hidden_layers(kind: Kind) -> None:
    net = kind([4, 3], seed=1)
    with unchanged(net), refusal(ValueError, "dropout must be 0 without hidden layers, got 0."):
        net.train(X, LABELS, dropout=0.5)
    net.train(X, LABELS, dropout=0.0)
    net.train(X, LABELS, dropout=[])


@parametrize("optimizer", "lbfgs", LBFGS(), ids=repr)
def test_lbfgs_makes_no_steps_for_batches(net: Network, optimizer: Any) -> None:
    message = "optimizer must be one that makes a step"
    with unchanged(net), refusal(ValueError, message, f"got {optimizer!r}"):
        net.train_batch(X, LABELS, optimizer=optimizer)


def test_a_schedule_for_single_batches_needs_its_length(net: Network) -> None:
    with unchanged(net), refusal(ValueError, "learning_rate must have n_steps"):
        net.train([(X, LABELS)], learning_rate=Linear(0.1), batch_size=2)


# Optimizers, schedules and early stopping

MONITORS = "must be one of 'loss', 'validation_loss', 'validation_score'"
BY_BATCHES = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Rprop")
REQUIRED: dict[str, Options] = {
    **{name: {"start": 1} for name in ("InverseScaling", "Linear", "Cosine", "ReduceOnPlateau")},
    "StepDecay": {"start": 1, "every": 1},
    "OneCycle": {"peak": 1},
}


def made_with(rule: str, argument: str, value: Any) -> Callable[[], Any]:
    """Return the call that the rule, "argument of owner must ...", is about."""
    owner = rule.split()[2]
    return lambda: getattr(fastnn, owner)(**{**REQUIRED.get(owner, {}), argument: value})


@each_value(
    {
        **{
            f"learning_rate of {name} must be finite and above zero": [0, -1, math.inf]
            for name in BY_BATCHES
        },
        "momentum of SGD must be at least 0 and below 1": [1, -0.1],
        "nesterov of SGD must be False without momentum": [True],
        "beta_1 of Adam must be at least 0 and below 1": [1.0],
        "beta_2 of Adam must be at least 0 and below 1": [-1],
        "epsilon of Adam must be finite and above zero": [0],
        "beta_1 of AdamW must be at least 0 and below 1": [2],
        "weight_decay of AdamW must be at least 0 and finite": [-1],
        "rho of RMSprop must be at least 0 and below 1": [1],
        "epsilon of RMSprop must be finite and above zero": [-1],
        "epsilon of Adagrad must be finite and above zero": [0.0],
        "shorter of Rprop must be above 0 and below 1": [0, 1],
        "longer of Rprop must be above 1 and finite": [1],
        "shortest of Rprop must be finite and above zero": [0],
        "longest of Rprop must be at least 1e-06 and finite": [1e-7],
        "memory of LBFGS must be at least 1": [0],
        "tolerance of LBFGS must be at least 0 and finite": [-1],
        "start of Linear must be finite and above zero": [-1, math.inf],
        "end of Linear must be at least 0 and finite": [-0.5],
        "n_steps of Linear must be at least 1": [0],
        "start of Cosine must be finite and above zero": [0],
        "end of Cosine must be at least 0 and finite": [math.nan],
        "power of InverseScaling must be at least 0 and finite": [-1],
        "factor of StepDecay must be above 0 and at most 1": [0, 2],
        "every of StepDecay must be at least 1": [0],
        "peak of OneCycle must be finite and above zero": [0],
        "warm_up of OneCycle must be above 0 and below 1": [0, 1],
        "start_factor of OneCycle must be at least 0 and at most 1": [2],
        "end_factor of OneCycle must be at least 0 and at most 1": [-1],
        f"monitor of ReduceOnPlateau {MONITORS}": ["score"],
        "factor of ReduceOnPlateau must be above 0 and below 1": [1],
        "patience of ReduceOnPlateau must be at least 0": [-1],
        "cooldown of ReduceOnPlateau must be at least 0": [-1],
        "min_delta of ReduceOnPlateau must be at least 0 and finite": [-1],
        "lowest of ReduceOnPlateau must be at least 0 and finite": [-1],
        f"monitor of EarlyStopping {MONITORS}": ["score"],
        "patience of EarlyStopping must be at least 1": [0],
        "min_delta of EarlyStopping must be at least 0 and finite": [-1],
    }
)
def test_values_of_settings(rule: str, argument: str, value: Any) -> None:
    with refusal(ValueError, f"{rule}, {got(value)}"):
        made_with(rule, argument, value)()


@each_value(
    {
        **{f"learning_rate of {name} {A_RATE}": ["0.1", True, None] for name in BY_BATCHES},
        "momentum of SGD must be a number": ["0.9"],
        "nesterov of SGD must be True or False": [1],
        "beta_2 of Adam must be a number": [None],
        "weight_decay of AdamW must be a number": ["a"],
        "memory of LBFGS must be an integer": [2.0],
        "start of Linear must be a number": ["0.1", True],
        "end of Linear must be a number": [None],
        "n_steps of Linear must be an integer": [2.0],
        "every of StepDecay must be an integer": [1.5],
        "warm_up of OneCycle must be a number": ["a"],
        f"monitor of ReduceOnPlateau {MONITORS}": [None],
        "patience of ReduceOnPlateau must be an integer": [1.0],
        "patience of EarlyStopping must be an integer": [1.5],
        "restore_best of EarlyStopping must be True or False": [1],
    }
)
def test_types_of_settings(rule: str, argument: str, value: Any) -> None:
    with refusal(TypeError, f"{rule}, {got(value)}"):
        made_with(rule, argument, value)()


# Data

Refused = tuple[Any, tuple[str, ...]]
WITH_TARGETS = ["train", "train_batch", "evaluate", "gradients"]
with_targets = parametrize("method", *WITH_TARGETS)
WITHOUT_TARGETS = ["predict", "classify", "activations"]


class Unconvertible:
    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        raise KeyError("no such column")


def no_numbers(argument: str, shape: tuple[int, ...]) -> list[Refused]:
    """What has the right shape but is not of real numbers."""
    real = f"{argument} must be an array of real numbers, got"
    full: Array = np.ones(shape)
    return [
        (full.astype(complex), (real, "complex128")),
        (full.astype(str), (real, "<U32")),
        (full.astype(bytes), (real, "S32")),
        (full.astype(str).tolist(), (real, "<U3", "list")),
        (full.astype("M8[D]"), (real, "datetime64[D]")),
        (full.astype("m8[D]"), (real, "timedelta64[D]")),
        (full.astype(complex).astype(object), (real, "object", "ndarray")),
        (np.full(shape, None), (real, "object", "ndarray")),
        (np.zeros(shape, "f4,f4"), (real, "f0")),
        ([[1.0], [1.0, 2.0]], (real, "list", "convert", "inhomogeneous")),
        (None, (real, "object", "NoneType")),
        ({1, 2}, (real, "object", "set")),
        (iter([1.0]), (real, "object", "list_iterator")),
        (Unconvertible(), (real, "Unconvertible", "convert", "no such column")),
    ]


def each_refused(*refused: Refused) -> pytest.MarkDecorator:
    ids = [f"{index}-{words[-1]}" for index, (_, words) in enumerate(refused)]
    return parametrize("data, words", *refused, ids=ids)


def error_of(words: tuple[str, ...]) -> Error:
    return TypeError if "real numbers" in words[0] else ValueError


ANY_SHAPE = ("X must have shape (n_examples, 4)", "got")
FINITE = "X must be finite"
FOR_LABELS = ("y must be integer labels from 0 to 2", "(5, 3)", "got")
EQUALLY_MANY = "X and y must hold equally many"


@parametrize("method", *WITH_TARGETS, *WITHOUT_TARGETS)
@each_refused(
    *no_numbers("X", X.shape),
    (X[:, :3], (*ANY_SHAPE, "(5, 3)")),
    (X[:, [0, 0, 1, 2, 3]], (*ANY_SHAPE, "(5, 5)")),
    (X.T, (*ANY_SHAPE, "(4, 5)")),
    (X[:, :0], (*ANY_SHAPE, "(5, 0)")),
    (X[np.newaxis], (*ANY_SHAPE, "(1, 5, 4)")),
    (X[:, :, np.newaxis], (*ANY_SHAPE, "(5, 4, 1)")),
    (X[0, :3], (*ANY_SHAPE, "(3,)")),
    (np.empty((0, 5)), (*ANY_SHAPE, "(0, 5)")),
    (0.5, (*ANY_SHAPE, "()")),
    (at(np.nan, 3, 1), (FINITE, "got nan at row 3, column 1")),
    (at(np.inf, 0, 0), (FINITE, "got inf at row 0, column 0")),
    (at(-np.inf, 4, 3), (FINITE, "got -inf at row 4, column 3")),
    (at(1e39, 1, 2), (f"{FINITE} in float32", "1e+39 at row 1, column 2")),
    (at(-1e39, 1, 2), (f"{FINITE} in float32", "-1e+39 at row 1, column 2")),
    (np.where(np.arange(20).reshape(5, 4) > 10, np.nan, 0), (FINITE, "nan at row 2, column 3")),
    (np.asfortranarray(at(np.nan, 3, 1, at(np.nan, 4, 0))), (FINITE, "at row 3, column 1")),
    (at(np.nan, 3, 1)[::-1], (FINITE, "at row 1, column 1")),
    *(
        (at(huge, 3, 1, X.astype(object)), (FINITE, f"got {found} at row 3, column 1"))
        for huge, found in ((10**400, "inf"), (Fraction(10**400), "inf"), (-(10**400), "-inf"))
    ),
)
def test_X(net: Network, method: str, data: Any, words: tuple[str, ...]) -> None:
    given = (data, LABELS) if method in WITH_TARGETS else (data,)
    with unchanged(net), refusal(error_of(words), *words):
        getattr(net, method)(*given)


@with_targets
@each_refused(
    *no_numbers("y", LABELS.shape),
    *no_numbers("y", TARGETS.shape),
    (LABELS[:4], (EQUALLY_MANY, "(5, 4) and (4,)")),
    (TARGETS[:4], (EQUALLY_MANY, "(5, 4) and (4, 3)")),
    ([], (EQUALLY_MANY, "(5, 4) and (0,)")),
    (1, (EQUALLY_MANY, "(5, 4) and ()")),
    (at(3, 2, of=LABELS), (*FOR_LABELS, "3", "at row 2")),
    ([0, 1, 3, 0, 4], (*FOR_LABELS, "3 at row 2")),
    ([0, 1, 2, 0, -1], (*FOR_LABELS, "-1 at row 4")),
    ([0, 0.5, 2, 0, 1], (*FOR_LABELS, "0.5 at row 1")),
    ([0, 1, np.nan, 0, 1], (*FOR_LABELS, "nan at row 2")),
    ([0, 1, np.inf, 0, 1], (*FOR_LABELS, "inf at row 2")),
    ([0, 1, 1e300, 0, 1], (*FOR_LABELS, "1e+300 at row 2")),
    ([0, 1, 2.0**63, 0, 1], (*FOR_LABELS, "e+18 at row 2")),
    (np.array([0, 2**64 - 1, 2, 0, 1], np.uint64), (*FOR_LABELS, "at row 1")),
    (np.array([0, 1, 0, 0, 128], np.uint8), (*FOR_LABELS, "128 at row 4")),
    (TARGETS[:, :2], ("y must have shape (5, 3)", "(5,)", "labels", "got (5, 2)")),
    (LABELS[:, np.newaxis], ("y must have shape (5, 3)", "(5,)", "got (5, 1)")),
    (TARGETS[:, :, np.newaxis], ("y must have shape (5, 3)", "got (5, 3, 1)")),
    (at(np.nan, 3, 1, TARGETS), ("y must be finite", "got nan at row 3, column 1")),
    (at(-np.inf, 0, 2, TARGETS), ("y must be finite", "got -inf at row 0, column 2")),
    (at(1e39, 4, 0, TARGETS), ("y must be finite in float32", "got 1e+39 at row 4, column 0")),
)
def test_y(net: Network, method: str, data: Any, words: tuple[str, ...]) -> None:
    error = error_of(words)
    if data is None and method == "train":  # X may be blocks that bring their y
        words = ("y must be given", "got a ndarray for X and None for y")
    with unchanged(net), refusal(error, *words):
        getattr(net, method)(X, data)


@with_targets
@each_refused(
    (at(np.nan, 2, of=LABELS), ("y must be finite", "nan at row 2")),
    (at(1e39, 2, of=LABELS), ("y must be finite in float32", "1e+39 at row 2")),
    (TARGETS, ("y must have shape (5, 1) for targets or (5,) for targets", "got (5, 3)")),
)
def test_y_of_one_output(kind: Kind, method: str, data: Any, words: tuple[str, ...]) -> None:
    net = kind([4, 3, 1], seed=1)
    with unchanged(net), refusal(ValueError, *words):
        getattr(net, method)(X, data)


@with_targets
def test_one_example_is_no_data(net: Network, method: str) -> None:
    """`predict` takes one example without its axis; what has targets does not."""
    with unchanged(net), refusal(ValueError, *ANY_SHAPE, "(4,)"):
        getattr(net, method)(X[0], LABELS[:1])


@parametrize("method", *WITHOUT_TARGETS)
@parametrize("column", *range(4))
def test_one_example_that_is_not_finite(net: Network, method: str, column: int) -> None:
    with refusal(ValueError, FINITE, f"got inf at row 0, column {column}"):
        getattr(net, method)(at(np.inf, column, of=X[0]))


def test_what_is_too_large_depends_on_the_dtype(kind: Kind) -> None:
    large = at(1e39, 3, 1)
    assert np.isfinite(kind(SIZES, dtype="float64").predict(large)).all()
    with refusal(ValueError, "X must be finite in float32"):
        kind(SIZES).predict(large)
    with refusal(ValueError, "X must be finite in float16", "got 70000.0 at row 3, column 1"):
        reference.MLP(SIZES, dtype="float16").predict(at(7e4, 3, 1))


@parametrize("dtype", "float32", "float64")
@parametrize("value", np.nan, np.inf, -np.inf)
def test_every_place_is_looked_at(variant: str, dtype: str, value: float) -> None:
    net = MLP([7, 2], dtype=dtype)
    for row, column in np.ndindex(9, 7):
        data = at(value, row, column, of=np.ones((9, 7)))
        with refusal(ValueError, f"X must be finite in {dtype}, got {value} at row {row}, col"):
            net.predict(data.astype(dtype))


# Nothing to do


@with_targets
@parametrize(
    "data, y",
    (X[:0], LABELS[:0]),
    (X[:0], TARGETS[:0]),
    ([], []),
    ids=["labels", "targets", "lists"],
)
def test_no_examples(net: Network, method: str, data: Any, y: Any) -> None:
    must = ("X must",) if isinstance(data, list) else ("X must hold at least one example",)
    with unchanged(net), refusal(ValueError, *must, "got", "(0,"):
        getattr(net, method)(data, y)


@parametrize("dtype", "float32", "float64")
@parametrize("n_outputs", 1, 3)
@parametrize(
    "empty",
    X[:0],
    np.empty((0, 4), int),
    np.empty((0, 4), object),
    [],
    pd.DataFrame(columns=list("abcd")),
    ids=["float32", "int", "object", "list", "frame"],
)
def test_predictions_for_no_examples(kind: Kind, dtype: str, n_outputs: int, empty: Any) -> None:
    net = kind([4, 3, n_outputs], dtype=dtype)
    outputs, labels = net.predict(empty), net.classify(empty)
    assert (outputs.shape, outputs.dtype) == ((0, n_outputs), dtype)
    assert (labels.shape, labels.dtype) == ((0,), np.intp)


@parametrize("dtype", "float32", "float64")
def test_a_number_alone_is_no_example(dtype: str) -> None:
    """Arrays of no dimension have no last one to compare with the number of inputs."""
    with refusal(ValueError, "X must have shape (n_examples, 1)"):
        MLP([1, 2], dtype=dtype).predict(np.array(1, dtype))
