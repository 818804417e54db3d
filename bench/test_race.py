"""The race and the measurement of memory, on little data."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from .contenders import FASTNN, PYTORCH, SCIKIT_LEARN
from .machine import Machine
from .memory import growth
from .memory.__main__ import as_markdown as memory_as_markdown
from .memory.__main__ import measure
from .problems import Examples
from .race.entries import ENTRIES, Entry
from .race.racers import NETWORK, Finish, race
from .race.report import as_markdown


def separable(n_examples: int) -> Examples:
    """Ten classes, of one bright stretch each."""
    generator = np.random.default_rng(n_examples)
    X = generator.random((n_examples, NETWORK.layer_sizes[0]), np.float32) / 4
    y = np.arange(n_examples) % NETWORK.layer_sizes[-1]
    for row, label in zip(X, y, strict=True):
        row[70 * label : 70 * label + 70] += 0.5
    return Examples(X, y)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.contender.name)
def test_racers_learn(entry: Entry) -> None:
    if lack := entry.contender.missing():
        pytest.skip(lack)
    finish = race(replace(entry, threads=1).racer(separable(2_000), seed=1), separable(300))
    assert finish.accuracy > 0.9
    assert finish.seconds > 0


def test_a_seed_makes_a_race() -> None:
    (entry,) = (entry for entry in ENTRIES if entry.contender == FASTNN)
    train, test = separable(15), separable(300)  # of which it learns little
    accuracies = [race(entry.racer(train, seed), test).accuracy for seed in (1, 1, 2)]
    assert accuracies[0] == accuracies[1] != accuracies[2]


def test_table() -> None:
    finishes = {
        FASTNN: [Finish(1.0, 0.981), Finish(1.5, 0.982), Finish(2.0, 0.97)],
        PYTORCH: [Finish(4.0, 0.979), Finish(3.5, 0.978), Finish(5.0, 0.99)],
        SCIKIT_LEARN: [Finish(5.0, 0.98)],
    }
    of_entries = {entry: finishes[entry.contender] for entry in ENTRIES}
    printed = as_markdown(Machine.this([FASTNN]), {"JAX": "is away"}, of_entries, n_seeds=3)
    cells = [
        [cell.strip() for cell in line.split("|")[4:-1]]
        for line in printed.splitlines()
        if line.startswith("|")
    ]
    assert [row[1:] for row in cells[2:]] == [
        ["1.00 (1.50)", "98.10%", "98.10 98.20 97.00", "yes", "1.00", "-", "yes"],
        ["3.50 (4.00)", "97.90%", "97.90 97.80 99.00", "NO", "3.50", "≥ 3", "yes"],
        ["5.00 (5.00)", "98.00%", "98.00", "yes", "5.00", "≥ 10", "NO"],
    ]
    assert "scikit-learn: fewer seeds" in printed
    assert "JAX: is away" in printed


@pytest.mark.skipif(not growth.STATUS.exists(), reason="needs Linux")
def test_memory() -> None:
    megabytes = measure(n_rows=1_000)
    assert megabytes.keys() == growth.WORK.keys()
    assert all(0 <= most < 400 for most in megabytes.values())
    assert memory_as_markdown(megabytes).count(" yes |") == len(megabytes)


def test_file_of_rows(tmp_path: Path) -> None:
    n_rows = growth.ROWS_PER_BLOCK + 3
    growth.write(tmp_path / "rows", n_rows)
    assert os.path.getsize(tmp_path / "rows") == n_rows * growth.BYTES_PER_ROW
    X = np.fromfile(tmp_path / "rows", np.float32).reshape(n_rows, -1)
    blocks = list(growth.Blocks(X, np.arange(n_rows)))
    assert [len(block) for block, _ in blocks] == [growth.ROWS_PER_BLOCK, 3]
    assert np.array_equal(blocks[1][1], [n_rows - 3, n_rows - 2, n_rows - 1])
