"""Base classes of objects that a name and parameters describe, in messages and model files."""

from collections.abc import Callable
from typing import Any


class Parametrized:
    """An object that equals every other one with its name and parameters.

    Attributes
    ----------
    name : str
    parameters : dict
        The arguments of the constructor; empty if the name alone describes the object.
    """

    name: str
    parameters: dict[str, float]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Parametrized):
            return NotImplemented
        return (self.name, self.parameters) == (other.name, other.parameters)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        if not self.parameters:
            return repr(self.name)
        parameters = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{type(self).__name__}({parameters})"


class Settings(Parametrized):
    """A frozen dataclass whose fields, except those that are None, are the parameters."""

    @property
    def parameters(self) -> dict[str, Any]:  # type: ignore[override]  # read-only here
        return {name: value for name, value in vars(self).items() if value is not None}

    def _check(self, **rules: Callable[[Any, str], Any]) -> None:
        """Replace each field by the result of its rule; a rule gets the name for error messages."""
        for field, rule in rules.items():
            vars(self)[field] = rule(vars(self)[field], f"{field} of {type(self).__name__}")
