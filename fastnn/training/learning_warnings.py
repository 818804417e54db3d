"""Warnings of training that learns little: unscaled inputs, and outputs that are all the same."""

import numpy as np

from ..common.arrays import Array
from ..common.warning import warn
from ..data.inputs import Inputs
from ..data.targets import Targets
from ..engine import Engine

# The sample of rows: at most _MAX_ROWS, fewer if they are wide, but at least _MIN_ROWS.
_MAX_ROWS = 1000
_MAX_NUMBERS = 1 << 20
_MIN_ROWS = 16
_FEW_ROWS = 16  # examined first: mostly they show that outputs differ
_MIN_ROWS_TO_JUDGE = 4  # outputs of two or three examples may be equal by chance
_MAX_RATIO = 1000.0  # of scales: far above standardized inputs, pixels and one-hot columns
# In a column of one scale, the largest of three numbers is hardly ever a thousand times smaller
# than the largest of many; a single number may be.
_MIN_NONZEROS = 3
_CONSTANT = 1e-3  # outputs are constant if their range is at most this fraction of the targets'

_ADVICE = "subtract the mean of each column of X and divide by its standard deviation"


class LearningWarnings:
    """Examines a sample of the examples of one call of ``train``; warns at most once.

    Parameters
    ----------
    engine : Engine
    """

    def __init__(self, engine: Engine) -> None:
        self._engine, self._has_begun = engine, False
        self._sample: tuple[Inputs, Targets, Array] | None = None

    def begin(self, inputs: Inputs, targets: Targets, rows: Array) -> None:
        """Examine the inputs of a sample of the training rows, before the training."""
        self._has_begun = True
        sample = _sample_of(rows, inputs, targets)
        if not _warn_of_scales(inputs, sample):
            self._sample = inputs, targets, sample

    def begin_with_block(self, inputs: Inputs, targets: Targets) -> None:
        """Examine the first block of a stream, and keep copies of some rows."""
        if not self._has_begun:
            rows = _sample_of(np.arange(len(inputs)), inputs, targets)
            names, inputs = inputs.feature_names, inputs.take(rows)
            inputs.feature_names = names
            self.begin(inputs, targets[rows], np.arange(len(rows)))

    def end(self) -> None:
        """Examine the outputs for the sample, after the training."""
        if self._sample is None:
            return
        _, _, rows = self._sample
        if len(rows) < _MIN_ROWS_TO_JUDGE or not _outputs_are_constant(self._engine, *self._sample):
            return
        hint = ", a hidden layer" if len(self._engine.layer_sizes) == 2 else ""
        warn(
            f"the outputs are the same for {len(rows)} examples of the training data whose targets "
            "differ: the network has learnt a constant, as where units are dead or saturated. "
            f"Scale the inputs ({_ADVICE}), or try a smaller learning_rate{hint} or weaker "
            "penalties, on a new network"
        )


def _sample_of(rows: Array, inputs: Inputs, targets: Targets) -> Array:
    """Return a sample of the rows, evenly spaced, with weights above 0."""
    if targets.weights is not None:
        rows = rows[targets.weights[rows] > 0]
    size = min(_MAX_ROWS, max(_MIN_ROWS, _MAX_NUMBERS // inputs.n_inputs))
    return rows if len(rows) <= size else rows[:: -(-len(rows) // size)]


def _warn_of_scales(inputs: Inputs, rows: Array) -> bool:
    """Warn if the scales of the columns differ by too much; return whether they do."""
    largest = inputs.largest_in_columns(rows)
    limit = float(largest.max()) / _MAX_RATIO
    if float(largest.min()) >= limit or not ((largest > 0) & (largest < limit)).any():
        return False
    largest[inputs.nonzeros_in_columns(rows) < _MIN_NONZEROS] = 0
    low, high = int(np.where(largest > 0, largest, np.inf).argmin()), int(largest.argmax())
    if not 0 < largest[low] < float(largest[high]) / _MAX_RATIO:
        return False
    names = inputs.feature_names
    name_of_low, name_of_high = (repr(names[i]) if names else str(i) for i in (low, high))
    warn(
        f"X should have columns of similar scales, got absolute values of up to {largest[low]:.3g} "
        f"in column {name_of_low} and up to {largest[high]:.3g} in column {name_of_high}: networks "
        f"learn little or nothing from such inputs; scale them ({_ADVICE})"
    )
    return True


@np.errstate(all="ignore")  # outputs may overflow, and targets may be near the largest number
def _outputs_are_constant(engine: Engine, inputs: Inputs, targets: Targets, rows: Array) -> bool:
    """Tell whether outputs are the same for all rows, although inputs and targets differ."""
    few = rows[:: -(-len(rows) // _FEW_ROWS)]
    for some in (few, rows):
        outputs = engine.outputs(inputs.take(some), 1)
        ranges = outputs.max(axis=0) - outputs.min(axis=0)
        scale = 1.0 if engine.activations[-1].is_bounded else float(abs(outputs).max())
        if not float(ranges.max()) <= _CONSTANT * scale < np.inf:
            return False
    numbers = inputs.array(few)
    deviations = targets.rows(rows, engine.layer_sizes[-1], outputs.dtype).std(axis=0)
    varies, is_below = deviations > 0, ranges <= _CONSTANT * deviations
    return bool((numbers != numbers[0]).any() and varies.any() and is_below[varies].all())
