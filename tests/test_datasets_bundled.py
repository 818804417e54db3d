"""Iris, MNIST and one-hot targets."""

import gzip
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import each_value, message, parametrize, refusal
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

import fastnn.datasets
from fastnn.datasets import load_iris, load_mnist, one_hot, read_csv

# Iris


def test_iris() -> None:
    X, y, feature_names, target_names = load_iris()
    assert X.dtype == np.float32 and X.shape == (150, 4) and X.flags.c_contiguous
    assert_array_equal(y, np.repeat(np.arange(3, dtype=np.int64), 50), strict=True)
    assert feature_names == ("sepal_length", "sepal_width", "petal_length", "petal_width")
    assert target_names == ("setosa", "versicolor", "virginica")
    X[:] = 0
    assert load_iris().X.min() > 0, "it is not loaded anew each time"


def test_iris_is_fishers() -> None:
    """The means of Fisher's Table 2, and the two rows that are wrong in the UCI repository."""
    X, y, *_ = load_iris()
    means = [X[y == label].mean(axis=0, dtype=np.float64) for label in range(3)]
    fisher = [
        [5.006, 3.428, 1.462, 0.246],
        [5.936, 2.770, 4.260, 1.326],
        [6.588, 2.974, 5.552, 2.026],
    ]
    assert_allclose(means, fisher, atol=1e-6)
    assert_array_equal(X[34], np.array([4.9, 3.1, 1.5, 0.2], np.float32))
    assert_array_equal(X[37], np.array([4.9, 3.6, 1.4, 0.1], np.float32))


# MNIST


def idx(values: Any, dtype: str = ">u1", type_code: int = 0x08) -> bytes:
    array: NDArray[Any] = np.asarray(values, dtype)
    return (
        struct.pack(f">HBB{array.ndim}I", 0, type_code, array.ndim, *array.shape) + array.tobytes()
    )


def images(n: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (n, 28, 28), dtype=np.uint8)


FILES = {
    "train-images-idx3-ubyte": idx(images(5, seed=1)),
    "train-labels-idx1-ubyte": idx([3, 0, 9, 9, 1]),
    "t10k-images-idx3-ubyte": idx(images(2, seed=2)),
    "t10k-labels-idx1-ubyte": idx([7, 4]),
}


def fill(folder: Path, **replaced: bytes) -> Path:
    """Write small files in the format; a keyword like ``train_labels`` replaces one."""
    for name, original in FILES.items():
        content = replaced.get("_".join(name.split("-")[:2]), original)
        (folder / name).write_bytes(content)
    return folder


def check_small_mnist(folder: Path) -> None:
    train, test = load_mnist(folder)
    for data, n, seed, labels in ((train, 5, 1, [3, 0, 9, 9, 1]), (test, 2, 2, [7, 4])):
        expected = images(n, seed).astype(np.float32).reshape(n, 784) / np.float32(255)
        assert_array_equal(data.X, expected, strict=True)
        assert data.X.flags.c_contiguous and data.X.flags.writeable
        assert_array_equal(data.y, np.array(labels, np.int64), strict=True)
        assert (data.feature_names[0], data.feature_names[783]) == ("pixel0", "pixel783")
        assert len(data.feature_names) == 784
        assert data.target_names == tuple("0123456789")


def test_mnist_plain(tmp_path: Path) -> None:
    check_small_mnist(fill(tmp_path))
    load_mnist(str(tmp_path))


def test_mnist_names(tmp_path: Path) -> None:
    """Compressed or not, with a dash or with a dot, in any mixture."""
    content = list(FILES.values())
    (tmp_path / "train-images.idx3-ubyte.gz").write_bytes(gzip.compress(content[0]))
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(content[1])
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(content[2]))
    (tmp_path / "t10k-labels-idx1-ubyte").mkdir()  # as some archives unpack
    (tmp_path / "t10k-labels.idx1-ubyte").write_bytes(content[3])
    check_small_mnist(tmp_path)


def test_mnist_pixels(tmp_path: Path) -> None:
    pixels = np.zeros((1, 28, 28), np.uint8)
    pixels[0, 0, 1], pixels[0, 1, 0], pixels[0, 27, 27] = 255, 51, 102
    X = load_mnist(fill(tmp_path, t10k_images=idx(pixels), t10k_labels=idx([0])))[1].X
    assert X[0, [1, 28, 783]].tolist() == [1, np.float32(0.2), np.float32(0.4)]
    assert np.count_nonzero(X) == 3
    empty = {"t10k_images": idx(np.empty((0, 28, 28))), "t10k_labels": idx([])}
    test = load_mnist(fill(tmp_path, **empty))[1]
    assert (test.X.shape, test.y.shape) == ((0, 784), (0,))


@parametrize("missing", *FILES)
def test_mnist_missing_file(tmp_path: Path, missing: str) -> None:
    fill(tmp_path)
    (tmp_path / missing).unlink()
    dotted = missing.replace("-idx", ".idx")
    names = f"{missing}, {dotted}, {missing}.gz, {dotted}.gz"
    must = f"folder must hold one of the files {names}"
    with pytest.raises(FileNotFoundError, match=re.escape(f"{must}, got {str(tmp_path)!r}")):
        load_mnist(tmp_path)


def test_mnist_missing_folder(tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", fill(tmp_path) / "train-images-idx3-ubyte"):
        expected = re.escape(f"got {str(folder)!r}: no such folder")
        with pytest.raises(FileNotFoundError, match=f"train-images-idx3-ubyte.*{expected}"):
            load_mnist(folder)


IMAGES = r"expected images of 28 x 28 uint8, got"
LABELS = r"expected a one-dimensional .* uint8 labels, got"


@parametrize(
    "name, content, message",
    ("train_images", idx(np.zeros((5, 784))), rf"{IMAGES} uint8 of shape \(5, 784\)"),
    ("t10k_images", idx(np.zeros((2, 28, 27))), rf"{IMAGES} uint8 of shape \(2, 28, 27\)"),
    (
        "t10k_images",
        idx(np.zeros((2, 28, 28)), ">f4", 0x0D),
        rf"{IMAGES} float32 of shape \(2, 28, 28\)",
    ),
    ("t10k_images", idx(7), rf"{IMAGES} uint8 of shape \(\)"),
    ("train_labels", idx([[3, 0, 9, 9, 1]]), rf"{LABELS} uint8 of shape \(1, 5\)"),
    ("train_labels", idx([3, 0, 9, 9, 1], ">i4", 0x0C), rf"{LABELS} int32 of shape \(5,\)"),
    ("train_labels", idx([3, 0, 9, 9]), r"expected 5 labels, .*train-images.*, got 4"),
    ("t10k_labels", idx([3, 0, 9]), r"expected 2 labels, .*t10k-images.*, got 3"),
    ("t10k_labels", idx([9, 10]), r"expected labels from 0 to 9, got 10 at position 1"),
    ("t10k_labels", idx([7, 4])[:-1], r"expected 2 bytes of data .*, got 1"),
)
def test_mnist_refuses(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    fill(tmp_path, **{name: content})
    path = re.escape(str(tmp_path / name.replace("_", "-")))
    with pytest.raises(ValueError, match=f"^{path}.*: {message}"):
        load_mnist(tmp_path)


def test_real_mnist(mnist_folder: Path) -> None:
    train, test = load_mnist(mnist_folder)
    assert (train.X.shape, test.X.shape) == ((60000, 784), (10000, 784))
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(train.y).tolist() == counts
    assert test.y[:5].tolist() == [7, 2, 1, 0, 4]
    assert train.y[:5].tolist() == [5, 0, 4, 1, 9]
    # The mean and the standard deviation that everybody normalizes MNIST with.
    assert train.X.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)
    assert train.X.std(dtype=np.float64) == pytest.approx(0.3081, abs=5e-5)
    assert (train.X.min(), train.X.max()) == (0, 1)


def test_real_one_hot_columns(gophernet_folder: Path) -> None:
    train = read_csv(gophernet_folder / "train.csv", targets=["setosa", "virginica", "versicolor"])
    assert (train.X.shape, train.y.shape) == ((120, 4), (120, 3))
    assert_array_equal(train.y.sum(axis=1), np.ones(120))
    assert train.feature_names == load_iris().feature_names
    assert train.target_names == ("setosa", "virginica", "versicolor")
    assert train.X.min() >= 0 and train.X.max() <= 1


# One-hot targets


def test_one_hot() -> None:
    expected = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=np.float32)
    targets = one_hot([2, 0, 1, 2], 3)
    assert_array_equal(targets, expected, strict=True)
    assert targets.flags.c_contiguous and targets.flags.writeable
    labels = np.random.default_rng(2).integers(0, 17, 500)
    assert_array_equal(one_hot(labels, 17).argmax(axis=1), labels)
    assert_array_equal(one_hot(labels, 17).sum(axis=1), np.ones(500))


@parametrize(
    "levels, expected",
    ((0.01, 0.99), [[0.01, 0.99], [0.99, 0.01]]),
    ((-1, 1), [[-1, 1], [1, -1]]),
    ((np.float16(0.5), np.int8(3)), [[0.5, 3], [3, 0.5]]),
)
def test_one_hot_levels(levels: Any, expected: Any) -> None:
    assert_array_equal(one_hot([1, 0], 2, *levels), np.array(expected, np.float32), strict=True)
    low, high = levels
    assert_array_equal(one_hot([1, 0], 2, low=low, high=high), np.array(expected, np.float32))


@parametrize(
    "labels",
    (1, 0),
    np.array([1, 0], np.uint8),
    np.array([1, 0], np.int16),
    np.array([1, 0], np.uint64),
    np.array([1, 9, 0, 9])[::2],
    np.array([1, 0], object),
    [np.int8(1), 0],
)
def test_one_hot_takes_all_integers(labels: Any) -> None:
    n_classes: Any = np.int32(3)
    assert_array_equal(one_hot(labels, n_classes), [[0, 1, 0], [1, 0, 0]])


@parametrize("labels", [], (), np.empty(0, np.int64), np.empty(0, np.uint8))
def test_one_hot_of_nothing(labels: Any) -> None:
    targets = one_hot(labels, 4)
    assert targets.shape == (0, 4) and targets.dtype == np.float32


@parametrize(
    "labels, got",
    ([0, 1.0], "1.0 at position 1"),
    ([0.0, 1.0], "0.0 at position 0"),
    (np.array([0, 1], np.float32), "np.float32(0.0) at position 0"),
    ([0, 1, "2"], "'2' at position 2"),
    ([0, None], "None at position 1"),
    ([True, False], "True at position 0"),
    (np.array([False]), "np.False_ at position 0"),
    ([0, float("nan")], "nan at position 1"),
)
def test_one_hot_labels_of_another_type(labels: Any, got: str) -> None:
    assert message(TypeError, lambda: one_hot(labels, 3)) == f"labels must be integers, got {got}"


@parametrize(
    "labels, got",
    ([0, 3, -1], "3 at position 1"),
    ([0, 1, -1, 7], "-1 at position 2"),
    (np.array([2**64 - 1], np.uint64), f"{2**64 - 1} at position 0"),
    ([0, 2**70], f"{2**70} at position 1"),
)
def test_one_hot_labels_out_of_range(labels: Any, got: str) -> None:
    said = message(ValueError, lambda: one_hot(labels, 3))
    assert said == f"labels must be at least 0 and less than n_classes=3, got {got}"


@parametrize("labels", 1, [[0, 1]], [[0], [1, 2]], np.zeros((2, 2), int), [[]])
def test_one_hot_labels_of_another_shape(labels: Any) -> None:
    with refusal(ValueError, "labels must be one-dimensional, got "):
        one_hot(labels, 3)


NO_NUMBERS, NOT_FINITE = ["1", None, True, 1j, [1.0]], [np.nan, np.inf, -np.inf, 1e39, 10**400]


@each_value(
    {
        "n_classes must be an integer, got": [True, np.True_, 3.0, "3", None, [3]],
        "n_classes must be at least 1, got": [0, -1],
        "low must be a number, got": NO_NUMBERS,
        "high must be a number, got": NO_NUMBERS,
        "low must be finite in float32, got": NOT_FINITE,
        "high must be finite in float32, got": NOT_FINITE,
    }
)
def test_one_hot_refuses(rule: str, argument: str, value: Any) -> None:
    with refusal(ValueError if re.search("least|finite", rule) else TypeError, rule):
        one_hot([0], **{"n_classes": 2, argument: value})


def test_public_names() -> None:
    names = ["Dataset", "load_iris", "load_mnist", "one_hot", "read_csv", "read_idx"]
    assert sorted(fastnn.datasets.__all__) == names
