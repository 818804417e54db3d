"""The options of the command."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

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
    """Return the parser of the command line, given the functions of its two commands."""
    shared: dict[str, Any] = {
        "epilog": _EPILOG,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }
    description = "Train multi-layer perceptrons, fast."
    parser = argparse.ArgumentParser(prog="fastnn", description=description, **shared)
    parser.add_argument("--version", action="version", version=f"fastnn {fastnn.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    command = commands.add_parser(
        "train",
        help="train a network and report how good it is",
        description="Train a network by gradient descent and report how good it is.",
        **shared,
    )
    _add_data(command)
    _add_network(command)
    _add_training(command)
    command.add_argument(
        "--save",
        type=Path,
        metavar="FILE",
        help="write the network here: the trained one, or as an interruption (Ctrl-C) leaves it",
    )
    command.set_defaults(run=train, misused=command.error)
    about = commands.add_parser("info", help="print versions, CPU features and the kernel variant")
    about.set_defaults(run=info)
    return parser


def _add_data(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("data (the bundled iris unless given)")
    source, add = group.add_mutually_exclusive_group(), group.add_argument
    source.add_argument(
        "--train", type=Path, metavar="FILE", help="CSV file to train on (-: standard input)"
    )
    source.add_argument("--mnist", type=Path, metavar="FOLDER", help="folder of the MNIST files")
    test_help = "CSV file to test on (default: a fifth of --train)"
    add("--test", type=Path, metavar="FILE", help=test_help)
    add(
        "--delimiter",
        type=_delimiter,
        metavar="NAME",
        help=f"between fields: {', '.join(DELIMITERS)} (a run of blanks), or a character "
        "(default: comma)",
    )
    add(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="whether the first line names the columns (default: if it has no numbers)",
    )
    add(
        "--target",
        metavar="COLUMN",
        help="column of the labels or targets: its name in the header, or its number, counted from "
        "1, or -1 for the last one (default: the last column, or one column per output)",
    )
    add(
        "--task",
        choices=("classification", "regression"),
        help="what one column of whole numbers is for (default: classification for several "
        "outputs, and for a sigmoid or tanh output where the column looks like labels)",
    )


def _add_network(command: argparse.ArgumentParser) -> None:
    add = command.add_argument_group("network").add_argument
    add(
        "--arch",
        type=_widths,
        metavar="N,...,N",
        help="layer widths from input to output (default: 4,3,3 for iris, 784,300,10 for MNIST)",
    )
    add(
        "--activation",
        choices=[name for name, f in ACTIVATIONS.items() if f.is_elementwise],
        default="sigmoid",
        help="of the hidden layers (default: sigmoid)",
    )
    add(
        "--output-activation",
        choices=ACTIVATIONS,
        help="of the output layer (default: the one that the loss needs, else sigmoid)",
    )
    loss_help = "(default: cross_entropy for softmax outputs, else squared_error)"
    add("--loss", choices=LOSSES, help=loss_help)


def _add_training(command: argparse.ArgumentParser) -> None:
    add = command.add_argument_group("training").add_argument
    add("--optimizer", choices=OPTIMIZERS, default="sgd", help="with its defaults (default: sgd)")
    add(
        "--eta",
        type=_rate,
        metavar="RATE",
        help="learning rate (default: of sgd 0.3, MNIST 0.1; else the optimizer's own)",
    )
    add("--epochs", type=_count, metavar="N", help="passes over the data (default: 300; MNIST: 5)")
    add(
        "--batch",
        type=_count,
        metavar="N",
        help="examples per step, whose gradients are averaged; 0 for all, as rprop and lbfgs need "
        "(default: 1)",
    )
    add("--l2", type=_penalty, metavar="L2", default=0.0, help="penalty on weights (default: 0)")
    add(
        "--dropout",
        type=_fraction,
        metavar="FRACTION",
        default=0.0,
        help="fraction of the hidden units dropped in each step (default: 0)",
    )
    add("--seed", type=_count, metavar="N", default=0, help="of everything random (default: 0)")


T = TypeVar("T")


def _checked(convert: Callable[[str], T]) -> Callable[[str], T]:
    """Turn the ValueError of a converter into a usage error with the same message."""

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


@_checked
def _delimiter(text: str) -> str:
    if text not in DELIMITERS and (len(text) != 1 or text in '"\r\n'):
        raise ValueError(f"expected {', '.join(DELIMITERS)} or a character, got {text!r}")
    return DELIMITERS.get(text, text)


def _number(text: str, kind: Callable[[str], T], what: str) -> T:
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"expected a {what}, got {text!r}") from None


def _float(text: str) -> float:
    return _number(text, float, "number")


_count = _checked(lambda text: validation.count(_number(text, int, "whole number"), "N", minimum=0))
_rate = _checked(lambda text: validation.positive(_float(text), "RATE"))
_penalty = _checked(lambda text: validation.not_negative(_float(text), "L2"))
_fraction = _checked(lambda text: validation.number_between(_float(text), "FRACTION", 0, 1))
