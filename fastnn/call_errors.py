"""Errors of calls that fit no signature, and of attributes that are not there, in public names."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any, NoReturn, TypeVar, cast

from . import hints

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)

_HOT = ("predict", "classify")  # take a microsecond or two, a wrapper 0.2: Python's error must do
_PLACES = ("MLP", "MLP.train")  # functions whose arguments are passed to others by mistake

_explained: dict[str, Callable[..., Any]] = {}


def with_helpful_errors(function: F) -> F:
    """Make a call that does not fit the function's signature an error in public names, with hints.

    Errors that are raised within the function pass through as they are.

    Parameters
    ----------
    function : callable
        A function, or a class, whose constructor it then is.
    """
    if isinstance(function, type):
        function.__init__ = with_helpful_errors(function.__init__)  # type: ignore[misc]
        return function
    name = _public_name(function)
    _explained[name] = function
    return _explaining(function, lambda args: (name, [_explained[place] for place in _PLACES]))


def with_helpful_errors_in_subclasses(method: F) -> F:
    """Do the same for a method of a mixin: errors name the class of the instance.

    Hints name arguments of its constructor, too.

    Parameters
    ----------
    method : callable
    """

    def place(args: Sequence[Any]) -> tuple[str, list[Callable[..., Any]]]:
        if not args:  # called on the class
            return method.__qualname__, []
        kind = type(args[0])
        return f"{kind.__name__}.{method.__name__}", [kind]

    return _explaining(method, place)


def _explaining(
    function: F, place: Callable[[Sequence[Any]], tuple[str, list[Callable[..., Any]]]]
) -> F:
    """Wrap a function; its place, given a call's arguments, is its name and related functions."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # the function has been entered
            name, related = place(args)
            message = str(error).replace(f"{function.__qualname__}()", f"{name}()")
            message = _explanation(name, function, args, kwargs, related) or message
        raise TypeError(message)

    return cast(F, call)


def public_as(owner: str, module: str) -> Callable[[C], C]:
    """Make the public methods of a class those of the class that users know; a decorator.

    Parameters
    ----------
    owner : str
        The class that users know, which inherits from this one.
    module : str
        The module that users import the owner from.
    """

    def renamed(cls: C) -> C:
        for name, member in list(vars(cls).items()):
            function = member.__func__ if isinstance(member, classmethod) else member
            is_public = not name.startswith("_") or name == "__init__"
            if not (is_public and inspect.isfunction(function)):
                continue
            function.__qualname__, function.__module__ = f"{owner}.{name}", module
            if name not in _HOT:
                explains = with_helpful_errors(function)
                setattr(cls, name, explains if function is member else _OfClass(explains))
        return cls

    return renamed


def with_substitutes(attributes: Mapping[str, str]) -> Callable[[C], C]:
    """Say what to use instead of attributes that a class does not have; a decorator.

    Parameters
    ----------
    attributes : dict of str to str
        What to use, by the name of the attribute.
    """

    def explaining(cls: C) -> C:
        for name, instead in attributes.items():
            setattr(cls, name, _Absent(name, instead))
        cls.__dir__ = _names_present  # type: ignore[assignment]
        return cls

    return explaining


def refuse_misspelled_settings(cls: C) -> C:
    """Refuse new attributes of networks that users took for settings; a decorator.

    Other new attributes are the user's own. Subclasses of users may keep settings of their own:
    they are told of misspelt ones only.
    """

    def assign(instance: Any, name: str, value: Any) -> None:
        if not (name.startswith("_") or name in vars(instance) or hasattr(type(instance), name)):
            _check_setting(type(instance), name)
        super(cls, instance).__setattr__(name, value)  # type: ignore[arg-type]  # it is a class

    cls.__setattr__ = assign  # type: ignore[assignment]  # mypy still finds misspelt names
    return cls


def _check_setting(cls: type, name: str) -> None:
    if cls.__module__.partition(".")[0] == __package__:
        arguments = {place: _by_name_only(_explained[place]) for place in _PLACES}
        hint = hints.for_setting(name, arguments)
    else:
        hint = hints.for_misspelt_setting(name)
    if hint:
        raise AttributeError(f"{cls.__name__} has no attribute {name!r} to assign{hint}")


def _by_name_only(function: Callable[..., Any]) -> list[str]:
    """Arguments that are settings, not data."""
    parameters = inspect.signature(function).parameters
    return [name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY]


def _names_present(instance: object) -> list[str]:
    """Return what `dir` lists."""
    return [
        name
        for name in object.__dir__(instance)
        if not isinstance(inspect.getattr_static(instance, name, None), _Absent)
    ]


def _explanation(
    name: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    related: Sequence[Callable[..., Any]],
) -> str:
    """Say what is wrong with the call; return an empty text if Python's own words will do."""
    parameters = inspect.signature(function).parameters
    for unknown in kwargs:
        if unknown not in parameters:
            others = {_public_name(f): inspect.signature(f).parameters for f in related}
            hint = hints.for_argument(unknown, parameters, others)
            return f"{name}() got an unexpected keyword argument {unknown!r}{hint}"
    by_position = [p for p, x in parameters.items() if x.kind is x.POSITIONAL_OR_KEYWORD]
    by_name = [p for p, x in parameters.items() if x.kind is x.KEYWORD_ONLY]
    if by_position[:1] in (["self"], ["cls"]):
        by_position, args = by_position[1:], args[1:]
    if len(args) <= len(by_position):
        return ""
    if by_position == ["layer_sizes"] and all(isinstance(size, Integral) for size in args):
        sizes = ", ".join(map(str, args))
        return f"{name}() takes layer_sizes as one sequence: {name}([{sizes}])"
    expected = f"{len(by_position)} argument{'s' if len(by_position) != 1 else ''} by position"
    if by_position:
        expected += f" ({', '.join(by_position)})"
    hint = f": pass the others by name, such as {by_name[0]}=..." if by_name else ""
    return f"{name}() takes {expected}, got {len(args)}{hint}"


def _public_name(function: Callable[..., Any]) -> str:
    return function.__qualname__.removesuffix(".__init__")


class _OfClass(classmethod):  # type: ignore[type-arg]
    """A method that makes a network, and leaves the one that it might be called on as it is."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return super().__get__(instance, owner)
        name, cls = self.__name__, type(instance).__name__
        raise AttributeError(f"{name} makes a new network: call it on the class, {cls}.{name}(...)")


class _Absent:
    """An attribute that is not there, as `hasattr` says too, and what to use instead.

    `__getattr__` would do the same for all names, but makes every access to an attribute slower.
    """

    def __init__(self, name: str, instead: str) -> None:
        self._name, self._instead = name, instead

    def __get__(self, instance: Any, owner: type) -> NoReturn:
        raise AttributeError(f"{owner.__name__} has no attribute {self._name!r}: {self._instead}")

    def __repr__(self) -> str:
        return f"<absent: {self._instead}>"
