"""The work, and by how much a process grows with it."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from fastnn import MLP

from ..problems import Array

N_INPUTS, _N_CLASSES = 100, 10
BYTES_PER_ROW = N_INPUTS * np.dtype(np.float32).itemsize
ROWS_PER_BLOCK = 50_000
STATUS = Path("/proc/self/status")
_SECONDS_BETWEEN_SAMPLES = 0.005


class Blocks:
    """Slices of rows: what `MLP.train` takes for X, and can go through again."""

    def __init__(self, X: Array, y: Array) -> None:
        self._X, self._y = X, y

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        for start in range(0, len(self._X), ROWS_PER_BLOCK):
            rows = slice(start, start + ROWS_PER_BLOCK)
            yield self._X[rows], self._y[rows]


Work = Callable[[MLP, Array, Array], object]


def per_example(network: MLP, X: Array, y: Array) -> None:
    network.train(X, y, batch_size=1, learning_rate=0.001)


def in_batches(network: MLP, X: Array, y: Array) -> None:
    network.train(X, y, batch_size=128, learning_rate=0.01)


def in_blocks(network: MLP, X: Array, y: Array) -> None:
    network.train(Blocks(X, y), batch_size=128, learning_rate=0.01)


WORK: dict[str, Work] = {
    "one array, per example": per_example,
    "one array, batch 128": in_batches,
    f"blocks of {ROWS_PER_BLOCK:,} rows, batch 128": in_blocks,
}


def write(path: Path, n_rows: int) -> None:
    """Fill the file with float32 rows of normal numbers, the same ones in each block."""
    block = np.random.default_rng(0).standard_normal((ROWS_PER_BLOCK, N_INPUTS), np.float32)
    with path.open("wb") as file:
        for start in range(0, n_rows, ROWS_PER_BLOCK):
            block[: n_rows - start].tofile(file)


def megabytes() -> float:
    """Of this process, without pages of files."""
    sizes = re.findall(r"^Rss(?:Anon|Shmem):\s*(\d+) kB$", STATUS.read_text(), re.MULTILINE)
    return sum(map(int, sizes)) * 1024 / 1e6


def growth(path: Path, work: Work) -> float:
    """The most megabytes that this process grows by while it does the work."""
    X = np.memmap(path, np.float32, "r").reshape(-1, N_INPUTS)
    y = np.random.default_rng(1).integers(_N_CLASSES, size=len(X))
    network = MLP(
        [N_INPUTS, 32, _N_CLASSES],
        activation="relu",
        output_activation="softmax",
        loss="cross_entropy",
        seed=0,
    )
    before = most = megabytes()
    is_over = threading.Event()

    def sample() -> None:
        nonlocal most
        while not is_over.wait(_SECONDS_BETWEEN_SAMPLES):
            most = max(most, megabytes())

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        work(network, X, y)
    finally:
        is_over.set()
        sampler.join()
    return most - before
