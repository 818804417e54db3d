"""Turn outputs and targets into class labels.

Targets are classes if they are integer labels, or if they have two levels such as 0 and 1. With
several outputs, such rows have one high level (one-hot) or any number of them (multi-hot). All
other targets are quantities.
"""

from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from . import validation
from .activations import Activation
from .common.arrays import Array
from .data.targets import Targets
from .data_record import DataRecord
from .engine import Engine
from .losses import Loss

Levels: TypeAlias = tuple[float, ...] | None
"""Distinct values of targets in ascending order; None if there are more than two."""

_MIN_DATA_SET = 10  # examples; fewer may be a part of a stream and lack some of its levels

_BINARY = (0.0, 1.0)


class Rule(NamedTuple):
    """A rule that turns outputs or targets into labels."""

    threshold: float
    is_multilabel: bool

    def labels(self, values: Array) -> Array:
        """Return one label per row or, if the rule is multi-label, one per number.

        The label of a row of several numbers is the index of the largest. The label of a single
        number is 1 above the threshold, else 0.

        Parameters
        ----------
        values : ndarray, (n_examples, n_outputs)

        Returns
        -------
        ndarray of intp, (n_examples,) or (n_examples, n_outputs)
        """
        if self.is_multilabel:
            return (values > self.threshold).astype(np.intp)
        if values.shape[1] == 1:
            return (values[:, 0] > self.threshold).astype(np.intp)
        return values.argmax(axis=1)


class Labeling(NamedTuple):
    """The labeling rules of one network; they depend on the record of its training targets."""

    output: Activation
    loss: Loss
    n_outputs: int
    record: DataRecord

    @classmethod
    def of(cls, engine: Engine, record: DataRecord) -> "Labeling":
        """Return the labeling of a network on this engine."""
        return cls(engine.activations[-1], engine.loss, engine.layer_sizes[-1], record)

    @property
    def threshold(self) -> float:
        """The output above which a label is 1."""
        levels = self.record.target_levels
        if levels is None or len(levels) < 2:
            levels = self._usual_levels
        return self._middle_of_outputs(levels)

    @property
    def is_multilabel(self) -> bool:
        """Whether each of several outputs is a label by itself."""
        if self.n_outputs == 1:
            return False
        if self.loss.is_multilabel:
            return True
        levels = self.record.target_levels
        return (
            self.record.has_multi_hot_rows
            and not self._is_softmax
            and (levels is None or self._are_classes(levels))
        )

    def labels(self, outputs: Array) -> Array:
        """Return the labels of outputs (n_examples, n_outputs); see `Rule.labels`."""
        is_multilabel = self.is_multilabel
        if self.n_outputs > 1 and not is_multilabel:
            return outputs.argmax(axis=1)
        return Rule(self.threshold, is_multilabel).labels(outputs)

    def metadata(self) -> dict[str, Any]:
        """Return the facts on labels and columns that users of an exported file need, by name."""
        facts: dict[str, Any] = {
            "class_names": self.record.class_names,
            "feature_names": self.record.feature_names,
            "target_names": self.record.target_names,
            "is_multilabel": self.is_multilabel,
        }
        if self.is_multilabel or self.n_outputs == 1:
            facts["threshold"] = self.threshold
        return {name: fact for name, fact in facts.items() if fact is not None}

    def rules(self, targets: Targets) -> tuple[Rule, Rule] | None:
        """Return the rules for outputs and for these targets; None if the targets are quantities.

        The levels that the network was trained on count, too, so that a part of the data is treated
        as the whole is. Before a training the given targets alone decide.
        """
        rule = Rule(self.threshold, self.is_multilabel)
        if (values := targets.with_positive_weight().values) is None:
            return rule, rule._replace(threshold=0.5)
        if self.output.outputs_are_quantities:
            return None
        known = self.record.target_levels
        levels = None if known is None else _levels(values, known)
        # A network may be trained on probabilities, and tested on classes.
        if levels is None and (known is not None or self.loss.output_activation):
            levels = _levels(values, ())
        if levels is None or not self._are_classes(levels):
            return None
        is_multilabel = rule.is_multilabel
        if self.n_outputs > 1 and not _are_one_hot(values, levels):
            if self._is_softmax:  # its outputs sum to 1
                return None
            is_multilabel = True
        if len(levels) < 2:
            levels = _BINARY if set(levels) <= set(_BINARY) else self._usual_levels
        elif known is not None and len(known) < 2:
            rule = rule._replace(threshold=self._middle_of_outputs(levels))
        rule = rule._replace(is_multilabel=is_multilabel)
        return rule, rule._replace(threshold=_middle(levels))

    def after(self, targets: Targets, is_part: bool) -> "Labeling":
        """Return the labeling after a training on these targets.

        It rejects targets that outputs cannot reach, or warns of them, and warns of targets of one
        class only.

        Parameters
        ----------
        targets : Targets
        is_part : bool
            Whether the targets are a part of a stream, not a data set.
        """
        is_complete = not is_part and len(targets.with_positive_weight()) >= _MIN_DATA_SET
        record = self._record_after(targets, is_part=not is_complete)
        if is_part and record is self.record and record.target_levels is not None:
            return self  # nothing new to check
        if not self._reaches(record):
            validation.check_reachable(targets, self.loss, self.output, is_part)
        after = self._replace(record=record)
        if is_complete and targets.are_constant and after.rules(targets) is not None:
            validation.warn_of_one_class(targets)
        elif is_complete and record is not self.record and after._may_have_odd_rows:
            validation.warn_of_few_odd_rows(targets)
        return after

    def _record_after(self, targets: Targets, is_part: bool) -> DataRecord:
        """Return the record after a training on these targets.

        Levels in a part of a stream are added to the known ones; other levels of a whole data set
        replace them. Once rows were multi-hot, the record says so.
        """
        record, known = self.record, self.record.target_levels
        if is_part and known is None:
            return record
        is_multi_hot = False
        if (values := targets.with_positive_weight().values) is None:
            levels = _union(known or (), _BINARY) if is_part else _BINARY
        else:
            levels = _levels(values, known or ())
            if levels is None and not is_part:
                levels = _levels(values, ())
            is_multi_hot = (
                levels is not None and self.n_outputs > 1 and not _are_one_hot(values, levels)
            )
        if record.has_multi_hot_rows and not is_multi_hot:
            # Earlier rows do not count as multi-hot if the targets turn out to be quantities.
            is_multi_hot = levels is not None or known is None or self._are_classes(known)
        if (levels, is_multi_hot) == (known, record.has_multi_hot_rows):
            return record
        return replace(record, target_levels=levels, has_multi_hot_rows=is_multi_hot)

    def _reaches(self, record: DataRecord) -> bool:
        """Return whether outputs can reach all targets of the record; False if it does not tell."""
        levels, (lowest, highest) = record.target_levels, self.output.output_range
        if not levels:
            return False
        if self._is_softmax:
            return levels == _BINARY and not record.has_multi_hot_rows
        return lowest <= levels[0] and levels[-1] <= highest

    @property
    def _may_have_odd_rows(self) -> bool:
        """Whether targets like those of classes have more than two levels, or multi-hot rows."""
        if self.output.outputs_are_quantities:
            return False
        if self._is_softmax:  # its targets are checked by the sums of their rows
            return False
        if self.loss.is_multilabel:
            return False
        return self.record.target_levels is None or self.record.has_multi_hot_rows

    @property
    def _is_softmax(self) -> bool:
        return self.output.name == "softmax"

    @property
    def _usual_levels(self) -> tuple[float, float]:
        """The ends of the range of outputs or, if that is unbounded, 0 and 1."""
        low, high = self.output.output_range
        return (low, high) if self.output.is_bounded else _BINARY

    def _are_classes(self, levels: tuple[float, ...]) -> bool:
        """Return whether there are levels, and they stand for no and yes."""
        usual = self._usual_levels
        if set(levels) <= set(_BINARY) or set(levels) <= set(usual):
            return bool(levels)
        low, high = levels[0], levels[-1]
        return low < 0.5 < high or low < _middle(usual) < high

    def _middle_of_outputs(self, levels: tuple[float, ...]) -> float:
        """Return the middle of the outputs that are closest to the levels."""
        lowest, highest = self.output.output_range
        return _middle([min(max(level, lowest), highest) for level in levels])


def _levels(values: Array, known: tuple[float, ...]) -> Levels:
    """Return the levels of these values together with the known ones."""
    if len(known) == 2 and _count(values, known[0]) + _count(values, known[1]) == values.size:
        return known
    low, high = values.min(), values.max()
    if low != high and _count(values, low) + _count(values, high) < values.size:
        return None
    return _union(known, (float(low), float(high)))


def _count(values: Array, level: float) -> int:
    return int(np.count_nonzero(values == level))


def _union(known: tuple[float, ...], found: tuple[float, ...]) -> Levels:
    levels = {*known, *found}
    return tuple(sorted(levels)) if len(levels) <= 2 else None


def _are_one_hot(values: Array, levels: tuple[float, ...]) -> bool:
    """Return whether each row has the higher level exactly once."""
    if len(levels) < 2:
        return False
    is_high = values == levels[1]
    return np.count_nonzero(is_high) == len(values) and bool(is_high.any(axis=1).all())


def _middle(levels: "tuple[float, ...] | list[float]") -> float:
    return levels[0] / 2 + levels[-1] / 2
