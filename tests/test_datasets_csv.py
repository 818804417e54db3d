"""``read_csv``: what it takes, what it makes of it, and how it refuses the rest."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Error, Options, Write, parametrize, peak_of
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from fastnn import TrainingWarning
from fastnn.datasets import Dataset, read_csv, read_idx


def check(data: Dataset, X: Any, y: Any, y_dtype: Any) -> None:
    assert isinstance(data, Dataset)
    assert data.X.dtype == np.float32
    assert data.X.flags.c_contiguous and data.X.flags.aligned and data.X.flags.writeable
    assert_array_equal(data.X, np.array(X, dtype=np.float32), strict=True)
    assert data.y.flags.c_contiguous and data.y.flags.writeable
    assert_array_equal(data.y, np.array(y, dtype=y_dtype), strict=True)


def refuses(path: Path, *parts: str, **arguments: Any) -> None:
    """Expect a ValueError that names the file and says all the parts, in this order."""
    with pytest.raises(ValueError) as caught:
        read_csv(path, **arguments)
    message = str(caught.value)
    assert re.search(".*".join(map(re.escape, (str(path), *parts))), message), message


# What the columns are


@parametrize(
    "content, X, y, features, targets",
    (
        "1.5,2,pear\n-3,4e2,apple\n0,.5,pear\n",
        [[1.5, 2], [-3, 400], [0, 0.5]],
        [1, 0, 1],
        ("x0", "x1"),
        ("apple", "pear"),
    ),
    (
        "width,height,fruit\n1.5,2,pear\n-3,4,apple\n",
        [[1.5, 2], [-3, 4]],
        [1, 0],
        ("width", "height"),
        ("apple", "pear"),
    ),
    # Classes are sorted by code point.
    ("1,é\n2,b\n3,Z\n4,b\n", [[1], [2], [3], [4]], [2, 1, 0, 1], ("x0",), ("Z", "b", "é")),
    # A first row whose features are numbers is an example, whatever its target is.
    ("1,2,class\n3,4,a\n", [[1, 2], [3, 4]], [1, 0], ("x0", "x1"), ("a", "class")),
    (
        '"a,b","c\nd",y\n1,2,"p ""q"""\n3,4,"r,\ns"\n',
        [[1, 2], [3, 4]],
        [0, 1],
        ("a,b", "c\nd"),
        ('p "q"', "r,\ns"),
    ),
    ids=["no header", "a header", "sorted classes", "a header of the target only", "quotes"],
)
def test_targets_that_are_text(
    write: Write, content: str, X: Any, y: Any, features: Any, targets: Any
) -> None:
    data = read_csv(write(content))
    check(data, X, y, np.int64)
    assert (data.feature_names, data.target_names) == (features, targets)


@parametrize(
    "column, y, dtype, names",
    ("0 2 2", [0, 1, 1], np.int64, ("0", "2")),
    ("007 3 0", [7, 3, 0], np.float32, ("y0",)),
    ("0.0 1.0 1", [0, 1, 1], np.int64, ("0", "1")),
    ("-1 1 1", [0, 1, 1], np.int64, ("-1", "1")),
    ("+1 0 1", [1, 0, 1], np.int64, ("0", "1")),
    ("1e2 1 1e2", [1, 0, 1], np.int64, ("1", "100")),
    ("0 1 100000", [0, 1, 100000], np.float32, ("y0",)),
    ("0.1 0.1 -2.5", [0.1, 0.1, -2.5], np.float32, ("y0",)),
    ("True False True", [1, 0, 1], np.int64, ("False", "True")),
    ("2024_05 2024_06 2024_05", [0, 1, 0], np.int64, ("2024_05", "2024_06")),
)
def test_kind_of_a_target_column(
    write: Write, column: str, y: list[float], dtype: type, names: tuple[str, ...]
) -> None:
    data = read_csv(write("".join(f"8,9,{target}\n" for target in column.split())))
    check(data, [[8, 9]] * 3, y, dtype)
    assert data.target_names == names


ABC = "a,b,c,d\n1,2,3,4\n5,6,7,8\n"


@parametrize(
    "targets, features, y, names",
    (-1, "abc", [4, 8], None),
    (3, "abc", [4, 8], None),
    (0, "bcd", [1, 5], None),
    (-4, "bcd", [1, 5], None),
    (np.int64(1), "acd", [2, 6], None),
    ("c", "abd", [3, 7], ("c",)),
    (["c"], "abd", [[3], [7]], ("c",)),
    ([-1, "a"], "bc", [[4, 1], [8, 5]], ("d", "a")),
    (("a", "b", "c"), "d", [[1, 2, 3], [5, 6, 7]], ("a", "b", "c")),
    (range(1, 3), "ad", [[2, 3], [6, 7]], ("b", "c")),
)
def test_choice_of_targets(
    write: Write, targets: Any, features: str, y: Any, names: tuple[str, ...] | None
) -> None:
    X = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])[:, ["abcd".index(name) for name in features]]
    data = read_csv(str(write(ABC)), targets=targets)
    check(data, X, y, np.float32)
    assert data.feature_names == tuple(features)
    assert data.target_names == names or names is None


@parametrize(
    "content, targets, X, y, features, names",
    ("0,1,2\n5,6,7\n", "2", [[5, 6]], [7], "0 1", "2"),  # a name makes a row a header
    (",a,y\n0,1.5,2\n1,2.5,3\n", -1, [[0, 1.5], [1, 2.5]], [2, 3], " a", "y"),
    ("a,a,y\n1,2,3\n", "y", [[1, 2]], [3], "a a", "y"),
    ("a,b,a\n1,2,3\n", 2, [[1, 2]], [3], "a b", "a"),
    ("size,price\n1,2.5\n2,3.5\n", "price", [[1], [2]], [2.5, 3.5], "size", "price"),
    ("0.5,1.0,0.0\n0.25,0.0,1.0\n", [-2, -1], [[0.5], [0.25]], np.eye(2), "x0", "y0 y1"),
)
def test_names_of_columns(
    write: Write, content: str, targets: Any, X: Any, y: Any, features: str, names: str
) -> None:
    data = read_csv(write(content), targets=targets)
    check(data, X, y, np.float32)
    assert data.feature_names == tuple(features.split(" "))
    assert data.target_names == tuple(names.split())


# The header


def test_header_of_numbers_must_be_said(write: Write) -> None:
    path = write("2019,2020,2\n5,6,1\n")
    assert read_csv(path).y.tolist() == [2, 1]
    data = read_csv(path, header=True)
    check(data, [[5, 6]], [1], np.float32)
    assert data.feature_names == ("2019", "2020")


@parametrize("flaw", "?", "", "NA", "1_000", "1.2.3")
def test_neither_header_nor_example(write: Write, flaw: str) -> None:
    """An example with a flaw is not taken for a header and dropped."""
    path = write(f"5.1,{flaw},x\n4.9,3.0,y\n")
    got = repr(flaw) if flaw else "an empty field"
    refuses(path, "line 1, column 2: expected a number as in other columns", f"got {got}")
    assert read_csv(path, header=True).feature_names == ("5.1", flaw)
    refuses(path, f"line 1, column 2: expected a finite number of float32, got {got}", header=False)


# The format


@parametrize(
    "content",
    "a,b,y\n1,2,p\n3,4,q\n",
    "a,b,y\n1,2,p\n3,4,q",
    "a,b,y\r\n1,2,p\r\n3,4,q\r\n",
    "a,b,y\r1,2,p\r3,4,q\r",
    "\ufeffa,b,y\n1,2,p\n3,4,q\n",
    '\ufeff"a","b","y"\n"1","2","p"\n"3","4","q"\n',
    "\n\n  \na,b,y\n\n1,2,p\n \t \n3,4,q\n\n\n",
    " a , b ,\ty\n  1,2  , p\n3\t, 4 , q \n",
    'a, "b", "y"\n1, "2", "p"\n3,4,q\n',
    'a,b,y\n" 1"," 2 "," p "\n3,4,q\n',
)
def test_spellings_of_the_same_file(write: Write, content: str) -> None:
    data = read_csv(write(content))
    check(data, [[1, 2], [3, 4]], [0, 1], np.int64)
    assert data.feature_names == ("a", "b")
    assert data.target_names == ("p", "q")


@parametrize("delimiter", ";", "\t", " ", "|", "·")
def test_delimiters(write: Write, delimiter: str) -> None:
    path = write("a,b,y\n1,2,p\n3,4,q\n".replace(",", delimiter))
    data = read_csv(path, delimiter=delimiter)
    check(data, [[1, 2], [3, 4]], [0, 1], np.int64)
    assert data.feature_names == ("a", "b")


finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(max_examples=50, deadline=None)
@given(
    rows=st.integers(1, 5).flatmap(
        lambda width: st.lists(st.lists(finite, min_size=width + 1, max_size=width + 1), min_size=1)
    )
)
def test_numbers_come_back_to_the_bit(scratch: Path, rows: list[list[float]]) -> None:
    scratch.write_text("\n".join(",".join(map(repr, row)) for row in rows))
    data = read_csv(scratch, targets=[0], header=False)
    expected = np.array(rows, dtype=np.float32)
    assert data.X.tobytes() == np.ascontiguousarray(expected[:, 1:]).tobytes()
    assert data.y.tobytes() == np.ascontiguousarray(expected[:, :1]).tobytes()


def test_same_as_numpy(write: Write) -> None:
    rng = np.random.default_rng(1)
    table = np.column_stack([rng.integers(0, 256, (200, 20)), rng.normal(size=(200, 5))])
    lines = [",".join(f"{value:.10g}" for value in row) for row in table]
    path = write("\n".join(lines))
    expected = np.loadtxt(path, delimiter=",").astype(np.float32)
    data = read_csv(path)
    assert_array_equal(data.X, expected[:, :-1], strict=True)
    assert_array_equal(data.y, expected[:, -1], strict=True)


def test_memory(write: Write) -> None:
    """Numbers are kept as float32 while they are read: at most twice the result is needed."""
    row = ",".join(map(str, range(1, 21)))
    path = write(f"{row},0\n{row},1\n" * 5_000)
    n_bytes = 10_000 * (20 * 4 + 8)
    assert peak_of(lambda: read_csv(path)) < 2 * n_bytes + 100_000


# Errors in the file


@parametrize(
    "field",
    *("x", "", "  ", '""', "1;5", "0x10", "1_000", "nan", "-inf", "3.5e38", "1e999", "\0"),
    "\U0001f33b",
)
def test_not_a_number(write: Write, field: str) -> None:
    got = f"got {field!r}" if field.strip(' "') else "got an empty field"
    finite = f": expected a finite number of float32, {got}"
    refuses(write(f"a,b,y\n1,2,p\n3,{field},q\n"), f"line 3, column 2 ('b'){finite}")
    refuses(write(f"1,2,p\n3,{field},q\n"), "line 2, column 2: expected", got)
    path = write(f"p,a,b\n1,2,3\n4,5,{field}\n")
    refuses(path, f"line 3, column 3 ('b'){finite}", targets=["b", "p"])


def test_greatest_numbers_of_float32(write: Write) -> None:
    greatest = np.finfo(np.float32).max
    data = read_csv(write(f"{greatest!s},-{greatest!s},0\n" * 2), targets=[2])
    assert_array_equal(data.X, [[greatest, -greatest]] * 2)


SOUND = "line 3: expected sound CSV, got: "
NO_FEATURES = "line 1: expected a column for features", "delimiter"
HEADER = "a,b,y\n1,2,3\n\n"
QUOTED = '"a\n\nb",y\n\n1,"p\nq"\n2'
NO_NUMBER = "line 1, column 2", "got an empty field"
FLAWS: dict[str, tuple[str | bytes, Options, tuple[str, ...]]] = {
    "nothing": ("", {}, ("expected rows of data, got none",)),
    "blank lines": ("\n \n\r\n", {}, ("expected rows of data, got none",)),
    "a mark of UTF-8": ("\ufeff", {}, ("expected rows of data, got none",)),
    "only a header": ("a,b\n", {}, ("expected rows of data, got only a header",)),
    "a header and blank lines": ("a,b\n\n\n", {}, ("expected rows of data, got only a header",)),
    **{
        f"{row} for three fields": (
            f"{HEADER}{row}\n",
            {},
            ("line 4: expected 3 fields as in the first row", f"got {row.count(',') + 1}"),
        )
        for row in ("1,2", "1,2,3,4", "1,2,3,")
    },
    "blanks are delimiters": ("1  p\n2 3 q\n", {"delimiter": " "}, NO_NUMBER),
    "tabs are delimiters": ("1\t\tp\n2\t3\tq\n", {"delimiter": "\t"}, NO_NUMBER),
    # Columns are counted in the file, not among the features that are left.
    "no header": ("7,1,2,x\n8,3,4,5\n", {"targets": [0], "header": False}, ("line 1, column 4: ",)),
    "the target first": ("p,1,2,3\nq,3,4,x\n", {"targets": 0}, ("line 2, column 4: ",)),
    # Blank lines, and those inside quotes, are counted; a row is on the line it begins on.
    "lines in quotes": (f'{QUOTED},r\nx,"s\nt"\n', {}, ("line 8, column 1 ('a\\n\\nb')",)),
    "a field after lines in quotes": (f"{QUOTED}\n", {}, ("line 7: expected 2 fields",)),
    "a number after lines in quotes": (
        '1,"p\nq"\n\n2,3\n',
        {},
        ("line 4, column 2: expected text as on line 1, got '3'",),
    ),
    **{
        f"a row of {value}": (f"{value},x\n1,y\n", {}, ("line 1, column 1", f"got '{value}'"))
        for value in ("nan", "inf", "-Infinity", "1e400")
    },
    "a quote that is never closed": ('a,y\n1,p\n2,"q\n3,r\n4,s\n', {}, (SOUND,)),
    "text after a quote": ('a,y\n1,p\n2,"q"r\n3,r\n', {}, (SOUND,)),
    "more than the csv module takes": (f"a,y\n1,p\n2,{'q' * 200_000}\n3,r\n", {}, (SOUND,)),
    "another delimiter": (
        "a;b\n1;2\n",
        {},
        ("line 1: expected a column for features", "['a;b']", "delimiter"),
    ),
    "targets only, by number": (ABC, {"targets": range(4)}, NO_FEATURES),
    "targets only, by name": (ABC, {"targets": ["d", "c", "b", "a"]}, NO_FEATURES),
    **{
        encoding: ("1,2,3\n4,5,6\n".encode(encoding), {}, (encoding[:6].upper(),))
        for encoding in ("utf-16", "utf-16-le", "utf-32")
    },
}


@parametrize("content, arguments, parts", *FLAWS.values(), ids=FLAWS)
def test_flaws(write: Write, content: str | bytes, arguments: Options, parts: Any) -> None:
    refuses(write(content), *parts, **arguments)


FINITE_TARGET = "expected a finite number of float32, got"


@parametrize(
    "column, line, message",
    ("1.5 2 x", 3, "expected a number as on line 1, got 'x'"),
    ("1 2 x", 3, "expected a number as on line 1, got 'x'"),
    ("a b 1.5 b", 3, "expected text as on line 1, got '1.5'"),
    ("a nan", 2, "expected text as on line 1, got 'nan'"),
    ("1.5 2 nan", 3, f"{FINITE_TARGET} 'nan'"),
    ("1.5 1.5 -inf", 3, f"{FINITE_TARGET} '-inf'"),
    ("1.5 1e39 0", 2, f"{FINITE_TARGET} '1e39'"),
    ("1 1 ''", 3, "expected a number as on line 1, got an empty field"),
    ("a b '' ''", 3, "expected text as on line 1, got an empty field"),
    ("'' a", 1, "expected text as on line 1, got an empty field"),
)
def test_flaws_in_a_target_column(write: Write, column: str, line: int, message: str) -> None:
    targets = column.replace("''", '""').split()
    path = write("".join(f"{target},1\n" for target in targets))
    refuses(path, f"line {line}, column 1: {message}", targets=0)


@parametrize("n_before", 0, 1, 1000, 5000)
@parametrize("end", b"\n", b"\r\n")
@parametrize("row", b"1,caf\xe9", b"\xe9,1")
def test_undecodable_bytes(write: Write, n_before: int, end: bytes, row: bytes) -> None:
    """The file is decoded block by block; the line is right in the first one and in later ones."""
    path = write((b"1,caf\xc3\xa9" + end) * n_before + row + end + b"1,x" + end)
    refuses(path, f"line {n_before + 1}: expected UTF-8, got the byte 0xe9")


def test_long_fields_are_cut_short_in_messages(write: Write) -> None:
    with pytest.raises(ValueError) as caught:
        read_csv(write("1,2\n" + "x" * 100_000 + ",2\n"))
    assert len(str(caught.value)) < 500


pieces = [*'0123.-";a_ \t\r\0é', *["nan", "1e39", ",", ",", ",", "\n", "\n", "1,2\n", "0,x\n"]]
csv_text = st.lists(st.sampled_from(pieces), max_size=30).map("".join)


@settings(max_examples=300, deadline=None)
@given(
    content=st.one_of(csv_text.map(str.encode), st.binary(max_size=40)),
    targets=st.sampled_from([-1, 0, [0], [-1, 0], "a", ["a", "0"]]),
    header=st.sampled_from([None, True]),
)
def test_noise(scratch: Path, content: bytes, targets: Any, header: bool | None) -> None:
    """Whatever the file holds, it is a clean error or a data set without surprises."""
    scratch.write_bytes(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrainingWarning)
            data = read_csv(scratch, targets=targets, header=header)
    except ValueError as error:
        assert str(scratch) in str(error)
    else:
        n_examples, n_features = data.X.shape
        assert n_examples > 0
        assert n_features == len(data.feature_names) > 0
        assert len(data.y) == n_examples
        assert np.isfinite(data.X).all() and np.isfinite(data.y).all()
        if data.y.dtype == np.int64:
            assert data.y.ndim == 1
            assert data.y.min() >= 0
            assert data.y.max() == len(data.target_names) - 1
        else:
            assert data.y.size == n_examples * len(data.target_names)


# Errors in the arguments


KNOWN = re.escape("['a', 'b', 'c', 'd']")


@parametrize(
    "arguments, error, message",
    *(({"targets": n}, ValueError, f".* from -4 to 3, got {n}$") for n in (4, -5)),
    ({"targets": [0, 4]}, ValueError, ".* from -4 to 3, got 4$"),
    *(({"targets": n}, ValueError, f".* one of {KNOWN}, got '{n}'$") for n in ("e", "A", "")),
    ({"targets": ["a", "e"]}, ValueError, f".* one of {KNOWN}, got 'e'$"),
    *(
        ({"targets": twice}, ValueError, r"different columns .* got \[")
        for twice in ([0, 0], [3, -1], ["d", -1], ["a", "b", "a"])
    ),
    *(
        ({"header": False, "targets": names}, ValueError, ".* named, got ")
        for names in ("d", ["d"], [0, "d"])
    ),
    *(
        ({"targets": wrong}, TypeError, ".*, got ")
        for wrong in (None, 1.0, True, [0, None], [False], {"a"})
    ),
    ({"targets": []}, ValueError, "."),
    *(({"header": wrong}, TypeError, ".*, got ") for wrong in (1, "infer")),
    *(({"delimiter": wrong}, TypeError, ".*, got ") for wrong in (None, b",")),
    *(({"delimiter": wrong}, ValueError, ".") for wrong in ("", ", ", '"', "\n")),
    *(({"classes": wrong}, TypeError, ".*, got ") for wrong in ("ab", [0, 1])),
    *(({"classes": wrong}, ValueError, ".") for wrong in ([], ["a", "b", "a"])),
    ({"classes": ["a"], "targets": [0]}, ValueError, "."),
    ({"classes": ["a"], "task": "regression"}, ValueError, "."),
    ({"task": "regress"}, ValueError, "."),
    ({"task": "classification", "targets": [0]}, ValueError, "."),
    ids=str,
)
def test_arguments_that_are_refused(
    write: Write, arguments: Options, error: Error, message: str
) -> None:
    with pytest.raises(error, match=f"^{next(iter(arguments))} must (not )?be {message}"):
        read_csv(write(ABC), **arguments)


def test_ambiguous_column_name(write: Write) -> None:
    with pytest.raises(ValueError, match=r"^targets must be .* got 'a', .* of 2 columns of"):
        read_csv(write("a,b,a\n1,2,3\n"), targets="a")


@parametrize("read", read_csv, read_idx)
def test_missing_file_and_folder(tmp_path: Path, read: Callable[[Path], Any]) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv"):
        read(tmp_path / "nothing.csv")
    with pytest.raises(OSError, match=re.escape(tmp_path.name)):
        read(tmp_path)
