"""The compiled parser of plain rows, compared with the csv module and ``float``."""

import random
import warnings
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import parametrize
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnn import TrainingWarning
from fastnn._kernels.csv_rows import ANY_BLANKS, FEATURE, TEXT, parse_rows
from fastnn.common.arrays import Array
from fastnn.datasets import csv_reader, read_csv

Parsed = tuple[int, int, int, Array, Array]


def parse(text: str, roles: list[int], delimiter: str = ",", codes: Any = None) -> Parsed:
    """Position, rows, lines, and what was written of features and targets."""
    block = text.encode()
    X, Y = np.full(len(block), np.nan, np.float32), np.full(len(block) + 9, np.nan)
    where = ANY_BLANKS if delimiter == "whitespace" else ord(delimiter)
    position, n_rows, n_lines = parse_rows(
        block, 0, len(block), where, array("i", roles), codes or {}, X, Y
    )
    n_features = roles.count(FEATURE)
    return (
        *(position, n_rows, n_lines),
        X[: n_rows * n_features].reshape(n_rows, -1),
        Y[: n_rows * (len(roles) - n_features)].reshape(n_rows, -1),
    )


def number(text: str) -> tuple[float, float]:
    """A field as a feature and as a target."""
    _, n_rows, _, X, Y = parse(f"{text},{text}\n", [FEATURE, 0])
    assert n_rows == 1, text
    return X[0, 0], Y[0, 0]


EXACT = ["0", "-0", "1", "-1", "+2", "007", "1.", ".5", "-.5e1", "1e5", "1E+05", "12e-3", "0e99999"]
LONG = [
    "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899",
    "0.1000000000000000055511151231257827021181583404541015625",
    "123456789012345678901234567890",
    "0." + "0" * 44 + "1401298464324817070923729583289916131280261941876515771757066",
    "00000000000000000000000000000000000000000000000001.5",
    "9007199254740993",
    "340282346638528859811704183484516925440",
]
MIDDLES = [  # between two numbers of float32, and next to that
    "16777217",
    "16777219",
    "16777217.0000000000001",
    "1.00000005960464477539062",
    "1.000000059604644775390625",
    "1.000000059604644775390626",
    "7.006492321624085354618e-46",
    "7.0064923216240853546186479164495806564013097093825788587853e-46",
    "1.17549431578982589e-38",
]


@parametrize("text", *EXACT, *LONG, *MIDDLES)
def test_rounding(text: str) -> None:
    """``float``, which rounds correctly, and then the nearest float32, signs of zeros included."""
    single, double = number(text)
    assert np.float32(single).tobytes() == np.float32(float(text)).tobytes()
    assert np.float64(double).tobytes() == np.float64(float(text)).tobytes()


def test_rounding_of_random_numbers() -> None:
    rng = random.Random(1)
    texts = []
    for _ in range(3000):
        value = rng.choice([1, -1]) * rng.random() * 10.0 ** rng.randint(-50, 38)
        texts.append(f"{value:.{rng.randint(0, 25)}{rng.choice('eg')}}")
        middle = np.float32(value).astype(np.float64)
        middle += (np.nextafter(np.float32(value), np.float32(0)).astype(np.float64) - middle) / 2
        texts.append(rng.choice([f"{middle:.{rng.randint(15, 60)}e}", repr(float(middle))]))
    texts = [text for text in texts if np.isfinite(np.float32(float(text)))]
    _, n_rows, _, X, Y = parse("".join(f"{text},{text}\n" for text in texts), [FEATURE, 0])
    assert n_rows == len(texts)
    expected = np.array([float(text) for text in texts])
    np.testing.assert_array_equal(Y[:, 0], expected)
    np.testing.assert_array_equal(X[:, 0], expected.astype(np.float32))


def test_plain_rows() -> None:
    text = ' 1 ,"2",\ta \r\n\n3,4, "b"\r5,6,"a"\n'
    codes = {b"a": 7, b"b": 8}
    position, n_rows, n_lines, X, Y = parse(text, [FEATURE, FEATURE, TEXT], codes=codes)
    assert (position, n_rows, n_lines) == (len(text), 3, 4)
    assert X.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert Y.tolist() == [[7], [8], [7]]


def test_targets_of_several_columns_go_where_they_are_asked_for() -> None:
    _, _, _, X, Y = parse("1,2,3,4\n5,6,7,8\n", [1, FEATURE, 0, FEATURE])
    assert X.tolist() == [[2, 4], [6, 8]]
    assert Y.tolist() == [[3, 1], [7, 5]]


@parametrize("row", "  1\t2 \t 3\t\n", "1 2 3\n", '\t"1" 2 3\r\n')
def test_runs_of_blanks(row: str) -> None:
    _, n_rows, _, X, Y = parse(f"{row}\n \t\n{row}", [FEATURE, FEATURE, 0], "whitespace")
    assert n_rows == 2
    assert X.tolist() == [[1, 2]] * 2
    assert Y.tolist() == [[3]] * 2


@parametrize(
    "row",
    *("1,2\n", "1,2,\n", "1,2,3,4\n", "1,2,3,\n", ",2,3\n", "1;2;3\n", "  \n"),
    *("1,x,3\n", "1,nan,3\n", "1,inf,3\n", "1,1e39,3\n", "1,2e,3\n", "1,1_0,3\n", "1,0x1,3\n"),
    *("1,.,3\n", "1,-,3\n", "1,1.2.3,3\n", "1,\u0661,3\n", "1,2\0,3\n", "1,2 2,3\n"),
    *('1,"2,3\n', '1,"2"2,3\n', '1,"2" ,3\n', '1,\t"2",3\n', '1,2,"3\n"\n'),
)
def test_a_row_that_is_not_plain_is_left(row: str) -> None:
    """All that was written before is kept, and the position is where the row begins."""
    position, n_rows, n_lines, X, Y = parse(f"7,8,9\n\n{row}1,2,3\n", [FEATURE, FEATURE, 0])
    assert (position, n_rows, n_lines) == (7, 1, 2)
    assert (X.tolist(), Y.tolist()) == ([[7, 8]], [[9]])


@parametrize("field", "c", "", '""', '"a""b"', 'a"', "A", "a b")
def test_text_that_is_not_known_is_left(field: str) -> None:
    position, n_rows, _, _, Y = parse(f"1,a\n1,{field}\n", [FEATURE, TEXT], codes={b"a": 3})
    assert (position, n_rows, Y.tolist()) == (4, 1, [[3]])


# The same files, with and without it


def outcome(path: Path, **arguments: Any) -> Any:
    """The data set, to the bit, or the message of the error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrainingWarning)
            X, y, *names = read_csv(path, **arguments)
    except ValueError as error:
        return str(error)
    return X.shape, X.tobytes(), y.dtype, y.shape, y.tobytes(), names


def agrees(path: Path, **arguments: Any) -> bool:
    """Whether it was read, after the comparison with what the csv module alone makes of it."""
    result = outcome(path, **arguments)
    left: Callable[..., tuple[int, int, int]] = lambda block, start, *_: (start, 0, 0)  # noqa: E731
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_reader, "parse_rows", left)
        assert outcome(path, **arguments) == result
    return not isinstance(result, str)


numbers = st.one_of(
    st.integers(-300, 300).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(width=32, allow_nan=False).map(lambda value: f"{value:.12g}"),
    st.text("0123456789.eE+-", max_size=8),
)
fields = st.one_of(
    numbers,
    numbers,
    numbers.map(lambda text: f" {text}\t"),
    numbers.map(lambda text: f'"{text}"'),
    st.sampled_from(["a", "b", '"a"', " b ", "", "é", "?", '"x\ny"', '""""', '"a,b"', "1 2"]),
)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.lists(fields, min_size=3, max_size=3), min_size=1, max_size=8),
    ends=st.lists(
        st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", "\n\n"]), min_size=8, max_size=8
    ),
    delimiter=st.sampled_from([",", "\t", " ", ";", "whitespace"]),
    targets=st.sampled_from([-1, 0, [0, 2], [2, 0]]),
    text=st.booleans(),
)
def test_files_agree(
    scratch: Path, rows: Any, ends: list[str], delimiter: str, targets: Any, text: bool
) -> None:
    if text:  # or else rarely is the last column one of text
        rows = [[*row[:-1], "ab"[number % 2]] for number, row in enumerate(rows)]
    between = " \t" if delimiter == "whitespace" else delimiter
    lines = [between.join(row) + end for row, end in zip(rows, ends, strict=False)]
    scratch.write_bytes("".join(lines).encode())
    agrees(scratch, delimiter=delimiter, targets=targets)


@pytest.mark.memory
@parametrize("delimiter", ",", ";", "\t", " ", "whitespace")
def test_mutations_agree(scratch: Path, delimiter: str) -> None:
    """Of a file that is longer than a block; every byte may be another, missing or doubled."""
    rng = random.Random(2)
    between = " " if delimiter == "whitespace" else delimiter
    rows = [[f"{rng.gauss(0, 9):.{rng.randint(0, 9)}f}" for _ in range(4)] for _ in range(2500)]
    whole = "".join(between.join([*row, rng.choice("ab")]) + "\n" for row in rows).encode()
    assert len(whole) > 1 << 16
    scratch.write_bytes(whole)
    assert agrees(scratch, delimiter=delimiter)
    n_read = 0
    for _ in range(12):
        content = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(content))
            new = bytes(rng.choices(b'0123456789.,;-+eE"\r\n\t ab\xff\xc3', k=rng.randint(0, 2)))
            content[place : place + rng.randint(0, 1)] = new
        scratch.write_bytes(content)
        n_read += agrees(scratch, delimiter=delimiter)
    assert n_read > 1


@pytest.mark.memory
@parametrize("last", "5", "5,6")
def test_mutations_that_cut_rows_short(scratch: Path, last: str) -> None:
    """What the row would have had of targets is not written beyond the room there is."""
    whole = ",".join(map(str, range(400)))
    scratch.write_text(f"{whole}\n" * 200 + last)
    message = outcome(scratch, targets=list(range(398, -1, -1)))
    assert (
        f"line 201: expected 400 fields as in the first row, got {last.count(',') + 1}" in message
    )
