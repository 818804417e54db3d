"""The command ``fastnn``: what it prints, what it writes, and how it ends."""

import gzip
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Command, Run, failed, misused, succeeded
from helpers import Options, parameters, parametrize, run_python

import fastnn
from fastnn import cli
from fastnn.common.arrays import Array

COMMAND = str(Path(sys.executable).with_name("fastnn"))


# Data

CLASSES = ("pear", "apple", "fig")
CENTERS = {"pear": (0.0, 0.0), "apple": (1.0, 0.0), "fig": (0.0, 1.0)}
Row = tuple[float, float, str]
Target = Callable[[str], list[str]]


def fruit(n_examples: int, seed: int = 0) -> list[Row]:
    """Fruit of three classes that are easy to tell apart."""
    noise = np.random.default_rng(seed).normal(0, 0.1, (n_examples, 2)).round(3)
    names = [CLASSES[index % 3] for index in range(n_examples)]
    return [
        (CENTERS[name][0] + x, CENTERS[name][1] + y, name)
        for name, (x, y) in zip(names, noise.tolist(), strict=True)
    ]


def as_text(name: str) -> list[str]:
    return [name]


def as_label(name: str) -> list[str]:
    return [str(CLASSES.index(name))]


def as_one_hot(name: str) -> list[str]:
    return [str(int(name == other)) for other in CLASSES]


def as_amount(name: str) -> list[str]:
    return [f"{CLASSES.index(name) / 2:.1f}"]


def write(
    name: str, rows: Sequence[Row], target: Target = as_text, header: str | None = None
) -> None:
    lines = [",".join([str(x), str(y), *target(kind)]) for x, y, kind in rows]
    Path(name).write_text("\n".join([header, *lines] if header else lines) + "\n")


TRAIN = "train --train train.csv --arch 2,3,3"
TEST = f"{TRAIN} --test test.csv"
LEARN = " --eta 0.5 --epochs 300"


# The bundled iris


def test_without_arguments(fastnn_: Command) -> None:
    run = succeeded(fastnn_("train"))
    assert "4-3-3 network of 27 parameters" in run.out
    assert "120 examples to train on, 30 to test on" in run.out
    assert run.number(r"([\d,.]+) examples per second") > 0
    assert 0 < run.number(r"training loss ([\d.]+)") < 0.1
    names, counts = run.table()
    assert names == ["setosa", "versicolor", "virginica"]
    assert counts.sum(axis=1).tolist() == [10, 10, 10], "the fifth is one of every class"
    n_correct = run.number(r"\((\d+) of 30\)")
    assert n_correct == counts.trace() >= 27
    assert run.number(r"test accuracy ([\d.]+)") == round(n_correct / 30, 4)


def test_the_seed_decides(fastnn_: Command) -> None:
    def what_was_learnt(seed: int) -> list[str]:
        out = fastnn_(f"train --epochs 20 --seed {seed}").out
        return [line for line in out.splitlines() if "seconds" not in line and " s, " not in line]

    assert what_was_learnt(1) == what_was_learnt(1)
    assert what_was_learnt(1) != what_was_learnt(2)


def test_no_epochs(fastnn_: Command) -> None:
    run = succeeded(fastnn_("train --epochs 0"))
    assert "per second" not in run.out
    assert run.table()[1].sum() == 30


# CSV files


@parametrize(
    "target, header, names",
    (as_one_hot, "x,y,Pear,Apple,Fig", ["Pear", "Apple", "Fig"]),
    (as_one_hot, None, None),
    (as_text, "x,y,class", ["apple", "fig", "pear"]),
    (as_text, None, ["apple", "fig", "pear"]),
    (as_label, None, ["0", "1", "2"]),
    ids=lambda value: getattr(value, "__name__", None),
)
def test_csv(fastnn_: Command, target: Target, header: str | None, names: Any) -> None:
    """The call of the ancestors, on files with and without a header."""
    write("train.csv", fruit(60), target, header)
    write("test.csv", fruit(15, seed=1), target, header)
    run = succeeded(fastnn_(f"{TEST} --eta 0.5 --epochs 1000 --batch 32"))
    assert "2-3-3" in run.out
    assert "60 examples to train on, 15 to test on" in run.out
    assert run.number(r"([\d,.]+) examples per second") > 0
    assert run.number(r"training loss ([\d.]+)") < 0.1
    assert "accuracy 1.0000 (15 of 15)" in run.out
    found, counts = run.table()
    assert found == (names or found)
    np.testing.assert_array_equal(counts, 5 * np.eye(3, dtype=int))


def test_csv_without_a_test_file(fastnn_: Command) -> None:
    write("train.csv", fruit(60))
    run = succeeded(fastnn_(TRAIN + LEARN))
    assert "48 examples to train on, 12 to test on" in run.out
    np.testing.assert_array_equal(run.table()[1], 4 * np.eye(3, dtype=int))


@parametrize("target", as_amount, as_label)
def test_csv_of_a_quantity(fastnn_: Command, target: Target) -> None:
    """An identity output predicts an amount, and whole numbers are amounts too."""
    write("train.csv", fruit(60), target)
    options = "--arch 2,8,1 --eta 0.1 --activation tanh --output-activation identity"
    run = succeeded(fastnn_(f"train --train train.csv {options}"))
    assert 0.5 < run.number(r"R² ([\d.]+)") <= 1
    assert "accuracy" not in run.out
    assert "true\\predicted" not in run.out


def test_losses(fastnn_: Command) -> None:
    write("counts.csv", fruit(60), as_label)
    assert "R²" in succeeded(fastnn_("train --train counts.csv --arch 2,1 --loss poisson")).out
    write("train.csv", fruit(60), as_text)
    run = succeeded(fastnn_(f"{TRAIN} --loss cross_entropy"))
    same = succeeded(fastnn_(f"{TRAIN} --output-activation softmax"))
    assert same.number(r"test loss ([\d.e-]+)") == run.number(r"test loss ([\d.e-]+)")
    assert "true\\predicted" in run.out
    run = succeeded(fastnn_(f"{TRAIN} --loss binary_cross_entropy"))
    assert "accuracy" in run.out
    assert "true\\predicted" not in run.out, "an example may be of several classes"
    failed(
        fastnn_(f"{TRAIN} --loss poisson --output-activation sigmoid"),
        "--output-activation must be 'exp' for the loss 'poisson', got 'sigmoid'",
    )


@parametrize("target", as_text, as_label)
@parametrize("classes", "fig pear apple", "fig", "pear fig")
def test_classes_are_those_of_the_training_data(
    fastnn_: Command, target: Target, classes: str
) -> None:
    """Whichever of them the test file has, and in whatever order they come."""
    rows = [row for name in classes.split() for row in fruit(15, seed=1) if row[2] == name]
    write("train.csv", fruit(60), target)
    write("test.csv", rows, target)
    names, counts = succeeded(fastnn_(TEST + LEARN)).table()
    assert names == sorted(target(name)[0] for name in CLASSES)
    assert counts.trace() == counts.sum() == len(rows)
    tested = {name for name, row in zip(names, counts, strict=True) if row.any()}
    assert tested == {target(name)[0] for name in classes.split()}


@parametrize(
    "target, kind", (as_text, "kiwi"), (as_label, "kiwi"), (as_label, "7"), (as_one_hot, "kiwi")
)
def test_a_class_that_the_training_data_lack(fastnn_: Command, target: Target, kind: str) -> None:
    write("train.csv", fruit(60), target)
    write("test.csv", [(0.0, 0.0, kind), (1.0, 0.0, kind)])
    run = fastnn_(f"{TEST} --epochs 1")
    failed(run, "test.csv", kind)
    assert "trained" not in run.out, "it was found out after the training"


@parametrize("target", as_text, as_label)
def test_a_class_without_training_data(fastnn_: Command, target: Target) -> None:
    """It is named, though the network has an output for it."""
    write("train.csv", [row for row in fruit(60) if row[2] != "fig"], target)
    write("test.csv", fruit(15), target)
    must = "test.csv, line 3, column 3: expected one of the classes"
    failed(fastnn_(TEST + LEARN), must, f"got {target('fig')[0]!r}")
    names = ", ".join(sorted(target(name)[0] for name in ("pear", "apple")))
    failed(fastnn_(TRAIN), f"--arch 2,3,3 tells 3 classes apart, and the data have 2: {names}")


@parametrize(
    "target, words",
    # Which of pear, apple and fig would 0, 1 and 2 be?
    (as_label, ("test.csv, line 1, column 3", "apple, fig, pear", "'0'")),
    # Which of apple, fig and pear is the first column, where there is no header?
    (as_one_hot, ("test.csv",)),
)
def test_classes_of_text_are_neither_labels_nor_columns(
    fastnn_: Command, target: Target, words: tuple[str, ...]
) -> None:
    write("train.csv", fruit(60), as_text)
    write("test.csv", fruit(15), target)
    failed(fastnn_(f"{TEST} --epochs 1"), *words)


@parametrize(
    "target, names, turned",
    (as_one_hot, "x,y,pear,apple,fig", "x,y,fig,apple,pear"),
    (as_text, "x,y,class", "y,x,class"),
    ids=["one-hot", "inputs"],
)
def test_columns_in_another_order(
    fastnn_: Command, target: Target, names: str, turned: str
) -> None:
    """Their names say what they are: to take them by their places would be wrong in silence."""
    write("train.csv", fruit(60), target, names)
    if target is as_one_hot:
        write("test.csv", fruit(15), lambda name: as_one_hot(name)[::-1], turned)
    else:
        write("test.csv", [(y, x, name) for x, y, name in fruit(15)], target, turned)
    run = succeeded(fastnn_(TEST + LEARN))
    assert "(15 of 15)" in run.out


def test_an_input_of_another_name(fastnn_: Command) -> None:
    write("train.csv", fruit(60), as_text, "width,height,class")
    write("test.csv", fruit(15), as_text, "width,depth,class")
    failed(fastnn_(TEST + LEARN), "test.csv", "depth")


@pytest.mark.filterwarnings("ignore:.*has no header:fastnn.TrainingWarning")
def test_names_of_one_hot_columns_come_from_either_file(fastnn_: Command) -> None:
    write("train.csv", fruit(60), as_one_hot, "x,y,pear,apple,fig")
    write("test.csv", fruit(15), as_one_hot)
    assert succeeded(fastnn_(TEST + LEARN)).table()[0] == ["pear", "apple", "fig"]


@parametrize("arch", "2,3,1", "2,3,2")
def test_more_classes_than_the_network_can_tell(fastnn_: Command, arch: str) -> None:
    """A single output tells two: whether it is above 0.5 is no answer to which of three it is.

    The message names the option to mend, not the arguments of a function that was never called.
    """
    write("train.csv", fruit(60))
    failed(fastnn_(f"train --train train.csv --arch {arch} --epochs 1"), f"--arch {arch}")
    iris = arch.replace("2", "4", 1)
    failed(fastnn_(f"train --arch {iris} --epochs 1"), f"--arch {iris}")


def test_inputs_that_the_network_does_not_have(fastnn_: Command) -> None:
    failed(fastnn_("train --arch 5,3,3 --epochs 1"), "--arch 5,3,3")


def test_two_classes_and_a_single_output(fastnn_: Command) -> None:
    write("train.csv", [row for row in fruit(60) if row[2] != "fig"])
    run = succeeded(fastnn_("train --train train.csv --arch 2,3,1" + LEARN))
    assert "accuracy 1.0000 (8 of 8)" in run.out


# Options


def with_labels(rows: Sequence[Row]) -> tuple[Array, Array]:
    X = np.array([row[:2] for row in rows], dtype=np.float32)
    return X, np.array([CLASSES.index(row[2]) for row in rows])


@parametrize(
    "options, network, training",
    ("", {}, {"epochs": 300}),
    ("--eta 0.05", {}, {"learning_rate": 0.05}),
    ("--batch 32", {}, {"batch_size": 32}),
    ("--batch 0", {}, {"batch_size": None}),
    ("--seed 7", {"seed": 7}, {}),
    (
        "--activation relu --output-activation identity --eta 0.01",
        {"activation": "relu", "output_activation": "identity"},
        {"learning_rate": 0.01},
    ),
    ("--loss cross_entropy", {"loss": "cross_entropy", "output_activation": "softmax"}, {}),
    (
        "--loss binary_cross_entropy --activation gelu",
        {"loss": "binary_cross_entropy", "activation": "gelu"},
        {},
    ),
    (
        "--optimizer adam --l2 0.01 --dropout 0.25 --batch 8",
        {},
        {"optimizer": "adam", "learning_rate": None, "l2": 0.01, "dropout": 0.25, "batch_size": 8},
    ),
    ("--optimizer rmsprop --eta 0.01", {}, {"optimizer": "rmsprop", "learning_rate": 0.01}),
    ("--optimizer lbfgs", {}, {"optimizer": "lbfgs", "learning_rate": None, "batch_size": None}),
)
def test_options_do_what_the_arguments_of_MLP_do(
    fastnn_: Command, options: str, network: Options, training: Options
) -> None:
    rows, test_rows = fruit(40), fruit(15, seed=1)[:-3]
    write("train.csv", rows, as_label)
    write("test.csv", test_rows, as_label)
    epochs = "--epochs 4" if options else ""
    data = "train --train train.csv --test test.csv --arch 2,4,3"
    run = succeeded(fastnn_(f"{data} --save model {epochs} {options}"))
    assert "model" in run.out
    expected = fastnn.MLP([2, 4, 3], **{"seed": 0, **network})
    expected.train(*with_labels(rows), **{"learning_rate": 0.3, "epochs": 4, **training})
    loaded = fastnn.MLP.load("model")
    assert repr(loaded) == repr(expected)
    assert parameters(loaded) == parameters(expected)
    on_train = expected.evaluate(*with_labels(rows))
    on_test = expected.evaluate(*with_labels(test_rows))
    # The report rounds to four digits.
    assert run.number(r"training loss ([\d.e-]+)") == float(f"{on_train.loss:.4g}")
    assert run.number(r"test loss ([\d.e-]+)") == float(f"{on_test.loss:.4g}")
    assert run.number(r"test accuracy ([\d.]+)") == round(on_test.score, 4)


@parametrize("suffix", "", ".gz")
def test_mnist(fastnn_: Command, suffix: str) -> None:
    random = np.random.default_rng(0)
    for stem, n_examples in (("train", 30), ("t10k", 20)):
        labels = np.arange(n_examples, dtype=np.uint8) % 10
        images = random.integers(0, 50, (n_examples, 28, 28)).astype(np.uint8)
        images[np.arange(n_examples), labels * 2] = 255  # each digit lights a line of its own
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            content = header + array.tobytes()
            path = Path(f"{stem}-{name}-ubyte{suffix}")
            path.write_bytes(gzip.compress(content) if suffix else content)
    run = succeeded(fastnn_("train --mnist . --arch 784,16,10 --epochs 40 --eta 0.5"))
    assert "784-16-10" in run.out
    assert "30 examples to train on, 20 to test on" in run.out
    names, counts = run.table()
    assert names == list("0123456789")
    np.testing.assert_array_equal(counts, 2 * np.eye(10, dtype=int))
    assert "784-300-10" in succeeded(fastnn_("train --mnist . --epochs 1")).out


def test_save_over_an_existing_file(fastnn_: Command) -> None:
    Path("model").write_text("old")
    succeeded(fastnn_("train --epochs 1 --save model"))
    assert fastnn.MLP.load("model").layer_sizes == (4, 3, 3)
    assert os.listdir() == ["model"]


def test_info(fastnn_: Command) -> None:
    run = succeeded(fastnn_("info"))
    for word in (fastnn.__version__, fastnn.isa, np.__version__, sys.version.split()[0]):
        assert word in run.out
    if fastnn.isa == "avx2":
        assert " avx2 fma" in run.out


@parametrize(
    "arguments, words",
    ("--version", ["fastnn", fastnn.__version__]),
    ("--help", ["train", "info", "--mnist FOLDER --arch 784,300,10"]),
    ("train --help", ["--train FILE", "--arch", "--eta", "0 for all", "default: of sgd 0.3"]),
    ("info --help", ["usage: fastnn info"]),
)
def test_help(fastnn_: Command, arguments: str, words: list[str]) -> None:
    shown = " ".join(succeeded(fastnn_(arguments)).out.split())
    assert not [word for word in words if word not in shown]


# Mistakes


@parametrize(
    "arguments, words",
    *(("", "COMMAND"), ("fit", "COMMAND 'fit' train")),
    *(("info --verbose", "--verbose"), ("train file.csv", "file.csv")),
    *(("train --epoch 3", "--epoch"), ("train --bogus", "--bogus")),
    *(("train --epochs", "--epochs argument"), ("train --epochs -1", "--epochs at least 0 -1")),
    *(("train --epochs 1.5", "--epochs 1.5"), ("train --epochs many", "--epochs many")),
    *(("train --batch -1", "--batch at least 0 -1"), ("train --batch 2.5", "--batch 2.5")),
    *(("train --seed -1", "--seed at least 0 -1"), ("train --seed x", "--seed x")),
    *(("train --eta 0", "--eta above zero 0"), ("train --eta -0.1", "--eta above zero -0.1")),
    *(("train --eta nan", "--eta finite nan"), ("train --eta inf", "--eta finite inf")),
    ("train --eta fast", "--eta fast"),
    *(
        (f"train --arch {wrong}", f"--arch 4,3,3 '{wrong}'")
        for wrong in ("4", "4,0,3", "4,-3,3", "4,3.5,3", "4-3-3", "4,,3")
    ),
    ("train --activation swish", "--activation 'swish' relu"),
    ("train --activation softmax", "--activation 'softmax' relu"),
    ("train --loss mse", "--loss 'mse' squared_error"),
    ("train --output-activation swish", "--output-activation 'swish' relu"),
    ("train --train a.csv --mnist folder --arch 4,3", "--mnist --train"),
    ("train --train a.csv", "--arch --train"),
    ("train --test a.csv", "--test --train"),
    ("train --test a.csv --mnist folder", "--test --train"),
    ("train --optimizer adamax", "--optimizer 'adamax' adam"),
    ("train --optimizer rprop --batch 8", "--optimizer rprop full batch --batch 0"),
    ("train --optimizer lbfgs --eta 1", "--optimizer lbfgs --eta"),
    *(("train --l2 -1", "--l2 at least 0 -1"), ("train --l2 much", "--l2 much")),
    ("train --dropout 1", "--dropout below 1"),
)
def test_usage(fastnn_: Command, arguments: str, words: str) -> None:
    misused(fastnn_(arguments), *words.split())


@parametrize(
    "content, arch, words",
    ("", "2,3,3", ("expected rows of data", "none")),
    ("\n\n", "2,3,3", ("expected rows of data", "none")),
    ("", "2,3,1", ("expected rows of data", "none")),
    ("x,y,class\n", "2,3,3", ("expected rows of data", "header")),
    ("0,1,a\n", "2,3,3", ("one example", "--test")),
    ("0,1,a\n1,zz,b\n", "2,3,3", ("line 2, column 2", "number", "'zz'")),
    ("0,1,a\n1,nan,b\n", "2,3,3", ("line 2, column 2", "number", "'nan'")),
    ("0,1,a\n1,0\n", "2,3,3", ("line 2", "3 fields", "2")),
    ("0,1,0,1\n1,0,1,0\n", "2,3,3", ("4 columns", "--arch 2,3,3", "2 inputs", "3 targets")),
    ("0,1,0,1\n1,0,1,0\n", "4,3,3", ("4 columns", "--arch 4,3,3", "4 inputs")),
    ("0;1;a\n1;0;b\n", "2,3,3", ("1 column", "--arch 2,3,3")),
)
def test_files_that_do_not_fit(
    fastnn_: Command, content: str, arch: str, words: tuple[str, ...]
) -> None:
    Path("bad.csv").write_text(content)
    failed(fastnn_(f"train --train bad.csv --arch {arch}"), "bad.csv", *words)
    Path("good.csv").write_text("0,1,a\n1,0,b\n0,0,c\n" if arch != "2,3,1" else "0,1,.5\n1,0,.1\n")
    if arch.startswith("2") and "--test" not in words:
        run = fastnn_(f"train --train good.csv --test bad.csv --arch {arch}")
        failed(run, "bad.csv", *words)
        assert "trained" not in run.out, "it was found out after the training"


@parametrize("arguments", TRAIN, TEST.replace("train.csv", "good.csv"), "train --mnist train.csv")
def test_what_is_not_there(fastnn_: Command, arguments: str) -> None:
    write("good.csv", fruit(9))
    for name, path in (("missing", None), ("folder", Path("folder"))):
        if path:
            path.mkdir()
        run = fastnn_(re.sub("(train|test).csv", name, arguments))
        failed(run, name)
        assert "[Errno" not in run.err


@parametrize("place", "missing/model", ".", "file/model")
def test_a_place_that_cannot_be_saved_to(
    fastnn_: Command, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """It is named as it was given, and found out before hours of training are lost."""
    Path("file").write_text("text")
    trainings: list[Any] = []
    monkeypatch.setattr(fastnn.MLP, "train", lambda *_, **options: trainings.append(options))
    failed(fastnn_(f"train --epochs 1 --save {place}"), f"{place}: ")
    assert os.listdir() == ["file"]
    assert trainings == [], "the training was lost"


def test_divergence(fastnn_: Command) -> None:
    write("train.csv", fruit(60))
    options = "--eta 1e6 --save model --activation relu --output-activation identity"
    run = fastnn_(f"{TRAIN} {options}")
    failed(run, "diverged", "epoch")
    assert "--eta" in run.err and "learning_rate" not in run.err
    assert not Path("model").exists()


def test_more_memory_than_there_is(fastnn_: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: Any, **__: Any) -> None:
        raise MemoryError("Unable to allocate 36.4 TiB")

    monkeypatch.setattr(fastnn, "MLP", exhausted)
    failed(fastnn_("train --arch 4,99999999,99999,3"), "Unable to allocate 36.4 TiB")


def test_no_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under pythonw, in a daemon, or after ``>&-``."""
    monkeypatch.setattr(sys, "stdout", None)
    assert cli.main(["train", "--epochs", "1"]) == 0


# As a process


def process(*arguments: object, **options: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [COMMAND, *map(str, arguments)],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options},
    )


def finished(child: "subprocess.Popen[str]") -> Run:
    out, err = child.communicate(timeout=60)
    return Run(child.returncode, out, err)


def test_status_of_the_process(tmp_path: Path) -> None:
    children = [
        process("train", "--epochs", 5),
        process("train", "--train", tmp_path / "missing", "--arch", "4,3"),
        process("train", "--epochs", "x"),
    ]
    good, bad, misuse = map(finished, children)
    assert succeeded(good).table()[1].sum() == 30
    failed(bad, "missing")
    misused(misuse, "--epochs", "x")


def test_python_m() -> None:
    result = run_python("-m", "fastnn", "--version")
    assert result.stdout == f"fastnn {fastnn.__version__}\n", result.stderr


@parametrize("save", True, False)
def test_interrupt(tmp_path: Path, save: bool) -> None:
    """What was learnt so far is saved."""
    saved = tmp_path / "model"
    options = ("--save", saved) if save else ()
    with process("train", "--epochs", 10**9, *options) as child:
        try:
            assert child.stdout is not None
            while "examples to train on" not in child.stdout.readline():
                assert child.poll() is None
            time.sleep(0.3)  # an epoch takes less than a millisecond
            child.send_signal(signal.SIGINT)
            run = finished(child)
        finally:
            child.kill()
    assert run.status == 130
    if not save:
        assert run.err == "fastnn: interrupted\n"
        return
    assert re.fullmatch(rf"fastnn: interrupted after [\d,]+ epochs; saved to {saved}\n", run.err)
    assert list(tmp_path.iterdir()) == [saved]
    assert fastnn.MLP.load(saved).class_names == ("setosa", "versicolor", "virginica")


def test_what_an_interruption_saves(fastnn_: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network as the epochs so far leave it."""

    @contextmanager
    def interrupting(*_: Any, **__: Any) -> Iterator[Callable[[fastnn.Step], None]]:
        def show(step: fastnn.Step) -> None:
            if step.epoch == 3:
                raise KeyboardInterrupt

        yield show

    monkeypatch.setattr(cli.train, "bar", interrupting)
    write("train.csv", fruit(40), as_label)
    write("test.csv", fruit(9), as_label)
    run = fastnn_(f"{TEST} --save model")
    assert (run.status, run.err) == (130, "fastnn: interrupted after 3 epochs; saved to model\n")
    expected = fastnn.MLP([2, 3, 3], seed=0)
    expected.train(*with_labels(fruit(40)), epochs=3, learning_rate=0.3)
    assert parameters(fastnn.MLP.load("model")) == parameters(expected)
    run = fastnn_(TEST)
    assert (run.status, run.err) == (130, "fastnn: interrupted\n")


@parametrize("arguments", ("train", "--epochs", 5), ("info",))
def test_a_reader_that_has_seen_enough(arguments: tuple[object, ...]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with process(*arguments, stdout=theirs) as child:
        os.close(theirs)
        run = finished(child)
    assert run.err == ""
    assert run.status == 1


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """A pseudo-terminal of 24 lines: what reads what is shown, and what a process is given."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    try:
        yield ours, theirs
    finally:
        os.close(ours)


def shown(ours: int) -> str:
    """All that is shown until the process closes its end."""
    chunks = []
    try:
        while chunk := os.read(ours, 4096):
            chunks.append(chunk)
    except OSError:  # how Linux says that the other end is closed
        pass
    return b"".join(chunks).decode()


def test_a_terminal_has_a_progress_bar() -> None:
    with (
        terminal() as (ours, theirs),
        process("train", "--epochs", 3, stdout=theirs, stderr=theirs) as child,
    ):
        os.close(theirs)
        screen = shown(ours)
        assert child.wait(timeout=60) == 0
    assert re.search(r"\d+%\|.*/3 ", screen), screen
    at_the_end = [line.split("\r")[-1] for line in screen.replace("\r\n", "\n").split("\n")]
    assert not any("%|" in line for line in at_the_end), "the bar is still there at the end"
    assert any(line.startswith("test accuracy") for line in at_the_end)


def test_a_report_into_a_file_has_no_progress_bar() -> None:
    """The bar is on the terminal's side of ``fastnn train > report``."""
    with terminal() as (ours, theirs), process("train", "--epochs", 3, stderr=theirs) as child:
        os.close(theirs)
        screen = shown(ours)
        assert child.stdout is not None
        report = child.stdout.read()
        assert child.wait(timeout=60) == 0
    assert "%|" in screen
    assert "test accuracy" not in screen
    assert "test accuracy" in report
    assert "%|" not in report
    assert "\r" not in report
