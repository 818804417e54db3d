"""Report how good a trained network is."""

import numpy as np

from ..datasets import Dataset
from ..evaluation import Evaluation
from ..network import Network
from .data import labels_of


def score(evaluation: Evaluation, n_examples: int) -> str:
    """Return the score with its name."""
    if evaluation.metric == "accuracy":
        n_correct = round(evaluation.score * n_examples)
        return f"accuracy {evaluation.score:.4f} ({n_correct:,} of {n_examples:,})"
    return f"R² {evaluation.score:.4f}"


def confusion_table(network: Network, test: Dataset) -> str | None:
    """Return the confusion matrix as text; None unless each example has one class."""
    truth, predicted = labels_of(test.y), network.classify(test.X)
    if truth is None or predicted.ndim > 1:
        return None
    n_classes = max(2, network.layer_sizes[-1])
    cells = truth.astype(np.intp) * n_classes + predicted
    counts = np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)
    names = network.class_names or tuple(map(str, range(n_classes)))
    width = max(len(name) for name in (*names, str(counts.max()))) + 2
    rows = [("true\\predicted", names)]
    rows += [(name, tuple(map(str, row))) for name, row in zip(names, counts, strict=True)]
    first = max(len(title) for title, _ in rows)
    return "\n".join(
        title.ljust(first) + "".join(cell.rjust(width) for cell in cells) for title, cells in rows
    )
