"""The scaling of X that a network applies by itself."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import validation
from .common.arrays import Array, first_true
from .common.call_errors import with_helpful_errors


def check_input_scaling(scaling: Any, n_inputs: int) -> None:
    """Check for None or the scaling of ``n_inputs`` inputs."""
    if scaling is None:
        return
    if not isinstance(scaling, InputScaling):
        is_standard = hasattr(scaling, "mean_") and hasattr(scaling, "scale_")
        hint = ": pass InputScaling(scaler.mean_, scaler.scale_)" if is_standard else ""
        raise TypeError(f"input_scaling must be an InputScaling or None, got {scaling!r}{hint}")
    if len(scaling.shift) != n_inputs:
        raise ValueError(
            f"input_scaling must have {n_inputs} shifts and scales, one for each input, got "
            f"{len(scaling.shift)}"
        )


@with_helpful_errors
class InputScaling:
    """Shift and scale of each input: a network computes with ``(X - shift) / scale``.

    Assign it to `MLP.input_scaling`. It is immutable.

    Parameters
    ----------
    shift, scale : array_like, (n_inputs,)
        Real finite numbers; no scale is 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is anything else; the message names it.

    Examples
    --------
    >>> from fastnn import MLP, InputScaling
    >>> from fastnn.datasets import load_iris
    >>> X = load_iris().X
    >>> net = MLP([4, 3, 3])
    >>> net.input_scaling = InputScaling(X.mean(axis=0), X.std(axis=0))
    """

    __slots__ = ("_scale", "_shift")

    def __init__(self, shift: ArrayLike, scale: ArrayLike) -> None:
        self._shift = validation.finite_vector(shift, "shift")
        self._scale = validation.finite_vector(scale, "scale")
        if self._scale.shape != self._shift.shape:
            raise ValueError(
                f"scale must have shape {self._shift.shape}, as shift has, got {self._scale.shape}"
            )
        index = first_true(self._scale == 0)
        if index is not None:
            raise ValueError(
                f"scale must not be 0, got 0 at index {index}: a scale of 1 has no effect"
            )

    @property
    def shift(self) -> Array:
        """The number subtracted from each input, (n_inputs,), float64 and read-only."""
        return self._shift[:]  # a new view: assigning to its shape has no effect here

    @property
    def scale(self) -> Array:
        """The divisor of each shifted input, (n_inputs,), float64 and read-only."""
        return self._scale[:]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, InputScaling):
            return NotImplemented
        return np.array_equal(self._shift, other._shift) and np.array_equal(
            self._scale, other._scale
        )

    def __repr__(self) -> str:
        shift, scale = (
            np.array2string(array, separator=", ", threshold=8)
            for array in (self._shift, self._scale)
        )
        return f"InputScaling(shift={shift}, scale={scale})"

    def __reduce__(self) -> tuple[Any, ...]:
        return InputScaling, (self.shift, self.scale)
