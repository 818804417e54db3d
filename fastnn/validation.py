"""The only place that coerces or rejects what users pass to a network.

Every message has the form "NAME must be WHAT IS EXPECTED, got WHAT CAME".
"""

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ._kernels import DTYPES
from .activations import ACTIVATIONS, Activation, BuiltinActivation
from .arrays import Array
from .finite import first_nonfinite
from .inputs import DenseInputs, Inputs, MatrixLike, SparseInputs
from .losses import LOSSES, BuiltinLoss, Loss

if TYPE_CHECKING:  # importing numpy.random takes longer than importing fastnn
    from numpy.random import Generator, SeedSequence

_MOST_UNITS = np.iinfo(np.int32).max - 64  # of a layer: the kernels number them in 32 bits

T = TypeVar("T")
Dtype = np.dtype[Any]
Seed: TypeAlias = "int | Sequence[int] | SeedSequence | Generator | None"


@dataclass(frozen=True)
class Targets:
    """What the outputs should be: one of the two is None."""

    values: Array | None  # (n_examples, n_outputs), the network's dtype
    labels: Array | None  # (n_examples,) intp, each in 0 .. n_outputs-1
    weights: Array | None = None  # of the examples, (n_examples,), the network's dtype; None: all 1

    def __len__(self) -> int:
        values_or_labels = self.labels if self.values is None else self.values
        assert values_or_labels is not None
        return len(values_or_labels)

    def __getitem__(self, rows: slice) -> "Targets":
        given = self.values, self.labels, self.weights
        return Targets(*(None if array is None else array[rows] for array in given))

    def weigh(self, rows: Array | slice, losses: Array, derivatives: Array) -> float:
        """Multiply the derivatives of some examples by their weights, and add up their losses."""
        if self.weights is not None:
            weights = self.weights[rows]
            derivatives *= weights[:, np.newaxis]
            losses = losses * weights
        return float(losses.sum(dtype=np.float64))

    def rows(self, rows: Array | slice, n_outputs: int, dtype: Dtype) -> Array:
        """Targets of some examples, (n_rows, n_outputs); a label is 1 in its place, else 0."""
        if self.values is not None:
            return self.values[rows]
        assert self.labels is not None
        labels = self.labels[rows]
        wanted = np.zeros((len(labels), n_outputs), dtype)
        wanted[np.arange(len(labels)), labels] = 1
        return wanted


# Networks


def layer_sizes(sizes: Iterable[int]) -> tuple[int, ...]:
    """Two or more positive widths."""
    expected = "layer_sizes must be two or more positive integers, from input to output"
    if isinstance(sizes, str | bytes):
        raise TypeError(f"{expected}, got {sizes!r}")
    try:
        widths = tuple(sizes)
    except TypeError:
        raise TypeError(f"{expected}, got {sizes!r}") from None
    for width in widths:
        if not is_integer(width):
            raise TypeError(f"{expected}, got {width!r} in {list(widths)}")
        if width < 1:
            raise ValueError(f"{expected}, got {width} in {list(widths)}")
    if len(widths) < 2:
        raise ValueError(f"{expected}, got {list(widths)}")
    widths = tuple(int(width) for width in widths)
    n_weights = sum(a * b for a, b in pairwise(widths))
    if n_weights > sys.maxsize // 64 or max(widths) > _MOST_UNITS:
        raise ValueError(f"layer_sizes must describe a network that fits in memory, got {widths}")
    return widths


def activations(
    hidden: str | Activation | Sequence[str | Activation],
    output: str | Activation,
    n_layers: int,
    dtype: Dtype,
) -> tuple[Activation, ...]:
    """One activation per layer of weights."""
    if isinstance(hidden, str | Activation):
        hidden = [_activation(hidden, "activation", dtype)] * (n_layers - 1)
    elif not isinstance(hidden, Sequence) or len(hidden) != n_layers - 1:
        raise (ValueError if isinstance(hidden, Sequence) else TypeError)(
            f"activation must be one name or Activation, or a list of {n_layers - 1}, one per "
            f"hidden layer, got {hidden!r}"
        )
    checked = (
        *(_activation(item, "activation", dtype) for item in hidden),
        _activation(output, "output_activation", dtype),
    )
    if len({f.name for f in checked}) < len(set(checked)):  # a model file knows them by name
        raise ValueError(
            "activation must have different names for different activations, got "
            f"{[f.name for f in checked]}"
        )
    return checked


def _activation(value: str | Activation, argument: str, dtype: Dtype) -> Activation:
    if isinstance(value, BuiltinActivation):
        for parameter, number in value.parameters.items():
            _number_between(number, f"{parameter} of {argument} {value.name!r}", 0, math.inf)
        return value
    if isinstance(value, Activation):
        _try_out(value, argument, dtype)
        return value
    known = _known(value, argument, ACTIVATIONS, " or an Activation")
    if argument == "activation" and not known.is_elementwise:
        raise ValueError(f"activation must not be {value!r}, which is for outputs alone")
    return known


def _try_out(activation: Activation, argument: str, dtype: Dtype) -> None:
    name = activation.name
    if not isinstance(name, str):
        raise TypeError(f"{argument} must have a name that is a str, got {name!r}")
    if name in ACTIVATIONS:  # a model file would be read as the built-in one
        raise ValueError(f"{argument} must have a name that no built-in one has, got {name!r}")
    for part in ("function", "derivative"):
        function = getattr(activation, part)
        if not callable(function):
            raise TypeError(f"{argument} {name!r} must have a callable {part}, got {function!r}")
        z = np.linspace(-1, 1, 6, dtype=dtype).reshape(2, 3)
        result = np.asarray(function(z))
        if not np.array_equal(z, np.linspace(-1, 1, 6, dtype=dtype).reshape(2, 3)):
            raise ValueError(
                f"{argument} {name!r} must have a {part} that leaves its argument as it is"
            )
        if result.shape != z.shape or result.dtype.kind not in "biuf":
            raise ValueError(
                f"{argument} {name!r} must have a {part} that returns real numbers in "
                f"the shape of its argument, got {result.dtype} {result.shape} for {z.shape}"
            )


def loss(value: str | Loss, output_activation: Activation, dtype: Dtype) -> Loss:
    """A loss that goes with the output activation."""
    if isinstance(value, BuiltinLoss):
        most = 1 if value.name == "quantile" else math.inf
        for parameter, number in value.parameters.items():
            _number_between(number, f"{parameter} of loss {value.name!r}", 0, most, is_open=True)
        found: Loss = value
    elif isinstance(value, Loss):
        _try_out_loss(value, dtype)
        found = value
    else:
        found = _known(value, "loss", LOSSES, " or a Loss")
    needed, given = found.output_activation, output_activation.name
    if needed and given != needed:
        raise ValueError(
            f"output_activation must be {needed!r} for the loss {found.name!r}, got {given!r}"
        )
    if given == "softmax" and not needed:
        raise ValueError(f"loss must be 'cross_entropy' for softmax outputs, got {found.name!r}")
    return found


def _try_out_loss(loss: Loss, dtype: Dtype) -> None:
    name, function = loss.name, loss.function
    if not isinstance(name, str):
        raise TypeError(f"loss must have a name that is a str, got {name!r}")
    if name in LOSSES:  # a model file would be read as the built-in one
        raise ValueError(f"loss must have a name that no built-in one has, got {name!r}")
    if not callable(function):
        raise TypeError(f"loss {name!r} must have a callable function, got {function!r}")
    outputs = np.linspace(0.2, 0.8, 6, dtype=dtype).reshape(2, 3)
    targets = np.eye(2, 3, dtype=dtype)
    result = function(outputs, targets)
    if not (isinstance(result, tuple) and len(result) == 2):
        raise TypeError(
            f"loss {name!r} must return losses (n_examples,) and derivatives (n_examples, "
            f"n_outputs), got a {type(result).__name__}"
        )
    unchanged = np.linspace(0.2, 0.8, 6, dtype=dtype).reshape(2, 3), np.eye(2, 3, dtype=dtype)
    if not all(map(np.array_equal, (outputs, targets), unchanged)):
        raise ValueError(f"loss {name!r} must leave its arguments as they are")
    for part, what, shape in zip(result, ("losses", "derivatives"), ((2,), (2, 3)), strict=True):
        array = np.asarray(part)
        if array.shape != shape or array.dtype.kind not in "biuf":
            raise ValueError(
                f"loss {name!r} must return {what} that are real numbers in shape {shape} for "
                f"outputs (2, 3), got {array.dtype} {array.shape}"
            )


def check_range(targets: Targets, loss: Loss) -> None:
    """Reject targets that the loss is not made for."""
    if not isinstance(loss, BuiltinLoss) or targets.values is None:
        return
    values, low, high = targets.values, loss.lowest, loss.highest
    lowest, highest = values.min(), values.max()
    if lowest < low or highest > high:
        place = np.unravel_index(values.argmin() if lowest < low else values.argmax(), values.shape)
        expected = f"from {low:g} to {high:g}" if high < math.inf else f"at least {low:g}"
        raise ValueError(
            f"y must be {expected} for the loss {loss.name!r}, got {values[place]} at row "
            f"{place[0]}, column {place[1]}"
        )


def _number_between(
    value: float, what: str, low: float, high: float, is_open: bool = False
) -> None:
    if not isinstance(value, Real) or isinstance(value, bool | np.bool_):
        raise TypeError(f"{what} must be a number, got {value!r}")
    number = _as_float(value)
    fits = low < number < high if is_open else low <= number < high
    if not fits:
        expected = f"{'above' if is_open else 'at least'} {low:g}"
        expected += f" and below {high:g}" if high < math.inf else " and finite"
        raise ValueError(f"{what} must be {expected}, got {value}")


def _known(name: Any, argument: str, table: dict[str, T], otherwise: str = "") -> T:
    if isinstance(name, str) and name in table:
        return table[name]
    error = ValueError if isinstance(name, str) else TypeError
    known = ", ".join(map(repr, table))
    raise error(f"{argument} must be one of {known}{otherwise}, got {name!r}")


def kernel_dtype(dtype: DTypeLike) -> Dtype:
    """A dtype that there are kernels for."""
    return _dtype(dtype, lambda found: found in DTYPES, "float32 or float64")


def float_dtype(dtype: DTypeLike) -> Dtype:
    """Any of NumPy's real floating dtypes."""
    return _dtype(dtype, lambda found: found.kind == "f", "a real floating dtype")


def _dtype(dtype: DTypeLike, fits: Callable[[Dtype], bool], expected: str) -> Dtype:
    try:
        found = np.dtype(dtype).newbyteorder("=") if dtype is not None else None
    except (TypeError, ValueError):
        found = None
    if found is None or not fits(found):
        raise ValueError(f"dtype must be {expected}, got {dtype!r}")
    return found


def generator(seed: Seed) -> "Generator":
    """The source of all randomness of one network."""
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        raise type(error)(
            "seed must be None, a non-negative integer (or several) or a numpy.random.Generator, "
            f"got {seed!r}"
        ) from error


# Training


def count(value: int, argument: str, minimum: int) -> int:
    """An integer of at least ``minimum``."""
    if not is_integer(value):
        raise TypeError(f"{argument} must be an integer, got {value!r}")
    if value < minimum:
        raise ValueError(f"{argument} must be at least {minimum}, got {value}")
    return int(value)


def positive(value: float, argument: str) -> float:
    """A finite number above zero."""
    if not isinstance(value, Real) or isinstance(value, bool | np.bool_):
        raise TypeError(f"{argument} must be a number, got {value!r}")
    number = _as_float(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{argument} must be finite and above zero, got {value}")
    return number


def flag(value: bool, argument: str) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{argument} must be True or False, got {value!r}")
    return bool(value)


def callback(value: T) -> T:
    """None or something that can be called."""
    if value is not None and not callable(value):
        raise TypeError(f"callback must be None or callable, got {value!r}")
    return value


def is_integer(value: Any) -> bool:
    """Whether it is an integer of Python or NumPy; a bool is none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


# Data


def examples(X: MatrixLike, n_inputs: int, dtype: Dtype) -> Inputs:
    """X as (n_examples, n_inputs) finite numbers."""
    given = _matrix_or_numbers(X)
    if given.ndim != 2 or given.shape[1] != n_inputs:
        raise ValueError(f"X must have shape (n_examples, {n_inputs}), got {given.shape}")
    return _inputs(given, dtype)


def one_or_more_examples(X: MatrixLike, n_inputs: int, dtype: Dtype) -> tuple[Inputs, bool]:
    """As ``examples``, and whether X was one example alone, of shape (n_inputs,)."""
    given = _matrix_or_numbers(X)
    if given.shape == (n_inputs,):
        return _inputs(given.reshape(1, n_inputs), dtype), True
    if given.shape == (0,):  # an empty list
        given = given.reshape(0, n_inputs)
    if given.ndim != 2 or given.shape[1] != n_inputs:
        raise ValueError(
            f"X must have shape (n_examples, {n_inputs}) or ({n_inputs},), got {given.shape}"
        )
    return _inputs(given, dtype), False


def _matrix_or_numbers(X: Any) -> Any:
    """A NumPy array, or the CSR form of a sparse matrix of scipy, which need not be imported."""
    if not (hasattr(X, "tocsr") and hasattr(X, "nnz")):
        return _real_numbers(X, "X")
    if X.dtype.kind not in "biuf":
        raise TypeError(f"X must be an array of real numbers, got a sparse matrix of {X.dtype}")
    return X


def _inputs(given: Any, dtype: Dtype) -> Inputs:
    inputs = DenseInputs(given, dtype) if isinstance(given, np.ndarray) else _sparse(given, dtype)
    _check_finite(inputs, given, dtype)
    return inputs


def _sparse(given: Any, dtype: Dtype) -> SparseInputs:
    matrix = given.tocsr()
    n_examples, n_inputs = matrix.shape
    # Copies, of all but the values: the kernels index with them, and X may change under them.
    indptr = np.array(matrix.indptr, np.intp)
    indices = np.array(matrix.indices)
    n_stored = min(len(indices), len(matrix.data))
    if (
        len(indptr) != n_examples + 1
        or indptr[0] != 0
        or (indptr[1:] < indptr[:-1]).any()
        or indptr[-1] > n_stored
    ):
        raise ValueError(
            f"X must have an indptr that ascends from 0 to at most {n_stored}, the non-zeros it "
            f"holds, and has {n_examples + 1} elements, got {indptr}"
        )
    indices, data = indices[: indptr[-1]], matrix.data[: indptr[-1]]
    if len(indices) and not (indices.min() >= 0 and indices.max() < n_inputs):
        raise ValueError(
            f"X must have column indices from 0 to {n_inputs - 1}, got "
            f"{indices.min()} to {indices.max()}"
        )
    indices = indices.astype(np.int32, copy=False)
    ascends = indices[1:] > indices[:-1]
    starts = indptr[1:-1]
    ascends[starts[(starts > 0) & (starts < len(indices))] - 1] = True  # from one row to the next
    if not ascends.all():
        matrix = matrix.copy()
        matrix.has_sorted_indices = matrix.has_canonical_format = False  # it may be mistaken
        matrix.sum_duplicates()
        return _sparse(matrix, dtype)
    return SparseInputs(data, indices, indptr, n_inputs, dtype)


def _check_finite(inputs: Inputs, given: Any, dtype: Dtype) -> None:
    if given.dtype.kind in "biu":  # finite in float32, all of them
        return
    at = inputs.first_nonfinite(slice(0, len(inputs))) if inputs.is_ready else _first_lost(inputs)
    if at is not None:
        value = (given if isinstance(given, np.ndarray) else given.tocsr())[at]
        row, column = at
        raise ValueError(f"X must be finite in {dtype}, got {value} at row {row}, column {column}")


def _first_lost(inputs: Inputs) -> tuple[int, int] | None:
    """Row and column of the first number that is not finite once it is converted."""
    step = inputs.rows_per_part()
    with np.errstate(over="ignore", invalid="ignore"):  # an error tells of it, with its place
        for start in range(0, len(inputs), step):
            at = inputs.first_nonfinite(slice(start, start + step))
            if at is not None:
                return at
    return None


def examples_and_targets(
    X: MatrixLike, y: ArrayLike, n_inputs: int, n_outputs: int, dtype: Dtype
) -> tuple[Inputs, Targets]:
    """X as ``examples`` gives it, at least one, and as many targets."""
    inputs = examples(X, n_inputs, dtype)
    if not len(inputs):
        raise ValueError(f"X must hold at least one example, got shape (0, {n_inputs})")
    given = _real_numbers(y, "y")
    if given.ndim == 0 or len(given) != len(inputs):
        raise ValueError(
            f"X and y must hold equally many examples, got shapes ({len(inputs)}, {n_inputs}) and "
            f"{given.shape}"
        )
    if given.ndim == 1 and n_outputs > 1:
        return inputs, Targets(None, _labels(given, n_outputs))
    if given.ndim == 1:
        given = given[:, np.newaxis]
    if given.shape != (len(inputs), n_outputs):
        shapes = f"({len(inputs)}, {n_outputs}) for targets or ({len(inputs)},) for "
        shapes += "labels" if n_outputs > 1 else "targets"
        raise ValueError(f"y must have shape {shapes}, got {given.shape}")
    return inputs, Targets(_kernel_ready(given, "y", dtype), None)


def weights(
    sample_weight: ArrayLike | None,
    class_weight: Mapping[int, float] | str | None,
    targets: Targets,
    n_outputs: int,
    dtype: Dtype,
) -> Array | None:
    """What the loss of each example is multiplied by, or None."""
    if sample_weight is None and class_weight is None:
        return None
    n_examples = len(targets)
    product = np.ones(n_examples)
    if sample_weight is not None:
        given = _real_numbers(sample_weight, "sample_weight")
        if given.shape != (n_examples,):
            raise ValueError(
                f"sample_weight must have shape ({n_examples},), one per example, got {given.shape}"
            )
        product *= given
    if class_weight is not None:
        labels = _labels_to_weigh(targets, n_outputs)
        product *= _weights_of_classes(class_weight, max(n_outputs, 2), labels)[labels]
    with np.errstate(over="ignore"):
        found = product.astype(dtype)
    wrong = ~(np.isfinite(found) & (found >= 0))
    if wrong.any():
        at = int(wrong.argmax())
        raise ValueError(
            f"sample_weight must be finite and not negative in {dtype}, got {product[at]} at row "
            f"{at}"
        )
    if not found.any():
        raise ValueError("sample_weight must be above 0 for an example at least, got 0 for all")
    return found


def _labels_to_weigh(targets: Targets, n_outputs: int) -> Array:
    if targets.labels is not None:
        return targets.labels
    assert targets.values is not None
    if n_outputs == 1 and np.isin(targets.values, (0, 1)).all():
        return targets.values[:, 0].astype(np.intp)
    raise ValueError(
        "class_weight must be None unless y holds labels, or targets 0 and 1 of a single output"
    )


def _weights_of_classes(
    class_weight: Mapping[int, float] | str, n_classes: int, labels: Array
) -> Array:
    if isinstance(class_weight, str) and class_weight == "balanced":
        counts = np.bincount(labels, minlength=n_classes)
        return len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    if not isinstance(class_weight, Mapping):
        raise (ValueError if isinstance(class_weight, str) else TypeError)(
            f'class_weight must be None, "balanced" or a dict of labels to weights, got '
            f"{class_weight!r}"
        )
    found = np.ones(n_classes)
    for label, weight in class_weight.items():
        if not is_integer(label) or not 0 <= label < n_classes:
            raise ValueError(
                f"class_weight must have labels from 0 to {n_classes - 1}, got {label!r}"
            )
        _number_between(weight, f"class_weight of label {label}", 0, math.inf)
        found[label] = weight
    return found


def _labels(given: Array, n_outputs: int) -> Array:
    # Floats will do where they are integers: that is how labels come out of many files.
    with np.errstate(invalid="ignore"):
        # A copy, always: the kernels index with labels, and y may change under them.
        labels = given.astype(np.intp, order="C")
        wrong = (labels != given) | (labels < 0) | (labels >= n_outputs)
    if wrong.any():
        at = int(wrong.argmax())
        raise ValueError(
            f"y must be integer labels from 0 to {n_outputs - 1}, or targets of shape "
            f"({len(given)}, {n_outputs}), got {given[at]} at row {at}"
        )
    return labels


def _real_numbers(value: ArrayLike, argument: str) -> Array:
    try:
        array = np.asarray(value)
    except MemoryError:
        raise
    except Exception as error:  # whatever the object's own conversion raises
        raise TypeError(
            f"{argument} must be an array of real numbers, got a {type(value).__name__} that "
            f"NumPy cannot convert: {error}"
        ) from error
    if array.dtype.kind == "O" and array.ndim:
        array = _from_objects(array, argument, type(value).__name__)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{argument} must be an array of real numbers, got dtype {array.dtype} from a "
            f"{type(value).__name__}"
        )
    return array


def _from_objects(array: Array, argument: str, kind: str) -> Array:
    for index, item in np.ndenumerate(array):
        if not isinstance(item, Real | np.bool_):
            place = ", ".join(map("{} {}".format, ("row", "column"), index))
            raise TypeError(
                f"{argument} must be an array of real numbers, got dtype object from a {kind}: "
                f"{item!r} at {place}"
            )
    return np.array([_as_float(item) for item in array.flat], float).reshape(array.shape)


def _as_float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:  # an integer or a fraction of hundreds of digits
        return math.inf if number > 0 else -math.inf


def _kernel_ready(given: Array, argument: str, dtype: Dtype) -> Array:
    array = given
    flags = given.flags
    # np.require would find the same, in 2 µs: much, for a prediction of one example.
    if not (given.dtype == dtype and flags.c_contiguous and flags.aligned):
        with np.errstate(over="ignore", invalid="ignore"):  # reported below, with its place
            array = np.require(given, dtype, ["C_CONTIGUOUS", "ALIGNED"])
    at = first_nonfinite(array)
    if at is not None:
        row, column = divmod(at, array.shape[1])
        raise ValueError(
            f"{argument} must be finite in {dtype}, got {given[row, column]} at row {row}, "
            f"column {column}"
        )
    return array
