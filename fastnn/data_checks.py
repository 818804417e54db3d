"""Check the user's X and y against a network and the record of its data."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from numpy.typing import ArrayLike

from . import validation
from .data.inputs import Inputs, MatrixLike
from .data.streams import Block, Examples
from .data.targets import Targets
from .data_record import DataRecord
from .engine import Engine


class DataChecker(NamedTuple):
    """Checks of X and y for one network.

    Attributes
    ----------
    engine : Engine
        The engine of the network: layer sizes, dtype and loss.
    record : DataRecord
        The required names of columns, and the scaling of X.
    """

    engine: Engine
    record: DataRecord

    def inputs(self, X: MatrixLike) -> tuple[Inputs, bool]:
        """Check X; return it, and whether it is a single example (n_inputs,)."""
        validation.feature_names(X, self.record.feature_names)
        n_inputs, dtype = self.engine.layer_sizes[0], self.engine.dtype
        return validation.one_or_more_examples(X, n_inputs, dtype, self.record.scaling)

    def examples(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[int, float] | str | None = None,
        like: Examples | None = None,
    ) -> Examples:
        """Check X and y; if the record has no names of columns, require the names in ``like``."""
        known = self.record if like is None else self.record.with_names_of(*like)
        n_inputs, *_, n_outputs = self.engine.layer_sizes
        feature_names = validation.feature_names(X, known.feature_names)
        target_names = validation.target_names(y, n_outputs, known.target_names)
        inputs, targets = validation.examples_and_targets(
            X, y, n_inputs, n_outputs, self.engine.dtype, self.record.scaling
        )
        validation.check_range(targets, self.engine.loss)
        inputs.feature_names = feature_names
        if target_names is not None:
            targets = replace(targets, names=target_names)
        return inputs, self.weighted(targets, sample_weight, class_weight)

    def weighted(
        self,
        targets: Targets,
        sample_weight: ArrayLike | None,
        class_weight: Mapping[int, float] | str | None = None,
    ) -> Targets:
        """Check weights, and return the targets with them."""
        n_outputs, dtype = self.engine.layer_sizes[-1], self.engine.dtype
        weights = validation.weights(sample_weight, class_weight, targets, n_outputs, dtype)
        return replace(targets, weights=weights)

    def validation_examples(
        self, data: Block | None, fraction: float | None, like: Examples | None = None
    ) -> Examples | None:
        """Check the arguments ``validation_data`` and ``validation_fraction`` of ``train``."""
        if fraction is not None:
            validation.number_between(fraction, "validation_fraction", 0, 1, is_open=True)
            if data is not None:
                raise ValueError(
                    "validation_fraction must be None where validation_data are given, got "
                    f"{fraction}"
                )
        if data is None:
            return None
        if not isinstance(data, tuple | list) or len(data) not in (2, 3):
            raise TypeError(
                "validation_data must be (X, y) or (X, y, sample_weight), got a "
                f"{type(data).__name__}"
            )
        try:
            X, y, sample_weight = (*data, None)[:3]
            return self.examples(X, y, sample_weight, like=like)
        except (TypeError, ValueError) as error:
            error.add_note("in validation_data")
            raise
