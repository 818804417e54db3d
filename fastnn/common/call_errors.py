"""Helpful errors for calls that do not fit a signature, and for attributes that do not exist."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any, NoReturn, TypeVar, cast

from . import hints

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)
# Maps the positional arguments of a call to the name of the function, and to related functions.
Naming = Callable[[Sequence[Any]], tuple[str, list[Callable[..., Any]]]]

_UNWRAPPED = ("predict", "classify")  # calls of a microsecond or two, to which a wrapper adds 0.2
_RELATED = ("MLP", "MLP.train")  # functions whose arguments users pass to others by mistake

_functions: dict[str, Callable[..., Any]] = {}  # the wrapped ones, by their public names


def with_helpful_errors(function: F) -> F:
    """Raise errors with public names and hints if a call does not fit the signature; a decorator.

    Errors that are raised within the function pass unchanged.

    Parameters
    ----------
    function : callable
        A function, or a class, whose constructor is decorated.
    """
    if isinstance(function, type):
        function.__init__ = with_helpful_errors(function.__init__)  # type: ignore[misc]
        return function
    name = _public_name(function)
    _functions[name] = function
    return _wrapped(function, lambda args: (name, [_functions[other] for other in _RELATED]))


def with_helpful_errors_in_subclasses(method: F) -> F:
    """Do the same for a method of a mixin: errors name the class of the instance.

    Hints also name arguments of the constructor of that class.

    Parameters
    ----------
    method : callable
    """

    def naming(args: Sequence[Any]) -> tuple[str, list[Callable[..., Any]]]:
        if not args:  # called on the class
            return method.__qualname__, []
        kind = type(args[0])
        return f"{kind.__name__}.{method.__name__}", [kind]

    return _wrapped(method, naming)


def _wrapped(function: F, naming: Naming) -> F:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # from within the function
            name, related = naming(args)
            message = str(error).replace(f"{function.__qualname__}()", f"{name}()")
            message = _explanation(name, function, args, kwargs, related) or message
        raise TypeError(message)

    return cast(F, call)


def public_as(owner: str, module: str) -> Callable[[C], C]:
    """Give the public methods of a base class the name of the class that users see; a decorator.

    Parameters
    ----------
    owner : str
        The class that users see, which inherits from the decorated one.
    module : str
        The module from which users import the owner.
    """

    def decorate(cls: C) -> C:
        for name, member in list(vars(cls).items()):
            function = member.__func__ if isinstance(member, classmethod) else member
            is_public = not name.startswith("_") or name == "__init__"
            if not (is_public and inspect.isfunction(function)):
                continue
            function.__qualname__, function.__module__ = f"{owner}.{name}", module
            if name not in _UNWRAPPED:
                wrapped = with_helpful_errors(function)
                setattr(cls, name, wrapped if function is member else _Constructor(wrapped))
        return cls

    return decorate


def with_substitutes(substitutes: Mapping[str, str]) -> Callable[[C], C]:
    """Name a substitute for attributes that a class does not have; a decorator.

    Parameters
    ----------
    substitutes : dict of str to str
        What to use instead, by the name of the attribute.
    """

    def decorate(cls: C) -> C:
        for name, substitute in substitutes.items():
            setattr(cls, name, _Missing(name, substitute))
        cls.__dir__ = _existing_names  # type: ignore[assignment]
        return cls

    return decorate


def refuse_misspelled_settings(cls: C) -> C:
    """Refuse to assign new attributes that look like settings of networks; a decorator.

    Users may assign other new attributes. Their subclasses may have settings of their own: there,
    only misspelled names are refused.
    """

    def assign(instance: Any, name: str, value: Any) -> None:
        if not (name.startswith("_") or name in vars(instance) or hasattr(type(instance), name)):
            _check_setting(type(instance), name)
        super(cls, instance).__setattr__(name, value)  # type: ignore[arg-type]  # it is a class

    cls.__setattr__ = assign  # type: ignore[assignment]  # mypy still finds misspelled names
    return cls


def _check_setting(cls: type, name: str) -> None:
    if cls.__module__.partition(".")[0] == __name__.partition(".")[0]:
        arguments = {other: _keyword_only(_functions[other]) for other in _RELATED}
        hint = hints.for_setting(name, arguments)
    else:
        hint = hints.for_misspelled_setting(name)
    if hint:
        raise AttributeError(f"{cls.__name__} has no attribute {name!r} to assign{hint}")


def _keyword_only(function: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(function).parameters
    return [name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY]


def _existing_names(instance: object) -> list[str]:
    """Return the names that `dir` lists."""
    return [
        name
        for name in object.__dir__(instance)
        if not isinstance(inspect.getattr_static(instance, name, None), _Missing)
    ]


def _explanation(
    name: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    related: Sequence[Callable[..., Any]],
) -> str:
    """Explain what is wrong with a call; return "" if Python's own message says it."""
    parameters = inspect.signature(function).parameters
    for unknown in kwargs:
        if unknown not in parameters:
            others = {_public_name(f): inspect.signature(f).parameters for f in related}
            hint = hints.for_argument(unknown, parameters, others)
            return f"{name}() got an unexpected keyword argument {unknown!r}{hint}"
    positional = [p for p, x in parameters.items() if x.kind is x.POSITIONAL_OR_KEYWORD]
    if positional[:1] in (["self"], ["cls"]):
        positional, args = positional[1:], args[1:]
    if len(args) <= len(positional):
        return ""
    if positional == ["layer_sizes"] and all(isinstance(size, Integral) for size in args):
        sizes = ", ".join(map(str, args))
        return f"{name}() takes layer_sizes as one sequence: {name}([{sizes}])"
    expected = f"{len(positional)} argument{'s' if len(positional) != 1 else ''} by position"
    if positional:
        expected += f" ({', '.join(positional)})"
    keywords = _keyword_only(function)
    hint = f": pass the others by name, such as {keywords[0]}=..." if keywords else ""
    return f"{name}() takes {expected}, got {len(args)}{hint}"


def _public_name(function: Callable[..., Any]) -> str:
    return function.__qualname__.removesuffix(".__init__")


class _Constructor(classmethod):  # type: ignore[type-arg]
    """A class method that makes a network, and cannot be called on a network by mistake."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return super().__get__(instance, owner)
        name, cls = self.__name__, type(instance).__name__
        raise AttributeError(f"{name} makes a new network: call it on the class, {cls}.{name}(...)")


class _Missing:
    """An attribute that raises AttributeError, so that `hasattr` is False, and names a substitute.

    `__getattr__` would do the same for all names, but slow down every access to an attribute.
    """

    def __init__(self, name: str, instead: str) -> None:
        self._name, self._instead = name, instead

    def __get__(self, instance: Any, owner: type) -> NoReturn:
        raise AttributeError(f"{owner.__name__} has no attribute {self._name!r}: {self._instead}")

    def __repr__(self) -> str:
        return f"<missing: {self._instead}>"
