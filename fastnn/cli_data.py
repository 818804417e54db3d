"""What the command trains and tests on, and the table of what it confused."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .arrays import Array
from .datasets import Dataset, load_iris, read_csv
from .evaluation import is_regression
from .network import Network


def scaled_iris(seed: int) -> tuple[Dataset, Dataset]:
    """The bundled iris, each input scaled to [0, 1] over the training part."""
    train, test = _split(load_iris(), seed)
    low, high = train.X.min(axis=0), train.X.max(axis=0)
    return (
        train._replace(X=(train.X - low) / (high - low)),
        test._replace(X=(test.X - low) / (high - low)),
    )


def csv_files(
    train_path: Path, test_path: Path | None, arch: Sequence[int], seed: int
) -> tuple[Dataset, Dataset]:
    """CSV files that fit the network, or one of them and a fifth of it held out."""
    train = _read(train_path, arch)
    if test_path is None:
        if len(train.X) < 2:
            raise ValueError(f"{train_path}: one example cannot be split; give --test")
        return _split(train, seed)
    test = _read(test_path, arch)
    return train, _with_targets_as(train, _with_inputs_as(train, test), test_path, arch[-1])


def _read(path: Path, arch: Sequence[int]) -> Dataset:
    """Inputs first; then one column per output, or one of class labels."""
    n_inputs, n_outputs = arch[0], arch[-1]
    with open(path, encoding="utf-8-sig", newline="", errors="replace") as file:
        first_row = next((row for row in csv.reader(file) if any(row)), None)
    n_columns = n_inputs + 1 if first_row is None else len(first_row)
    if n_columns - n_inputs not in (1, n_outputs):
        raise ValueError(
            f"{path} has {n_columns} columns, and --arch {_joined(arch)} needs {n_inputs} inputs "
            f"and then {n_outputs} targets or 1 label"
        )
    if n_columns == n_inputs + 1:
        return read_csv(path)
    return read_csv(path, targets=range(n_inputs, n_columns))


def _with_inputs_as(train: Dataset, test: Dataset) -> Dataset:
    """Put columns of the same names into the same order."""
    names = train.feature_names
    if sorted(names) != sorted(test.feature_names) or len(set(names)) < len(names):
        return test
    order = [test.feature_names.index(name) for name in names]
    return test._replace(X=test.X[:, order], feature_names=names)


def _with_targets_as(train: Dataset, test: Dataset, path: Path, n_outputs: int) -> Dataset:
    """Give the classes of ``test`` the labels, or the columns, that they have in ``train``."""
    known = list(train.target_names)
    if test.y.ndim == 1 and test.y.dtype.kind == "i":
        if train.y.ndim == 1 and all(map(str.isdigit, known)):
            known += map(str, range(len(known), n_outputs))
        present = np.unique(test.y)
        labels = np.zeros(len(test.target_names), int)
        labels[present] = [_index(test.target_names[label], known, path) for label in present]
        return test._replace(y=labels[test.y], target_names=train.target_names)
    if train.y.ndim == 1 and not all(map(str.isdigit, known)) and _has_no_names(test):
        raise ValueError(
            f"{path}: which of the classes {', '.join(known)} its columns stand for is unknown "
            "without a header"
        )
    if test.y.ndim == 1 or _has_no_names(train) or _has_no_names(test):
        return test._replace(target_names=train.target_names)
    columns = [_index(name, known, path) for name in test.target_names]
    y = np.zeros_like(test.y)
    y[:, columns] = test.y
    return test._replace(y=y, target_names=train.target_names)


def _index(name: str, known: list[str], path: Path) -> int:
    if name not in known:
        raise ValueError(
            f"{path}: the class {name!r} is none of the training data's: {', '.join(known)}"
        )
    return known.index(name)


def _has_no_names(data: Dataset) -> bool:
    """Whether its targets are called what `read_csv` calls them where there is no header."""
    return all(name == f"y{column}" for column, name in enumerate(data.target_names))


def check_fit(data: Dataset, network: Network) -> None:
    """Reject data for other numbers of inputs or classes than the network has."""
    n_inputs, n_outputs = network.layer_sizes[0], network.layer_sizes[-1]
    arch = f"--arch {_joined(network.layer_sizes)}"
    if data.X.shape[1] != n_inputs:
        raise ValueError(f"{arch} takes {n_inputs} inputs, and the data have {data.X.shape[1]}")
    n_classes = len(data.target_names) if data.y.dtype.kind == "i" else 0
    takes_quantities = n_outputs == 1 and is_regression(network.activation_functions[-1])
    if n_classes > max(2, n_outputs) and not takes_quantities:
        raise ValueError(
            f"{arch} tells {max(2, n_outputs)} classes apart, and the data have {n_classes}: "
            f"{', '.join(data.target_names[:9])}{', ...' if n_classes > 9 else ''}"
        )


def _joined(widths: Sequence[int]) -> str:
    return ",".join(map(str, widths))


def _split(data: Dataset, seed: int) -> tuple[Dataset, Dataset]:
    """Hold out a random fifth, of labelled data a fifth of every class."""
    order = np.random.default_rng(seed).permutation(len(data.X))
    if data.y.dtype.kind == "i":
        order = order[data.y[order].argsort(kind="stable")]
    held_out = np.arange(len(order)) % 5 == 0

    def part(rows: Array) -> Dataset:
        return data._replace(X=data.X[rows], y=data.y[rows])

    return part(order[~held_out]), part(order[held_out])


def confusion_table(network: Network, test: Dataset) -> str:
    """How often which class was taken for which."""
    n_classes = network.layer_sizes[-1]
    truth = test.y if test.y.ndim == 1 else test.y.argmax(axis=1)
    cells = truth.astype(np.intp) * n_classes + network.classify(test.X)
    counts = np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)
    names = [*test.target_names, *map(str, range(len(test.target_names), n_classes))]
    width = max(len(name) for name in (*names, str(counts.max()))) + 2
    lines = [["true\\predicted", *names]]
    lines += [[name, *map(str, row)] for name, row in zip(names, counts, strict=False)]
    first = max(len(line[0]) for line in lines)
    return "\n".join(
        line[0].ljust(first) + "".join(cell.rjust(width) for cell in line[1:]) for line in lines
    )
