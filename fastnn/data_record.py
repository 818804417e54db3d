"""The facts that a network keeps of its training data; pickles and model files hold them."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .common.argument_checks import flag
from .data.inputs import Inputs, Scaling
from .data.targets import Targets
from .input_scaling import InputScaling, check_input_scaling


@dataclass(frozen=True)
class DataRecord:
    """Facts about the training data that later calls of the network need.

    Attributes
    ----------
    class_names : tuple of str or None
        The name of each class, in the order of the labels; None without names.
    feature_names : tuple of str or None
        The names of the columns of X; None without names.
    target_names : tuple of str or None
        The names of the columns of y; None without names, or if y has one column.
    input_scaling : InputScaling or None
        The scaling of X; None without scaling.
    target_levels : tuple of float or None
        The distinct values of the targets in ascending order; None if there are more than two.
        Labels have the levels 0 and 1.
    has_multi_hot_rows : bool
        Whether some row of targets with two levels has not exactly one higher level.
    """

    class_names: tuple[str, ...] | None = None
    feature_names: tuple[str, ...] | None = None
    target_names: tuple[str, ...] | None = None
    input_scaling: InputScaling | None = None
    target_levels: tuple[float, ...] | None = ()
    has_multi_hot_rows: bool = False

    def with_names_of(self, inputs: Inputs, targets: Targets) -> "DataRecord":
        """Fill in missing names of columns from X and y."""
        return replace(
            self,
            feature_names=self.feature_names or inputs.feature_names,
            target_names=self.target_names or targets.names,
        )

    @property
    def scaling(self) -> Scaling | None:
        """Shift and scale of the inputs, if they are scaled."""
        given = self.input_scaling
        return None if given is None else (given.shift, given.scale)

    def to_json(self) -> str:
        """Return JSON text, which `from_json` turns into an equal record."""
        record, scaling = dict(vars(self)), self.input_scaling
        if scaling is not None:
            shift, scale = scaling.shift.tolist(), scaling.scale.tolist()
            record["input_scaling"] = {"shift": shift, "scale": scale}
        return json.dumps(record)

    @classmethod
    def from_json(cls, text: str, layer_sizes: Sequence[int]) -> "DataRecord":
        """Read and check the record of a network with these widths.

        Raises
        ------
        AttributeError, KeyError, TypeError, ValueError, RecursionError
            If `to_json` cannot have written the text.
        """
        record = json.loads(text)
        if record.keys() != cls.__dataclass_fields__.keys():
            raise ValueError(f"record of the data with other entries: {sorted(record)}")
        class_names = _names(record["class_names"], n_classes(layer_sizes))
        if class_names is not None and len(set(class_names)) < len(class_names):
            raise ValueError(f"two classes of one name: {class_names}")
        return cls(
            class_names,
            _names(record["feature_names"], layer_sizes[0]),
            _names(record["target_names"], layer_sizes[-1]),
            _scaling(record["input_scaling"], layer_sizes[0]),
            _levels(record["target_levels"]),
            flag(record["has_multi_hot_rows"], "has_multi_hot_rows"),
        )


def n_classes(layer_sizes: Sequence[int]) -> int:
    """Return the number of classes of a network with these widths: a single output has two."""
    return max(2, layer_sizes[-1])


def _names(value: Any, n_names: int) -> tuple[str, ...] | None:
    return _tuple(value, str, lambda names: len(names) == n_names, f"{n_names} names")


def _levels(value: Any) -> tuple[float, ...] | None:
    def is_valid(levels: list[float]) -> bool:
        return all(map(math.isfinite, levels)) and levels == sorted(set(levels))[:2]

    return _tuple(value, float, is_valid, "up to two ascending levels of targets")


def _tuple(
    value: Any, kind: type, is_valid: Callable[[list[Any]], bool], expected: str
) -> tuple[Any, ...] | None:
    if value is None:
        return None
    if not (type(value) is list and all(type(x) is kind for x in value) and is_valid(value)):
        raise ValueError(f"expected {expected}, got {value}")
    return tuple(value)


def _scaling(value: Any, n_inputs: int) -> InputScaling | None:
    scaling = None if value is None else InputScaling(**value)
    check_input_scaling(scaling, n_inputs)
    return scaling
