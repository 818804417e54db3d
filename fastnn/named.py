"""Objects that messages and model files know by a name and a few numbers."""

from collections.abc import Callable
from typing import Any


class Named:
    """Equal to all others of that name with those parameters.

    Attributes
    ----------
    name : str
    parameters : dict
        The arguments of its class's constructor; empty where the name says it all.
    """

    name: str
    parameters: dict[str, float]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Named):
            return NotImplemented
        return (self.name, self.parameters) == (other.name, other.parameters)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        if not self.parameters:
            return repr(self.name)
        parameters = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{type(self).__name__}({parameters})"


class Record(Named):
    """Named by its class; its parameters are the fields of the frozen dataclass that it is.

    Those that are None are left out.
    """

    @property
    def parameters(self) -> dict[str, Any]:  # type: ignore[override]  # not to be assigned here
        return {name: value for name, value in vars(self).items() if value is not None}

    def _check(self, **rules: Callable[[Any, str], Any]) -> None:
        """Make each field what its rule makes of it; the rules raise, and name the field."""
        for field, rule in rules.items():
            vars(self)[field] = rule(vars(self)[field], f"{field} of {type(self).__name__}")
