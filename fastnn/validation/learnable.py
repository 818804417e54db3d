"""Check targets that outputs cannot reach, or from which nothing can be learned."""

import math

import numpy as np

from ..activations import Activation
from ..common.warning import warn
from ..data.targets import Targets
from ..losses import BuiltinLoss, Loss

_FEW = 0.05  # a fraction of rows that is more likely wrong than meant
_ADVICE = "scale y to that range, or take output_activation='identity'"


def check_reachable(targets: Targets, loss: Loss, output: Activation, is_part: bool) -> None:
    """Reject targets that are all outside the range of the outputs; warn if some of them are.

    A part of a stream only causes a warning, always in the same words, so that Python shows it
    once. There is no check for a user's loss, whose targets may mean anything, and for a user's
    activation, whose range is unknown. Losses for a single activation have their own check of
    targets.
    """
    low, high = output.output_range
    values = targets.values
    if output.name == "softmax":
        _check_sums(targets)
    is_known = isinstance(loss, BuiltinLoss) and not loss.output_activation
    if values is None or not is_known or (low == -math.inf and high == math.inf):
        return
    slack = 1e-6 + 4 * float(np.finfo(values.dtype).eps)  # for rounding errors of scaled targets
    lower, upper = low - slack, high + slack
    if lower <= values.min() and values.max() <= upper:
        return
    values = targets.with_positive_weight().values
    assert values is not None
    lowest, highest = float(values.min()), float(values.max())
    if lower <= lowest and highest <= upper:
        return
    span = f"from {low:g} to {high:g}" if high < math.inf else f"at least {low:g}"
    if is_part:
        warn(f"y holds targets that {output!r} outputs, {span}, cannot reach: {_ADVICE}")
        return
    got = f"targets from {lowest:g} to {highest:g}"
    if not ((values >= lower) & (values <= upper)).any():
        raise ValueError(f"y must be {span} for {output!r} outputs, got {got}: {_ADVICE}")
    warn(f"y holds {got}, some of which {output!r} outputs, {span}, cannot reach: {_ADVICE}")


def _check_sums(targets: Targets) -> None:
    values = targets.with_positive_weight().values
    if values is None:
        return
    sums = values.sum(axis=1)
    rounding = min(0.005 * values.shape[1], 0.05) + 1e-3  # of probabilities with two decimals
    if float(sums.max()) > 1 + rounding:
        warn(
            "y holds rows with a sum above 1, which 'softmax' outputs cannot reach: where several "
            "classes may be true of an example, take the loss 'binary_cross_entropy'"
        )
    elif float(sums.min()) < 1 - rounding:
        warn(
            f"y holds rows with a sum below 1, {sums.min():g} at the least, which count for less "
            "in 'cross_entropy': scale the rows to a sum of 1, and leave out those of zeros, of "
            "examples without a class"
        )


def warn_of_few_odd_rows(targets: Targets) -> None:
    """Warn if nearly all rows look like classes, and a few do not.

    Rows of classes have two levels, both of them common; with several outputs, each row has one
    high number.
    """
    values = targets.with_positive_weight().values
    assert values is not None
    n_rows, low, high = len(values), values.min(), values.max()
    is_high, is_low = values == high, values == low
    if min(np.count_nonzero(is_high), np.count_nonzero(is_low)) <= _FEW * n_rows:
        return
    is_odd = has_other_levels = ~(is_high | is_low).all(axis=1)
    if values.shape[1] > 1:
        is_odd = has_other_levels | (np.count_nonzero(is_high, axis=1) != 1)
    n_odd = int(np.count_nonzero(is_odd))
    if not 0 < n_odd <= _FEW * n_rows:
        return
    shown = values[int(is_odd.argmax())].tolist()
    found = f"y holds {n_odd} of {n_rows} rows"
    first = f"the first of them {shown}" if len(shown) < 10 else "and so on"
    if has_other_levels.any():
        warn(
            f"{found} with other numbers than {low:g} and {high:g}, {first}: the score is R², not "
            "the accuracy of classes"
        )
    else:
        warn(
            f"{found} with none or several high numbers, {first}, and one in all others: each "
            "output becomes a label by itself; if that is meant, loss='binary_cross_entropy' is "
            "made for it"
        )


def warn_of_one_class(targets: Targets) -> None:
    """Warn that all examples have the same class."""
    rows = targets.with_positive_weight().array
    shown = f"{rows[0].item():g}" if rows[0].size == 1 else "one row of targets"
    weighed = "" if len(rows) == len(targets) else " with a weight above 0"
    warn(
        f"y holds one class only, {shown} in all {len(rows)} examples{weighed}: is it the right "
        "column?"
    )
