"""``read_csv``: what it takes, what it makes of it, and how it refuses the rest."""

import re
import tracemalloc
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from fastnn import TrainingWarning
from fastnn.datasets import Dataset, read_csv

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    path = tmp_path / "data.csv"

    def write(content: str | bytes) -> Path:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def check(data: Dataset, X: Any, y: Any, y_dtype: Any) -> None:
    assert isinstance(data, Dataset)
    assert data.X.dtype == np.float32
    assert data.X.flags.c_contiguous and data.X.flags.aligned and data.X.flags.writeable
    assert_array_equal(data.X, np.array(X, dtype=np.float32), strict=True)
    assert data.y.flags.c_contiguous and data.y.flags.writeable
    assert_array_equal(data.y, np.array(y, dtype=y_dtype), strict=True)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a file that every example of a property writes anew."""
    return tmp_path_factory.mktemp("csv") / "scratch"


def refuses(path: Path, *parts: str, **arguments: Any) -> None:
    """Expect a ValueError that names the file and says all the parts, in this order."""
    with pytest.raises(ValueError) as caught:
        read_csv(path, **arguments)
    message = str(caught.value)
    assert re.search(".*".join(map(re.escape, (str(path), *parts))), message), message


# What the columns are


def test_text_targets_without_header(write: Write) -> None:
    data = read_csv(write("1.5,2,pear\n-3,4e2,apple\n0,.5,pear\n"))
    check(data, [[1.5, 2], [-3, 400], [0, 0.5]], [1, 0, 1], np.int64)
    assert data.feature_names == ("x0", "x1")
    assert data.target_names == ("apple", "pear")


def test_text_targets_with_header(write: Write) -> None:
    data = read_csv(write("width,height,fruit\n1.5,2,pear\n-3,4,apple\n"))
    check(data, [[1.5, 2], [-3, 4]], [1, 0], np.int64)
    assert data.feature_names == ("width", "height")
    assert data.target_names == ("apple", "pear")


def test_classes_are_sorted_by_code_point(write: Write) -> None:
    data = read_csv(write("1,é\n2,b\n3,Z\n4,b\n"))
    assert data.target_names == ("Z", "b", "é")
    assert data.y.tolist() == [2, 1, 0, 1]


@pytest.mark.parametrize(
    ("column", "y", "dtype", "names"),
    [
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
    ],
)
def test_kind_of_a_target_column(
    write: Write, column: str, y: list[float], dtype: type, names: tuple[str, ...]
) -> None:
    data = read_csv(write("".join(f"8,9,{target}\n" for target in column.split())))
    check(data, [[8, 9]] * 3, y, dtype)
    assert data.target_names == names


ABC = "a,b,c,d\n1,2,3,4\n5,6,7,8\n"


@pytest.mark.parametrize(
    ("targets", "features", "y", "names"),
    [
        (-1, "abc", [4, 8], None),
        (3, "abc", [4, 8], None),
        (0, "bcd", [1, 5], None),
        (-4, "bcd", [1, 5], None),
        (np.int64(1), "acd", [2, 6], None),
        ("c", "abd", [3, 7], None),
        (["c"], "abd", [[3], [7]], ("c",)),
        ([-1, "a"], "bc", [[4, 1], [8, 5]], ("d", "a")),
        (("a", "b", "c"), "d", [[1, 2, 3], [5, 6, 7]], ("a", "b", "c")),
        (range(1, 3), "ad", [[2, 3], [6, 7]], ("b", "c")),
    ],
)
def test_choice_of_targets(
    write: Write, targets: Any, features: str, y: Any, names: tuple[str, ...] | None
) -> None:
    X = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])[:, ["abcd".index(name) for name in features]]
    data = read_csv(write(ABC), targets=targets)
    check(data, X, y, np.float32)
    assert data.feature_names == tuple(features)
    assert data.target_names == names or names is None


def test_one_hot_columns_stay_a_matrix(write: Write) -> None:
    data = read_csv(write("0.5,1.0,0.0\n0.25,0.0,1.0\n"), targets=[-2, -1])
    check(data, [[0.5], [0.25]], [[1, 0], [0, 1]], np.float32)
    assert (data.feature_names, data.target_names) == (("x0",), ("y0", "y1"))


def test_float_target_keeps_the_name_of_its_column(write: Write) -> None:
    data = read_csv(write("size,price\n1,2.5\n2,3.5\n"), targets="price")
    check(data, [[1], [2]], [2.5, 3.5], np.float32)
    assert data.target_names == ("price",)


# The header


def test_names_of_targets_make_the_first_row_a_header(write: Write) -> None:
    data = read_csv(write("0,1,2\n5,6,7\n"), targets="2")
    check(data, [[5, 6]], [7], np.float32)
    assert data.feature_names == ("0", "1")


def test_header_of_numbers_must_be_said(write: Write) -> None:
    path = write("2019,2020,2\n5,6,1\n")
    assert read_csv(path).y.tolist() == [2, 1]
    data = read_csv(path, header=True)
    check(data, [[5, 6]], [1], np.float32)
    assert data.feature_names == ("2019", "2020")


def test_header_only_over_the_target(write: Write) -> None:
    """A first row whose features are numbers is an example, whatever its target is."""
    data = read_csv(write("1,2,class\n3,4,a\n"))
    check(data, [[1, 2], [3, 4]], [1, 0], np.int64)


def test_header_with_unnamed_columns(write: Write) -> None:
    data = read_csv(write(",a,y\n0,1.5,2\n1,2.5,3\n"))
    assert data.feature_names == ("", "a")
    assert data.y.tolist() == [2, 3]


@pytest.mark.parametrize("flaw", ["?", "", "NA", "1_000", "1.2.3"])
def test_neither_header_nor_example(write: Write, flaw: str) -> None:
    """An example with a flaw is not taken for a header and dropped."""
    path = write(f"5.1,{flaw},x\n4.9,3.0,y\n")
    got = repr(flaw) if flaw else "an empty field"
    refuses(path, "line 1, column 2: expected a number as in other columns", f"got {got}")
    assert read_csv(path, header=True).feature_names == ("5.1", flaw)
    refuses(path, f"line 1, column 2: expected a finite number of float32, got {got}", header=False)


@pytest.mark.parametrize("value", ["nan", "inf", "-Infinity", "1e400"])
def test_non_finite_first_row_is_no_header(write: Write, value: str) -> None:
    refuses(write(f"{value},x\n1,y\n"), "line 1, column 1", f"got '{value}'")


def test_duplicate_names_are_fine_for_features(write: Write) -> None:
    data = read_csv(write("a,a,y\n1,2,3\n"), targets="y")
    assert data.feature_names == ("a", "a")


# The format


@pytest.mark.parametrize(
    "content",
    [
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
    ],
)
def test_spellings_of_the_same_file(write: Write, content: str) -> None:
    data = read_csv(write(content))
    check(data, [[1, 2], [3, 4]], [0, 1], np.int64)
    assert data.feature_names == ("a", "b")
    assert data.target_names == ("p", "q")


@pytest.mark.parametrize("delimiter", [";", "\t", " ", "|", "·"])
def test_delimiters(write: Write, delimiter: str) -> None:
    path = write("a,b,y\n1,2,p\n3,4,q\n".replace(",", delimiter))
    data = read_csv(path, delimiter=delimiter)
    check(data, [[1, 2], [3, 4]], [0, 1], np.int64)
    assert data.feature_names == ("a", "b")


def test_blanks_that_are_delimiters_count(write: Write) -> None:
    refuses(write("1  p\n2 3 q\n"), "line 1, column 2", "got an empty field", delimiter=" ")
    refuses(write("1\t\tp\n2\t3\tq\n"), "line 1, column 2", "an empty field", delimiter="\t")


def test_quoted_delimiters_quotes_and_line_breaks(write: Write) -> None:
    data = read_csv(write('"a,b","c\nd",y\n1,2,"p ""q"""\n3,4,"r,\ns"\n'))
    check(data, [[1, 2], [3, 4]], [0, 1], np.int64)
    assert data.feature_names == ("a,b", "c\nd")
    assert data.target_names == ('p "q"', "r,\ns")


def test_path_as_text(write: Write) -> None:
    assert read_csv(str(write(ABC))).y.tolist() == [4, 8]


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
    row = "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20"
    path = write(f"{row},0\n{row},1\n" * 5_000)
    tracemalloc.start()
    data = read_csv(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert data.X.nbytes == 10_000 * 20 * 4
    assert peak < 2 * (data.X.nbytes + data.y.nbytes) + 100_000


# Errors in the file


@pytest.mark.parametrize("content", ["", "\n \n\r\n", "\ufeff"])
def test_no_rows(write: Write, content: str) -> None:
    refuses(write(content), "expected rows of data, got none")


@pytest.mark.parametrize("content", ["a,b\n", "a,b\n\n\n"])
def test_only_a_header(write: Write, content: str) -> None:
    refuses(write(content), "expected rows of data, got only a header")


@pytest.mark.parametrize(("row", "n_fields"), [("1,2", 2), ("1,2,3,4", 4), ("1,2,3,", 4)])
def test_wrong_number_of_fields(write: Write, row: str, n_fields: int) -> None:
    path = write(f"a,b,y\n1,2,3\n\n{row}\n")
    refuses(path, "line 4: expected 3 fields as in the first row", f"got {n_fields}")


@pytest.mark.parametrize(
    ("field", "got"),
    [
        ("x", "'x'"),
        ("", "an empty field"),
        ("  ", "an empty field"),
        ('""', "an empty field"),
        ("1;5", "'1;5'"),
        ("0x10", "'0x10'"),
        ("1_000", "'1_000'"),
        ("nan", "'nan'"),
        ("-inf", "'-inf'"),
        ("3.5e38", "'3.5e38'"),
        ("1e999", "'1e999'"),
        ("\0", r"'\x00'"),
        ("\U0001f33b", "'\U0001f33b'"),
    ],
)
def test_not_a_number(write: Write, field: str, got: str) -> None:
    refuses(
        write(f"a,b,y\n1,2,p\n3,{field},q\n"),
        f"line 3, column 2 ('b'): expected a finite number of float32, got {got}",
    )
    refuses(write(f"1,2,p\n3,{field},q\n"), "line 2, column 2: expected", f"got {got}")
    refuses(
        write(f"p,a,b\n1,2,3\n4,5,{field}\n"),
        f"line 3, column 3 ('b'): expected a finite number of float32, got {got}",
        targets=["b", "p"],
    )


def test_column_is_that_of_the_file(write: Write) -> None:
    """Columns are counted in the file, not among the features that are left."""
    refuses(write("7,1,2,x\n8,3,4,5\n"), "line 1, column 4: ", targets=[0], header=False)
    refuses(write("p,1,2,3\nq,3,4,x\n"), "line 2, column 4: ", targets=0)


def test_greatest_numbers_of_float32(write: Write) -> None:
    greatest = np.finfo(np.float32).max
    data = read_csv(write(f"{greatest!s},-{greatest!s},0\n" * 2), targets=[2])
    assert_array_equal(data.X, [[greatest, -greatest]] * 2)


@pytest.mark.parametrize(
    ("column", "line", "message"),
    [
        ("1.5 2 x", 3, "expected a number as on line 1, got 'x'"),
        ("1 2 x", 3, "expected a number as on line 1, got 'x'"),
        ("a b 1.5 b", 3, "expected text as on line 1, got '1.5'"),
        ("a nan", 2, "expected text as on line 1, got 'nan'"),
        ("1.5 2 nan", 3, "expected a finite number of float32, got 'nan'"),
        ("1.5 1.5 -inf", 3, "expected a finite number of float32, got '-inf'"),
        ("1.5 1e39 0", 2, "expected a finite number of float32, got '1e39'"),
        ("1 1 ''", 3, "expected a number as on line 1, got an empty field"),
        ("a b '' ''", 3, "expected text as on line 1, got an empty field"),
        ("'' a", 1, "expected text as on line 1, got an empty field"),
    ],
)
def test_flaws_in_a_target_column(write: Write, column: str, line: int, message: str) -> None:
    targets = column.replace("''", '""').split()
    refuses(
        write("".join(f"{target},1\n" for target in targets)),
        f"line {line}, column 1: {message}",
        targets=0,
    )


def test_lines_are_those_of_the_file(write: Write) -> None:
    """Blank lines, and the lines inside quotes, are counted; a row is on the line it begins on."""
    refuses(write('"a\n\nb",y\n\n1,"p\nq"\n2,r\nx,"s\nt"\n'), "line 8, column 1 ('a\\n\\nb')")
    refuses(write('"a\n\nb",y\n\n1,"p\nq"\n2\n'), "line 7: expected 2 fields")
    refuses(write('1,"p\nq"\n\n2,3\n'), "line 4, column 2: expected text as on line 1, got '3'")


@pytest.mark.parametrize(
    "content",
    [
        'a,y\n1,p\n2,"q\n3,r\n4,s\n',  # never closed
        'a,y\n1,p\n2,"q"r\n3,r\n',
        f"a,y\n1,p\n2,{'q' * 200_000}\n3,r\n",  # more than the csv module takes
    ],
)
def test_malformed_csv(write: Write, content: str) -> None:
    refuses(write(content), "line 3: expected sound CSV, got: ")


@pytest.mark.parametrize("n_before", [0, 1, 1000, 5000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("row", [b"1,caf\xe9", b"\xe9,1"])
def test_undecodable_bytes(write: Write, n_before: int, end: bytes, row: bytes) -> None:
    """The file is decoded block by block; the line is right in the first one and in later ones."""
    path = write((b"1,caf\xc3\xa9" + end) * n_before + row + end + b"1,x" + end)
    refuses(path, f"line {n_before + 1}: expected UTF-8, got the byte 0xe9")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_other_encodings(write: Write, encoding: str) -> None:
    refuses(write("1,2,3\n4,5,6\n".encode(encoding)), encoding[:6].upper())


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


@pytest.mark.parametrize("targets", [4, -5, [0, 4]])
def test_unknown_column_number(write: Write, targets: Any) -> None:
    path = write(ABC)
    wrong = targets if isinstance(targets, int) else targets[1]
    with pytest.raises(ValueError, match=rf"^targets must be .* from -4 to 3, got {wrong}$"):
        read_csv(path, targets=targets)


@pytest.mark.parametrize("targets", ["e", "A", "", ["a", "e"]])
def test_unknown_column_name(write: Write, targets: str | list[str]) -> None:
    wrong = targets if isinstance(targets, str) else targets[1]
    known = re.escape("['a', 'b', 'c', 'd']")
    with pytest.raises(ValueError, match=f"^targets must be .* one of {known}, got '{wrong}'$"):
        read_csv(write(ABC), targets=targets)


def test_ambiguous_column_name(write: Write) -> None:
    path = write("a,b,a\n1,2,3\n")
    with pytest.raises(ValueError, match=r"^targets must be .* got 'a', .* of 2 columns of"):
        read_csv(path, targets="a")
    assert read_csv(path, targets=2).y.tolist() == [3]


@pytest.mark.parametrize("targets", [[0, 0], [3, -1], ["d", -1], ["a", "b", "a"]])
def test_same_target_twice(write: Write, targets: Sequence[int | str]) -> None:
    with pytest.raises(ValueError, match=r"^targets must be different columns .* got \["):
        read_csv(write(ABC), targets=targets)


@pytest.mark.parametrize("targets", [range(4), ["d", "c", "b", "a"]])
def test_no_feature_left(write: Write, targets: Sequence[int | str]) -> None:
    refuses(write(ABC), "line 1: expected a column for features", "delimiter", targets=targets)


def test_wrong_delimiter(write: Write) -> None:
    refuses(write("a;b\n1;2\n"), "line 1: expected a column for features", "['a;b']", "delimiter")


@pytest.mark.parametrize("targets", ["d", ["d"], [0, "d"]])
def test_names_need_a_header(write: Write, targets: Any) -> None:
    with pytest.raises(ValueError, match=r"^header must .* named, got "):
        read_csv(write(ABC), targets=targets, header=False)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"targets": None}, "targets"),
        ({"targets": 1.0}, "targets"),
        ({"targets": True}, "targets"),
        ({"targets": [0, None]}, "targets"),
        ({"targets": [False]}, "targets"),
        ({"targets": {"a"}}, "targets"),
        ({"header": 1}, "header"),
        ({"header": "infer"}, "header"),
        ({"delimiter": None}, "delimiter"),
        ({"classes": "ab"}, "classes"),
        ({"classes": [0, 1]}, "classes"),
        ({"delimiter": b","}, "delimiter"),
    ],
)
def test_wrong_types(write: Write, arguments: dict[str, Any], name: str) -> None:
    with pytest.raises(TypeError, match=f"^{name} must be .*, got "):
        read_csv(write(ABC), **arguments)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"targets": []}, "targets"),
        ({"delimiter": ""}, "delimiter"),
        ({"delimiter": ", "}, "delimiter"),
        ({"delimiter": '"'}, "delimiter"),
        ({"delimiter": "\n"}, "delimiter"),
        ({"task": "regress"}, "task"),
        ({"task": "classification", "targets": [0]}, "task"),
        ({"classes": ["a"], "targets": [0]}, "classes"),
        ({"classes": ["a"], "task": "regression"}, "classes"),
        ({"classes": []}, "classes"),
        ({"classes": ["a", "b", "a"]}, "classes"),
    ],
)
def test_wrong_values(write: Write, arguments: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be ."):
        read_csv(write(ABC), **arguments)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv"):
        read_csv(tmp_path / "nothing.csv")
    with pytest.raises(OSError, match=re.escape(tmp_path.name)):
        read_csv(tmp_path)
