"""Load the data to train and test on."""

import argparse
from typing import NamedTuple

import numpy as np

from ..common.arrays import Array
from ..datasets import Dataset, load_iris, load_mnist
from ..input_scaling import InputScaling
from ..network import Network
from . import csv_data
from .wording import listed


class Data(NamedTuple):
    """Training and test data, and the facts that the network keeps of them."""

    train: Dataset
    test: Dataset
    class_names: tuple[str, ...] | None
    scaling: InputScaling | None = None


def load(options: argparse.Namespace, network: Network) -> Data:
    """Load the data that the options name, and check that the network fits them."""
    if options.train:
        return _csv_files(options, network)
    train, test = load_mnist(options.mnist) if options.mnist else _split(load_iris(), options.seed)
    _check_fit(train, network)
    scaling = None
    if not options.mnist:  # iris: scale the training data to [0, 1]
        low, high = train.X.min(axis=0), train.X.max(axis=0)
        scaling = InputScaling(low, high - low)
    return Data(train, test, _class_names(train, network), scaling)


def labels_of(y: Array) -> Array | None:
    """Return the label of each example; None unless each example has one."""
    if y.ndim == 1:
        return y if y.dtype.kind == "i" else None
    high = y == y.max()
    is_one_hot = (high.sum(axis=1) == 1).all() and len(np.unique(y[~high])) == 1
    return y.argmax(axis=1) if is_one_hot else None


def _csv_files(options: argparse.Namespace, network: Network) -> Data:
    """Read the CSV files; without --test, split off a fifth of --train."""
    table = csv_data.training_table(options, network)
    train = table.data
    if options.test is not None:
        test = csv_data.test_data(options, network, table)
    elif len(train.X) < 2:
        name = csv_data.name_of(options.train)
        raise ValueError(f"{name}: one example cannot be split; give --test")
    _check_fit(train, network)
    _check_task(train, network, options.task)
    if options.test is None:
        train, test = _split(train, options.seed)
    has_names = train.y.ndim == 1 or table.target_columns is not None
    return Data(train, test, _class_names(train, network) if has_names else None)


def _class_names(data: Dataset, network: Network) -> tuple[str, ...] | None:
    """Return the names of the classes; None if the targets are not classes of the network."""
    names, n_classes = data.target_names, max(2, network.layer_sizes[-1])
    return None if labels_of(data.y) is None or len(set(names)) != n_classes else names


def _check_fit(data: Dataset, network: Network) -> None:
    """Reject data whose numbers of inputs or classes are not those of the network."""
    n_inputs, n_outputs = network.layer_sizes[0], network.layer_sizes[-1]
    arch = f"--arch {','.join(map(str, network.layer_sizes))}"
    if data.X.shape[1] != n_inputs:
        raise ValueError(f"{arch} takes {n_inputs} inputs, and the data have {data.X.shape[1]}")
    if data.y.ndim == 1 and data.y.dtype.kind == "f":
        if n_outputs > 1:
            raise ValueError(f"{arch} has {n_outputs} outputs, and a quantity, one column, takes 1")
        output = network.activation_functions[-1]
        low, high = output.output_range
        if output.is_bounded and not low <= data.y.min() <= data.y.max() <= high:
            raise ValueError(
                f"the targets are quantities from {data.y.min():g} to {data.y.max():g}, and "
                f"{output.name} outputs lie between {low} and {high}: --output-activation identity"
            )
    n_classes, n_expected = len(data.target_names), max(2, n_outputs)
    if data.y.dtype.kind == "i" and n_classes != n_expected:
        hint = " (is another column that of the labels? --target COLUMN)"
        if n_outputs == 1:
            hint = " (a quantity? --task regression --output-activation identity)"
        raise ValueError(
            f"{arch} tells {n_expected} classes apart, and the data have {n_classes}: "
            f"{listed(data.target_names)}{hint if n_classes > n_expected else ''}"
        )


def _check_task(data: Dataset, network: Network, task: str | None) -> None:
    """Reject quantities that would be scored as classes."""
    output = network.activation_functions[-1]
    if task == "regression" and data.y.ndim == 1 and output.is_bounded:
        levels = [f"{level:g}" for level in np.unique(data.y)]
        if len(levels) <= 2:
            raise ValueError(
                f"--task regression: the targets are {' and '.join(levels)} only, which are "
                f"classes to {output.name} outputs: --output-activation identity, or "
                "--task classification"
            )


def _split(data: Dataset, seed: int) -> tuple[Dataset, Dataset]:
    """Split off a random fifth: with classes, a fifth of each class."""
    order = np.random.default_rng(seed).permutation(len(data.X))
    labels = labels_of(data.y)
    if labels is not None:
        order = order[labels[order].argsort(kind="stable")]
    is_test = np.arange(len(order)) % 5 == 0
    if labels is not None:  # train on the only example of a class
        is_test &= np.bincount(labels)[labels[order]] > 1
        if not is_test.any():
            raise ValueError("every class has one example, and none can be split off; give --test")

    def part(rows: Array) -> Dataset:
        return data._replace(X=data.X[rows], y=data.y[rows])

    return part(order[~is_test]), part(order[is_test])
