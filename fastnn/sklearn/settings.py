"""Checks of parameters that depend on each other, before a fit changes anything."""

import inspect
from typing import Any

import numpy as np

from .. import validation
from ..optimizers import OPTIMIZERS, Optimizer, check_makes_steps
from ..schedules import check_has_length

_NOT_FOR_LBFGS = ("optimizer", "dropout", "clip_norm", "max_norm")

_SOLVER_PARAMETERS = {
    "learning_rate_init": "learning_rate",
    "power_t": "power",
    "momentum": "momentum",
    "nesterovs_momentum": "nesterov",
    "beta_1": "beta_1",
    "beta_2": "beta_2",
    "epsilon": "epsilon",
}
"""Parameters of scikit-learn's solvers, and the corresponding arguments of optimizers."""


def optimizer_class(given: str | Optimizer) -> type[Optimizer]:
    """Return the class of an optimizer, given its name or an object."""
    return OPTIMIZERS[given] if isinstance(given, str) else type(given)


def check(estimator: Any, incremental: bool) -> None:
    """Reject parameters that exclude each other.

    Parameters
    ----------
    estimator : Perceptron
        An estimator whose parameters have each been checked alone.
    incremental : bool
        Whether the call is ``partial_fit``.

    Raises
    ------
    ValueError
        If a parameter would have no effect, or excludes another one.
    """
    _check_class_weight(getattr(estimator, "class_weight", None), incremental)
    if estimator.solver == "lbfgs":
        _check_for_lbfgs(estimator)
        return
    if incremental and estimator.early_stopping:
        raise ValueError("partial_fit does not support early_stopping=True")
    if estimator.optimizer is not None:
        _check_optimizer(estimator, incremental)


def _check_for_lbfgs(estimator: Any) -> None:
    for name in _NOT_FOR_LBFGS:
        if np.any(getattr(estimator, name)):
            raise ValueError(
                f"{name} must be left out for solver='lbfgs', got {getattr(estimator, name)!r}"
            )
    if estimator._validation[0] is not None:
        raise ValueError("X_val must be left out for solver='lbfgs', which does not validate")


def _check_optimizer(estimator: Any, incremental: bool) -> None:
    given = estimator.optimizer
    kind = optimizer_class(given)
    check_makes_steps(given, ": L-BFGS is solver='lbfgs'")
    if not kind.takes_batches and estimator.batch_size != "auto":
        raise ValueError(
            f"batch_size must be 'auto', here the full batch, for the optimizer {kind.name!r}, got "
            f"{estimator.batch_size!r}"
        )
    if estimator.learning_rate != "constant":
        raise ValueError(
            "learning_rate must be 'constant' where optimizer is given, which may have a "
            f"schedule of its own, got {estimator.learning_rate!r}"
        )
    _check_solver_parameters(estimator, kind)
    if isinstance(given, str):
        return
    rate = given.learning_rate
    if incremental:
        why = ", for each call is an epoch of its own"
        check_has_length(rate, "learning_rate of optimizer", why)
    monitored = getattr(rate, "monitor", "loss")
    if monitored == "loss":
        return
    if incremental:
        raise ValueError(
            f"optimizer must not monitor {monitored!r} in partial_fit, which does not validate, "
            f"got {given!r}"
        )
    if not estimator.early_stopping and estimator._validation[0] is None:
        raise ValueError(
            f"optimizer monitors {monitored!r}, for which early_stopping=True, or X_val and y_val "
            f"of fit, must be given, got {given!r}"
        )


def _check_solver_parameters(estimator: Any, kind: type[Optimizer]) -> None:
    """Reject parameters of solvers that differ from their defaults: the optimizer ignores them."""
    defaults = estimator._sklearn_class().get_params()
    arguments = list(inspect.signature(kind).parameters)
    for name, argument in _SOLVER_PARAMETERS.items():
        value, is_name = getattr(estimator, name), isinstance(estimator.optimizer, str)
        if value == defaults[name] or (name == "learning_rate_init" and is_name):
            continue
        hint = f"which takes {', '.join(arguments)}"
        if argument in arguments:
            rate = f"{estimator.learning_rate_init!r}, " if is_name else ""
            hint = f"such as optimizer={kind.__name__}({rate}{argument}={value!r})"
        raise ValueError(
            f"{name} must be left out where optimizer is given, got {value!r}: give it to the "
            f"optimizer, {hint}"
        )


def _check_class_weight(given: Any, incremental: bool) -> None:
    if isinstance(given, str) and incremental:
        raise ValueError(
            f"class_weight {given!r} is not supported for partial_fit, which "
            "does not see all labels: use sklearn.utils.class_weight.compute_class_weight"
        )
    if isinstance(given, dict):
        for label, weight in given.items():
            validation.not_negative(weight, f"class_weight of label {label!r}")
