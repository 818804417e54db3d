"""The options of the command."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import fastnn

from .. import validation
from ..activations import ACTIVATIONS
from ..losses import LOSSES
from ..optimizers import OPTIMIZERS
from .wording import DELIMITERS

_EPILOG = """\
examples:
  fastnn train
      train 4-3-3 on the iris data that come with fastnn
  fastnn train --train train.csv --test test.csv --arch 4,3,3 --eta 0.3 --epochs 5000 --batch 32
      train on CSV files, with or without a header: inputs first, then one column per output, or
      one column of class labels (numbers or text)
  fastnn train --train housing.data --delimiter whitespace --arch 13,20,1 \\
      --output-activation identity
      predict a quantity, and report R²
  fastnn train --mnist FOLDER --arch 784,300,10
      train on the four IDX files of MNIST, gzipped or not
"""


def parser(
    *, train: Callable[[argparse.Namespace], None], info: Callable[[argparse.Namespace], None]
) -> argparse.ArgumentParser:
    """Return the parser of the command line, with what its two commands run."""
    parser = argparse.ArgumentParser(
        prog="fastnn",
        description="Train multi-layer perceptrons, fast.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"fastnn {fastnn.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_train(commands, train)
    about = commands.add_parser("info", help="print versions, CPU features and the kernel variant")
    about.set_defaults(run=info)
    return parser


def _add_train(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    run: Callable[[argparse.Namespace], None],
) -> None:
    train = commands.add_parser(
        "train",
        help="train a network and report how good it is",
        description="Train a network by gradient descent and report how good it is.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_data(train)
    _add_network(train)
    _add_training(train)
    train.add_argument(
        "--save",
        type=Path,
        metavar="FILE",
        help="write the network here: the trained one, or as an interruption (Ctrl-C) leaves it",
    )
    train.set_defaults(run=run, misused=train.error)


def _add_data(train: argparse.ArgumentParser) -> None:
    data = train.add_argument_group("data (the bundled iris unless given)")
    source = data.add_mutually_exclusive_group()
    source.add_argument(
        "--train", type=Path, metavar="FILE", help="CSV file to train on (-: standard input)"
    )
    source.add_argument("--mnist", type=Path, metavar="FOLDER", help="folder of the MNIST files")
    data.add_argument(
        "--test",
        type=Path,
        metavar="FILE",
        help="CSV file to test on (default: a fifth of --train)",
    )
    data.add_argument(
        "--delimiter",
        type=_delimiter,
        metavar="NAME",
        help=f"between fields: {', '.join(DELIMITERS)} (a run of blanks), or a character "
        "(default: comma)",
    )
    data.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="whether the first line names the columns (default: if it has no numbers)",
    )
    data.add_argument(
        "--target",
        metavar="COLUMN",
        help="column of the labels or targets: its name in the header, or its number, counted from "
        "1, or -1 for the last one (default: the last column, or one column per output)",
    )
    data.add_argument(
        "--task",
        choices=("classification", "regression"),
        help="what one column of whole numbers is for (default: classification for several "
        "outputs, and for a sigmoid or tanh output where the column looks like labels)",
    )


def _add_network(train: argparse.ArgumentParser) -> None:
    network = train.add_argument_group("network")
    network.add_argument(
        "--arch",
        type=_widths,
        metavar="N,...,N",
        help="layer widths from input to output (default: 4,3,3 for iris, 784,300,10 for MNIST)",
    )
    network.add_argument(
        "--activation",
        choices=[name for name, f in ACTIVATIONS.items() if f.is_elementwise],
        default="sigmoid",
        help="of the hidden layers (default: sigmoid)",
    )
    network.add_argument(
        "--output-activation",
        choices=ACTIVATIONS,
        help="of the output layer (default: the one that the loss needs, else sigmoid)",
    )
    network.add_argument(
        "--loss",
        choices=LOSSES,
        help="(default: cross_entropy for softmax outputs, else squared_error)",
    )


def _add_training(train: argparse.ArgumentParser) -> None:
    descent = train.add_argument_group("training")
    descent.add_argument(
        "--optimizer", choices=OPTIMIZERS, default="sgd", help="with its defaults (default: sgd)"
    )
    descent.add_argument(
        "--eta",
        type=_rate,
        metavar="RATE",
        help="learning rate (default: of sgd 0.3, MNIST 0.1; else the optimizer's own)",
    )
    descent.add_argument(
        "--epochs", type=_count, metavar="N", help="passes over the data (default: 300; MNIST: 5)"
    )
    descent.add_argument(
        "--batch",
        type=_count,
        metavar="N",
        help="examples per step, whose gradients are averaged; 0 for all, as rprop and lbfgs take "
        "(default: 1)",
    )
    descent.add_argument(
        "--l2", type=_penalty, metavar="L2", default=0.0, help="penalty on weights (default: 0)"
    )
    descent.add_argument(
        "--dropout",
        type=_part,
        metavar="PART",
        default=0.0,
        help="of the hidden units that is left out for an example (default: 0)",
    )
    descent.add_argument(
        "--seed", type=_count, metavar="N", default=0, help="of everything random (default: 0)"
    )


T = TypeVar("T")


def _checked(convert: Callable[[str], T]) -> Callable[[str], T]:
    """Make what is wrong with an option's value a usage error that says it."""

    def converted(text: str) -> T:
        try:
            return convert(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return converted


@_checked
def _widths(text: str) -> tuple[int, ...]:
    try:
        return validation.layer_sizes([int(width) for width in text.split(",")])
    except ValueError:
        expected = "two or more positive widths such as 4,3,3, of a network that fits in memory"
        raise ValueError(f"expected {expected}, got {text!r}") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"expected a number, got {text!r}") from None


@_checked
def _rate(text: str) -> float:
    return validation.positive(_number(text), "RATE")


@_checked
def _penalty(text: str) -> float:
    return validation.not_negative(_number(text), "L2")


@_checked
def _part(text: str) -> float:
    return validation.number_between(_number(text), "PART", 0, 1)


@_checked
def _delimiter(text: str) -> str:
    delimiter = DELIMITERS.get(text, text)
    if text not in DELIMITERS and (len(text) != 1 or text in '"\r\n'):
        raise ValueError(f"expected {', '.join(DELIMITERS)} or a character, got {text!r}")
    return delimiter


@_checked
def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        raise ValueError(f"expected a whole number, got {text!r}") from None
    return validation.count(count, "N", minimum=0)
