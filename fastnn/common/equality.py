"""Compare functions by their code, so that copies of one function count as the same."""

from dataclasses import is_dataclass
from types import FunctionType, MethodType
from typing import Any

import numpy as np

_BY_IDENTITY: Any = object.__eq__


def are_equivalent(one: Any, other: Any) -> bool:
    """Return whether two objects are equal or have equivalent parts.

    The parts of a Python function are its code, its defaults and the values that it encloses. The
    parts of other objects without an equality of their own, such as partial functions, are those
    that a pickle would hold.
    """
    try:
        return _are_equivalent(one, other)
    except (RecursionError, TypeError, ValueError):  # the parts cannot be compared
        return False


def _are_equivalent(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(_are_equivalent, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_are_equivalent(one[k], other[k]) for k in one)
    if isinstance(one, FunctionType):
        has_same_globals = one.__globals__ is other.__globals__
        return has_same_globals and _are_equivalent(_parts(one), _parts(other))
    has_no_equality = type(one).__eq__ is _BY_IDENTITY or is_dataclass(one)
    if has_no_equality or isinstance(one, np.ndarray | MethodType):
        return _are_equivalent(one.__reduce_ex__(2), other.__reduce_ex__(2))
    return bool(one == other)


def _parts(function: FunctionType) -> tuple[Any, ...]:
    enclosed = [cell.cell_contents for cell in function.__closure__ or ()]
    return function.__code__, function.__defaults__, function.__kwdefaults__, enclosed
