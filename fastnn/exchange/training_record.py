"""Convert the state of a training, without its arrays, to and from JSON for model files."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from ..common.argument_checks import count, not_negative, number_between, positive
from ..common.parametrized import Settings
from ..data.splits import Split
from ..optimizers import OPTIMIZERS, LearningRate, Optimizer
from ..schedules import SCHEDULES, Plateau
from ..training.state import TrainingState

_MAX_STEPS = 2**53  # all JSON readers represent integers up to this exactly
# The state of these generators is a few numbers, which are checked. The state of others has arrays
# and indices into them, which NumPy does not check: it is not saved.
_GENERATORS = ("PCG64", "PCG64DXSM")


def to_json(
    state: TrainingState | None, generator: "np.random.Generator", split: Split | None
) -> str:
    """Return JSON text, which `from_json` turns into the same again."""
    record: dict[str, Any] = {
        "generator": _of_generator(generator),
        "split": None if split is None else split.record(),
        "optimizer": None,
    }
    if state is not None:
        optimizer = state.optimizer
        record["optimizer"] = {optimizer.name: optimizer.settings()}
        record["learning_rate"] = _of_rate(optimizer.parameters.get("learning_rate"))
        record["n_steps"] = state.n_steps
        record["n_steps_of_schedule"] = state.n_steps_of_schedule
        record["plateau"] = None if state.plateau is None else asdict(state.plateau)
        record["first_loss"] = state.first_loss
    return json.dumps(record)


def from_json(text: str) -> tuple[TrainingState | None, Mapping[str, Any] | None, Split | None]:
    """Return the states of training (without slots) and generator, and the split of the data.

    Raises
    ------
    KeyError, TypeError, ValueError, RecursionError
        If `to_json` cannot have written the text.
    """
    record = json.loads(text)
    generator = _generator(record["generator"])
    split = None if record["split"] is None else Split.from_record(**record["split"])
    if record["optimizer"] is None:
        return None, generator, split
    ((name, settings),) = record["optimizer"].items()
    if "learning_rate" in settings:
        raise ValueError(f"expected settings of an optimizer without its rate, got {settings}")
    if (learning_rate := _rate(record["learning_rate"])) is not None:
        settings = {**settings, "learning_rate": learning_rate}
    optimizer: Optimizer = OPTIMIZERS[name](**settings)
    plateau = record["plateau"]
    state = TrainingState(
        optimizer,
        slots=(),
        n_steps=_count(record["n_steps"], "n_steps"),
        n_steps_of_schedule=_count(record["n_steps_of_schedule"], "n_steps_of_schedule"),
        plateau=None if plateau is None else _plateau(**plateau),
        first_loss=_finite_or_none(record["first_loss"], "first_loss"),
    )
    return state, generator, split


def _count(value: Any, what: str) -> int:
    return int(number_between(count(value, what, minimum=0), what, 0, _MAX_STEPS))


def _finite_or_none(value: Any, what: str) -> float | None:
    return None if value is None else number_between(value, what, -np.inf, np.inf, is_open=True)


def _of_rate(rate: LearningRate | None) -> Any:
    if isinstance(rate, Settings):
        return {rate.name: rate.parameters}
    return None if callable(rate) else rate


def _rate(value: Any) -> LearningRate | None:
    if not isinstance(value, dict):
        return None if value is None else positive(value, "learning_rate")
    ((name, parameters),) = value.items()
    schedule: Any = SCHEDULES[name](**parameters)
    return schedule


def _plateau(rate: Any, best: Any, n_bad_epochs: Any, cooldown_left: Any) -> Plateau:
    return Plateau(
        not_negative(rate, "rate"),
        _finite_or_none(best, "best"),
        _count(n_bad_epochs, "n_bad_epochs"),
        _count(cooldown_left, "cooldown_left"),
    )


def _of_generator(generator: "np.random.Generator") -> Mapping[str, Any] | None:
    state = generator.bit_generator.state
    return state if state["bit_generator"] in _GENERATORS else None


def _generator(state: Any) -> Mapping[str, Any] | None:
    if state is None:
        return None
    inner = state["state"]
    numbers = inner["state"], inner["inc"], state["has_uint32"], state["uinteger"]
    limits = 2**128, 2**128, 2, 2**32
    if (
        state["bit_generator"] not in _GENERATORS
        or (len(state), len(inner)) != (4, 2)
        or not all(type(n) is int and 0 <= n < end for n, end in zip(numbers, limits, strict=True))
        or inner["inc"] % 2 == 0
    ):
        raise ValueError(f"no state of a generator: {state}")
    return dict(state)
