"""The iris data set."""

from ..common.call_errors import with_helpful_errors
from .csv_file import read_csv
from .dataset import Dataset


@with_helpful_errors
def load_iris() -> Dataset:
    """Load the iris data set, which comes with the package.

    Four measurements in centimeters of 150 flowers, 50 of each of three species. The data are R. A.
    Fisher's ("The use of multiple measurements in taxonomic problems", Annals of Eugenics 7, 1936)
    and in the public domain. The file was made from scikit-learn's copy, which follows the paper;
    the copy of the UCI repository differs from it in two rows.

    Returns
    -------
    Dataset
        ``X`` is (150, 4) float32; ``y`` is (150,) int64 with the labels 0, 1, 2 of
        ``target_names``: setosa, versicolor, virginica.
    """
    # An import of 20 ms that only this function needs.
    from importlib.resources import as_file, files

    with as_file(files("fastnn.datasets") / "iris.csv") as path:
        return read_csv(path, targets="species")
