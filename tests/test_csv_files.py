"""CSV files as they come: delimiters, compression, pipes, and what is none of them."""

import gzip
import os
import re
import tarfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Compress, Options, Write, parametrize, refusal

from fastnn import MLP, TrainingWarning
from fastnn.datasets import read_csv

# Delimiters


SEEDS = "15.26\t14.84\t0.871\t\t5.763\t1\n14.88\t14.57\t0.8811\t5.554\t\t1\n14.29\t14\t.9\t5.2\t2\n"
HOUSING = " 0.00632  18.00   2.310  0  24.00\n 0.02731   0.00   7.070  1  21.60  \r\n"


@parametrize(
    "content, X, y",
    (SEEDS, [[15.26, 14.84, 0.871, 5.763], [14.88, 14.57, 0.8811, 5.554]], [0, 0]),
    (HOUSING, [[0.00632, 18, 2.31, 0], [0.02731, 0, 7.07, 1]], [24, 21.6]),
    ("a b\ty\n\n 1 \t 2 'p\n \t \n3 4 q\t", [[1, 2], [3, 4]], [0, 1]),
    ('"a a"\t"b"  y\n"1" 2  "p p"\n3 4 "q q"\n', [[1, 2], [3, 4]], [0, 1]),
    ids=["seeds", "housing", "header", "quotes"],
)
def test_runs_of_blanks(write: Write, content: str, X: object, y: object) -> None:
    """As in two of UCI's files; blanks may begin and end a line, and be its only content."""
    data = read_csv(write(content), delimiter="whitespace")
    np.testing.assert_array_equal(data.X[:2], np.array(X, np.float32))
    np.testing.assert_array_equal(data.y[:2], np.array(y, np.float32))


def message_of(path: Path, **arguments: Any) -> str:
    with refusal(ValueError, str(path)) as caught:
        read_csv(path, **arguments)
    return str(caught.value)


@parametrize(
    "content, delimiter",
    ("1;2;0\n3;4;1\n", ";"),
    ("1\t2\t0\n", "\t"),
    ("1|2|0\n", "|"),
    ("1 2 0\n", "whitespace"),
    (HOUSING, "whitespace"),
    ("1,5;2,5;0\n", ";"),
    ("a;b;c\n1;2;0\n", ";"),
)
def test_another_delimiter_is_named(write: Write, content: str, delimiter: str) -> None:
    path = write(content)
    assert f"delimiter={delimiter!r}" in message_of(path)
    if "," not in content:
        assert read_csv(path, delimiter=delimiter).X.shape[1] >= 2


IS_COMMENT = r"line 1: .*(a comment\?|leave the line out)"
ENDS = r"do lines end in a delimiter\?"
MISSING = "a missing value"
OF_SKLEARN = "569,30,malignant,benign\n1,2,3,4,5,0\n6,7,8,9,0,1\n"
EXPLAINED: dict[str, tuple[str, Options, str]] = {
    **{
        f"a field of {field!r}": (
            f"1;2;x\n3;{field};x\n",
            {"delimiter": ";"},
            rf"line 2, column 2: .* got .*{re.escape(field)}.*{words}",
        )
        for words, fields in {
            MISSING: ("NA", "?", "N/A", "null", "nan", ""),
            "a decimal comma": ("1,5", "-12,25", "1,234,567.8"),
            "libsvm": ("3:0.25",),
            "": ("12:30", "12 cm"),
        }.items()
        for field in fields
    },
    "blanks between tabs": (SEEDS, {"delimiter": "\t"}, "line 1, column 4.*delimiter='whitespace'"),
    "nothing between tabs": (
        "x\ty\tclass\n1\t\ta\n",
        {"delimiter": "\t"},
        rf"line 2, column 2 \('y'\).*{MISSING}.*delimiter='whitespace'",
    ),
    "delimiters at the ends": ("1,2,0,\n3,4,1,\n", {}, f"line 1, column 4: .*{ENDS}"),
    "delimiters after text": ("1,2,a,\n3,4,b,\n", {}, ENDS),
    "delimiters after targets": ("1,2,a,\n3,4,b,\n", {"targets": [2, 3]}, ENDS),
    "delimiters of a header too": ("x,y,class,\n1,2,a,\n3,4,b,\n", {"targets": [2, 3]}, ENDS),
    "a delimiter after the header alone": (
        "a,b,\n1,2,0\n?,4,1\n",
        {},
        rf"line 3, column 1 \('a'\): expected a finite number.*{MISSING}",
    ),
    **{
        f"{first} in the first line": (f"{first}\n1,2,0\n3,4,1\n", {}, IS_COMMENT)
        for first in ("# of 2026", "@relation iris", "sep=,")
    },
    "missing values are no header": ("?,?,1\n3,4,0\n", {}, f"line 1, column 1: .*{MISSING}"),
    # The first line is blamed where it is the odd one, as that of scikit-learn's files.
    "counts and names": (
        "150,4,setosa,versicolor,virginica\n5.1,3.5,1.4,0.2,0\n",
        {},
        "line 1[ ,:]",
    ),
    "counts and two names": (OF_SKLEARN, {}, "line 1[ ,:]"),
    "counts as a header": (OF_SKLEARN, {"header": True}, "line 1[ ,:]"),
    "two counts": ("100,3\n1,2,3,0\n4,5,6,1\n", {}, "line 1[ ,:]"),
    "numbers and a name": ("0,1,class\n5,6,0\n7,8,1\n", {}, "line 1[ ,:]"),
    "numbers": ("0,1,2\n5,6,a\n7,8,b\n", {}, "line 1[ ,:]"),
    "integers that are one float64": (
        "1,9007199254740993\n2,9007199254740992\n3,1\n4,1\n",
        {},
        r"column 2: expected labels between -2\^53 and 2\^53",
    ),
}


@parametrize("content, arguments, words", *EXPLAINED.values(), ids=EXPLAINED)
def test_the_unexpected_is_explained(
    write: Write, content: str, arguments: Options, words: str
) -> None:
    message = message_of(write(content), **arguments)
    assert re.search(words, message), message


# What else is unexpected


@parametrize("label", "NA", "?", "n/a", "NULL")
def test_missing_labels(write: Write, label: str) -> None:
    """They may be a class, and hardly are."""
    path = write(f"1,a\n2,{label}\n3,b\n4,{label}\n")
    with pytest.warns(TrainingWarning, match=re.escape(f"column 2 holds {label!r}")):
        assert label in read_csv(path).target_names
    message = message_of(write(f"1,0\n2,{label}\n3,1\n"))
    assert re.search("line 2, column 2: .*a missing value", message)


@parametrize(
    "first, others, warns",
    ("0,1,2,3", "5.1,3.5,1.4,0\n4.9,3.0,1.4,1\n4.7,3.2,1.3,0", True),
    ("1,2,3,4", "0,0,255,1\n0,9,3,0\n0,9,3,1", True),
    ("400.5,401,401.5,0", ".1,.2,.4,1\n.1,.1,.3,0", True),  # wavelengths
    ("1,2,3,0", "4,5,6,1\n7,8,9,0", False),
    ("0,0,0,0", "1,0,0,1\n0,1,0,0", False),
    ("5.1,3.5,1.4,0", "4.9,3.0,1.4,1\n4.7,3.2,1.3,0", False),
    ("2019,2020,0", "1,2,1\n3,5,0", False),  # two numbers always ascend evenly
    ("1,2,3,0", "", False),
    ("0,1,2", ".5,.2,1\n.1,.7,0", True),  # pandas' names of columns without names
    ("0,1,2", "0,1,1\n.1,.7,0", False),
)
def test_a_header_of_numbers(
    write: Write, recwarn: pytest.WarningsRecorder, first: str, others: str, warns: bool
) -> None:
    path = write(f"{first}\n{others}\n")
    assert len(read_csv(path).X) == 1 + len(others.split())
    assert len(read_csv(path, header=False).X) == 1 + len(others.split())
    messages = [str(warning.message) for warning in recwarn]
    assert [("line 1 was read as data" in message) for message in messages] == [True] * warns


@parametrize(
    "header, named",
    ("label,p1,p2", "label"),
    ("p1,Class,p2", "class"),
    ("species,p1,p2", "species"),
    ("y,p1,p2", "y"),
    ("x,y,amount", None),
    ("p1,p2,label", None),
    ("p1,p2,y", None),
)
@pytest.mark.filterwarnings("always")
def test_labels_in_another_column(
    write: Write, recwarn: pytest.WarningsRecorder, header: str, named: str | None
) -> None:
    path = write(f"{header}\n1,2,0\n0,2,1\n1,5,1\n")
    read_csv(path)
    expected = [True] if named else []
    assert [f"targets='{named}'" in str(warning.message) for warning in recwarn] == expected
    recwarn.clear()
    if named:
        read_csv(path, targets=header.casefold().split(",").index(named))
        assert [str(warning.message) for warning in recwarn] == []


@parametrize("name", "", "Unnamed: 0", "index", "PassengerId", "rownames", "RowNumber")
@parametrize("first", 0, 1)
def test_an_index_is_no_feature(write: Write, name: str, first: int) -> None:
    """As `DataFrame.to_csv` writes one without being asked."""

    def read(numbers: list[int]) -> None:
        rows = "".join(f"{first + n},{i * i % 7},{i % 2}\n" for i, n in enumerate(numbers))
        read_csv(write(f"{name},width,label\n{rows}"))

    with pytest.warns(TrainingWarning, match=rf"column 1 \('{name}'\) is read as a feature, and n"):
        read([0, 1, 2, 3, 4, 5])
    with pytest.warns(TrainingWarning, match="numbers the rows"):
        read([0, 5, 4, 3, 2, 1])
    read([0, 2, 4, 6, 8, 10])  # no warning


def rows_of(row: Callable[[int], str]) -> str:
    return "".join(f"{row(n)}\n" for n in range(1, 9))


@parametrize(
    "rows, warns",
    (rows_of(lambda n: f"{n},{n * n % 7},{n % 2}"), True),
    (rows_of(lambda n: f"{n * n % 7},{n},{n % 2}"), False),
    (rows_of(lambda n: f"{n},{n * n / 7}"), False),  # the only one: a time axis
    (rows_of(lambda n: f"{n * 5 % 8},{n * n % 7},{n % 2}"), False),
)
def test_an_index_without_a_header(
    write: Write, recwarn: pytest.WarningsRecorder, rows: str, warns: bool
) -> None:
    read_csv(write(rows))
    assert ["column 1 is read as" in str(x.message) for x in recwarn] == [True] * warns


def test_texts_that_are_all_different(write: Write) -> None:
    """They are no classes: numbers with decimal commas and another delimiter, or names."""
    rows = [f"{n % 10},{n % 7};{n}" for n in range(30)]
    with pytest.warns(TrainingWarning, match=r"30 different texts, such as '0;0'.*delimiter=';'"):
        read_csv(write("\n".join(rows)))
    read_csv(write("\n".join(f"{n},name {n}" for n in range(9))))  # so few may be classes


# Compression, pipes


def test_gzip(write: Write) -> None:
    rows = b"1,2,a\n3,4,b\n" * 20000
    plain, data = (read_csv(write(content)) for content in (rows, gzip.compress(rows)))
    np.testing.assert_array_equal(data.X, plain.X)
    np.testing.assert_array_equal(data.y, plain.y)


@parametrize("damage", lambda c: c[:-9], lambda c: c[:40] + b"\0\0" + c[42:])
def test_damaged_gzip(write: Write, damage: Compress) -> None:
    rows = "".join(f"{n},{n * n},a\n" for n in range(100))
    assert "gzip" in message_of(write(damage(gzip.compress(rows.encode()))))


@parametrize("compress", bytes, gzip.compress)
def test_a_pipe_is_read_once(tmp_path: Path, compress: Compress) -> None:
    """As ``<(...)`` of a shell is: a second opening would wait for ever."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    content = compress(b"a,b,y\n" + b"1,2,0\n3,4,1\n" * 50000)
    writer = threading.Thread(target=path.write_bytes, args=(content,), daemon=True)
    writer.start()
    assert read_csv(path).X.shape == (100_000, 2)
    writer.join()


# Other kinds of files


def other_files(folder: Path) -> None:
    """A file of each kind, by the name that its error should say."""
    np.save(folder / "NumPy.npy", np.ones((3, 2)))
    np.savez(folder / "NumPy.npz", np.ones((3, 2)))
    MLP([2, 1]).save(folder / "safetensors")
    with zipfile.ZipFile(folder / "Excel.xlsx", "w") as book:
        book.writestr("[Content_Types].xml", "<xml/>")
    with zipfile.ZipFile(folder / "zip archive", "w") as archive:
        archive.writestr("train.csv", "1,2,3")
    (folder / "text").write_text("1,2,0\n")
    with tarfile.open(folder / "tar archive", "w") as tar:
        tar.add(folder / "text", "data.csv")
    (folder / "text").unlink()
    for name, beginning in {
        "Parquet": b"PAR1\x15\x04\x15",
        "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        "JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF",
        "PDF": b"%PDF-1.7\n%\xe2\xe3",
        "IDX": b"\0\0\x08\x03\0\0\0\x01",
        "HDF5": b"\x89HDF\r\n\x1a\n\0",
        "bzip2": b"BZh91AY",
        "JSON": b' [{"a": 1, "b": 2}]',
        "HTML": b"\n<!DOCTYPE html>\n<html>",
        "UTF-16": "a,b\n1,2\n".encode("utf-16"),
        "UTF-16 text": "1,2,3\n4,5,6\n".encode("utf-16-le"),
        "UTF-16 text ": "1,2,3\n4,5,6\n".encode("utf-16-be"),
        "UTF-32": "1,2\n".encode("utf-32"),
    }.items():
        (folder / name).write_bytes(beginning)


@parametrize("wrap", bytes, gzip.compress)
def test_other_files_are_named(tmp_path: Path, wrap: Compress) -> None:
    other_files(tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(wrap(path.read_bytes()))
        assert re.search(f"got .*{path.name.split('.')[0].strip()}", message_of(path)), path


def test_thousands_of_columns(write: Write) -> None:
    """A line may be longer than what is read at a time, and is named by what is wrong in it."""
    rng = np.random.default_rng(1)
    table = rng.normal(size=(9, 5000)).astype(np.float32)
    lines = [",".join(map(repr, row.tolist())) + f",{n % 2}" for n, row in enumerate(table)]
    data = read_csv(write("\n".join(lines)))
    np.testing.assert_array_equal(data.X, table)
    assert data.y.tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0]
    lines[7] = lines[7].replace(",", ",x", 1)
    message = message_of(write("\n".join(lines)))
    assert "line 8, column 2: " in message
    assert len(message) < 400


def test_warnings_point_at_the_caller(write: Write) -> None:
    with pytest.warns(TrainingWarning) as caught:
        read_csv(write("1,2,0\n3,4,0\n"))
    assert [warning.filename for warning in caught] == [__file__]
