"""What is known by a name and a few numbers, in messages and in model files."""


class Named:
    """Equal to all others of that name with those parameters.

    Attributes
    ----------
    name : str
    parameters : dict of str to float
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
