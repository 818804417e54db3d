"""Evaluate the outputs of a network: loss and score."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .common import hints
from .common.arrays import Array, are_finite, first_nonfinite
from .common.call_errors import with_substitutes
from .common.warning import warn
from .data.inputs import Inputs
from .data.targets import Targets
from .engine import Engine
from .labeling import Labeling

_CHUNK = 4096  # examples whose outputs are in memory together


@with_substitutes(hints.OF_EVALUATIONS)
@dataclass(frozen=True)
class Evaluation:
    """Loss and score of a network on data, as ``evaluate`` returns them.

    Attributes
    ----------
    loss : float
        Mean loss per example.
    score : float
        Value of the metric; 1 is perfect.
    metric : str
        ``"accuracy"`` for classes or ``"r2"``, R², for quantities.
    """

    loss: float
    score: float
    metric: str


@dataclass(frozen=True)
class Gradients:
    """Mean loss on data and its gradients, as ``gradients`` returns them.

    Attributes
    ----------
    loss : float
        Mean loss per example.
    weights, biases : tuple of ndarray
        Gradients of the mean loss, per layer: (fan_in, fan_out) and (fan_out,).
    """

    loss: float
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]


def check_parameters(engine: Engine, purpose: str) -> None:
    """Reject weights and biases that are not finite."""
    if not are_finite(engine.storage()):
        raise ValueError(
            f"weights and biases must be finite {purpose}, got NaN or infinity in them"
        )


def check_outputs(engine: Engine, outputs: Array) -> None:
    """Reject outputs that are not finite: their labels and scores would be misleading."""
    at = first_nonfinite(outputs)
    if at is None:
        return
    check_parameters(engine, "to predict")
    row, column = divmod(at, outputs.shape[1])
    raise FloatingPointError(
        f"outputs must be finite in {engine.dtype}, got {outputs[row, column]} for output "
        f"{column} of example {row}: scale the inputs, or use a dtype with a larger range"
    )


@np.errstate(all="ignore")
def mean_loss(engine: Engine, inputs: Inputs, targets: Targets) -> float:
    """Return the mean loss, weighted by the weights of the examples."""
    targets = targets.with_relative_weights()
    total = sum(
        _outputs_and_loss(engine, inputs[rows], targets[rows])[1] for rows in _chunks(len(inputs))
    )
    return total / _total_weight(targets)


@np.errstate(all="ignore")  # squares of errors may overflow: the score is NaN then
def evaluate(engine: Engine, inputs: Inputs, targets: Targets, labeling: Labeling) -> Evaluation:
    """Return the mean loss and the score of the outputs, both weighted.

    The score is the accuracy for targets that are classes, else R².
    """
    targets = targets.with_relative_weights()
    rules = labeling.rules(targets)
    if rules is None:
        check_r2(targets)
    total_loss, correct, squared_errors = 0.0, 0.0, np.zeros(1)
    for rows in _chunks(len(inputs)):
        outputs, loss = _outputs_and_loss(engine, inputs[rows], targets[rows])
        total_loss += loss
        t = targets.rows(rows, outputs.shape[1], outputs.dtype)
        if rules is None:
            errors = np.subtract(outputs, t, dtype=np.float64)
            squared_errors = squared_errors + _weighted_sum(errors * errors, targets[rows].weights)
        else:
            of_outputs, of_targets = rules
            is_correct = of_outputs.labels(outputs) == of_targets.labels(t)
            is_correct = is_correct.reshape(len(outputs), -1).all(axis=1)
            correct += float(_weighted_sum(is_correct, targets[rows].weights))
    weight = _total_weight(targets)
    if rules is None:
        score, metric = _r2(squared_errors, targets.with_positive_weight()), "r2"
    else:
        score, metric = correct / weight, "accuracy"
    return Evaluation(total_loss / weight, score, metric)


def _chunks(n_examples: int) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, n_examples, _CHUNK))


def _outputs_and_loss(engine: Engine, inputs: Inputs, targets: Targets) -> tuple[Array, float]:
    outputs, loss = engine.outputs_and_loss(inputs, targets)
    check_outputs(engine, outputs)
    if math.isnan(loss):
        raise FloatingPointError(
            f"loss {engine.loss.name!r} must be a number, got NaN for outputs that are finite"
        )
    return outputs, loss


def check_r2(targets: Targets) -> None:
    """Reject fewer than two examples, for which R² is undefined."""
    n_examples = len(targets.with_positive_weight())
    if n_examples < 2:
        weighed = "" if targets.weights is None else " with a weight above 0"
        raise ValueError(
            f"y must hold two examples or more{weighed} for R², the score of targets that are not "
            f"classes, got {n_examples}"
        )


def check_validation_targets(targets: Targets, labeling: Labeling) -> None:
    """Reject validation targets without a score; warn if the score is useless to monitor."""
    if labeling.rules(targets) is not None:
        return
    check_r2(targets)
    if targets.are_constant:
        warn(
            "y of the validation data is the same for all examples: its R² is 1 where outputs meet "
            "it exactly, else 0; monitor 'validation_loss', not the score"
        )


def _weighted_sum(values: Array, weights: Array | None) -> Array:
    """Sum over the examples."""
    if weights is None:
        return values.sum(axis=0)
    return np.tensordot(weights.astype(np.float64), values, axes=1)


def _total_weight(targets: Targets) -> float:
    if targets.weights is None:
        return float(len(targets))
    return float(targets.weights.sum(dtype=np.float64))


def _r2(squared_errors: Array, targets: Targets) -> float:
    """Return 1 - residual / total sum of squares, averaged over the outputs.

    For a constant target it is 1 if all outputs equal the target, else 0, as in scikit-learn's
    r2_score.
    """
    t, weights = targets.array, targets.weights
    if weights is None:
        mean = t.mean(axis=0, dtype=np.float64)
    else:
        mean = np.average(t, axis=0, weights=weights.astype(np.float64))
    total = np.zeros(t.shape[1])
    for rows in _chunks(len(t)):
        total += _weighted_sum((t[rows] - mean) ** 2, None if weights is None else weights[rows])
    constant = t.min(axis=0) == t.max(axis=0)
    ratio = squared_errors / np.where(constant, 1, total)
    return float(np.where(constant, squared_errors == 0, 1 - ratio).mean())
