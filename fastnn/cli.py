"""The command ``fastnn``."""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

import fastnn

from . import _kernels, atomic_file, cli_data, validation
from .activations import ACTIVATIONS
from .evaluation import Evaluation
from .losses import LOSSES
from .optimizers import OPTIMIZERS
from .progress import bar

_EPILOG = """\
examples:
  fastnn train
      train 4-3-3 on the iris data that come with fastnn
  fastnn train --train train.csv --test test.csv --arch 4,3,3 --eta 0.3 --epochs 5000 --batch 32
      train on CSV files, with or without a header: inputs first, then one column per output, or
      one column of class labels (numbers or text)
  fastnn train --mnist FOLDER --arch 784,300,10
      train on the four IDX files of MNIST, gzipped or not
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0, 1 (failed), 2 (usage) or 130 (interrupted)."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        run: Callable[[argparse.Namespace], None] = options.run
        run(options)
        if sys.stdout is not None:  # as it is in a program without a console
            sys.stdout.flush()
    except (ValueError, OSError, MemoryError, ArithmeticError, ImportError) as error:
        if isinstance(error, BrokenPipeError):  # the reader, say `head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        print(f"fastnn: error: {_message(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("fastnn: interrupted", file=sys.stderr)
        return 130
    return 0


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastnn",
        description="Train multi-layer perceptrons, fast.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"fastnn {fastnn.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_train(commands)
    info = commands.add_parser("info", help="print versions, CPU features and the kernel variant")
    info.set_defaults(run=_info)
    return parser


def _add_train(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    train = commands.add_parser(
        "train",
        help="train a network and report how good it is",
        description="Train a network by gradient descent and report how good it is.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    data = train.add_argument_group("data (the bundled iris unless given)")
    source = data.add_mutually_exclusive_group()
    source.add_argument("--train", type=Path, metavar="FILE", help="CSV file to train on")
    source.add_argument("--mnist", type=Path, metavar="FOLDER", help="folder of the MNIST files")
    data.add_argument(
        "--test",
        type=Path,
        metavar="FILE",
        help="CSV file to test on (default: a fifth of --train)",
    )
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
    train.add_argument("--save", type=Path, metavar="FILE", help="write the trained network here")
    train.set_defaults(run=_train, misused=train.error)


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
def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        raise ValueError(f"expected a whole number, got {text!r}") from None
    return validation.count(count, "N", minimum=0)


class _Defaults(NamedTuple):
    arch: tuple[int, ...]
    eta: float
    epochs: int


_IRIS = _Defaults((4, 3, 3), 0.3, 300)
_MNIST = _Defaults((784, 300, 10), 0.1, 5)


def _train(options: argparse.Namespace) -> None:
    if options.train and not options.arch:
        options.misused("--arch is needed with --train: the widths, such as 4,3,3")
    takes_batches = OPTIMIZERS[options.optimizer].takes_batches
    if options.batch and not takes_batches:
        options.misused(f"--optimizer {options.optimizer} takes the full batch: --batch 0, or none")
    if options.eta is not None and options.optimizer == "lbfgs":
        options.misused("--optimizer lbfgs has no --eta: its line search finds the steps")
    if options.test and not options.train:
        options.misused("--test needs --train: MNIST and iris bring their own")
    defaults = _MNIST if options.mnist else _IRIS
    arch = options.arch or defaults.arch
    network = fastnn.MLP(
        arch,
        activation=options.activation,
        output_activation=options.output_activation,
        loss=options.loss,
        seed=options.seed,
    )
    if options.mnist:
        train, test = fastnn.datasets.load_mnist(options.mnist)
    elif options.train:
        train, test = cli_data.csv_files(options.train, options.test, arch, options.seed)
    else:
        train, test = cli_data.scaled_iris(options.seed)
    # What would fail after the training should not cost one.
    cli_data.check_fit(train, network)
    network.evaluate(test.X, test.y)
    if options.save:
        atomic_file.check_place(options.save)
    epochs = defaults.epochs if options.epochs is None else options.epochs
    print(f"{'-'.join(map(str, arch))} network of {network.n_parameters:,} parameters")
    print(f"{len(train.X):,} examples to train on, {len(test.X):,} to test on", flush=True)
    eta = defaults.eta if options.eta is None and options.optimizer == "sgd" else options.eta
    batch = (1 if takes_batches else None) if options.batch is None else options.batch or None
    start = time.perf_counter()
    with bar(epochs, leave=False, only_on_terminal=True) as show:
        history = network.train(
            train.X,
            train.y,
            epochs=epochs,
            batch_size=batch,
            optimizer=options.optimizer,
            learning_rate=eta,
            l2=options.l2,
            dropout=options.dropout,
            callback=show,
        )
    seconds = time.perf_counter() - start
    n_seen = len(train.X) * len(history)
    rate = f", {n_seen / seconds:,.0f} examples per second" if n_seen else ""
    duration = f"{seconds:.3g}" if seconds < 100 else f"{seconds:,.0f}"
    print(f"trained in {duration} s{rate} ({fastnn.isa} kernels)")
    if options.save:
        network.save(options.save)
        print(f"saved to {options.save}")
    before, after = network.evaluate(train.X, train.y), network.evaluate(test.X, test.y)
    print(f"training loss {before.loss:.4g}, test loss {after.loss:.4g}")
    print(f"test {_score(after, len(test.X))}")
    # With binary cross-entropy an example may be of several classes at a time, or of none.
    if after.metric == "accuracy" and arch[-1] > 1 and options.loss != "binary_cross_entropy":
        print(cli_data.confusion_table(network, test))


def _score(evaluation: Evaluation, n_examples: int) -> str:
    if evaluation.metric == "accuracy":
        n_correct = round(evaluation.score * n_examples)
        return f"accuracy {evaluation.score:.4f} ({n_correct:,} of {n_examples:,})"
    return f"R² {evaluation.score:.4f}"


def _info(options: argparse.Namespace) -> None:
    features = [name for name, usable in _kernels.cpu_features().items() if usable]
    for name, value in {
        "fastnn": fastnn.__version__,
        "kernels": f"{fastnn.isa} (can run here: {', '.join(_kernels.runnable_variants())})",
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "NumPy": np.__version__,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "CPU features": " ".join(features) or "none that fastnn asks for",
    }.items():
        print(f"{name:<13} {value}")
