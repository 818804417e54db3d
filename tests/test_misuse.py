"""What newcomers type who know other libraries: errors in public names that say what was meant."""

import copy
import functools
import inspect
import pickle
import re
import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from helpers import Error, Kind, Options, message, parametrize, peak_of, run_python
from sklearn.preprocessing import StandardScaler

import fastnn
from fastnn import MLP, Adam, LeakyReLU, datasets, reference
from fastnn.sklearn import MLPClassifier

IRIS = datasets.load_iris()
X, Y = IRIS.X, IRIS.y
NAMES = np.array(IRIS.target_names)[Y]

Call = Callable[[Any], Any]

untyped: Any = fastnn  # mypy would refuse the calls


def new(kind: Any) -> Any:
    return kind([4, 3, 3], seed=1)


def unknown(function: str, argument: str, hint: str) -> str:
    return f"{function}() got an unexpected keyword argument {argument!r}{hint}"


# Calls that fit no signature


def meant(name: str) -> str:
    return f": did you mean {name}?"


@parametrize(
    "argument, hint",
    ("lr", meant("learning_rate")),
    ("eta", meant("learning_rate")),
    ("learningRate", meant("learning_rate")),
    ("learning_rte", meant("learning_rate")),
    ("n_epochs", meant("epochs")),
    ("max_iter", meant("epochs")),
    ("batchsize", meant("batch_size")),
    ("verbose", meant("progress")),
    ("n_jobs", meant("n_threads")),
    ("solver", meant("optimizer")),
    ("momentum", meant("optimizer=SGD(momentum=...)")),
    ("weight_decay", meant("optimizer=AdamW(weight_decay=...)")),
    ("alpha", meant("l2")),
    ("validation_split", meant("validation_fraction")),
    ("val_data", meant("validation_data")),
    ("callbacks", meant("callback or early_stopping")),
    ("patience", meant("early_stopping=EarlyStopping(...)")),
    ("x", meant("X")),
    ("random_state", ": MLP() takes seed"),
    ("loss", ": it is an argument of MLP()"),
    ("hidden_layer_sizes", ": MLP() takes layer_sizes=[n_inputs, ..., n_outputs]"),
    ("metrics", ": evaluate gives the loss and, by the task, the accuracy or R²"),
    ("clip_value", meant("clip_norm")),
    ("clipnorm", meant("clip_norm")),
    ("nonsense", ""),
)
def test_arguments_of_train(kind: Kind, argument: str, hint: str) -> None:
    said = message(TypeError, lambda: new(kind).train(X, Y, **{argument: 0.1}))
    assert said == unknown("MLP.train", argument, hint)


INIT = ": weights are drawn to fit the activation; write others into them: net.weights[0][...] = W"


@parametrize(
    "argument, hint",
    ("layers", meant("layer_sizes")),
    ("hidden_layer_sizes", meant("layer_sizes=[n_inputs, ..., n_outputs]")),
    ("random_state", meant("seed")),
    ("lr", ": MLP.train() takes learning_rate"),
    ("batchsize", ": MLP.train() takes batch_size"),
    ("epochs", ": it is an argument of MLP.train()"),
    ("device", ": fastnn computes on the CPU"),
    ("init", INIT),
)
def test_arguments_of_the_constructor(kind: Any, argument: str, hint: str) -> None:
    said = message(TypeError, lambda: kind(**{argument: 1}))
    assert said == unknown("MLP", argument, hint)


@parametrize(
    "call, hint",
    ("Adam(lr=0.1)", meant("learning_rate")),
    ("AdamW(eps=0.1)", meant("epsilon")),
    ("Adam(betas=(0.9, 0.99))", meant("beta_1=..., beta_2=...")),
    ("LeakyReLU(alpha=0.1)", meant("negative_slope")),
    ("EarlyStopping(restore_best_weights=True)", meant("restore_best")),
    ("Cosine(lr=0.1)", meant("start")),
    ("InputScaling(mean=0, std=1)", meant("shift")),
    ("one_hot([0], num_classes=3)", meant("n_classes")),
    ("MLP.load('x', seeds=1)", meant("seed")),
    ("datasets.read_csv('x.csv', sep=';')", meant("delimiter")),
)
def test_arguments_of_others(call: str, hint: str) -> None:
    function, argument = re.findall(r"^([\w.]+)\(.*?(\w+)=", call)[0]
    said = message(TypeError, lambda: eval(call, vars(fastnn)))
    assert said == unknown(function.removeprefix("datasets."), argument, hint)


BY_NAME = ": pass the others by name, such as "


@parametrize(
    "call, said",
    ("MLP(4, 3, 2)", "MLP() takes layer_sizes as one sequence: MLP([4, 3, 2])"),
    ("MLP([4, 3], 'relu')", "1 argument by position (layer_sizes), got 2" + BY_NAME + "activati"),
    ("net.train(X, Y, 10)", "2 arguments by position (X, y), got 3" + BY_NAME + "epochs=..."),
    ("fastnn.SGD(0.1, 0.9, True, 1)", "SGD() takes 3 arguments by position (learning_rate, "),
    ("datasets.load_iris(True)", "load_iris() takes 0 arguments by position, got 1"),
    ("MLP()", "MLP() missing 1 required positional argument: 'layer_sizes'"),
    ("net.evaluate(X)", "MLP.evaluate() missing 1 required positional argument: 'y'"),
    ("net.predict(X, verbose=0)", "MLP.predict() got an unexpected keyword argument 'verbose'"),
)
def test_arguments_by_position_and_missing(kind: Kind, call: str, said: str) -> None:
    names = {**globals(), "MLP": kind, "net": new(kind)}
    assert said in message(TypeError, lambda: eval(call, names))


def test_signatures_are_the_real_ones() -> None:
    assert list(inspect.signature(MLP.train).parameters)[:4] == ["self", "X", "y", "epochs"]
    assert list(inspect.signature(MLP).parameters)[:2] == ["layer_sizes", "activation"]
    assert inspect.signature(Adam).parameters["beta_1"].default == 0.9
    assert "path" in inspect.signature(MLP.load).parameters
    assert "path" in inspect.signature(datasets.read_csv).parameters
    assert inspect.unwrap(MLP.train).__code__.co_filename.endswith("network.py")


def test_no_internal_class_shows(kind: Kind) -> None:
    for name, member in inspect.getmembers(kind, callable):
        if not name.startswith("_"):
            assert member.__qualname__ == f"MLP.{name}"
    assert not re.search("Core|Trainable|Network", repr(new(kind).train))


@parametrize("function", MLP.train, MLP.predict, MLP.load, datasets.read_csv, Adam)
def test_what_is_public_can_be_pickled(function: Any) -> None:
    assert pickle.loads(pickle.dumps(function)) == function


def test_errors_from_within_are_as_they_were(kind: Kind) -> None:
    def callback(step: object) -> None:
        return int(lr=1)  # type: ignore[call-overload]

    with pytest.raises(TypeError) as caught:
        new(kind).train(X, Y, callback=callback)
    with pytest.raises(TypeError) as expected:
        callback(None)
    assert str(caught.value) == str(expected.value)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "callback"
    assert caught.value.__context__ is None


def test_predict_and_lookups_are_as_fast_as_they_were() -> None:
    assert not hasattr(MLP.predict, "__wrapped__")
    assert not hasattr(MLP, "__getattr__")  # it would slow every access to an attribute down


# Values


CASES: dict[str, Options] = {  # the wrong value, by what is meant instead
    "MLP([4, 3, 3], activation=WRONG)": {
        "'relu'": "ReLU",
        "'sigmoid'": "logistic",
        "'silu'": "swish",
        "'identity'": "linear",
        "'softplus'": "sofplus",
        "'tanh'": np.tanh,
        "'leaky_relu'": LeakyReLU,
    },
    "MLP([4, 3], loss=WRONG)": {"'cross_entropy'": "crossentropy"},
    "MLP([4, 3, 3], output_activation=WRONG)": {"'softmax'": "Softmax"},
    "MLP([4, 3, 3], loss=WRONG)": {
        "'squared_error'": "mse",
        "'absolute_error'": "MAE",
        "'cross_entropy'": "sparse_categorical_crossentropy",
        "'binary_cross_entropy'": "bce",
        "'binary_cross_entropy' or 'cross_entropy'": "log_loss",
        "": "hinge",  # no name is like it
    },
    "net.train(X, Y, optimizer=WRONG)": {"'adam'": "Adam", "'lbfgs'": "L-BFGS"},
    "net.train_batch(X, Y, optimizer=WRONG)": {"'adam'": Adam},
    "net.train(X, Y, learning_rate=WRONG)": {
        "ReduceOnPlateau(...)": "adaptive",
        "Cosine(...)": fastnn.Cosine,
    },
    "net.train(X, Y, early_stopping=WRONG)": {"EarlyStopping()": True},
    "fastnn.EarlyStopping(WRONG)": {
        "'validation_loss'": "val_loss",
        "'validation_score'": "accuracy",
    },
}


@parametrize(
    "call, wrong, hint",
    *((call, wrong, hint) for call, cases in CASES.items() for hint, wrong in cases.items()),
    ids=str,
)
def test_values(kind: Kind, call: str, wrong: Any, hint: str) -> None:
    is_name = isinstance(wrong, str) and "learning_rate" not in call
    names = {**globals(), "MLP": kind, "net": new(kind), "WRONG": wrong}
    said = message(ValueError if is_name else TypeError, lambda: eval(call, names))
    assert said.endswith(f"got {wrong!r}{meant(hint) if hint else ''}")


def test_the_output_layer_has_an_activation_of_its_own(kind: Kind) -> None:
    said = message(ValueError, lambda: kind([4, 3, 3], activation=["relu", "softmax"]))
    assert said.endswith(": the last, that of the output layer, is output_activation='softmax'")
    said = message(ValueError, lambda: kind([4, 3, 3], activation="softmax"))
    assert said.endswith("'softmax': that of the output layer is output_activation")


# Attributes


@parametrize(
    "name, instead",
    ("fit", "use train or train_batch, or MLPClassifier and MLPRegressor of fastnn.sklearn"),
    ("score", "use evaluate"),
    ("predict_proba", "use predict"),
    ("coefs_", "use weights and biases"),
    ("compile", "the loss is an argument of MLP, the optimizer one of train"),
    ("forward", "use predict"),
)
def test_attributes_of_others(kind: Kind, name: str, instead: str) -> None:
    net = new(kind)
    for owner in (kind, net):
        with pytest.raises(AttributeError) as caught:
            getattr(owner, name)
        assert str(caught.value).startswith(f"MLP has no attribute {name!r}: {instead}")
        assert not hasattr(owner, name)
    assert name not in dir(net)


def test_users_may_give_the_names_a_meaning() -> None:
    class Estimator(MLP):
        def fit(self, X: Any, y: Any) -> "Estimator":
            self.train(X, y)
            return self

    net = Estimator([4, 3, 3], seed=1)
    net.score = 1.0  # type: ignore[attr-defined]
    assert net.fit(X, Y).score == 1.0  # type: ignore[attr-defined]
    assert {"fit", "score"} <= set(dir(net))


SCORE = "score; metric tells which of the two it is"


@parametrize(
    "owner, name, instead",
    ("net.train(X, Y)", "history", "its lists, such as loss, or to_dict"),
    ("net.evaluate(X, Y)", "accuracy", SCORE),
    ("net.evaluate(X, Y)", "r2", SCORE),
    ("fastnn.Step(1, 0.5, 0.1)", "val_loss", "validation_loss"),
    ("fastnn.Step(1, 0.5, 0.1)", "lr", "learning_rate"),
)
def test_attributes_of_results_in_other_libraries(
    kind: Kind, owner: str, name: str, instead: str
) -> None:
    found = eval(owner, {**globals(), "net": new(kind)})
    said = message(AttributeError, lambda: getattr(found, name))
    assert said.endswith(f"{name!r}: use {instead}")
    assert name not in dir(found)


@parametrize(
    "name, hint",
    ("input_scaing", meant("input_scaling")),
    ("inputscaling", meant("input_scaling")),
    ("scaling", meant("input_scaling")),
    ("classnames", meant("class_names")),
    ("classes", meant("class_names")),
    ("treshold", meant("threshold")),
    ("learning_rate", ": it is an argument of MLP.train()"),
    ("lr", ": MLP.train() takes learning_rate"),
    ("seed", ": it is an argument of MLP()"),
    ("device", ": fastnn computes on the CPU"),
    ("coefs_", ": write into weights and biases"),
    ("stop_training", ": return True from the callback to stop"),
)
def test_attributes_that_are_assigned_in_vain(kind: Kind, name: str, hint: str) -> None:
    net = new(kind)
    said = message(AttributeError, lambda: setattr(net, name, 1))
    assert said == f"MLP has no attribute {name!r} to assign{hint}"
    assert name not in vars(net)


@parametrize("name", "note", "history", "X", "y", "_lr", "losses")
def test_attributes_of_the_users_own(kind: Kind, name: str) -> None:
    net = new(kind)
    setattr(net, name, [1])
    assert getattr(copy.copy(net), name) == [1]


def test_settings_of_subclasses_of_users(kind: Any) -> None:
    class Estimator(kind):  # type: ignore[misc]
        classes = 2

        def __init__(self, learning_rate: float) -> None:
            super().__init__([4, 3, 3])
            self.learning_rate, self.scaler, self.device = learning_rate, None, "cpu"
            self.classes = 3
            self.classes_ = self.n_classes = self.class_map = self.scaling = None

    net = Estimator(0.5)
    assert (net.learning_rate, net.classes) == (0.5, 3)
    said = message(AttributeError, lambda: setattr(net, "input_scaing", None))
    assert said == f"Estimator has no attribute 'input_scaing' to assign{meant('input_scaling')}"


@parametrize(
    "name, hint",
    ("lr", ": use learning_rate"),
    ("learningrate", meant("learning_rate")),
    ("learning_rte", meant("learning_rate")),
    ("eta", meant("learning_rate")),
    ("stop_training", ": return True from the callback to stop"),
)
@parametrize("argument", "callback", "batch_callback")
def test_attributes_of_a_step_that_are_assigned_in_vain(
    kind: Kind, argument: str, name: str, hint: str
) -> None:
    def callback(step: fastnn.Step) -> None:
        step.note = 1  # of the user's own
        setattr(step, name, 0.001)

    options: Any = {argument: callback}
    said = message(AttributeError, lambda: new(kind).train(X, Y, **options))
    assert said == f"Step has no attribute {name!r} to assign{hint}"


# Functions of the user's


@parametrize(
    "options, said",
    ({"callback": lambda: 1}, "callback must be callable with one argument, a Step, got "),
    ({"batch_callback": lambda step, logs: 1}, "batch_callback must be callable with one "),
    ({"shuffle": lambda: 1}, "shuffle must be True, False or a function of the number of exa"),
    ({"learning_rate": lambda epoch, lr: 0.1}, "learning_rate must be a number, a schedule "),
    ({"learning_rate": lambda *, step: 0.1}, "learning_rate must be a number, a schedule such"),
    ids=["callback", "batch_callback", "shuffle", "learning_rate", "by name"],
)
def test_functions_of_other_arguments(kind: Kind, options: Options, said: str) -> None:
    (function,) = options.values()
    got = f", got {function!r}, which takes {inspect.signature(function)}"
    found = message(TypeError, lambda: new(kind).train(X, Y, **options))
    assert found.startswith(said)
    assert found.endswith(got)


@parametrize("part", "function", "derivative")
def test_activations_of_other_arguments(kind: Any, part: str) -> None:
    functions: Options = {"function": np.positive, "derivative": np.ones_like}
    functions[part] = lambda z, slope: z
    own = fastnn.Activation("own", **functions)
    said = message(TypeError, lambda: kind([4, 3, 3], activation=own))
    assert said.startswith(f"activation 'own' must have a {part} of one argument, got ")
    assert said.endswith("which takes (z, slope)")


def test_functions_that_take_more_than_they_need(kind: Kind) -> None:
    @functools.wraps(lambda: None)  # whose signature is not that of what is called
    def wrapped(step: fastnn.Step) -> None:
        seen.append(step)

    seen: list[Any] = []
    for callback in (seen.append, wrapped, lambda *steps: seen.extend(steps), mock.Mock(), print):
        new(kind).train(X, Y, callback=callback)
    assert len(seen) == 3
    new(kind).train(X, Y, learning_rate=functools.lru_cache(lambda step, rate=0.1: rate))


@parametrize("argument", "callback", "batch_callback")
@parametrize("answer", np.array([1, 2]), pd.Series([1, 2]), pd.NA, ids=repr)
def test_answers_that_are_neither_true_nor_false(kind: Kind, argument: str, answer: Any) -> None:
    options: Any = {argument: lambda step: answer}
    said = message(TypeError, lambda: new(kind).train(X, Y, **options))
    expected = f"{argument} must return what is true or false, to stop or to go on, got {answer!r}"
    assert said == expected


def test_a_schedule_without_an_end_for_blocks(kind: Kind) -> None:
    rate = fastnn.Cosine(0.1)
    said = message(ValueError, lambda: new(kind).train([(X, Y)], learning_rate=rate))
    assert said == (
        "learning_rate must have n_steps where X are blocks, whose number of steps is unknown, got "
        f"{rate!r}"
    )
    new(kind).train([(X, Y)], learning_rate=fastnn.Cosine(0.1, n_steps=150))


@parametrize("name", "load", "from_arrays", "from_state_dict")
def test_what_makes_a_network_is_not_called_on_one(kind: Kind, name: str) -> None:
    said = message(AttributeError, lambda: getattr(new(kind), name))
    assert said == f"{name} makes a new network: call it on the class, MLP.{name}(...)"


def test_the_scaling_of_inputs() -> None:
    scaler = StandardScaler().fit(X)
    net: Any = new(MLP)
    said = message(TypeError, lambda: setattr(net, "input_scaling", scaler))
    assert said.endswith(": pass InputScaling(scaler.mean_, scaler.scale_)")
    net.input_scaling = fastnn.InputScaling(scaler.mean_, scaler.scale_)


@parametrize(
    "name, hint",
    ("MLPClassifier", ": it is in fastnn.sklearn"),
    ("load_iris", ": it is in fastnn.datasets"),
    ("load", ": it is in fastnn.MLP"),
    ("nonsense", ""),
)
def test_names_of_the_package(name: str, hint: str) -> None:
    said = message(AttributeError, lambda: getattr(fastnn, name))
    assert said == f"module 'fastnn' has no attribute {name!r}{hint}"


def test_sklearn_is_imported_when_it_is_asked_for() -> None:
    assert fastnn.sklearn.MLPClassifier is MLPClassifier
    done = run_python("-c", "import fastnn; print(fastnn.sklearn.MLPRegressor.__name__)")
    assert done.stdout.strip() == "MLPRegressor", done.stderr


# Data


TEXT_LABELS: dict[str, Any] = {
    "array": NAMES,
    "list": list(NAMES),
    "bytes": NAMES.astype(bytes),
    "objects": NAMES.astype(object),
    "Series": pd.Series(NAMES),
    "categories": pd.Series(NAMES, dtype="category"),
    "DataFrame": pd.DataFrame({"species": NAMES}),
}
USES_OF_LABELS: dict[str, Callable[[Any, Any], Any]] = {
    "train": lambda net, y: net.train(X, y),
    "train_batch": lambda net, y: net.train_batch(X, y),
    "evaluate": lambda net, y: net.evaluate(X, y),
    "validation_data": lambda net, y: net.train(X, Y, validation_data=(X, y)),
    "blocks": lambda net, y: net.train([(X, y)]),
}


@parametrize("labels", *TEXT_LABELS)
@parametrize("use", *USES_OF_LABELS)
def test_labels_that_are_text(use: str, labels: str) -> None:
    said = message(TypeError, lambda: USES_OF_LABELS[use](new(MLP), TEXT_LABELS[labels]))
    assert said.startswith("y must be an array of real numbers, got dtype")
    assert "numpy.unique(y, return_inverse=True)" in said
    assert "fastnn.sklearn.MLPClassifier" in said


def test_the_hint_on_labels_that_are_text_is_right(kind: Kind) -> None:
    classes, labels = np.unique(NAMES, return_inverse=True)
    np.testing.assert_array_equal(labels, Y)  # the species are sorted, and so are the names
    assert list(classes) == list(IRIS.target_names)
    new(kind).train(X, labels)
    MLPClassifier(max_iter=1, solver="sgd", batch_size=150).partial_fit(X, NAMES, classes=classes)


@parametrize(
    "given, said",
    ((lambda: [(X, Y)],), "got a function for X and None for y: call it, and pass"),
    (((X, Y),), "got a ndarray for block 0: pass X and y as two arguments"),
    ((IRIS,), "got a ndarray for block 0: pass X and y as two arguments"),
    (("iris.csv",), "got a str for X and None for y"),
    (({"X": X, "y": Y},), "got a dict for X and None for y"),
    ((X, Y[:, np.newaxis]), "got (150, 1): pass numpy.ravel(y)"),
    ((X.reshape(150, 2, 2), Y), "(150, 2, 2): pass X.reshape(len(X), -1)"),
    ids=["function", "tuple", "Dataset", "path", "dict", "column", "images"],
)
def test_data_of_another_form(kind: Kind, given: tuple[Any, ...], said: str) -> None:
    error = TypeError if len(given) == 1 else ValueError
    assert said in message(error, lambda: new(kind).train(*given))


# Paths


@parametrize(
    "path, error, must",
    *((path, TypeError, "a str or an os.PathLike") for path in (None, 3, 3.5, ["x"], b"x")),
    (sys.stdin, TypeError, "a str or an os.PathLike"),
    ("a\0b", ValueError, "without null characters"),
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
@parametrize(
    "use",
    *(fastnn.MLP.load, reference.MLP.load, new(fastnn.MLP).save, new(reference.MLP).save),
    *(new(fastnn.MLP).export_onnx, new(reference.MLP).export_onnx),
    *(datasets.read_csv, datasets.read_idx, datasets.load_mnist),
    ids=lambda function: function.__qualname__,
)
def test_paths(use: Any, path: Any, error: Error, must: str) -> None:
    argument = "folder" if use is datasets.load_mnist else "path"
    assert message(error, lambda: use(path)) == f"{argument} must be {must}, got {path!r}"


# Memory


@parametrize("dtype, size", ("float32", 4), ("float64", 8))
def test_sizes_beyond_memory(kind: Kind, dtype: Any, size: int) -> None:
    for sizes, n in (
        ([10**6, 10**7, 10], 10**13 + 10**7 + 10**8 + 10),
        ([10**10, 10**10], (10**10 + 1) * 10**10),
    ):
        assert message(MemoryError, partial(kind, sizes, dtype=dtype)) == (
            f"layer_sizes must describe a network that fits in memory, got {sizes}, whose "
            f"parameters take {size * n:,} bytes in {dtype}"
        )


def test_memory_that_there_is_not_any_more(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    def allocate(net: object) -> Any:
        raise MemoryError("Unable to allocate 92 bytes")

    monkeypatch.setattr(type(new(kind)._engine), "_allocate", allocate)
    assert "take 108 bytes" in message(MemoryError, lambda: new(kind))  # 4 (4 * 3 + 3 + 3 * 3 + 3)


def test_initial_weights_are_drawn_without_much_memory() -> None:
    nets: list[MLP] = []
    peak = peak_of(lambda: nets.append(MLP([2000, 2000, 1], seed=1)))
    assert peak < 2.5 * 4 * nets[0].n_parameters  # two parts of 8 MB beside the 16 MB
    expected = np.random.default_rng(1).standard_normal((2000, 2000)) / np.sqrt(2000)
    np.testing.assert_array_equal(nets[0].weights[0], expected.astype(np.float32))
