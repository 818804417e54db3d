"""Signs that a training cannot have learnt much: raw inputs, and outputs that are all the same."""

import numpy as np

from ..arrays import Array
from ..data.inputs import Inputs
from ..data.targets import Targets
from ..engine import Engine
from ..warning import warn

_ROWS = 1000  # that stand for all, and fewer of many columns: so many numbers, but some rows
_NUMBERS = 1 << 20
_LEAST_ROWS = 16
_FEW_ROWS = 16  # mostly they show that outputs differ
_FEWEST_TO_JUDGE = 4  # outputs of two or three examples may come out alike by chance
_MOST_RATIO = 1000.0  # of scales; standardized inputs, pixels and one-hot columns are far below it
# Of a column whose numbers are of one scale, the largest of three is hardly ever a thousand times
# smaller than the largest of many; one number alone would be.
_LEAST_NONZEROS = 3
_CONSTANT = 1e-3  # outputs that differ by this part of what their targets do, or less
_BOUNDED = ("sigmoid", "tanh", "softmax")

_WHAT_TO_DO = "subtract the mean of each column of X and divide by its standard deviation"


class Sanity:
    """Looks at a sample of the examples of one call of ``train``; warns once at most."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._has_begun = engine, False
        self._sample: tuple[Inputs, Targets, Array] | None = None

    def begin(self, inputs: Inputs, targets: Targets, rows: Array) -> None:
        """Look at the inputs of some of these rows, on which the network is trained."""
        self._has_begun = True
        some = _some_of(rows, inputs, targets)
        if not _warn_of_scales(inputs, some):
            self._sample = inputs, targets, some

    def begin_with_block(self, inputs: Inputs, targets: Targets) -> None:
        """Look at the first block, of which some rows are kept."""
        if not self._has_begun:
            rows = _some_of(np.arange(len(inputs)), inputs, targets)
            names, inputs = inputs.feature_names, inputs.take(rows)
            inputs.feature_names = names
            self.begin(inputs, targets[rows], np.arange(len(rows)))

    def end(self) -> None:
        """Look at the outputs, after the training."""
        if self._sample is None:
            return
        _, _, rows = self._sample
        if len(rows) < _FEWEST_TO_JUDGE or not _are_constant(self._engine, *self._sample):
            return
        no_hidden_layer = len(self._engine.layer_sizes) == 2
        warn(
            f"the outputs are the same for {len(rows)} examples of the training data whose targets "
            "differ: the network has learnt a constant, as where units are dead or saturated. "
            f"Scale the inputs ({_WHAT_TO_DO}), or try a smaller learning_rate"
            f"{', a hidden layer' if no_hidden_layer else ''} or weaker penalties, on a new network"
        )


def _some_of(rows: Array, inputs: Inputs, targets: Targets) -> Array:
    """Return some of the rows, evenly spaced, that have a weight."""
    if targets.weights is not None:
        rows = rows[targets.weights[rows] > 0]
    most = min(_ROWS, max(_LEAST_ROWS, _NUMBERS // inputs.n_inputs))
    return rows if len(rows) <= most else rows[:: -(-len(rows) // most)]


def _warn_of_scales(inputs: Inputs, rows: Array) -> bool:
    """Warn if the scales of the columns differ by too much; whether they do."""
    largest = inputs.largest_in_columns(rows)
    limit = float(largest.max()) / _MOST_RATIO
    if float(largest.min()) >= limit or not ((largest > 0) & (largest < limit)).any():
        return False
    largest[inputs.nonzeros_in_columns(rows) < _LEAST_NONZEROS] = 0
    low, high = int(np.where(largest > 0, largest, np.inf).argmin()), int(largest.argmax())
    if not 0 < largest[low] < float(largest[high]) / _MOST_RATIO:
        return False
    names = inputs.feature_names
    name_of_low, name_of_high = (repr(names[i]) if names else str(i) for i in (low, high))
    warn(
        f"X should have columns of similar scales, got absolute values of up to {largest[low]:.3g} "
        f"in column {name_of_low} and up to {largest[high]:.3g} in column {name_of_high}: networks "
        f"learn little or nothing from such inputs; scale them ({_WHAT_TO_DO})"
    )
    return True


@np.errstate(all="ignore")  # outputs may overflow, or targets be near the end of the range
def _are_constant(engine: Engine, inputs: Inputs, targets: Targets, rows: Array) -> bool:
    """Tell whether the outputs are the same for all rows, although there is more to learn."""
    few = rows[:: -(-len(rows) // _FEW_ROWS)]
    is_bounded = engine.activations[-1].name in _BOUNDED
    for some in (few, rows):
        outputs = engine.outputs(inputs.take(some), 1)
        ranges = outputs.max(axis=0) - outputs.min(axis=0)
        scale = 1.0 if is_bounded else float(abs(outputs).max())
        if not float(ranges.max()) <= _CONSTANT * scale < np.inf:
            return False
    numbers = inputs.array(few)
    deviations = targets.rows(rows, engine.layer_sizes[-1], outputs.dtype).std(axis=0)
    varies, is_below = deviations > 0, ranges <= _CONSTANT * deviations
    return bool((numbers != numbers[0]).any() and varies.any() and is_below[varies].all())
