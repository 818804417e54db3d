"""Single arguments: numbers, flags, callbacks."""

import math
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


def count(value: int, argument: str, minimum: int) -> int:
    """An integer of at least ``minimum``."""
    if not is_integer(value):
        raise TypeError(f"{argument} must be an integer, got {value!r}")
    if value < minimum:
        raise ValueError(f"{argument} must be at least {minimum}, got {value}")
    return int(value)


def positive(value: float, argument: str) -> float:
    """A finite number above zero."""
    if not isinstance(value, Real) or isinstance(value, bool | np.bool_):
        raise TypeError(f"{argument} must be a number, got {value!r}")
    number = as_float(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{argument} must be finite and above zero, got {value}")
    return number


def flag(value: bool, argument: str) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{argument} must be True or False, got {value!r}")
    return bool(value)


def callback(value: T) -> T:
    """None or something that can be called."""
    if value is not None and not callable(value):
        raise TypeError(f"callback must be None or callable, got {value!r}")
    return value


def is_integer(value: Any) -> bool:
    """Whether it is an integer of Python or NumPy; a bool is none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def number_between(value: float, what: str, low: float, high: float, is_open: bool = False) -> None:
    """Reject all but numbers from ``low``, or above it if ``is_open``, to below ``high``."""
    if not isinstance(value, Real) or isinstance(value, bool | np.bool_):
        raise TypeError(f"{what} must be a number, got {value!r}")
    number = as_float(value)
    fits = low < number < high if is_open else low <= number < high
    if not fits:
        expected = f"{'above' if is_open else 'at least'} {low:g}"
        expected += f" and below {high:g}" if high < math.inf else " and finite"
        raise ValueError(f"{what} must be {expected}, got {value}")


def as_float(number: Any) -> float:
    """A number as a float, infinite if it is too large for one."""
    try:
        return float(number)
    except OverflowError:  # an integer or a fraction of hundreds of digits
        return math.inf if number > 0 else -math.inf
