"""The command's data: the options that say how to read them, and what it warns of."""

import gzip
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import fastnn
from fastnn import cli
from fastnn.cli.wording import in_options
from fastnn.datasets import read_csv


class Run(NamedTuple):
    status: int
    out: str
    err: str


Command = Callable[..., Run]


@pytest.fixture
def fastnn_(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Run ``fastnn train`` in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(arguments: str) -> Run:
        try:
            status = cli.main(["train", *arguments.split()])
        except SystemExit as exit_:
            status = int(exit_.code or 0)
        return Run(status, *capsys.readouterr())

    return run


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


@pytest.mark.parametrize(
    ("delimiter", "between"),
    [
        *(("semicolon", ";"), ("tab", "\t"), ("space", " "), ("pipe", "|"), (";", ";"), (":", ":")),
        *(("whitespace", "  \t"), ("comma", ",")),
    ],
)
def test_delimiters(fastnn_: Command, delimiter: str, between: str) -> None:
    write("data", classes(40), between)
    run = fastnn_(f"--train data --arch 2,3,2 --eta .5 --delimiter {delimiter}")
    assert (run.status, run.err) == (0, "")
    assert "accuracy 1.0000" in run.out


@pytest.mark.parametrize("delimiter", ["semi", ";;", '"', ""])
def test_delimiters_that_are_none(fastnn_: Command, delimiter: str) -> None:
    run = fastnn_(f"--train data --arch 2,3,2 --delimiter={delimiter}")
    assert run.status == 2
    assert "whitespace" in run.err


@pytest.mark.parametrize("target", ["label", "1", "-3"])
def test_target(fastnn_: Command, target: str) -> None:
    """By its name, or its number, counted from 1 or from the end."""
    lines = [f"{label},{x[0]},{x[1]}" for x, label in classes(40, "0 1 2")]
    Path("data").write_text("label,u,v\n" + "\n".join(lines))
    run = fastnn_(f"--train data --arch 2,8,3 --eta .5 --target {target}")
    assert (run.status, run.err) == (0, "")
    assert re.search(r"true\\predicted +0 +1 +2\n", run.out)
    assert "accuracy 1.0000" in run.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--target 0", "--target counts columns from 1"),
        ("--target 4", "--target 4: data has 3 columns"),
        ("--target -4", "--target -4: data has 3 columns"),
        (
            "--target lable",
            "--target must be columns of data, one of ['label', 'u', 'v'], got 'lab",
        ),
        ("--target label --arch 3,2", "3 columns in its first row, and --arch 3,2 needs 3 inputs"),
        ("--target label --no-header", "--target label is a name, and --no-header"),
        ("--delimiter semicolon", "1 columns"),
        ("--task regression", "--arch 2,3,2 has 2 outputs, and a quantity, one column, takes 1"),
    ],
)
@pytest.mark.filterwarnings("ignore::fastnn.TrainingWarning")
def test_options_that_do_not_fit(fastnn_: Command, arguments: str, words: str) -> None:
    Path("data").write_text("label,u,v\n0,1,2\n1,2,3\n1,3,3\n0,3,2\n")
    arch = "" if "--arch" in arguments else "--arch 2,3,2"
    run = fastnn_(f"--train data {arguments} {arch}")
    assert run.status in (1, 2)
    assert words in run.err


def test_header(fastnn_: Command) -> None:
    """Numbers that are names, and text that is an example."""
    lines = "".join(f"{x[0]},{x[1]},{label}\n" for x, label in classes(9))
    Path("data").write_text("2019,2020,b\n" + lines)
    for option, n_examples in (("", 10), ("--no-header", 10), ("--header", 9)):
        run = fastnn_(f"--train data --test data --arch 2,3,2 --epochs 1 {option}")
        assert f"{n_examples} examples to train on" in run.out


@pytest.mark.parametrize("values", ["0.0 1.0 2.0", "1 2 3", "5 7 9", "b a c", "0.5 1.5 2.5"])
def test_several_outputs_classify(fastnn_: Command, values: str) -> None:
    """One mapping for both files; the confusion table and the saved network have its names."""
    train, test = classes(40, values), classes(30, values)[::-1]
    write("train.csv", train)
    Path("test.csv").write_text(
        "".join(f"{x[0]},{x[1]},{label}{'0' * ('.' in label)}\n" for x, label in test)
    )
    run = fastnn_("--train train.csv --test test.csv --arch 2,8,3 --eta .5 --save model")
    assert (run.status, run.err) == (0, "")
    names = [v.removesuffix(".0") for v in sorted(values.split())]
    assert re.search(r"true\\predicted +" + " +".join(names) + "\n", run.out)
    net = fastnn.MLP.load("model")
    assert net.class_names == tuple(names)
    data = read_csv("test.csv", classes=net.class_names)
    assert f"accuracy {net.evaluate(data.X, data.y).score:.4f}" in run.out


@pytest.mark.parametrize("values", ["-1 1", "2 4", "0.0 1.0", "no yes"])
def test_a_single_output_tells_two_classes(fastnn_: Command, values: str) -> None:
    write("data.csv", classes(60, values))
    run = fastnn_("--train data.csv --arch 2,4,1 --eta .5 --save model")
    assert (run.status, run.err) == (0, "")
    names = [name.removesuffix(".0") for name in values.split()]
    assert re.search(r"true\\predicted +" + " +".join(names) + "\n", run.out)
    assert "accuracy 1.0000 (12 of 12)" in run.out
    assert fastnn.MLP.load("model").class_names == tuple(names)


def quantities() -> None:
    """Whole numbers, as the target of diabetes."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(60, 2)).round(3)
    y = (100 + 40 * X[:, 0] + 5 * rng.normal(size=60)).astype(int)
    write("quantities.csv", [(x.tolist(), str(value)) for x, value in zip(X, y, strict=True)])


@pytest.mark.parametrize("output", ["identity", "exp"])
@pytest.mark.filterwarnings("ignore::fastnn.TrainingWarning")
def test_a_single_output_predicts_a_quantity(fastnn_: Command, output: str) -> None:
    quantities()
    run = fastnn_(
        f"--train quantities.csv --arch 2,1 --output-activation {output} --eta 1e-5 --epochs 2"
    )
    assert run.status == 0, run.err
    assert "R²" in run.out
    assert "accuracy" not in run.out


@pytest.mark.parametrize(("output", "ends"), [("sigmoid", "0 and 1"), ("tanh", "-1 and 1")])
def test_quantities_that_outputs_cannot_reach(fastnn_: Command, output: str, ends: str) -> None:
    """No accuracy of numbers that are no classes."""
    quantities()
    run = fastnn_(f"--train quantities.csv --arch 2,8,1 --output-activation {output}")
    assert (run.status, run.out) == (1, "")
    assert f"{output} outputs lie between {ends}: --output-activation identity" in run.err


def test_quantities_of_classes(fastnn_: Command) -> None:
    """Numbers that look like labels are quantities for outputs that predict quantities."""
    write("data.csv", classes(40, "1 2 3"))
    run = fastnn_("--train data.csv --arch 2,4,1")
    assert run.status == 1
    assert "tells 2 classes apart, and the data have 3: 1, 2, 3" in run.err
    assert "--task regression --output-activation identity" in run.err
    run = fastnn_("--train data.csv --arch 2,4,1 --output-activation identity --eta .05 --epochs 9")
    assert run.status == 0
    assert "R²" in run.out
    write("data.csv", classes(40, "0 1"))
    run = fastnn_(
        "--train data.csv --arch 2,4,1 --output-activation identity --task classification"
    )
    assert run.status == 1
    assert "--output-activation identity predicts a quantity" in run.err


def test_text_is_no_quantity(fastnn_: Command) -> None:
    write("data.csv", classes(40))
    run = fastnn_("--train data.csv --arch 2,4,1 --output-activation identity")
    assert run.status == 1
    assert "line 1, column 3: expected a number" in run.err


def test_a_class_of_one_example_is_trained_on(fastnn_: Command) -> None:
    """The fifth that is held out leaves some of every class."""
    rows = [(x, label) for x, label in classes(30, "b c")]
    for place in range(6):
        write("data.csv", [*rows[:place], ([5.0, 5.0], "a"), *rows[place:]])
        run = fastnn_("--train data.csv --arch 2,4,3 --epochs 1")
        assert re.search(r"\na +0 +0 +0\n", run.out), run.out
    write("data.csv", classes(2))
    run = fastnn_("--train data.csv --arch 2,4,2 --epochs 1")
    assert "every class has one example" in run.err


# Where the data come from


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_standard_input(
    fastnn_: Command,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    compress: Callable[[bytes], bytes],
) -> None:
    write("data.csv", classes(40))
    content = compress(Path("data.csv").read_bytes())
    options = ["train", "--train", name, "--arch", "2,3,2", "--eta", ".5"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "fastnn", *options],
        input=content,
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"32 examples to train on, 8 to test on" in done.stdout
    bad = subprocess.run(
        [sys.executable, "-P", "-m", "fastnn", *options],
        input=b"0,1,a\n1,x,b\n",
        capture_output=True,
        timeout=60,
    )
    assert bad.stderr.decode().startswith(
        f"fastnn: error: {'standard input' if name == '-' else name}, line 2, column 2: "
    )


def test_a_pipe(fastnn_: Command) -> None:
    """As ``--train <(...)`` is: what is opened twice has lost its beginning, or never ends."""
    write("data.csv", classes(4000))
    ours, theirs = os.pipe()
    with subprocess.Popen(["cat", "data.csv"], stdout=theirs) as source:
        os.close(theirs)
        run = fastnn_(f"--train /dev/fd/{ours} --arch 2,3,2 --epochs 3")
        os.close(ours)
        source.wait(timeout=60)
    assert (run.status, run.err) == (0, "")
    assert "3,200 examples to train on" in run.out


def test_standard_input_can_be_one_file_only(fastnn_: Command) -> None:
    run = fastnn_("--train - --test - --arch 2,3,2")
    assert run.status == 2
    assert "--train and --test cannot both be standard input" in run.err


@pytest.mark.parametrize("option", ["--target 1", "--header", "--task regression"])
def test_options_of_csv_files(fastnn_: Command, option: str) -> None:
    run = fastnn_(option)
    assert run.status == 2
    assert f"{option.split()[0]} needs --train" in run.err


@pytest.mark.parametrize(
    ("test", "named"),
    [("width,depth", "depth"), ("width,width", "width"), ("Width,height", "Width")],
)
def test_other_inputs_in_the_test_file(fastnn_: Command, test: str, named: str) -> None:
    """Other names at the same places are other inputs."""
    rows = "".join(f"{x[0]},{x[1]},{label}\n" for x, label in classes(20))
    Path("train.csv").write_text("width,height,class\n" + rows)
    Path("test.csv").write_text(f"{test},class\n{rows}")
    run = fastnn_("--train train.csv --test test.csv --arch 2,3,2")
    assert run.status == 1
    assert f"test.csv: its input {named!r} is not one of those of train.csv: width" in run.err


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("bare", ["train.csv", "test.csv"])
def test_a_header_in_one_of_the_files(fastnn_: Command, bare: str) -> None:
    """Names that count, which columns without a header are given too, are names all the same."""
    rows = "".join(f"{n % 2},{n % 7},{'ab'[n % 2]}\n" for n in range(20))
    for name in ("train.csv", "test.csv"):
        Path(name).write_text(("" if name == bare else "x0,x1,class\n") + rows)
    run = fastnn_("--train train.csv --test test.csv --arch 2,3,2 --epochs 1")
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
    run = fastnn_("--train train.csv --test test.csv --arch 2,4,1 --save model --epochs 30")
    assert float(re.search(r"accuracy (\S+)", run.out)[1]) > 0.9  # type: ignore[index]
    assert fastnn.MLP.load("model").class_names == ("y0", "y1")


def test_another_target(fastnn_: Command) -> None:
    for name, target in (("train.csv", "price"), ("test.csv", "area")):
        rows = "".join(f"{n},{n * n % 7},{n / 7}\n" for n in range(20))
        Path(name).write_text(f"a,b,{target}\n{rows}")
    run = fastnn_("--train train.csv --test test.csv --arch 2,3,1 --output-activation identity")
    assert run.status == 1
    assert "test.csv: its target 'area' is not one of those of train.csv: price" in run.err


def test_targets_of_one_name(fastnn_: Command) -> None:
    """They cannot be put in order by name; so it is with inputs."""
    rows = "".join(
        f"{n % 7},{n % 3},{n % 3 == 0:d},{n % 3 == 1:d},{n % 3 == 2:d}\n" for n in range(20)
    )
    Path("train.csv").write_text("a,b,u,u,v\n" + rows)
    Path("test.csv").write_text("a,b,v,u,u\n" + rows)
    run = fastnn_("--train train.csv --test test.csv --arch 2,3,3")
    assert run.status == 1
    assert "test.csv: its target 'u' is not one of those of train.csv: u, u, v" in run.err


def test_fewer_one_hot_columns_than_classes(fastnn_: Command) -> None:
    Path("train.csv").write_text(
        "x,z,class\n" + "".join(f"{n},{n},{'abcd'[n % 4]}\n" for n in range(9))
    )
    Path("test.csv").write_text("x,z,b,d,a\n1,1,1,0,0\n2,2,0,1,0\n")
    run = fastnn_("--train train.csv --test test.csv --arch 2,3,3")
    assert run.status == 1
    assert "test.csv: it has no target 'c', which train.csv has" in run.err


def test_labels_for_one_hot_columns_without_names(fastnn_: Command) -> None:
    rows = range(30)
    one_hot = "\n".join(
        f"{n % 3},{n % 7},{n % 3 == 0:d},{n % 3 == 1:d},{n % 3 == 2:d}" for n in rows
    )
    Path("train.csv").write_text(one_hot)
    Path("test.csv").write_text("\n".join(f"{n % 3},{n % 7},{n % 3}" for n in rows))
    run = fastnn_("--train train.csv --test test.csv --arch 2,9,3 --epochs 200")
    assert run.status == 0
    assert float(re.search(r"accuracy (\S+)", run.out)[1]) > 0.9  # type: ignore[index]


@pytest.mark.parametrize("output", ["sigmoid", "tanh"])
def test_quantities_that_would_be_scored_as_classes(fastnn_: Command, output: str) -> None:
    write("data.csv", [([n % 7, n % 3], str(n % 2)) for n in range(20)])
    arguments = f"--train data.csv --arch 2,3,1 --task regression --output-activation {output}"
    run = fastnn_(arguments)
    assert run.status == 1
    assert f"the targets are 0 and 1 only, which are classes to {output} outputs" in run.err
    assert fastnn_(arguments.replace(output, "identity")).status == 0


def test_one_hot_rows_are_held_out_in_proportion(fastnn_: Command) -> None:
    """A tenth of the examples are of class b: of 100, two of the 20 to test on."""
    rows = [f"{n % 7},{n % 3},{int(n % 10 > 0)},{int(n % 10 == 0)}" for n in range(100)]
    Path("data.csv").write_text("x,y,a,b\n" + "\n".join(rows))
    for seed in range(5):
        run = fastnn_(f"--train data.csv --arch 2,3,2 --epochs 1 --seed {seed}")
        table = [line.split() for line in run.out.splitlines()[-2:]]
        assert [sum(map(int, row[1:])) for row in table] == [18, 2]


def test_save_leaves_the_data_alone(fastnn_: Command) -> None:
    write("data", classes(40))
    before = Path("data").read_bytes()
    Path("link").symlink_to("data")
    for place in ("data", "link", "./data"):
        for files in ("--train data", "--train other --test data"):
            run = fastnn_(f"{files} --arch 2,3,2 --save {place}")
            assert run.status == 2
            assert f"--save would overwrite the data of --{files.split()[-2][2:]}" in run.err
    assert Path("data").read_bytes() == before
    assert fastnn_("--train data --arch 2,3,2 --save -").status == 2


def test_a_delimiter_needs_a_file(fastnn_: Command) -> None:
    run = fastnn_("--delimiter comma")
    assert run.status == 2
    assert "--delimiter needs --train" in run.err


def test_a_terminal_without_the_letters_of_the_report() -> None:
    rows = "\n".join(f"{n % 7},{n % 5 / 3}" for n in range(40))
    command = [sys.executable, "-m", "fastnn", "train", "--train", "-", "--arch", "1,2,1"]
    run = subprocess.run(
        [*command, "--output-activation", "identity", "--epochs", "1"],
        input=rows.encode(),
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
    )
    assert run.returncode == 0, run.stderr
    assert b"test R? " in run.stdout


# Warnings and errors, in the command's words


@pytest.mark.filterwarnings("default")
def test_labels_in_the_first_column(fastnn_: Command) -> None:
    """As MNIST's often are: the last pixel, which is 0, would be learnt."""
    rng = np.random.default_rng(5)
    rows = ["label,p1,p2,p3"]
    rows += [f"{n % 3},{rng.integers(255)},{rng.integers(255)},0" for n in range(30)]
    Path("mnist.csv").write_text("\n".join(rows))
    run = fastnn_("--train mnist.csv --arch 3,4,3 --epochs 1")
    warning = "fastnn: warning: mnist.csv: the targets, column 4, are '0' in all 30 rows; "
    assert f"{warning}is another column the one to learn? --target COLUMN\n" in run.err
    assert "fastnn: warning: mnist.csv: column 1 ('label') is read as a feature" in run.err
    assert "--target label" in run.err
    assert "site-packages" not in run.err and "warn(" not in run.err
    run = fastnn_("--train mnist.csv --arch 3,4,3 --epochs 1 --target label")
    assert run.status == 0
    assert "fastnn: warning: mnist.csv" not in run.err


@pytest.mark.filterwarnings("default")
def test_a_header_of_numbers(fastnn_: Command) -> None:
    Path("data.csv").write_text("0,1,2,0\n" + ".5,.2,.1,1\n.2,.7,.3,0\n" * 20)
    run = fastnn_("--train data.csv --arch 3,4,2 --epochs 1")
    assert "fastnn: warning: data.csv, line 1 was read as data" in run.err
    assert "--header if it is a header, --no-header if it is none" in run.err
    for option in ("--header", "--no-header"):
        assert "line 1" not in fastnn_(f"--train data.csv --arch 3,4,2 --epochs 1 {option}").err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("150,4,setosa,0\n5.1,3.5,1.4,1\n", "or --header, got 'setosa'"),
        ("0,1,2,y\n.5,.5,.5,1\n", "(is line 1 a header? --header)"),
        ("1;2;3;0\n", "1 columns"),
        ("1;2;3;0\n", "--delimiter semicolon"),
        ("1 2 3 0\n", "--delimiter whitespace"),
        ("1,2;3,4,5;6\n", "--delimiter semicolon"),
        ("1,2\t3,4,5\t6\n", "--delimiter tab"),
        ("1,2 3,4,5 6\n", "--delimiter whitespace"),
    ],
)
def test_errors_name_options(fastnn_: Command, content: str, words: str) -> None:
    Path("data.csv").write_text(content)
    run = fastnn_("--train data.csv --arch 3,4,2")
    assert run.status == 1
    assert words in run.err


@pytest.mark.parametrize(
    ("message", "expected"),
    [
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
    ],
)
def test_wording(message: str, expected: str) -> None:
    assert in_options(message) == expected


def test_divergence_names_the_option(fastnn_: Command) -> None:
    write("data.csv", classes(20))
    run = fastnn_(
        "--train data.csv --arch 2,3,2 --eta 1e6 --activation relu --output-activation identity"
    )
    assert run.status == 1
    assert "--eta" in run.err and "learning_rate" not in run.err


# What is saved


def test_iris_is_saved_with_its_scaling(fastnn_: Command) -> None:
    """A network that is loaded takes the flowers as they were measured."""
    run = fastnn_("--save iris")
    net = fastnn.MLP.load("iris")
    assert net.class_names == ("setosa", "versicolor", "virginica")
    data = fastnn.datasets.load_iris()
    right = net.evaluate(data.X, data.y).score * 150
    reported = re.search(r"\((\d+) of 30\)", run.out)
    assert reported is not None
    assert round(right) >= 140
    assert int(reported[1]) >= round(right) - 120
