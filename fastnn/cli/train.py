"""Run ``fastnn train``: train a network and report how good it is."""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import fastnn

from ..datasets import Dataset
from ..exchange import model_file
from ..history import History, Step
from ..network import Network
from ..optimizers import OPTIMIZERS
from ..training.progress import bar
from . import data, report


class _Defaults(NamedTuple):
    arch: tuple[int, ...]
    eta: float
    epochs: int


_IRIS = _Defaults((4, 3, 3), 0.3, 300)
_MNIST = _Defaults((784, 300, 10), 0.1, 5)


def run(options: argparse.Namespace) -> None:
    """Run ``fastnn train``."""
    _check_usage(options)
    defaults = _MNIST if options.mnist else _IRIS
    arch = options.arch or defaults.arch
    network = fastnn.MLP(
        arch,
        activation=options.activation,
        output_activation=options.output_activation,
        loss=options.loss,
        seed=options.seed,
    )
    train, test, network.class_names, network.input_scaling = data.load(options, network)
    network.evaluate(test.X, test.y)  # errors should come before the training, not after it
    if options.save:
        model_file.check_place(options.save)
    print(f"{'-'.join(map(str, arch))} network of {network.n_parameters:,} parameters")
    print(f"{len(train.X):,} examples to train on, {len(test.X):,} to test on", flush=True)
    start = time.perf_counter()
    history = _train(network, train, options, defaults)
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
    print(f"test {report.score(after, len(test.X))}")
    if after.metric == "accuracy" and (table := report.confusion_table(network, test)):
        print(table)


def _check_usage(options: argparse.Namespace) -> None:
    """End with a usage error if options do not go together."""
    if options.train and not options.arch:
        options.misused("--arch is needed with --train: the widths, such as 4,3,3")
    if options.batch and not OPTIMIZERS[options.optimizer].takes_batches:
        options.misused(f"--optimizer {options.optimizer} takes the full batch: --batch 0, or none")
    if options.eta is not None and options.optimizer == "lbfgs":
        options.misused("--optimizer lbfgs has no --eta: its line search finds the steps")
    for option in ("test", "target", "task", "header", "delimiter"):
        if getattr(options, option) is not None and not options.train:
            options.misused(f"--{option} needs --train: MNIST and iris bring their own")
    if str(options.train) == str(options.test) == "-":
        options.misused("--train and --test cannot both be standard input")
    if str(options.save) == "-":
        options.misused("--save takes the name of a file, and has no standard output")
    for option in ("train", "test"):
        if _is_same_file(options.save, getattr(options, option)):
            options.misused(f"--save would overwrite the data of --{option}: {options.save}")


def _is_same_file(a: Path | None, b: Path | None) -> bool:
    return bool(a and b and a.exists() and b.exists() and a.samefile(b))


def _train(
    network: Network, train: Dataset, options: argparse.Namespace, defaults: _Defaults
) -> History:
    """Train the network; after an interruption, save it as it is."""
    epochs = defaults.epochs if options.epochs is None else options.epochs
    batch, eta = options.batch, options.eta
    if batch is None and OPTIMIZERS[options.optimizer].takes_batches:
        batch = 1
    if eta is None and options.optimizer == "sgd":
        eta = defaults.eta
    n_completed = 0
    try:
        with bar(epochs, leave=False, only_on_terminal=True) as show:

            def count(step: Step) -> None:
                nonlocal n_completed
                n_completed = step.epoch
                show(step)

            return network.train(
                train.X,
                train.y,
                epochs=epochs,
                batch_size=batch or None,
                optimizer=options.optimizer,
                learning_rate=eta,
                l2=options.l2,
                dropout=options.dropout,
                callback=count,
            )
    except KeyboardInterrupt:
        if not options.save:
            raise
        network.save(options.save)
        message = f"interrupted after {n_completed:,} epochs; saved to {options.save}"
        raise KeyboardInterrupt(message) from None
