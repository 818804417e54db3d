"""Load MNIST, and data sets in its format."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import validation
from ..common.arrays import first_true
from ..common.call_errors import with_helpful_errors
from .dataset import Dataset
from .idx import read_idx

_SIDE = 28
_N_PIXELS = _SIDE * _SIDE
_N_CLASSES = 10


@with_helpful_errors
def load_mnist(folder: str | os.PathLike[str]) -> tuple[Dataset, Dataset]:
    """Load the four files of MNIST, or of a data set in the same format such as Fashion-MNIST.

    The files are ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
    ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``. Each may also be called
    ``….idx3-ubyte`` or ``….idx1-ubyte`` with a dot, and may be compressed and end in ``.gz``.

    Parameters
    ----------
    folder : str or os.PathLike
        The folder that holds the files.

    Returns
    -------
    train, test : Dataset
        ``X`` is (n_examples, 784) float32, pixels divided by 255, row by row from the top; ``y`` is
        (n_examples,) int64 labels.

    Raises
    ------
    FileNotFoundError
        If one of the files is missing.
    ValueError
        If a file is not a sound IDX file (see `read_idx`), the images are not 28 x 28 uint8, the
        labels are not one-dimensional uint8 from 0 to 9, or their numbers differ.
    TypeError
        If ``folder`` is not a path.
    """
    root = Path(validation.path(folder, "folder"))
    # Find all four before reading the first, which takes noticeable time.
    train_images, train_labels, test_images, test_labels = (
        _find(root, stem, suffix)
        for stem in ("train", "t10k")
        for stem, suffix in ((f"{stem}-images", "idx3-ubyte"), (f"{stem}-labels", "idx1-ubyte"))
    )
    return _load(train_images, train_labels), _load(test_images, test_labels)


def _find(folder: Path, stem: str, suffix: str) -> Path:
    names = [f"{stem}{mark}{suffix}{end}" for end in ("", ".gz") for mark in "-."]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    found = "none of them" if folder.is_dir() else "no such folder"
    raise FileNotFoundError(
        f"folder must hold one of the files {', '.join(names)}, got {str(folder)!r}: {found}"
    )


def _load(images_path: Path, labels_path: Path) -> Dataset:
    images = read_idx(images_path)
    if images.dtype != np.uint8 or images.shape[1:] != (_SIDE, _SIDE):
        expected = f"images of {_SIDE} x {_SIDE} uint8"
        raise ValueError(f"{images_path}: expected {expected}, got {_described(images)}")
    labels = read_idx(labels_path)
    if labels.dtype != np.uint8 or labels.ndim != 1:
        expected = "a one-dimensional array of uint8 labels"
        raise ValueError(f"{labels_path}: expected {expected}, got {_described(labels)}")
    if len(labels) != len(images):
        raise ValueError(
            f"{labels_path}: expected {len(images)} labels, one for each image in "
            f"{images_path.name}, got {len(labels)}"
        )
    position = first_true(labels >= _N_CLASSES)
    if position is not None:
        raise ValueError(
            f"{labels_path}: expected labels from 0 to {_N_CLASSES - 1}, "
            f"got {labels[position]} at position {position}"
        )
    return Dataset(
        X=np.divide(images.reshape(-1, _N_PIXELS), 255, dtype=np.float32),
        y=labels.astype(np.int64),
        feature_names=tuple(f"pixel{index}" for index in range(_N_PIXELS)),
        target_names=tuple(map(str, range(_N_CLASSES))),
    )


def _described(array: NDArray[np.generic]) -> str:
    return f"{array.dtype} of shape {array.shape}"
