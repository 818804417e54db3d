"""What the command trains and tests on, and the table of what it confused."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .datasets import Dataset, load_iris, read_csv
from .functions import Array
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
    return train, _with_classes_of(train, _read(test_path, arch), test_path)


def _read(path: Path, arch: Sequence[int]) -> Dataset:
    """Inputs first; then one column per output, or one of class labels."""
    n_inputs, n_outputs = arch[0], arch[-1]
    with open(path, encoding="utf-8-sig", newline="", errors="replace") as file:
        n_columns = len(next((row for row in csv.reader(file) if any(row)), []))
    n_targets = n_columns - n_inputs
    if n_columns and n_targets not in (1, n_outputs):
        raise ValueError(
            f"{path} has {n_columns} columns, and --arch {','.join(map(str, arch))} needs "
            f"{n_inputs} inputs and then {n_outputs} targets or 1 label"
        )
    if n_targets == 1:
        return read_csv(path)
    return read_csv(path, targets=range(n_inputs, n_columns))


def _with_classes_of(train: Dataset, test: Dataset, path: Path) -> Dataset:
    """Give the classes of ``test``, which are text, the labels they have in ``train``."""
    if test.y.dtype.kind != "i" or all(name.isdigit() for name in test.target_names):
        return test
    label_of = {name: label for label, name in enumerate(train.target_names)}
    for name in test.target_names:
        if name not in label_of:
            known = ", ".join(train.target_names)
            raise ValueError(f"{path}: the class {name!r} is none of the training data's: {known}")
    labels = np.array([label_of[name] for name in test.target_names])[test.y]
    return test._replace(y=labels, target_names=train.target_names)


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
