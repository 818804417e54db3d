"""Tell whether trainings still come to the same bits: run it before and after a change.

``python -m bench.fingerprints before.json`` trains some hundred networks that differ in everything
that a network and a training may differ in, and writes a hash of what each comes to.
``python -m bench.fingerprints after.json --against before.json`` lists those that have changed. One
kernel variant, that of ``FASTNN_ISA``, is looked at a time.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

import fastnn
from fastnn import reference

_FACTORS: dict[str, tuple[Any, ...]] = {
    "kind": ("MLP", "MLP", "MLP", "reference"),
    "widths": ((4, 3), (5, 7, 3), (30, 40, 3), (17, 33, 20, 3), (9, 1, 3), (300, 70, 3)),
    "activation": ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "silu", "gelu"),
    "loss": (
        "squared_error",
        "absolute_error",
        "huber",
        "quantile",
        "cross_entropy",
        "binary_cross_entropy",
        "poisson",
    ),
    "dtype": ("float32", "float64"),
    "optimizer": (
        "sgd",
        "sgd",
        "momentum",
        "adam",
        "adamw",
        "rmsprop",
        "adagrad",
        "rprop",
        "lbfgs",
    ),
    "batch_size": (1, 1, 2, 16, None),
    "density": (1.0, 1.0, 0.1, 0.02),
    "is_sparse": (False, False, True),
    "n_threads": (1, 1, 2),
    "penalties": ({}, {}, {"l2": 0.01}, {"l1": 0.001}, {"clip_norm": 0.5}, {"max_norm": 1.0}),
    "dropout": (0.0, 0.0, 0.3),
    "learning_rate": (0.01, "cosine"),
    "is_weighted": (False, False, True),
    "way": ("at once", "call by call", "in blocks", "batch by batch", "held out"),
}
_N_EXAMPLES = 150


def fingerprints(n_networks: int) -> dict[str, str]:
    """Return a hash for each of so many descriptions, which are the same in every run."""
    found = {}
    for number in range(n_networks):
        rng = np.random.default_rng([2026, number])
        chosen = {name: values[rng.integers(len(values))] for name, values in _FACTORS.items()}
        found[f"{number} {json.dumps(chosen)}"] = _fingerprint(rng, **chosen)
    return found


def _fingerprint(
    rng: np.random.Generator,
    kind: str,
    widths: tuple[int, ...],
    activation: str,
    loss: str,
    dtype: str,
    optimizer: str,
    batch_size: int | None,
    density: float,
    is_sparse: bool,
    n_threads: int,
    penalties: dict[str, float],
    dropout: float,
    learning_rate: Any,
    is_weighted: bool,
    way: str,
) -> str:
    X: Any = rng.normal(size=(_N_EXAMPLES, widths[0])) * (
        rng.random((_N_EXAMPLES, widths[0])) < density
    )
    labels = rng.integers(widths[-1], size=_N_EXAMPLES)
    if is_sparse:
        X = scipy.sparse.csr_matrix(X)
    network_class = fastnn.MLP if kind == "MLP" else reference.MLP
    net = network_class(widths, activation=activation, loss=loss, dtype=dtype, seed=7)
    options: dict[str, Any] = {"optimizer": optimizer, **penalties, "dropout": dropout}
    if optimizer != "lbfgs":
        cosine = fastnn.Cosine(0.01, n_steps=500)
        options["learning_rate"] = cosine if learning_rate == "cosine" else learning_rate
        if optimizer == "momentum":
            options["optimizer"] = fastnn.SGD(options.pop("learning_rate"), momentum=0.9)
    if optimizer in ("rprop", "lbfgs"):
        batch_size = None
    if optimizer == "lbfgs":
        options = {"optimizer": "lbfgs", **({"l2": 0.01} if "l2" in penalties else {})}
    if is_weighted and way != "in blocks":
        options["sample_weight"] = rng.random(_N_EXAMPLES)
    try:
        losses = _train(net, X, labels, batch_size, n_threads, options, way)
        results = [*net.weights, *net.biases, net.predict(X), np.array(losses)]
    except (ValueError, TypeError, FloatingPointError, fastnn.TrainingDiverged) as error:
        return f"{type(error).__name__}: {error}"
    return hashlib.sha256(b"".join(array.tobytes() for array in results)).hexdigest()


def _train(
    net: Any,
    X: Any,
    labels: Any,
    batch_size: int | None,
    n_threads: int,
    options: dict[str, Any],
    way: str,
) -> list[float]:
    """Train for three epochs, in one of several ways; return the losses."""
    common = {"batch_size": batch_size, "n_threads": n_threads, **options}
    if way == "call by call":  # which shows the state of the random generator, too
        return [loss for _ in range(3) for loss in net.train(X, labels, **common).loss]
    if way == "batch by batch":
        del common["batch_size"]
        weights = common.pop("sample_weight", None)
        return [
            net.train_batch(
                X[start : start + 16],
                labels[start : start + 16],
                sample_weight=None if weights is None else weights[start : start + 16],
                **common,
            )
            for start in range(0, _N_EXAMPLES, 16)
        ]
    if way == "in blocks":
        blocks = [(X[start : start + 40], labels[start : start + 40]) for start in (0, 40, 80, 110)]
        return list(net.train(blocks, epochs=3, buffer_size=64, **common).loss)
    if way == "held out":
        history = net.train(X, labels, epochs=3, validation_fraction=0.2, **common)
        return [*history.loss, *history.validation_loss]
    return list(net.train(X, labels, epochs=3, **common).loss)


def main() -> int:
    """Write the hashes, and compare them."""
    parser = argparse.ArgumentParser(prog="python -m bench.fingerprints", description=__doc__)
    parser.add_argument("file", type=Path, help="JSON file to write")
    parser.add_argument("--against", type=Path, help="file of an earlier run to compare with")
    parser.add_argument("--networks", type=int, default=1000, help="(default: 1000)")
    given = parser.parse_args()
    found = fingerprints(given.networks)
    given.file.write_text(json.dumps({"isa": fastnn.isa, "hashes": found}, indent=1))
    n_refused = sum(": " in value for value in found.values())
    print(f"{len(found)} networks, {n_refused} of them refused; {fastnn.isa} kernels")
    if given.against is None:
        return 0
    before = json.loads(given.against.read_text())
    if before["isa"] != fastnn.isa:
        print(f"{given.against} is of {before['isa']} kernels", file=sys.stderr)
        return 2
    changed = [name for name, value in before["hashes"].items() if found.get(name) != value]
    for name in changed:
        print(f"{name}\n    {before['hashes'][name]}\n    {found.get(name)}")
    print(f"{len(changed)} have changed")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
