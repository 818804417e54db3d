"""How good a network's outputs are: loss and score."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .arrays import Array
from .inputs import Inputs
from .validation import Targets

_BLOCK = 4096  # examples at a time, so that their outputs stay small


@dataclass(frozen=True)
class Evaluation:
    """What ``evaluate`` returns.

    Attributes
    ----------
    loss : float
        Mean loss per example.
    score : float
        The metric's value; 1 is perfect.
    metric : str
        ``"accuracy"`` or ``"r2"``.
    """

    loss: float
    score: float
    metric: str


def classify(outputs: Array, many_labels: bool) -> Array:
    """Labels: the largest output, or whether an output is above 0.5 if there is only one, or many.

    They are (n_examples,) or, if an example may have many labels, (n_examples, n_outputs).
    """
    if many_labels:
        return (outputs > 0.5).astype(np.intp)
    if outputs.shape[1] == 1:
        return (outputs[:, 0] > 0.5).astype(np.intp)
    return outputs.argmax(axis=1)


def evaluate(
    outputs_and_loss: Callable[[Inputs, Targets], tuple[Array, float]],
    inputs: Inputs,
    targets: Targets,
    regression: bool,
    many_labels: bool,
) -> Evaluation:
    """Mean loss, and score of the outputs.

    The score is R² for regression on targets, else accuracy: labels are always classes.
    """
    total_loss, n_correct, squared_errors = 0.0, 0, np.zeros(1)
    for start in range(0, len(inputs), _BLOCK):
        rows = slice(start, start + _BLOCK)
        outputs, loss = outputs_and_loss(inputs[rows], targets[rows])
        total_loss += loss
        wanted = targets.rows(rows, outputs.shape[1], outputs.dtype)
        if regression and targets.values is not None:
            errors = np.subtract(outputs, wanted, dtype=np.float64)
            squared_errors = squared_errors + (errors * errors).sum(axis=0)
        else:
            right = classify(outputs, many_labels) == classify(wanted, many_labels)
            n_correct += int(right.reshape(len(outputs), -1).all(axis=1).sum())
    if regression and targets.values is not None:
        score = _r2(squared_errors, targets.values)
        return Evaluation(total_loss / len(inputs), score, "r2")
    return Evaluation(total_loss / len(inputs), n_correct / len(inputs), "accuracy")


def _r2(squared_errors: Array, targets: Array) -> float:
    """1 - residual / total sum of squares, averaged over the outputs.

    An output whose target never changes counts 1 where it is met exactly, else 0, as in
    scikit-learn's r2_score.
    """
    mean = targets.mean(axis=0, dtype=np.float64)
    total = np.zeros_like(mean)
    for start in range(0, len(targets), _BLOCK):
        total += ((targets[start : start + _BLOCK] - mean) ** 2).sum(axis=0)
    constant = targets.min(axis=0) == targets.max(axis=0)
    ratio = squared_errors / np.where(constant, 1, total)
    return float(np.where(constant, squared_errors == 0, 1 - ratio).mean())
