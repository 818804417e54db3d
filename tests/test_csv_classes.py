"""Labels in CSV files: one mapping of the values of a column to classes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers import parametrize

from fastnn import TrainingWarning
from fastnn.datasets import Dataset, csv_reader, read_csv

Write = Callable[..., Path]


@pytest.fixture(params=["compiled", "csv module"])
def write(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a file with these targets, after a feature, and read it in both ways."""
    if request.param == "csv module":
        monkeypatch.setattr(csv_reader, "parse_rows", lambda block, start, *_: (start, 0, 0))

    def write_(targets: Sequence[object], name: str = "data.csv") -> Path:
        path = tmp_path / name
        path.write_text("".join(f"{n}.5,{target}\n" for n, target in enumerate(targets)))
        return path

    return write_


def classes_of(data: Dataset) -> list[str]:
    """The class of each example, by its name."""
    assert data.y.dtype == np.int64
    assert set(data.y.tolist()) == set(range(len(data.target_names))), "a class without examples"
    return [data.target_names[label] for label in data.y]


@parametrize(
    "values, names",
    ("0.0 1.0 2.0 1.0", "0 1 2"),
    ("1 2 3 2", "1 2 3"),
    ("3 1.0 2e0 +1", "1 2 3"),
    ("2 4 4", "2 4"),
    ("-1 +1 -1", "-1 1"),
    ("-0.0 1 0", "0 1"),
    ("10 9 10", "9 10"),
    ("-1 0 1 1", "-1 0 1"),
    ("b a b", "a b"),
    ("10 9 8 7 6 5 4 3 2 1 1", "1 2 3 4 5 6 7 8 9 10"),
)
def test_values_become_classes(write: Write, values: str, names: str) -> None:
    """Whole numbers in numeric order, however they are written, and text in its order."""
    data = read_csv(write(values.split()))
    assert data.target_names == tuple(names.split())
    wanted = [v if v in "ab" else str(int(float(v))) for v in values.split()]
    assert classes_of(data) == wanted


@parametrize(
    "values",
    "0.5 1 0.5",  # not whole
    "1 2 4 4",  # a gap: ranks would be other distances
    "2 3 4 4",  # not from -1, 0 or 1
    "-2 -1 0 0",
    "25 346 25 160",
    "1 2 3 4",  # all different
    "5 7",
    "3",
)
def test_values_that_are_quantities(write: Write, values: str) -> None:
    data = read_csv(write(values.split()))
    assert data.y.dtype == np.float32
    assert data.y.tolist() == [float(value) for value in values.split()]
    assert data.target_names == ("y0",)


def test_quantities_of_diabetes(write: Write) -> None:
    """Whole numbers, 214 different ones in 442 rows."""
    from sklearn.datasets import load_diabetes

    target = load_diabetes().target
    data = read_csv(write([int(value) for value in target]))
    np.testing.assert_array_equal(data.y, target.astype(np.float32), strict=True)


def test_the_task_decides(write: Write) -> None:
    glass = write([1, 2, 3, 5, 6, 7, 7])
    assert read_csv(glass).y.dtype == np.float32
    data = read_csv(glass, task="classification")
    assert classes_of(data) == ["1", "2", "3", "5", "6", "7", "7"]
    data = read_csv(write([0, 1, 1]), task="regression")
    np.testing.assert_array_equal(data.y, np.array([0, 1, 1], np.float32), strict=True)
    data = read_csv(write([0.5, 1.5, 0.5]), task="classification")
    assert classes_of(data) == ["0.5", "1.5", "0.5"]
    with pytest.raises(ValueError, match=r"line 1, column 2: expected a number.*'a'"):
        read_csv(write("ab"), task="regression")


@parametrize(
    "train, test, labels",
    ("b a c c", "c b", [2, 1]),
    ("1 2 3 3", "3.0 3.00 1", [2, 2, 0]),
    ("-1 1 1", "+1", [1]),
    ("2.0 4.0 4.0", "4 2", [1, 0]),
    ("1 2 3 3", "3 2 1", [2, 1, 0]),
)
def test_a_second_file_has_the_classes_of_the_first(
    write: Write, train: str, test: str, labels: list[int]
) -> None:
    """Whichever of them it holds, and in whatever order."""
    names = read_csv(write(train.split())).target_names
    data = read_csv(write(test.split(), "test.csv"), classes=names)
    np.testing.assert_array_equal(data.y, np.array(labels, np.int64), strict=True)
    assert data.target_names == names


@parametrize(
    "classes, test, line, got",
    ("a b", "a b c a", 3, "c"),
    ("0 1", "0 1 1 2", 4, "2"),
    ("0 1", "0 0.5", 2, "0.5"),
    ("0 1", "0 a", 2, "a"),
    ("a b", "a 1", 2, "1"),
    ("0 1", "nan", 1, "nan"),
    ("0 1", "inf", 1, "inf"),
)
def test_a_class_that_the_first_file_lacks(
    write: Write, classes: str, test: str, line: int, got: str
) -> None:
    known = ", ".join(classes.split())
    expected = f"line {line}, column 2: expected one of the classes {known}, got '{got}'"
    with pytest.raises(ValueError, match=expected):
        read_csv(write(test.split()), classes=classes.split())


@parametrize("value", "0", "7.5", "a")
def test_targets_that_never_change(write: Write, value: str) -> None:
    """As the last pixel of an image, where the labels are in the first column."""
    with pytest.warns(TrainingWarning, match=rf"column 2, are '{value}' in all 3 rows.*targets="):
        read_csv(write([value] * 3))
    assert read_csv(write([value] * 3), classes=[value]).y.tolist() == [0, 0, 0]


def test_large_whole_numbers_stay_apart(write: Write) -> None:
    """As float32 they would be one class."""
    data = read_csv(write([16777216, 16777217, 16777217]))
    assert classes_of(data) == ["16777216", "16777217", "16777217"]
