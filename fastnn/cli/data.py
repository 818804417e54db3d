"""What the command trains and tests on."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from ..arrays import Array
from ..datasets import Dataset, csv_hints, csv_reader, load_iris, load_mnist
from ..input_scaling import InputScaling
from ..network import Network

# Single outputs that tell two classes apart, or predict quantities in their range.
_BOUNDED = ("sigmoid", "tanh")


class Data(NamedTuple):
    """What is trained and tested on, and how the network scales it."""

    train: Dataset
    test: Dataset
    scaling: InputScaling | None = None


def load(options: argparse.Namespace, network: Network) -> Data:
    """Load what the options ask for, and see that the network fits."""
    if options.mnist:
        data = Data(*load_mnist(options.mnist))
    elif options.train:
        data = _csv_files(options, network)
    else:
        data = _iris(options.seed)
    _check_fit(data.train, network)
    return data


def class_names(data: Dataset, network: Network) -> tuple[str, ...] | None:
    """Return the names of the classes that the network tells apart, None if there are none."""
    names, n_classes = data.target_names, max(2, network.layer_sizes[-1])
    if labels_of(data.y) is None or len(set(names)) != n_classes or _are_numbered(names, "y"):
        return None
    return names


def labels_of(y: Array) -> Array | None:
    """Return the label of each example; None if an example may have several, or none."""
    if y.ndim == 1:
        return y if y.dtype.kind == "i" else None
    high = y == y.max()
    is_one_hot = (high.sum(axis=1) == 1).all() and len(np.unique(y[~high])) == 1
    return y.argmax(axis=1) if is_one_hot else None


def _iris(seed: int) -> Data:
    """Load the bundled iris, whose inputs are scaled to [0, 1] over the training part."""
    train, test = _split(load_iris(), seed)
    low, high = train.X.min(axis=0), train.X.max(axis=0)
    return Data(train, test, InputScaling(low, high - low))


def _csv_files(options: argparse.Namespace, network: Network) -> Data:
    """Read the CSV files; hold out a fifth of the one if there is no other."""
    train = _read(options.train, options, network)
    if options.test is None:
        if len(train.X) < 2:
            raise ValueError(f"{_name(options.train)}: one example cannot be split; give --test")
        return Data(*_split(train, options.seed))
    test = _read(options.test, options, network, train)
    test = _with_inputs_as(train, test, options)
    return Data(train, _with_targets_as(train, test, _name(options.test)))


def _read(
    path: Path, options: argparse.Namespace, network: Network, like: Dataset | None = None
) -> Dataset:
    """Read inputs, then one column per output or one of labels, with the classes of ``like``."""
    n_inputs, n_outputs = network.layer_sizes[0], network.layer_sizes[-1]
    name = _name(path)
    target = None if options.target is None else _column(options.target, options.header)

    def targets(first_row: Sequence[str]) -> int | str | Sequence[int]:
        n_columns = len(first_row)
        if n_columns - n_inputs not in (1, n_outputs if target is None else 1):
            needed = f"then {n_outputs} targets or 1 label" if target is None else "1 target"
            hint = csv_hints.of_delimiter(first_row, options.delimiter) if n_columns == 1 else ""
            raise ValueError(
                f"{name} has {n_columns} columns in its first row, and --arch "
                f"{_joined(network.layer_sizes)} needs {n_inputs} inputs and {needed}{hint}"
            )
        if isinstance(target, int) and not -n_columns <= target < n_columns:
            raise ValueError(f"--target {options.target}: {name} has {n_columns} columns")
        if n_columns > n_inputs + 1:
            return range(n_inputs, n_columns)
        return -1 if target is None else target

    task, classes = _task(options, network), None
    if like is not None and like.y.ndim == 1 and like.y.dtype.kind == "f":
        task = "regression"
    elif like is not None:
        classes = like.target_names
    with _opened(path) as file:
        return csv_reader.read(
            file, name, targets, options.header, options.delimiter, task, classes
        )


def _name(path: Path) -> str:
    return "standard input" if str(path) == "-" else str(path)


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    if str(path) != "-":
        with open(path, "rb") as file:
            yield file
    elif sys.stdin is None:
        raise ValueError("standard input is closed")
    else:
        yield cast(BufferedReader, sys.stdin.buffer)


def _column(target: str, header: bool | None) -> int | str:
    """Return the column of ``--target``: its number, counted from 0, or its name."""
    try:
        number = int(target)
    except ValueError:
        if header is False:
            raise ValueError(f"--target {target} is a name, and --no-header leaves none") from None
        return target
    if number == 0:
        raise ValueError("--target counts columns from 1, or from -1 at the end, got 0")
    return number - 1 if number > 0 else number


def _task(options: argparse.Namespace, network: Network) -> str | None:
    """Return what one column of targets is for; None if the column tells."""
    task: str | None = options.task
    if network.layer_sizes[-1] > 1:
        return task or "classification"
    output = network.activation_functions[-1].name
    if output in _BOUNDED:
        return task
    if task == "classification":
        raise ValueError(
            f"--task classification takes several outputs, or one that is sigmoid or tanh; "
            f"--output-activation {output} predicts a quantity"
        )
    return "regression"


def _with_inputs_as(train: Dataset, test: Dataset, options: argparse.Namespace) -> Dataset:
    """Put columns of the same names into the same order; refuse other names."""
    names, others = train.feature_names, test.feature_names
    if names == others or _are_numbered(names, "x") or _are_numbered(others, "x"):
        return test
    for name in others:
        if names.count(name) != 1 or others.count(name) != 1:
            raise ValueError(
                f"{_name(options.test)}: its input {name!r} is not one of those of "
                f"{_name(options.train)}: {_listed(names)}"
            )
    order = [others.index(name) for name in names]
    return test._replace(X=np.ascontiguousarray(test.X[:, order]), feature_names=names)


def _with_targets_as(train: Dataset, test: Dataset, name: str) -> Dataset:
    """Give the columns of one-hot rows of ``test`` the order of the classes of ``train``."""
    known = train.target_names
    if test.y.ndim == 1 or known == test.target_names:
        return test
    if _are_numbered(test.target_names, "y"):
        if train.y.ndim == 1 and known != tuple(map(str, range(len(known)))):
            raise ValueError(
                f"{name}: which of the classes {_listed(known)} its columns stand for is unknown "
                "without a header"
            )
        return test._replace(target_names=known)
    if _are_numbered(known, "y"):
        return test
    for other in test.target_names:
        if other not in known:
            raise ValueError(
                f"{name}: the class {other!r} is none of the training data's: {_listed(known)}"
            )
    y = np.zeros_like(test.y)
    y[:, [known.index(column) for column in test.target_names]] = test.y
    return test._replace(y=y, target_names=known)


def _are_numbered(names: Sequence[str], prefix: str) -> bool:
    """Tell whether these are the names that columns without a header are given."""
    return all(name == f"{prefix}{column}" for column, name in enumerate(names))


def _check_fit(data: Dataset, network: Network) -> None:
    """Reject data for other numbers of inputs or classes than the network has."""
    n_inputs, n_outputs = network.layer_sizes[0], network.layer_sizes[-1]
    arch = f"--arch {_joined(network.layer_sizes)}"
    if data.X.shape[1] != n_inputs:
        raise ValueError(f"{arch} takes {n_inputs} inputs, and the data have {data.X.shape[1]}")
    if data.y.ndim == 1 and data.y.dtype.kind == "f":
        if n_outputs > 1:
            raise ValueError(f"{arch} has {n_outputs} outputs, and a quantity, one column, takes 1")
        output = network.activation_functions[-1]
        low, high = output.output_range
        if output.name in _BOUNDED and not low <= data.y.min() <= data.y.max() <= high:
            raise ValueError(
                f"the targets are quantities from {data.y.min():g} to {data.y.max():g}, and "
                f"{output.name} outputs lie between {low} and {high}: --output-activation identity"
            )
    n_classes, n_told = len(data.target_names), max(2, n_outputs)
    if data.y.dtype.kind == "i" and n_classes != n_told:
        hint = " (is another column that of the labels? --target COLUMN)"
        if n_outputs == 1:
            hint = " (a quantity? --task regression --output-activation identity)"
        raise ValueError(
            f"{arch} tells {n_told} classes apart, and the data have {n_classes}: "
            f"{_listed(data.target_names)}{hint if n_classes > n_told else ''}"
        )


def _joined(widths: Sequence[int]) -> str:
    return ",".join(map(str, widths))


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:9])}{', ...' if len(names) > 9 else ''}"


def _split(data: Dataset, seed: int) -> tuple[Dataset, Dataset]:
    """Hold out a random fifth, of labelled data a fifth of every class."""
    order = np.random.default_rng(seed).permutation(len(data.X))
    if data.y.dtype.kind == "i":
        order = order[data.y[order].argsort(kind="stable")]
    held_out = np.arange(len(order)) % 5 == 0
    if data.y.dtype.kind == "i":  # a class of one example is there to be learnt
        held_out &= np.bincount(data.y)[data.y[order]] > 1
        if not held_out.any():
            raise ValueError("every class has one example, and none can be split off; give --test")

    def part(rows: Array) -> Dataset:
        return data._replace(X=data.X[rows], y=data.y[rows])

    return part(order[~held_out]), part(order[held_out])
