"""The command's data: the options that say how to read them, and what it warns of."""

import gzip
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Command, failed, misused, succeeded
from helpers import Compress, parametrize, run_python

import fastnn
from fastnn.cli.wording import in_options
from fastnn.datasets import read_csv


def classes(n_examples: int, names: str = "a b") -> list[tuple[list[float], str]]:
    """Points around the corners of a square, and the class of each by its name."""
    rng = np.random.default_rng(3)
    corners = [(0, 0), (0, 1), (1, 0), (1, 1)]
    named = names.split()
    return [
        ((corners[n % len(named)] + rng.normal(0, 0.1, 2).round(3)).tolist(), named[n % len(named)])
        for n in range(n_examples)
    ]


def write(name: str, rows: list[tuple[list[float], str]], between: str = ",") -> None:
    Path(name).write_text("".join(between.join([*map(str, x), label]) + "\n" for x, label in rows))


DELIMITERS = {"semicolon": ";", "tab": "\t", "space": " ", "pipe": "|", "whitespace": "  \t"}


@parametrize("delimiter, between", *DELIMITERS.items(), ("comma", ","), (";", ";"), (":", ":"))
def test_delimiters(fastnn_: Command, delimiter: str, between: str) -> None:
    write("data", classes(40), between)
    run = succeeded(fastnn_(f"train --train data --arch 2,3,2 --eta .5 --delimiter {delimiter}"))
    assert "accuracy 1.0000" in run.out


@parametrize("delimiter", "semi", ";;", '"', "")
def test_delimiters_that_are_none(fastnn_: Command, delimiter: str) -> None:
    misused(fastnn_(f"train --train data --arch 2,3,2 --delimiter={delimiter}"), "whitespace")


@parametrize("target", "label", "1", "-3")
def test_target(fastnn_: Command, target: str) -> None:
    """By its name, or its number, counted from 1 or from the end."""
    lines = [f"{label},{x[0]},{x[1]}" for x, label in classes(40, "0 1 2")]
    Path("data").write_text("label,u,v\n" + "\n".join(lines))
    run = succeeded(fastnn_(f"train --train data --arch 2,8,3 --eta .5 --target {target}"))
    assert re.search(r"true\\predicted +0 +1 +2\n", run.out)
    assert "accuracy 1.0000" in run.out


@parametrize(
    "arguments, words",
    ("--target 0", "--target counts columns from 1"),
    ("--target 4", "--target 4: data has 3 columns"),
    ("--target -4", "--target -4: data has 3 columns"),
    ("--target lable", "--target must be columns of data, one of ['label', 'u', 'v'], got 'la"),
    ("--target label --arch 3,2", "3 columns in its first row, and --arch 3,2 needs 3 inputs"),
    ("--target label --no-header", "--target label is a name, and --no-header"),
    ("--delimiter semicolon", "1 columns"),
    ("--task regression", "--arch 2,3,2 has 2 outputs, and a quantity, one column, takes 1"),
)
@pytest.mark.filterwarnings("ignore::fastnn.TrainingWarning")
def test_options_that_do_not_fit(fastnn_: Command, arguments: str, words: str) -> None:
    Path("data").write_text("label,u,v\n0,1,2\n1,2,3\n1,3,3\n0,3,2\n")
    arch = "" if "--arch" in arguments else "--arch 2,3,2"
    run = fastnn_(f"train --train data {arguments} {arch}")
    assert run.status in (1, 2)
    assert words in run.err


def test_header(fastnn_: Command) -> None:
    """Numbers that are names, and text that is an example."""
    lines = "".join(f"{x[0]},{x[1]},{label}\n" for x, label in classes(9))
    Path("data").write_text("2019,2020,b\n" + lines)
    for option, n_examples in (("", 10), ("--no-header", 10), ("--header", 9)):
        run = fastnn_(f"train --train data --test data --arch 2,3,2 --epochs 1 {option}")
        assert f"{n_examples} examples to train on" in run.out


@parametrize("values", "0.0 1.0 2.0", "1 2 3", "5 7 9", "b a c", "0.5 1.5 2.5")
def test_several_outputs_classify(fastnn_: Command, values: str) -> None:
    """One mapping for both files; the confusion table and the saved network have its names."""
    train, test = classes(40, values), classes(30, values)[::-1]
    write("train.csv", train)
    write("test.csv", [(x, label + "0" * ("." in label)) for x, label in test])
    run = fastnn_("train --train train.csv --test test.csv --arch 2,8,3 --eta .5 --save model")
    names = [v.removesuffix(".0") for v in sorted(values.split())]
    assert succeeded(run).table()[0] == names
    net = fastnn.MLP.load("model")
    assert net.class_names == tuple(names)
    data = read_csv("test.csv", classes=net.class_names)
    assert f"accuracy {net.evaluate(data.X, data.y).score:.4f}" in run.out


@parametrize("values", "-1 1", "2 4", "0.0 1.0", "no yes")
def test_a_single_output_tells_two_classes(fastnn_: Command, values: str) -> None:
    write("data.csv", classes(60, values))
    run = succeeded(fastnn_("train --train data.csv --arch 2,4,1 --eta .5 --save model"))
    names = [name.removesuffix(".0") for name in values.split()]
    assert run.table()[0] == names
    assert "accuracy 1.0000 (12 of 12)" in run.out
    assert fastnn.MLP.load("model").class_names == tuple(names)


def quantities() -> None:
    """Whole numbers, as the target of diabetes."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(60, 2)).round(3)
    y = (100 + 40 * X[:, 0] + 5 * rng.normal(size=60)).astype(int)
    write("quantities.csv", [(x.tolist(), str(value)) for x, value in zip(X, y, strict=True)])


@parametrize("output", "identity", "exp")
@pytest.mark.filterwarnings("ignore::fastnn.TrainingWarning")
def test_a_single_output_predicts_a_quantity(fastnn_: Command, output: str) -> None:
    quantities()
    options = f"--arch 2,1 --output-activation {output} --eta 1e-5 --epochs 2"
    run = fastnn_(f"train --train quantities.csv {options}")
    assert run.status == 0, run.err
    assert "R²" in run.out
    assert "accuracy" not in run.out


@parametrize("output, ends", ("sigmoid", "0 and 1"), ("tanh", "-1 and 1"))
def test_quantities_that_outputs_cannot_reach(fastnn_: Command, output: str, ends: str) -> None:
    """No accuracy of numbers that are no classes."""
    quantities()
    run = fastnn_(f"train --train quantities.csv --arch 2,8,1 --output-activation {output}")
    assert (run.status, run.out) == (1, "")
    assert f"{output} outputs lie between {ends}: --output-activation identity" in run.err


def test_quantities_of_classes(fastnn_: Command) -> None:
    """Numbers that look like labels are quantities for outputs that predict quantities."""
    classify = "train --train data.csv --arch 2,4,1"
    predict = f"{classify} --output-activation identity --eta .05 --epochs 9"
    write("data.csv", classes(40, "1 2 3"))
    run = fastnn_(classify)
    failed(run, "tells 2 classes apart, and the data have 3: 1, 2, 3")
    assert "--task regression --output-activation identity" in run.err
    assert "R²" in succeeded(fastnn_(predict)).out
    write("data.csv", classes(40, "0 1"))
    run = fastnn_(f"{predict} --task classification")
    failed(run, "--output-activation identity predicts a quantity")
    write("data.csv", classes(40))
    failed(fastnn_(predict), "line 1, column 3: expected a number")


def test_a_class_of_one_example_is_trained_on(fastnn_: Command) -> None:
    """The fifth that is held out leaves some of every class."""
    rows = [(x, label) for x, label in classes(30, "b c")]
    for place in range(6):
        write("data.csv", [*rows[:place], ([5.0, 5.0], "a"), *rows[place:]])
        run = fastnn_("train --train data.csv --arch 2,4,3 --epochs 1")
        assert re.search(r"\na +0 +0 +0\n", run.out), run.out
    write("data.csv", classes(2))
    run = fastnn_("train --train data.csv --arch 2,4,2 --epochs 1")
    assert "every class has one example" in run.err


# Where the data come from


@parametrize("name", "-", "/dev/stdin")
@parametrize("compress", bytes, gzip.compress)
def test_standard_input(fastnn_: Command, name: str, compress: Compress) -> None:
    def trained_on(content: bytes) -> Any:
        options = ("--train", name, "--arch", "2,3,2", "--eta", ".5")
        return run_python("-m", "fastnn", "train", *options, input=content, text=False)

    write("data.csv", classes(40))
    done = trained_on(compress(Path("data.csv").read_bytes()))
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"32 examples to train on, 8 to test on" in done.stdout
    bad = trained_on(b"0,1,a\n1,x,b\n")
    shown = "standard input" if name == "-" else name
    assert bad.stderr.decode().startswith(f"fastnn: error: {shown}, line 2, column 2: ")


def test_a_pipe(fastnn_: Command) -> None:
    """As ``--train <(...)`` is: what is opened twice has lost its beginning, or never ends."""
    write("data.csv", classes(4000))
    ours, theirs = os.pipe()
    with subprocess.Popen(["cat", "data.csv"], stdout=theirs) as source:
        os.close(theirs)
        run = succeeded(fastnn_(f"train --train /dev/fd/{ours} --arch 2,3,2 --epochs 3"))
        os.close(ours)
        source.wait(timeout=60)
    assert "3,200 examples to train on" in run.out


@parametrize("option", "--target 1", "--header", "--task regression", "--delimiter comma")
def test_options_of_csv_files(fastnn_: Command, option: str) -> None:
    misused(fastnn_(f"train {option}"), f"{option.split()[0]} needs --train")


def test_standard_input_can_be_one_file_only(fastnn_: Command) -> None:
    run = fastnn_("train --train - --test - --arch 2,3,2")
    misused(run, "--train and --test cannot both be standard input")


@parametrize(
    "test, named", ("width,depth", "depth"), ("width,width", "width"), ("Width,height", "Width")
)
def test_other_inputs_in_the_test_file(fastnn_: Command, test: str, named: str) -> None:
    """Other names at the same places are other inputs."""
    rows = "".join(f"{x[0]},{x[1]},{label}\n" for x, label in classes(20))
    Path("train.csv").write_text("width,height,class\n" + rows)
    Path("test.csv").write_text(f"{test},class\n{rows}")
    run = fastnn_("train --train train.csv --test test.csv --arch 2,3,2")
    failed(run, f"test.csv: its input {named!r} is not one of those of train.csv: width")


@pytest.mark.filterwarnings("default")
@parametrize("bare", "train.csv", "test.csv")
def test_a_header_in_one_of_the_files(fastnn_: Command, bare: str) -> None:
    """Names that count, which columns without a header are given too, are names all the same."""
    rows = "".join(f"{n % 2},{n % 7},{'ab'[n % 2]}\n" for n in range(20))
    for name in ("train.csv", "test.csv"):
        Path(name).write_text(("" if name == bare else "x0,x1,class\n") + rows)
    run = fastnn_("train --train train.csv --test test.csv --arch 2,3,2 --epochs 1")
    assert run.status == 0
    assert f"warning: {bare} has no header, and the other file has one" in run.err


def test_columns_whose_names_count_are_put_in_order(fastnn_: Command) -> None:
    rng = np.random.default_rng(0)
    for name, columns in (("train.csv", (0, 1)), ("test.csv", (1, 0))):
        lines = [",".join(f"x{column}" for column in columns) + ",class"]
        for _ in range(100):
            x = rng.uniform(-1, 1, 2)
            lines.append(f"{x[columns[0]]},{x[columns[1]]},{'y1' if x[0] > 0 else 'y0'}")
        Path(name).write_text("\n".join(lines))
    run = fastnn_("train --train train.csv --test test.csv --arch 2,4,1 --save model --epochs 30")
    assert float(re.search(r"accuracy (\S+)", run.out)[1]) > 0.9  # type: ignore[index]
    assert fastnn.MLP.load("model").class_names == ("y0", "y1")


def test_another_target(fastnn_: Command) -> None:
    for name, target in (("train.csv", "price"), ("test.csv", "area")):
        rows = "".join(f"{n},{n * n % 7},{n / 7}\n" for n in range(20))
        Path(name).write_text(f"a,b,{target}\n{rows}")
    run = fastnn_(
        "train --train train.csv --test test.csv --arch 2,3,1 --output-activation identity"
    )
    failed(run, "test.csv: its target 'area' is not one of those of train.csv: price")


def one_hot_rows(n: int) -> str:
    """Two inputs, and three columns of which one is 1."""
    columns = (",".join(str(int(row % 3 == c)) for c in range(3)) for row in range(n))
    return "\n".join(f"{row % 3},{row % 7},{one_hot}" for row, one_hot in enumerate(columns))


def test_targets_of_one_name(fastnn_: Command) -> None:
    """They cannot be put in order by name; so it is with inputs."""
    Path("train.csv").write_text("a,b,u,u,v\n" + one_hot_rows(20))
    Path("test.csv").write_text("a,b,v,u,u\n" + one_hot_rows(20))
    run = fastnn_("train --train train.csv --test test.csv --arch 2,3,3")
    failed(run, "test.csv: its target 'u' is not one of those of train.csv: u, u, v")


def test_fewer_one_hot_columns_than_classes(fastnn_: Command) -> None:
    rows = "".join(f"{n},{n},{'abcd'[n % 4]}\n" for n in range(9))
    Path("train.csv").write_text("x,z,class\n" + rows)
    Path("test.csv").write_text("x,z,b,d,a\n1,1,1,0,0\n2,2,0,1,0\n")
    run = fastnn_("train --train train.csv --test test.csv --arch 2,3,3")
    failed(run, "test.csv: it has no target 'c', which train.csv has")


def test_labels_for_one_hot_columns_without_names(fastnn_: Command) -> None:
    Path("train.csv").write_text(one_hot_rows(30))
    Path("test.csv").write_text("\n".join(f"{n % 3},{n % 7},{n % 3}" for n in range(30)))
    run = succeeded(fastnn_("train --train train.csv --test test.csv --arch 2,9,3 --epochs 200"))
    assert run.number(r"accuracy (\S+)") > 0.9


@parametrize("output", "sigmoid", "tanh")
def test_quantities_that_would_be_scored_as_classes(fastnn_: Command, output: str) -> None:
    write("data.csv", [([n % 7, n % 3], str(n % 2)) for n in range(20)])
    arguments = (
        f"train --train data.csv --arch 2,3,1 --task regression --output-activation {output}"
    )
    run = fastnn_(arguments)
    failed(run, f"the targets are 0 and 1 only, which are classes to {output} outputs")
    assert fastnn_(arguments.replace(output, "identity")).status == 0


def test_one_hot_rows_are_held_out_in_proportion(fastnn_: Command) -> None:
    """A tenth of the examples are of class b: of 100, two of the 20 to test on."""
    rows = [f"{n % 7},{n % 3},{int(n % 10 > 0)},{int(n % 10 == 0)}" for n in range(100)]
    Path("data.csv").write_text("x,y,a,b\n" + "\n".join(rows))
    for seed in range(5):
        run = fastnn_(f"train --train data.csv --arch 2,3,2 --epochs 1 --seed {seed}")
        assert run.table()[1].sum(axis=1).tolist() == [18, 2]


def test_save_leaves_the_data_alone(fastnn_: Command) -> None:
    write("data", classes(40))
    before = Path("data").read_bytes()
    Path("link").symlink_to("data")
    for place in ("data", "link", "./data"):
        for files in ("--train data", "--train other --test data"):
            run = fastnn_(f"train {files} --arch 2,3,2 --save {place}")
            misused(run, f"--save would overwrite the data of --{files.split()[-2][2:]}")
    assert Path("data").read_bytes() == before
    assert fastnn_("train --train data --arch 2,3,2 --save -").status == 2


def test_a_terminal_without_the_letters_of_the_report() -> None:
    rows = "\n".join(f"{n % 7},{n % 5 / 3}" for n in range(40))
    options = "--train - --arch 1,2,1 --output-activation identity --epochs 1"
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    run = run_python("-m", "fastnn", "train", *options.split(), input=rows, env=ascii_only)
    assert run.returncode == 0, run.stderr
    assert "test R? " in run.stdout


# Warnings and errors, in the command's words


@pytest.mark.filterwarnings("default")
def test_labels_in_the_first_column(fastnn_: Command) -> None:
    """As MNIST's often are: the last pixel, which is 0, would be learnt."""
    rng = np.random.default_rng(5)
    rows = ["label,p1,p2,p3"]
    rows += [f"{n % 3},{rng.integers(255)},{rng.integers(255)},0" for n in range(30)]
    Path("mnist.csv").write_text("\n".join(rows))
    run = fastnn_("train --train mnist.csv --arch 3,4,3 --epochs 1")
    warning = "fastnn: warning: mnist.csv: the targets, column 4, are '0' in all 30 rows; "
    assert f"{warning}is another column the one to learn? --target COLUMN\n" in run.err
    assert "fastnn: warning: mnist.csv: column 1 ('label') is read as a feature" in run.err
    assert "--target label" in run.err
    assert "site-packages" not in run.err and "warn(" not in run.err
    run = fastnn_("train --train mnist.csv --arch 3,4,3 --epochs 1 --target label")
    assert run.status == 0
    assert "fastnn: warning: mnist.csv" not in run.err


@pytest.mark.filterwarnings("default")
def test_a_header_of_numbers(fastnn_: Command) -> None:
    Path("data.csv").write_text("0,1,2,0\n" + ".5,.2,.1,1\n.2,.7,.3,0\n" * 20)
    run = fastnn_("train --train data.csv --arch 3,4,2 --epochs 1")
    assert "fastnn: warning: data.csv, line 1 was read as data" in run.err
    assert "--header if it is a header, --no-header if it is none" in run.err
    for option in ("--header", "--no-header"):
        assert (
            "line 1" not in fastnn_(f"train --train data.csv --arch 3,4,2 --epochs 1 {option}").err
        )


@parametrize(
    "content, words",
    ("150,4,setosa,0\n5.1,3.5,1.4,1\n", "or --header, got 'setosa'"),
    ("0,1,2,y\n.5,.5,.5,1\n", "(is line 1 a header? --header)"),
    ("1;2;3;0\n", "1 columns"),
    ("1;2;3;0\n", "--delimiter semicolon"),
    ("1 2 3 0\n", "--delimiter whitespace"),
    ("1,2;3,4,5;6\n", "--delimiter semicolon"),
    ("1,2\t3,4,5\t6\n", "--delimiter tab"),
    ("1,2 3,4,5 6\n", "--delimiter whitespace"),
)
def test_errors_name_options(fastnn_: Command, content: str, words: str) -> None:
    Path("data.csv").write_text(content)
    failed(fastnn_("train --train data.csv --arch 3,4,2"), words)


@parametrize(
    "message, expected",
    ("a smaller learning_rate", "a smaller --eta"),
    ("learning_rate.csv: no", "learning_rate.csv: no"),
    ("got 'learning_rate'", "got 'learning_rate'"),
    ("the optimizer's learning_rate", "the optimizer's --eta"),
    ("header=True or header=False", "--header or --no-header"),
    ('take output_activation="identity"', "take --output-activation identity"),
    ("or output_activation='identity'", "or --output-activation identity"),
    ("output_activation must be 'exp'", "--output-activation must be 'exp'"),
    ("delimiter='\\t'", "--delimiter tab"),
    ("delimiter='·'?", "--delimiter '·'?"),
    ("targets='a b', now", "--target 'a b', now"),
    ("targets must be columns", "--target must be columns"),
    ("the targets must be good", "the targets must be good"),
    ("the loss of an activation", "the loss of an activation"),
)
def test_wording(message: str, expected: str) -> None:
    assert in_options(message) == expected


# What is saved


def test_iris_is_saved_with_its_scaling(fastnn_: Command) -> None:
    """A network that is loaded takes the flowers as they were measured."""
    run = fastnn_("train --save iris")
    net = fastnn.MLP.load("iris")
    assert net.class_names == ("setosa", "versicolor", "virginica")
    data = fastnn.datasets.load_iris()
    right = round(net.evaluate(data.X, data.y).score * 150)
    assert right >= 140
    assert run.number(r"\((\d+) of 30\)") >= right - 120
