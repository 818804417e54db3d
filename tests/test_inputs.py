"""What `MLP` takes: anything `numpy.asarray` takes, with the results of a plain array of it."""

import array
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from grid import PATHS, over
from helpers import Kind, Options, arrays_of, parameters, parametrize, peak_of

from fastnn import MLP, Activation, validation
from fastnn.common.arrays import Array
from fastnn.network import Network

Make = Callable[[Array], Any]

N_EXAMPLES, N_INPUTS, N_OUTPUTS = 23, 6, 3
FLOAT32 = np.dtype("float32")
WIDTHS = (N_INPUTS, 5, N_OUTPUTS)
INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


def whole(shape: tuple[int, ...], most: int = 99) -> Array:
    """Whole numbers in float32: exact in every dtype that holds ``most``."""
    return np.random.default_rng(0).integers(0, most + 1, shape).astype(np.float32)


def fractions(shape: tuple[int, ...]) -> Array:
    """Numbers that are exact in float16 and have no shorter form."""
    return (whole(shape, 2047) - 1000) / 1024


X = fractions((N_EXAMPLES, N_INPUTS))


# Memory


def as_dtype(dtype: str) -> Make:
    return lambda plain: plain.astype(dtype)


def double(make: Make) -> Make:
    return lambda plain: make(plain.astype("float64"))


def swapped(plain: Array) -> Array:
    return plain.astype(plain.dtype.newbyteorder("S"))


def reversed_rows(plain: Array) -> Array:
    return plain[::-1].copy()[::-1]


def every_third_row(plain: Array) -> Array:
    return np.repeat(plain, 3, axis=0)[::3]


def field_of_records(plain: Array) -> Array:
    records = np.zeros(plain.shape, [("other", "u1"), ("wanted", plain.dtype)])
    records["wanted"] = plain
    return records["wanted"]


def read_only(plain: Array) -> Array:
    copy = plain.copy()
    copy.flags.writeable = False
    return copy


def unaligned(plain: Array) -> Array:
    room = np.zeros(plain.nbytes + 1, np.uint8)
    copy = room[1:].view(plain.dtype).reshape(plain.shape)
    copy[...] = plain
    assert not copy.flags.aligned
    return copy


def off_a_cache_line(plain: Array) -> Array:
    """Aligned for one number, but not for a vector register."""
    room = np.zeros(plain.size + 1, plain.dtype)
    start = 1 if room.ctypes.data % 64 == 0 else 0
    copy = room[start : start + plain.size].reshape(plain.shape)
    copy[...] = plain
    return copy


# Containers


class WithArray:
    """Like a tensor of another library."""

    def __init__(self, plain: Array) -> None:
        self._plain = plain

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self._plain, dtype=dtype, copy=copy)


class WithInterface:
    def __init__(self, plain: Array) -> None:
        self._plain = plain  # must outlive the array made of it
        self.__array_interface__ = plain.__array_interface__


def matrix(plain: Array) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return np.asmatrix(plain)


def objects(plain: Array) -> Any:
    return np.array(plain.tolist(), dtype=object)


def frame(dtype: Any = None) -> Make:
    def make(plain: Array) -> Any:
        letters = [chr(ord("a") + column) for column in range(plain.shape[1])]
        index = np.arange(len(plain))[::-1]  # pandas' labels of rows are not their places
        return pd.DataFrame(plain, columns=letters, index=index).astype(dtype or plain.dtype)

    return make


def mixed_frame(plain: Array) -> Any:
    dtypes = ["int64", "float64", "Int64", "Float64", "object", "float32"]
    table = frame()(plain)
    return table.astype(dict(zip(table.columns, dtypes, strict=False)))


FRACTIONS: dict[str, Make] = {
    "itself": lambda plain: plain,
    "float16": as_dtype("float16"),
    "float64": as_dtype("float64"),
    "longdouble": as_dtype("longdouble"),
    "swapped float32": swapped,
    "swapped float64": double(swapped),
    "Fortran order": np.asfortranarray,
    "Fortran order float64": double(np.asfortranarray),
    "reversed rows": reversed_rows,
    "reversed columns": lambda plain: plain[:, ::-1].copy()[:, ::-1],
    "every third row": every_third_row,
    "every second column": lambda plain: np.repeat(plain, 2, axis=1)[:, ::2],
    "middle columns": lambda plain: np.pad(plain, ((0, 0), (1, 2)), constant_values=np.nan)[
        :, 1:-2
    ],
    "field of records": field_of_records,
    "read-only": read_only,
    "unaligned": unaligned,
    "unaligned float64": double(unaligned),
    "off a cache line": off_a_cache_line,
    "list": np.ndarray.tolist,
    "tuples": lambda plain: tuple(map(tuple, plain.tolist())),
    "list of rows": list,
    "list of scalars": lambda plain: [list(row) for row in plain],
    "list of array.array": lambda plain: [array.array("d", row) for row in plain],
    "memoryview": lambda plain: memoryview(plain.tobytes()).cast("f", plain.shape),
    "bytearray": lambda plain: memoryview(bytearray(plain.tobytes())).cast("f", plain.shape),
    "object": objects,
    "__array__": WithArray,
    "__array_interface__": WithInterface,
    "matrix": matrix,
    "frame": frame(),
    "frame of Float32": frame("Float32"),
    "frame of Float64": frame("Float64"),
    "frame of objects": frame("object"),
}
WHOLE: dict[str, Make] = {
    **{dtype: as_dtype(dtype) for dtype in INTEGERS},
    "swapped int32": lambda plain: swapped(plain.astype("int32")),
    "list of ints": lambda plain: plain.astype(int).tolist(),
    "objects": lambda plain: plain.astype(int).astype(object),
    "frame of Int64": frame("Int64"),
    "mixed frame": mixed_frame,
}
BITS: dict[str, Make] = {
    "bool": as_dtype("bool"),
    "list of bools": lambda plain: plain.astype(bool).tolist(),
    "frame of boolean": frame("boolean"),
}


def cases(n_columns: int) -> list[Any]:
    """Plain arrays and what else they may come as."""
    shape = N_EXAMPLES, n_columns
    return [
        pytest.param(plain, make, id=name)
        for plain, makes in (
            (fractions(shape), FRACTIONS),
            (whole(shape), WHOLE),
            (whole(shape, most=1), BITS),
        )
        for name, make in makes.items()
    ]


def labels(n: int = N_EXAMPLES) -> Array:
    return np.arange(n, dtype=np.intp) % N_OUTPUTS


def results(X: Any, y: Any, widths: tuple[int, ...], dtype: str = "float32") -> list[Any]:
    """All that a network makes of data, to the bit."""
    network = MLP(widths, output_activation="identity", dtype=dtype, seed=1)
    # 23 examples: the last batch of 4 is smaller, and those of 1 and all take other ways.
    losses = [
        network.train(X, y, epochs=2, batch_size=batch_size, learning_rate=0.01).loss
        for batch_size in (1, 4, None)
    ]
    return [
        losses,
        parameters(network),
        network.predict(X).tobytes(),
        network.classify(X).tolist(),
        network.evaluate(X, y),
    ]


def snapshot(data: Any) -> tuple[bytes, Any]:
    as_array = np.asarray(data)
    return np.array(as_array.tolist(), dtype=np.float64).tobytes(), as_array.dtype


@contextmanager
def not_modified(given: Any) -> Iterator[None]:
    before = snapshot(given)
    yield
    assert snapshot(given) == before, "the data were modified"


# Every kind of X and y


@parametrize("plain, make", *cases(N_INPUTS))
def test_X(path: str, plain: Array, make: Make) -> None:
    given = make(plain)
    with not_modified(given):
        assert results(given, labels(), WIDTHS) == results(plain, labels(), WIDTHS)


@parametrize("plain, make", *cases(N_OUTPUTS))
def test_targets(path: str, plain: Array, make: Make) -> None:
    given = make(plain)
    with not_modified(given):
        assert results(X, given, WIDTHS) == results(X, plain, WIDTHS)


@pytest.mark.filterwarnings("ignore::fastnn.TrainingWarning")  # integers saturate it
@parametrize("plain, make", *cases(4))
def test_a_network_of_float64(plain: Array, make: Make) -> None:
    """Its plain array is of float64, and a float32 one is another kind."""
    found, expected = (
        results(data, data, (4, 5, 4), "float64") for data in (make(plain), plain.astype("float64"))
    )
    assert found == expected


@parametrize("plain, make", *cases(1))
def test_targets_of_one_output(plain: Array, make: Make) -> None:
    """Each example's one target may or may not have an axis of its own."""
    widths = (N_INPUTS, 5, 1)
    expected = results(X, plain, widths)
    assert results(X, plain[:, 0], widths) == expected
    assert results(X, make(plain), widths) == expected


LABELS: dict[str, Make] = {
    **{
        dtype: as_dtype(dtype)
        for dtype in (*INTEGERS, "float16", "float32", "float64", "longdouble")
    },
    "swapped": swapped,
    "swapped int16": lambda y: swapped(y.astype("int16")),
    "reversed": reversed_rows,
    "every third": every_third_row,
    "field of records": field_of_records,
    "read-only": read_only,
    "unaligned": unaligned,
    "list": np.ndarray.tolist,
    "list of floats": lambda y: y.astype(float).tolist(),
    "tuple": tuple,
    "array.array": lambda y: array.array("b", y),
    "memoryview": lambda y: y.astype("int32").data,
    "object": objects,
    "__array__": WithArray,
    "__array_interface__": WithInterface,
    "series": lambda y: pd.Series(y, index=y * 7),
    "series of Int8": lambda y: pd.Series(y, dtype="Int8"),
    "series of Float64": lambda y: pd.Series(y, dtype="Float64"),
    "series of objects": lambda y: pd.Series(y, dtype="object"),
    "series of categories": lambda y: pd.Series(y, dtype="category"),
    "index": pd.Index,
}


@parametrize("make", *LABELS.values(), ids=LABELS)
def test_labels(path: str, make: Make) -> None:
    given = make(labels())
    with not_modified(given):
        assert results(X, given, WIDTHS) == results(X, labels(), WIDTHS)


@parametrize(
    "given, same, n_outputs",
    (labels() == 1, (labels() == 1).astype(np.intp), 2),
    (range(23), np.arange(23), 23),
    ids=["bools", "range"],
)
def test_labels_of_other_types(given: Any, same: Array, n_outputs: int) -> None:
    widths = (N_INPUTS, 5, n_outputs)
    assert results(X, given, widths) == results(X, same, widths)


def test_labels_mean_one_hot_targets(kind: Kind) -> None:
    y, targets = labels(), np.eye(N_OUTPUTS)[labels()]
    by_label, by_target = kind(WIDTHS, seed=1), kind(WIDTHS, seed=1)
    assert by_label.train(X, y, epochs=3).loss == by_target.train(X, targets, epochs=3).loss
    assert by_label.evaluate(X, y) == by_target.evaluate(X, targets)


@parametrize("rounded", 0.1, 1 / 3, 16777217.0, 1e-40, 5e-324)
def test_other_floats_are_rounded_as_numpy_rounds(rounded: float) -> None:
    """1e-40 is subnormal in float32, and 5e-324 is 0."""
    network = MLP([3, 2], output_activation="identity", seed=1)
    network.weights[0][0] = 1e30
    example = [rounded, 0, 0]
    expected = network.predict(np.array(example).astype(np.float32))
    for given in (example, np.array(example), np.array(example, dtype=object)):
        assert network.predict(given).tobytes() == expected.tobytes()


@parametrize(
    "make", *[make for name, make in FRACTIONS.items() if "column" not in name and name != "matrix"]
)
def test_one_example(make: Make) -> None:
    """One example, without its axis, as anything that `predict` takes with it."""
    network = MLP(WIDTHS, seed=1)
    given = make(X)
    row = given.iloc[1] if isinstance(given, pd.DataFrame) else np.asarray(given)[1]
    outputs, label = network.predict(row), network.classify(row)
    assert outputs.shape == (N_OUTPUTS,)
    assert outputs.tobytes() == network.predict(X[1:2]).tobytes()
    assert label.shape == ()
    assert label == network.classify(X)[1]


def test_as_many_examples_as_inputs() -> None:
    """A square X is many examples, not one; and one input does not make one example of many."""
    network = MLP([4, 2], seed=1)
    assert network.predict(fractions((4, 4))).shape == (4, 2)
    narrow = MLP([1, 2], seed=1)
    assert narrow.predict([[0.5], [0.25]]).shape == (2, 2)
    assert narrow.predict([0.5]).shape == (2,)


@parametrize("mode", "r", "c", "r+")
def test_memory_map(tmp_path: Path, mode: Any) -> None:
    path = tmp_path / "X.npy"
    np.save(path, X)
    mapped = np.load(path, mmap_mode=mode)
    assert results(mapped, labels(), WIDTHS) == results(X, labels(), WIDTHS)
    used = validation.examples(mapped, N_INPUTS, np.dtype("float32"))
    assert np.shares_memory(used.array(slice(0, N_EXAMPLES)), mapped)
    del mapped
    np.testing.assert_array_equal(np.load(path), X)


# Results are the user's


@parametrize("n_examples", 1, N_EXAMPLES)
def test_outputs_are_a_new_array(path: str, kind: Kind, n_examples: int) -> None:
    network = kind([3, 3], output_activation="identity", seed=1)
    X = fractions((n_examples, 3))
    outputs = network.predict(X)
    expected = outputs.copy()
    for other in (X, network.predict(X), *arrays_of(network)):
        assert not np.shares_memory(outputs, other)
    outputs[:] = np.nan
    np.testing.assert_array_equal(network.predict(X), expected)


@parametrize("argument", "activation", "output_activation")
@parametrize("returns", "float16", "float64", "int64", "bool", "list")
def test_activation_of_ones_own_that_returns_other_numbers(
    kind: Kind, argument: str, returns: str
) -> None:
    """They are taken as what the same numbers in the network's dtype are."""

    def plain_step(z: Array) -> Any:
        return (z > 0).astype(z.dtype)

    def step(z: Array) -> Any:
        a = plain_step(z)
        return a.tolist() if returns == "list" else a.astype(returns)

    def made(function: Any) -> Network:
        options: Options = {argument: Activation("step", function, function)}
        network = kind(WIDTHS, seed=1, **options)
        network.train(X, labels(), batch_size=4)
        return network

    network, plain = made(step), made(plain_step)
    outputs = network.predict(X)
    assert outputs.dtype == np.float32
    assert outputs.tobytes() == plain.predict(X).tobytes()
    assert network.evaluate(X, labels()) == plain.evaluate(X, labels())


# What the kernels get


def assert_plain(used: Array | None) -> None:
    assert used is not None
    assert used.flags.c_contiguous
    assert used.flags.aligned
    assert used.dtype.isnative


@parametrize("plain, make", *cases(N_INPUTS))
def test_kernels_get_plain_arrays(plain: Array, make: Make) -> None:
    """On x86 unaligned ones would do for most instructions; elsewhere they would not."""
    given = make(plain)
    used, targets = validation.examples_and_targets(given, given, N_INPUTS, N_INPUTS, FLOAT32)
    assert_plain(used.array(slice(0, len(used))))
    assert_plain(targets.values)


@parametrize("make", unaligned, every_third_row, swapped)
def test_kernels_get_plain_labels(make: Make) -> None:
    given = make(labels())
    _, targets = validation.examples_and_targets(X, given, N_INPUTS, N_OUTPUTS, FLOAT32)
    assert_plain(targets.labels)


def test_plain_arrays_are_used_as_they_are() -> None:
    y, everything = fractions((N_EXAMPLES, N_OUTPUTS)), slice(0, N_EXAMPLES)
    for part in (X, X[3:], X[:0], read_only(X), X[0]):
        used, _ = validation.one_or_more_examples(part, N_INPUTS, FLOAT32)
        assert used.is_ready
        assert used.array(everything).ctypes.data == part.ctypes.data
    inputs, targets = validation.examples_and_targets(X, y, N_INPUTS, N_OUTPUTS, FLOAT32)
    assert inputs.is_ready
    assert inputs.array(everything).ctypes.data == X.ctypes.data
    assert targets.labels is None
    assert targets.values is not None
    assert targets.values.ctypes.data == y.ctypes.data


def test_labels_that_change_after_the_check_do_no_harm() -> None:
    """The kernels index with labels: they must be those that were checked."""
    y = labels()
    untroubled, network = (MLP([N_INPUTS, N_OUTPUTS], seed=1) for _ in range(2))
    untroubled.train(X, y, epochs=3)

    def relabel(step: object) -> None:
        y[:] = 10**5

    network.train(X, y, epochs=3, callback=relabel)
    assert parameters(network) == parameters(untroubled)


N_WIDE = 256
LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "float32": lambda X: X,
    "uint8": lambda X: X.astype(np.uint8),
    "float64": lambda X: X.astype(np.float64),
    "columns first": np.asfortranarray,
}
CALLS: dict[str, Callable[[MLP, Array, Array], object]] = {
    "train": lambda network, X, y: network.train(X, y),
    "train in batches": lambda network, X, y: network.train(X, y, batch_size=32),
    "train in one batch": lambda network, X, y: network.train(X, y, batch_size=None),
    "train unshuffled": lambda network, X, y: network.train(X, y, shuffle=False),
    "predict": lambda network, X, y: network.predict(X),
    "classify": lambda network, X, y: network.classify(X),
    "evaluate": lambda network, X, y: network.evaluate(X, y),
}


@over(path=PATHS, layout=LAYOUTS, call=CALLS)
def test_memory(path: str, layout: str, call: str) -> None:
    """No X is converted as a whole."""
    X = whole((8192, N_WIDE), most=1)
    y, network = labels(len(X)), MLP([N_WIDE, 2, N_OUTPUTS], seed=1)
    assert peak_of(X.copy) >= X.nbytes, "the measurement sees no copies"
    given = LAYOUTS[layout](X)
    CALLS[call](network, given, y)  # what is made once and kept does not count
    assert peak_of(lambda: CALLS[call](network, given, y)) < X.nbytes / 2
