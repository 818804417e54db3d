"""Tell whether functions are one by what they are made of, as copies of one function are."""

from dataclasses import is_dataclass
from types import FunctionType, MethodType
from typing import Any

import numpy as np

_BY_IDENTITY: Any = object.__eq__


def same(one: Any, other: Any) -> bool:
    """Return whether two objects are equal, or alike in all that they are made of.

    Python functions are made of code and the values that it encloses, other objects, such as
    callable ones and partial functions, of what their pickles would hold.
    """
    try:
        return _same(one, other)
    except (RecursionError, TypeError, ValueError):  # nothing tells
        return False


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, FunctionType):
        return one.__globals__ is other.__globals__ and _same(_made_of(one), _made_of(other))
    has_no_equality = type(one).__eq__ is _BY_IDENTITY or is_dataclass(one)
    if has_no_equality or isinstance(one, np.ndarray | MethodType):
        return _same(one.__reduce_ex__(2), other.__reduce_ex__(2))
    return bool(one == other)


def _made_of(function: FunctionType) -> tuple[Any, ...]:
    enclosed = [cell.cell_contents for cell in function.__closure__ or ()]
    return function.__code__, function.__defaults__, function.__kwdefaults__, enclosed
