"""Data to train on: iris, CSV files, IDX files and MNIST, and one-hot targets."""

from .csv_file import read_csv
from .dataset import Dataset
from .encoding import one_hot
from .idx import read_idx
from .iris import load_iris
from .mnist import load_mnist

__all__ = ["Dataset", "load_iris", "load_mnist", "one_hot", "read_csv", "read_idx"]
