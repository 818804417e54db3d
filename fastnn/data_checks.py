"""Check the user's X and y against a network and the record of its data."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from . import validation
from .data.inputs import Inputs, MatrixLike
from .data.streams import Block, Examples
from .data.targets import Targets
from .data_record import DataRecord
from .engine import Engine
from .losses import Loss


class DataChecker(NamedTuple):
    """Checks of X and y for one network.

    Attributes
    ----------
    n_inputs, n_outputs : int
        Number of columns of X and y.
    dtype : numpy.dtype
    loss : Loss
    record : DataRecord
        The required names of columns, and the scaling of X.
    """

    n_inputs: int
    n_outputs: int
    dtype: "np.dtype[Any]"
    loss: Loss
    record: DataRecord

    @classmethod
    def of(cls, engine: Engine, record: DataRecord) -> "DataChecker":
        """Return the checks for a network on this engine."""
        return cls(engine.layer_sizes[0], engine.layer_sizes[-1], engine.dtype, engine.loss, record)

    def inputs(self, X: MatrixLike) -> tuple[Inputs, bool]:
        """Check X; return it, and whether it is a single example (n_inputs,)."""
        validation.feature_names(X, self.record.feature_names)
        return validation.one_or_more_examples(X, self.n_inputs, self.dtype, self.record.scaling)

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
        feature_names = validation.feature_names(X, known.feature_names)
        target_names = validation.target_names(y, self.n_outputs, known.target_names)
        inputs, targets = validation.examples_and_targets(
            X, y, self.n_inputs, self.n_outputs, self.dtype, self.record.scaling
        )
        validation.check_range(targets, self.loss)
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
        weights = validation.weights(
            sample_weight, class_weight, targets, self.n_outputs, self.dtype
        )
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
