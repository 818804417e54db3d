"""What a network knows of the data it was trained on, for pickles and model files."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class DataRecord:
    """Facts about the training data that using the network takes.

    Attributes
    ----------
    class_names : tuple of str or None
        The name of each class, in the order of the labels; None if the classes have no names.
    """

    class_names: tuple[str, ...] | None = None

    def to_json(self) -> str:
        """Return a text from which `from_json` makes an equal record."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str, layer_sizes: Sequence[int]) -> "DataRecord":
        """Check and return the record of a network with these widths.

        Raises
        ------
        KeyError, TypeError, ValueError, RecursionError
            If the text is not what `to_json` writes.
        """
        record = json.loads(text)
        if record.keys() != cls.__dataclass_fields__.keys():
            raise ValueError(f"record of the data with other entries: {sorted(record)}")
        return cls(class_names=_names(record["class_names"], max(2, layer_sizes[-1])))


def _names(value: Any, n_names: int) -> tuple[str, ...] | None:
    """Check that these are so many different names, or None."""
    if value is None:
        return None
    if not (
        type(value) is list
        and all(type(name) is str for name in value)
        and len(set(value)) == len(value) == n_names
    ):
        raise ValueError(f"expected {n_names} different names, got {value}")
    return tuple(value)
