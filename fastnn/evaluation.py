"""How good a network's outputs are: loss and score."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .activations import Activation
from .arrays import Array
from .inputs import Inputs
from .targets import Targets

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


@dataclass(frozen=True)
class Gradients:
    """What ``gradients`` returns.

    Attributes
    ----------
    loss : float
        Mean loss per example.
    weights, biases : tuple of ndarray
        Its gradients: per layer, (fan_in, fan_out) and (fan_out,).
    """

    loss: float
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]


def is_regression(outputs: Activation) -> bool:
    """Whether outputs of this activation are quantities, not degrees of belief."""
    return outputs.name in ("identity", "exp")


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
    """Mean loss, and score of the outputs, both weighted.

    The score is R² for regression on targets, else accuracy: labels are always classes.
    """
    total_loss, correct, squared_errors = 0.0, 0.0, np.zeros(1)
    for start in range(0, len(inputs), _BLOCK):
        rows = slice(start, start + _BLOCK)
        outputs, loss = outputs_and_loss(inputs[rows], targets[rows])
        total_loss += loss
        wanted = targets.rows(rows, outputs.shape[1], outputs.dtype)
        if regression and targets.values is not None:
            errors = np.subtract(outputs, wanted, dtype=np.float64)
            squared_errors = squared_errors + _total(errors * errors, targets[rows].weights)
        else:
            right = classify(outputs, many_labels) == classify(wanted, many_labels)
            right = right.reshape(len(outputs), -1).all(axis=1)
            correct += float(_total(right, targets[rows].weights))
    weights = targets.weights
    n = len(inputs) if weights is None else float(weights.sum(dtype=np.float64))
    if regression and targets.values is not None:
        return Evaluation(total_loss / n, _r2(squared_errors, targets.values, weights), "r2")
    return Evaluation(total_loss / n, correct / n, "accuracy")


def _total(values: Array, weights: Array | None) -> Array:
    """Weighted sum over the examples."""
    if weights is None:
        return values.sum(axis=0)
    return np.tensordot(weights.astype(np.float64), values, axes=1)


def _r2(squared_errors: Array, targets: Array, weights: Array | None) -> float:
    """1 - residual / total sum of squares, averaged over the outputs.

    An output whose target never changes counts 1 where it is met exactly, else 0, as in
    scikit-learn's r2_score.
    """
    if weights is None:
        mean = targets.mean(axis=0, dtype=np.float64)
    else:  # what counts nothing may be anything
        targets, weights = targets[weights > 0], weights[weights > 0].astype(np.float64)
        mean = np.average(targets, axis=0, weights=weights)
    total = np.zeros(targets.shape[1])
    for start in range(0, len(targets), _BLOCK):
        rows = slice(start, start + _BLOCK)
        total += _total((targets[rows] - mean) ** 2, None if weights is None else weights[rows])
    constant = targets.min(axis=0) == targets.max(axis=0)
    ratio = squared_errors / np.where(constant, 1, total)
    return float(np.where(constant, squared_errors == 0, 1 - ratio).mean())
