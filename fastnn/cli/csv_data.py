"""Read the CSV files of --train and --test, and bring their columns into one order."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import cast

import numpy as np

from ..common.warning import warn
from ..datasets import Dataset, csv_hints, csv_reader
from ..datasets.csv_reader import Table
from ..network import Network
from .wording import listed


def training_table(options: argparse.Namespace, network: Network) -> Table:
    """Read --train: inputs, then one column per output or one column of labels."""
    return _read(options.train, options, network, _task(options, network), None)


def test_data(options: argparse.Namespace, network: Network, train: Table) -> Dataset:
    """Read --test, and give it the order of columns and the labels of the training data."""
    y, task, classes = train.data.y, _task(options, network), None
    if y.ndim == 1 and y.dtype.kind == "f":
        task = "regression"
    elif y.ndim > 1 and train.target_columns is None:  # the columns have no names
        classes = tuple(map(str, range(y.shape[1])))
    else:
        classes = train.data.target_names
    test = _read(options.test, options, network, task, classes)
    if (train.target_columns is None) != (test.target_columns is None):
        file = options.test if test.target_columns is None else options.train
        warn(
            f"{name_of(file)} has no header, and the other file has one: its columns are taken to "
            "be the same, in the same order"
        )
    test = test._replace(data=_with_inputs_as(train, test, options))
    return _with_targets_as(train, test, options)


def name_of(path: Path) -> str:
    """Return the name of a file in messages."""
    return "standard input" if str(path) == "-" else str(path)


def _read(
    path: Path,
    options: argparse.Namespace,
    network: Network,
    task: str | None,
    classes: Sequence[str] | None,
) -> Table:
    n_inputs, n_outputs = network.layer_sizes[0], network.layer_sizes[-1]
    name, delimiter = name_of(path), options.delimiter or ","
    target = None if options.target is None else _column(options.target, options.header)

    def targets(first_row: Sequence[str]) -> int | str | Sequence[int]:
        n_columns = len(first_row)
        if n_columns - n_inputs not in (1, n_outputs if target is None else 1):
            needed = f"then {n_outputs} targets or 1 label" if target is None else "1 target"
            hint = csv_hints.of_delimiter(first_row, delimiter) if n_columns == 1 else ""
            raise ValueError(
                f"{name} has {n_columns} columns in its first row, and --arch "
                f"{','.join(map(str, network.layer_sizes))} needs {n_inputs} inputs and "
                f"{needed}{hint}"
            )
        if isinstance(target, int) and not -n_columns <= target < n_columns:
            raise ValueError(f"--target {options.target}: {name} has {n_columns} columns")
        if n_columns > n_inputs + 1:
            return range(n_inputs, n_columns)
        return -1 if target is None else target

    with _opened(path) as file:
        return csv_reader.read(file, name, targets, options.header, delimiter, task, classes)


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
    """Return the column of --target: its number, counted from 0, or its name."""
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
    """Return the task of one column of targets; None if its content decides."""
    task: str | None = options.task
    if network.layer_sizes[-1] > 1:
        return task or "classification"
    output = network.activation_functions[-1]
    if output.is_bounded:
        return task
    if task == "classification":
        raise ValueError(
            f"--task classification takes several outputs, or one that is sigmoid or tanh; "
            f"--output-activation {output.name} predicts a quantity"
        )
    return "regression"


def _with_inputs_as(train: Table, test: Table, options: argparse.Namespace) -> Dataset:
    """Put the inputs of the test data into the order of the training data, by their names."""
    names, test_names = train.data.feature_names, test.data.feature_names
    if names == test_names or train.target_columns is None or test.target_columns is None:
        return test.data
    X = test.data.X[:, _order(names, test_names, "input", options)]
    return test.data._replace(X=np.ascontiguousarray(X), feature_names=names)


def _with_targets_as(train: Table, test: Table, options: argparse.Namespace) -> Dataset:
    """Put the targets of the test data into the order of the training data, by their names."""
    known, data = train.data.target_names, test.data
    if known == data.target_names or data.y.dtype.kind == "i":
        return data
    if test.target_columns is None:
        if train.data.y.ndim == 1 < data.y.ndim and known != tuple(map(str, range(len(known)))):
            raise ValueError(
                f"{name_of(options.test)}: which of the classes {listed(known)} its columns stand "
                "for is unknown without a header"
            )
        return data._replace(target_names=known)
    if train.target_columns is None and train.data.y.dtype.kind == "f":
        return data
    order = _order(known, data.target_names, "target", options)
    y = np.ascontiguousarray(data.y[:, order], np.float32)
    return data._replace(y=y, target_names=known)


def _order(
    names: Sequence[str], test_names: Sequence[str], what: str, options: argparse.Namespace
) -> list[int]:
    """Return the index of each name among the test names; reject names that differ."""
    train, test = name_of(options.train), name_of(options.test)
    for name in test_names:
        if names.count(name) != 1 or test_names.count(name) != 1:
            raise ValueError(
                f"{test}: its {what} {name!r} is not one of those of {train}: {listed(names)}"
            )
    for name in names:
        if name not in test_names:
            raise ValueError(f"{test}: it has no {what} {name!r}, which {train} has")
    return [test_names.index(name) for name in names]
