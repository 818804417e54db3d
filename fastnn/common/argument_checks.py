"""Check single arguments: numbers, flags, callbacks, paths."""

import inspect
import math
import os
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral, Real
from os import PathLike
from types import FunctionType
from typing import Any, TypeVar

import numpy as np

from . import hints

T = TypeVar("T")


def count(value: int, argument: str, minimum: int) -> int:
    """Check for an integer of at least ``minimum``."""
    if not is_integer(value):
        raise TypeError(f"{argument} must be an integer, got {value!r}")
    if value < minimum:
        raise ValueError(f"{argument} must be at least {minimum}, got {value}")
    return int(value)


def positive(value: float, argument: str) -> float:
    """Check for a finite number above zero."""
    number = _number(value, argument)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{argument} must be finite and above zero, got {value}")
    return number


def flag(value: bool, argument: str) -> bool:
    """Check for True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{argument} must be True or False, got {value!r}")
    return bool(value)


def callback(value: T, argument: str) -> T:
    """Check for None or a function that can be called with a `Step`."""
    if callable(value):
        check_takes_one(value, f"{argument} must be callable with one argument, a Step")
    elif value is not None:
        raise TypeError(f"{argument} must be None or callable, got {value!r}")
    return value


def check_takes_one(function: Callable[..., Any], expected: str) -> None:
    """Reject a function that cannot be called with one argument; ``expected`` begins the message.

    A function without a signature that Python knows is not rejected.
    """
    # A shortcut for plain functions: inspect.signature takes 20 times as long.
    if isinstance(function, FunctionType) and _takes_one(function):
        return
    try:
        # A decorator's wrapper may take other arguments than the wrapped function.
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(None)
    except TypeError:
        raise TypeError(f"{expected}, got {function!r}, which takes {signature}") from None


def _takes_one(function: FunctionType) -> bool:
    """Return whether a function takes one argument by position, and requires no other."""
    code = function.__code__
    n_required = code.co_argcount - len(function.__defaults__ or ())
    return n_required <= 1 <= code.co_argcount and not code.co_kwonlyargcount


def answer(value: Any, argument: str) -> bool:
    """Check the result of a callback: whether to stop."""
    try:
        return bool(value)
    except (TypeError, ValueError) as error:  # an array, or a missing value of pandas
        raise TypeError(
            f"{argument} must return what is true or false, to stop or to go on, got {value!r}"
        ) from error


def path(value: str | PathLike[str], argument: str) -> str:
    """Check for a path, return it as a str; not an int, which ``open`` takes as a descriptor."""
    if not isinstance(value, str | PathLike):
        raise TypeError(f"{argument} must be a str or an os.PathLike, got {value!r}")
    text = os.fsdecode(value)
    if "\0" in text:
        raise ValueError(f"{argument} must be without null characters, got {text!r}")
    return text


def is_integer(value: Any) -> bool:
    """Return whether a value is an integer of Python or NumPy, and not a bool."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_real(value: Any) -> bool:
    """Return whether a value is a real number of Python or NumPy, and not a bool."""
    # Most values are floats, and a look at the abstract class takes a microsecond.
    return type(value) is float or (
        isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    )


def number_between(
    value: float, what: str, low: float, high: float, is_open: bool = False, has_high: bool = False
) -> float:
    """Check for a number from ``low`` (exclusive if open) to ``high`` (inclusive if asked for)."""
    number = _number(value, what)
    is_above = low < number if is_open else low <= number
    is_below = number <= high if has_high else number < high
    if not (is_above and is_below):
        expected = f"{'above' if is_open else 'at least'} {low:g}"
        highest = f"{'at most' if has_high else 'below'} {high:g}"
        expected += f" and {highest}" if high < math.inf else " and finite"
        raise ValueError(f"{what} must be {expected}, got {value}")
    return number


def not_negative(value: float, argument: str) -> float:
    """Check for a finite number of at least zero."""
    return number_between(value, argument, 0, math.inf)


def _number(value: float, argument: str) -> float:
    if not is_real(value):
        raise TypeError(f"{argument} must be a number, got {value!r}")
    return as_float(value)


def dropout(rates: float | Sequence[float], n_layers: int) -> tuple[float, ...]:
    """Return the dropout rate of each layer, 0 for the last; () without dropout."""
    expected = (
        f"dropout must be a rate from 0 to below 1, or a list of {n_layers - 1}, one per hidden "
        "layer"
    )
    if isinstance(rates, np.ndarray) and rates.ndim == 1:
        rates = rates.tolist()
    if isinstance(rates, str) or (isinstance(rates, Sequence) and len(rates) != n_layers - 1):
        raise (TypeError if isinstance(rates, str) else ValueError)(f"{expected}, got {rates!r}")
    given = list(rates) if isinstance(rates, Sequence) else [rates] * max(n_layers - 1, 1)
    for rate in given:
        if not is_real(rate):
            raise TypeError(f"{expected}, got {rates!r}")
        if not 0 <= as_float(rate) < 1:
            raise ValueError(f"{expected}, got {rates!r}")
    if n_layers == 1 and any(given):
        raise ValueError(f"dropout must be 0 without hidden layers, got {rates!r}")
    return (*map(float, given), 0.0) if any(given) else ()


def one_of(value: Any, what: str, known: Iterable[str], otherwise: str = "") -> str:
    """Check for one of the known names; ``otherwise`` ends the list of choices in the message."""
    known = tuple(known)
    if isinstance(value, str) and value in known:
        return value
    error = ValueError if isinstance(value, str) else TypeError
    expected = f"{what} must be one of {', '.join(map(repr, known))}{otherwise}"
    raise error(f"{expected}, got {value!r}{hints.for_value(value, known)}")


def as_float(number: Any) -> float:
    """Return a number as a float, infinite if it is too large for one."""
    try:
        return float(number)
    except OverflowError:  # an integer or a fraction of hundreds of digits
        return math.inf if number > 0 else -math.inf
