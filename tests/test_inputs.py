"""What `MLP` takes: anything `numpy.asarray` takes, with the results of a plain array of it."""

import array
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from grid import PATHS, over

from fastnn import MLP, Activation, reference, validation
from fastnn.arrays import Array
from fastnn.network import Network

Make = Callable[[Array], Any]

N_EXAMPLES, N_INPUTS, N_OUTPUTS = 23, 6, 3
WIDTHS = (N_INPUTS, 5, N_OUTPUTS)
INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


def whole(shape: tuple[int, ...], most: int = 99) -> Array:
    """Whole numbers in float32: exact in every dtype that holds ``most``."""
    return np.random.default_rng(0).integers(0, most + 1, shape).astype(np.float32)


def fractions(shape: tuple[int, ...]) -> Array:
    """Numbers that are exact in float16 and have no shorter form."""
    return (whole(shape, 2047) - 1000) / 1024


# Memory


def as_dtype(dtype: str) -> Make:
    return lambda plain: plain.astype(dtype)


def swapped(plain: Array) -> Array:
    return plain.astype(plain.dtype.newbyteorder("S"))


def fortran(plain: Array) -> Array:
    return np.array(plain, order="F")


def reversed_rows(plain: Array) -> Array:
    return plain[::-1].copy()[::-1]


def reversed_columns(plain: Array) -> Array:
    return plain[:, ::-1].copy()[:, ::-1]


def every_third_row(plain: Array) -> Array:
    return np.repeat(plain, 3, axis=0)[::3]


def every_second_column(plain: Array) -> Array:
    return np.repeat(plain, 2, axis=1)[:, ::2]


def middle_columns(plain: Array) -> Array:
    return np.pad(plain, ((0, 0), (1, 2)), constant_values=np.nan)[:, 1:-2]


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


def nested_tuples(plain: Array) -> Any:
    return tuple(map(tuple, plain.tolist()))


def list_of_scalars(plain: Array) -> Any:
    return [list(row) for row in plain]


def buffer(plain: Array) -> Any:
    return memoryview(array.array("f", plain.ravel())).cast("B").cast("f", plain.shape)


def buffer_of_bytes(plain: Array) -> Any:
    return memoryview(bytearray(plain.tobytes())).cast("f", plain.shape)


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
    "swapped float64": lambda plain: swapped(plain.astype("float64")),
    "Fortran order": fortran,
    "Fortran order float64": lambda plain: fortran(plain.astype("float64")),
    "reversed rows": reversed_rows,
    "reversed columns": reversed_columns,
    "every third row": every_third_row,
    "every second column": every_second_column,
    "middle columns": middle_columns,
    "field of records": field_of_records,
    "read-only": read_only,
    "unaligned": unaligned,
    "unaligned float64": lambda plain: unaligned(plain.astype("float64")),
    "off a cache line": off_a_cache_line,
    "list": np.ndarray.tolist,
    "tuples": nested_tuples,
    "list of rows": list,
    "list of scalars": list_of_scalars,
    "list of array.array": lambda plain: [array.array("d", row) for row in plain],
    "memoryview": buffer,
    "bytearray": buffer_of_bytes,
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
        [parameters.tobytes() for parameters in (*network.weights, *network.biases)],
        network.predict(X).tobytes(),
        network.classify(X).tolist(),
        network.evaluate(X, y),
    ]


def snapshot(data: Any) -> tuple[bytes, Any]:
    as_array = np.asarray(data)
    return np.array(as_array.tolist(), dtype=np.float64).tobytes(), as_array.dtype


# Every kind of X and y


@pytest.mark.parametrize(("plain", "make"), cases(N_INPUTS))
def test_X(path: str, plain: Array, make: Make) -> None:
    given = make(plain)
    before = snapshot(given)
    assert results(given, labels(), WIDTHS) == results(plain, labels(), WIDTHS)
    assert snapshot(given) == before, "X was modified"


@pytest.mark.parametrize(("plain", "make"), cases(N_OUTPUTS))
def test_targets(path: str, plain: Array, make: Make) -> None:
    X = fractions((N_EXAMPLES, N_INPUTS))
    given = make(plain)
    before = snapshot(given)
    assert results(X, given, WIDTHS) == results(X, plain, WIDTHS)
    assert snapshot(given) == before, "y was modified"


@pytest.mark.filterwarnings("ignore::fastnn.TrainingWarning")  # integers saturate it
@pytest.mark.parametrize(("plain", "make"), cases(4))
def test_a_network_of_float64(plain: Array, make: Make) -> None:
    """Its plain array is of float64, and a float32 one is another kind."""
    double, given = plain.astype("float64"), make(plain)
    assert results(given, given, (4, 5, 4), "float64") == results(
        double, double, (4, 5, 4), "float64"
    )


@pytest.mark.parametrize(("plain", "make"), cases(1))
def test_targets_of_one_output(plain: Array, make: Make) -> None:
    """Each example's one target may or may not have an axis of its own."""
    X = fractions((N_EXAMPLES, N_INPUTS))
    widths = (N_INPUTS, 5, 1)
    expected = results(X, plain, widths)
    assert results(X, plain[:, 0], widths) == expected
    assert results(X, make(plain), widths) == expected


@pytest.mark.parametrize(
    "make",
    [
        *(
            pytest.param(as_dtype(dtype), id=dtype)
            for dtype in (*INTEGERS, "float16", "float32", "float64", "longdouble")
        ),
        pytest.param(swapped, id="swapped"),
        pytest.param(lambda y: swapped(y.astype("int16")), id="swapped int16"),
        pytest.param(reversed_rows, id="reversed"),
        pytest.param(every_third_row, id="every third"),
        pytest.param(field_of_records, id="field of records"),
        pytest.param(read_only, id="read-only"),
        pytest.param(unaligned, id="unaligned"),
        pytest.param(np.ndarray.tolist, id="list"),
        pytest.param(lambda y: y.astype(float).tolist(), id="list of floats"),
        pytest.param(tuple, id="tuple"),
        pytest.param(lambda y: array.array("b", y), id="array.array"),
        pytest.param(lambda y: memoryview(y.astype("int32")), id="memoryview"),
        pytest.param(objects, id="object"),
        pytest.param(WithArray, id="__array__"),
        pytest.param(WithInterface, id="__array_interface__"),
        pytest.param(lambda y: pd.Series(y, index=y * 7), id="series"),
        pytest.param(lambda y: pd.Series(y, dtype="Int8"), id="series of Int8"),
        pytest.param(lambda y: pd.Series(y, dtype="Float64"), id="series of Float64"),
        pytest.param(lambda y: pd.Series(y, dtype="object"), id="series of objects"),
        pytest.param(lambda y: pd.Series(y, dtype="category"), id="series of categories"),
        pytest.param(lambda y: pd.Index(y), id="index"),
    ],
)
def test_labels(path: str, make: Make) -> None:
    X = fractions((N_EXAMPLES, N_INPUTS))
    given = make(labels())
    before = snapshot(given)
    assert results(X, given, WIDTHS) == results(X, labels(), WIDTHS)
    assert snapshot(given) == before, "y was modified"


def test_labels_that_are_bools() -> None:
    X = fractions((N_EXAMPLES, N_INPUTS))
    is_second = labels() == 1
    widths = (N_INPUTS, 5, 2)
    assert results(X, is_second, widths) == results(X, is_second.astype(np.intp), widths)


def test_labels_that_are_a_range() -> None:
    X = fractions((7, N_INPUTS))
    assert results(X, range(7), (N_INPUTS, 7)) == results(X, np.arange(7), (N_INPUTS, 7))


@pytest.mark.parametrize("network_class", [MLP, reference.MLP])
def test_labels_mean_one_hot_targets(network_class: type[MLP] | type[reference.MLP]) -> None:
    X, y = fractions((N_EXAMPLES, N_INPUTS)), labels()
    by_label = network_class([N_INPUTS, 5, N_OUTPUTS], seed=1)
    by_target = network_class([N_INPUTS, 5, N_OUTPUTS], seed=1)
    targets = np.eye(N_OUTPUTS)[y]
    assert by_label.train(X, y, epochs=3).loss == by_target.train(X, targets, epochs=3).loss
    assert by_label.evaluate(X, y) == by_target.evaluate(X, targets)


@pytest.mark.parametrize("rounded", [0.1, 1 / 3, 16777217.0, 1e-40, 5e-324])
def test_other_floats_are_rounded_as_numpy_rounds(rounded: float) -> None:
    """1e-40 is subnormal in float32, and 5e-324 is 0."""
    network = MLP([3, 2], output_activation="identity", seed=1)
    network.weights[0][0] = 1e30
    example = [rounded, 0, 0]
    expected = network.predict(np.array(example).astype(np.float32))
    for given in (example, np.array(example), np.array(example, dtype=object)):
        assert network.predict(given).tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "make", [make for name, make in FRACTIONS.items() if "column" not in name and name != "matrix"]
)
def test_one_example(make: Make) -> None:
    """One example, without its axis, as anything that `predict` takes with it."""
    network = MLP([N_INPUTS, 5, N_OUTPUTS], seed=1)
    X = fractions((2, N_INPUTS))
    given = make(X)
    row = given.iloc[1] if isinstance(given, pd.DataFrame) else np.asarray(given)[1]
    outputs, label = network.predict(row), network.classify(row)
    assert outputs.shape == (N_OUTPUTS,)
    assert outputs.tobytes() == network.predict(X[1:]).tobytes()
    assert label.shape == ()
    assert label == network.classify(X)[1]


def test_as_many_examples_as_inputs() -> None:
    """A square X is many examples, not one; and one input does not make one example of many."""
    network = MLP([4, 2], seed=1)
    assert network.predict(fractions((4, 4))).shape == (4, 2)
    narrow = MLP([1, 2], seed=1)
    assert narrow.predict([[0.5], [0.25]]).shape == (2, 2)
    assert narrow.predict([0.5]).shape == (2,)


@pytest.mark.parametrize("mode", ["r", "c", "r+"])
def test_memory_map(tmp_path: Path, mode: Any) -> None:
    plain = fractions((N_EXAMPLES, N_INPUTS))
    path = tmp_path / "X.npy"
    np.save(path, plain)
    mapped = np.load(path, mmap_mode=mode)
    assert results(mapped, labels(), WIDTHS) == results(plain, labels(), WIDTHS)
    X = validation.examples(mapped, N_INPUTS, np.dtype("float32"))
    assert np.shares_memory(X.array(slice(0, N_EXAMPLES)), mapped)
    del mapped
    np.testing.assert_array_equal(np.load(path), plain)


# Results are the user's


@pytest.mark.parametrize("network_class", [MLP, reference.MLP])
@pytest.mark.parametrize("n_examples", [1, N_EXAMPLES])
def test_outputs_are_a_new_array(
    path: str, network_class: type[MLP] | type[reference.MLP], n_examples: int
) -> None:
    network: Network = network_class([3, 3], output_activation="identity", seed=1)
    X = fractions((n_examples, 3))
    outputs = network.predict(X)
    expected = outputs.copy()
    again = network.predict(X)
    assert not any(
        np.shares_memory(outputs, other) for other in (X, again, *network.weights, *network.biases)
    )
    outputs[:] = np.nan
    np.testing.assert_array_equal(network.predict(X), expected)


@pytest.mark.parametrize("network_class", [MLP, reference.MLP])
@pytest.mark.parametrize("argument", ["activation", "output_activation"])
@pytest.mark.parametrize("returns", ["float16", "float64", "int64", "bool", "list"])
def test_activation_of_ones_own_that_returns_other_numbers(
    network_class: type[MLP] | type[reference.MLP], argument: str, returns: str
) -> None:
    """They are taken as what the same numbers in the network's dtype are."""

    def step(z: Array) -> Any:
        a = (z > 0).astype(z.dtype)
        return a.tolist() if returns == "list" else a.astype(returns)

    def made(function: Any) -> Network:
        options: dict[str, Any] = {argument: Activation("step", function, function)}
        network = network_class([N_INPUTS, 5, N_OUTPUTS], seed=1, **options)
        network.train(fractions((N_EXAMPLES, N_INPUTS)), labels(), batch_size=4)
        return network

    X = fractions((N_EXAMPLES, N_INPUTS))
    network, plain = made(step), made(lambda z: (z > 0).astype(z.dtype))
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


@pytest.mark.parametrize(("plain", "make"), cases(N_INPUTS))
def test_kernels_get_plain_arrays(plain: Array, make: Make) -> None:
    """On x86 unaligned ones would do for most instructions; elsewhere they would not."""
    given = make(plain)
    dtype = np.dtype("float32")
    X, targets = validation.examples_and_targets(given, given, N_INPUTS, N_INPUTS, dtype)
    assert_plain(X.array(slice(0, len(X))))
    assert_plain(targets.values)


@pytest.mark.parametrize("make", [unaligned, every_third_row, swapped])
def test_kernels_get_plain_labels(make: Make) -> None:
    X, dtype = fractions((N_EXAMPLES, N_INPUTS)), np.dtype("float32")
    _, targets = validation.examples_and_targets(X, make(labels()), N_INPUTS, N_OUTPUTS, dtype)
    assert_plain(targets.labels)


def test_plain_arrays_are_used_as_they_are() -> None:
    dtype = np.dtype("float32")
    X, y = fractions((N_EXAMPLES, N_INPUTS)), fractions((N_EXAMPLES, N_OUTPUTS))
    everything = slice(0, N_EXAMPLES)
    for part in (X, X[3:], X[:0], read_only(X), X[0]):
        used, _ = validation.one_or_more_examples(part, N_INPUTS, dtype)
        assert used.is_ready
        assert used.array(everything).ctypes.data == part.ctypes.data
    inputs, targets = validation.examples_and_targets(X, y, N_INPUTS, N_OUTPUTS, dtype)
    assert inputs.is_ready
    assert inputs.array(everything).ctypes.data == X.ctypes.data
    assert targets.labels is None
    assert targets.values is not None
    assert targets.values.ctypes.data == y.ctypes.data


def test_labels_that_change_after_the_check_do_no_harm() -> None:
    """The kernels index with labels: they must be those that were checked."""
    X, y = fractions((N_EXAMPLES, N_INPUTS)), labels()
    untroubled, network = (MLP([N_INPUTS, N_OUTPUTS], seed=1) for _ in range(2))
    untroubled.train(X, y, epochs=3)

    def relabel(step: object) -> None:
        y[:] = 10**5

    network.train(X, y, epochs=3, callback=relabel)
    assert network.weights[0].tobytes() == untroubled.weights[0].tobytes()


def peak(work: Callable[[], object]) -> int:
    """Bytes that the work holds at most, on top of what there is."""
    work()  # what is made once and kept does not count
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


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
    y = labels(len(X))
    network = MLP([N_WIDE, 2, N_OUTPUTS], seed=1)
    assert peak(X.copy) >= X.nbytes, "the measurement sees no copies"
    given = LAYOUTS[layout](X)
    assert peak(lambda: CALLS[call](network, given, y)) < X.nbytes / 2
