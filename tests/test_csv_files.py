"""CSV files as they come: delimiters, compression, pipes, and what is none of them."""

import gzip
import os
import re
import tarfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fastnn import MLP, TrainingWarning
from fastnn.datasets import read_csv

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    path = tmp_path / "data.csv"

    def write_(content: str | bytes) -> Path:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_


def message_of(path: Path, **arguments: object) -> str:
    with pytest.raises(ValueError) as caught:
        read_csv(path, **arguments)  # type: ignore[arg-type]
    message = str(caught.value)
    assert message.startswith(f"{path}")
    return message


# Delimiters


SEEDS = "15.26\t14.84\t0.871\t\t5.763\t1\n14.88\t14.57\t0.8811\t5.554\t\t1\n14.29\t14\t.9\t5.2\t2\n"
HOUSING = " 0.00632  18.00   2.310  0  24.00\n 0.02731   0.00   7.070  1  21.60  \r\n"


@pytest.mark.parametrize(
    ("content", "X", "y"),
    [
        (SEEDS, [[15.26, 14.84, 0.871, 5.763], [14.88, 14.57, 0.8811, 5.554]], [0, 0]),
        (HOUSING, [[0.00632, 18, 2.31, 0], [0.02731, 0, 7.07, 1]], [24, 21.6]),
        ("a b\ty\n\n 1 \t 2 'p\n \t \n3 4 q\t", [[1, 2], [3, 4]], [0, 1]),
        ('"a a"\t"b"  y\n"1" 2  "p p"\n3 4 "q q"\n', [[1, 2], [3, 4]], [0, 1]),
    ],
    ids=["seeds", "housing", "header", "quotes"],
)
def test_runs_of_blanks(write: Write, content: str, X: object, y: object) -> None:
    """As in two of UCI's files; blanks may begin and end a line, and be its only content."""
    data = read_csv(write(content), delimiter="whitespace")
    np.testing.assert_array_equal(data.X[:2], np.array(X, np.float32))
    np.testing.assert_array_equal(data.y[:2], np.array(y, np.float32))


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("1;2;0\n3;4;1\n", ";"),
        ("1\t2\t0\n", "\t"),
        ("1|2|0\n", "|"),
        ("1 2 0\n", "whitespace"),
        (HOUSING, "whitespace"),
        ("1,5;2,5;0\n", ";"),
        ("a;b;c\n1;2;0\n", ";"),
    ],
)
def test_another_delimiter_is_named(write: Write, content: str, delimiter: str) -> None:
    path = write(content)
    assert f"delimiter={delimiter!r}" in message_of(path)
    if "," not in content:
        assert read_csv(path, delimiter=delimiter).X.shape[1] >= 2


def test_empty_fields_between_tabs(write: Write) -> None:
    message = message_of(write(SEEDS), delimiter="\t")
    assert "line 1, column 4" in message
    assert "delimiter='whitespace'" in message


# What else is unexpected


@pytest.mark.parametrize(
    ("field", "words"),
    [
        *((field, "a missing value") for field in ("NA", "?", "N/A", "null", "nan", "")),
        ("1,5", "a decimal comma"),
        ("-12,25", "a decimal comma"),
        ("1,234,567.8", "a decimal comma"),
        ("3:0.25", "libsvm"),
        ("12:30", ""),
        ("12 cm", ""),
    ],
)
def test_a_field_that_is_no_number_is_explained(write: Write, field: str, words: str) -> None:
    message = message_of(write(f"1;2;x\n3;{field};x\n"), delimiter=";")
    assert re.search(rf"line 2, column 2: .* got .*{re.escape(field)}.*{words}", message), message


def test_delimiters_at_the_ends_of_lines(write: Write) -> None:
    assert "line 1, column 4: " in (message := message_of(write("1,2,0,\n3,4,1,\n")))
    assert "do lines end in a delimiter?" in message


def test_delimiters_at_the_ends_of_lines_of_text(write: Write) -> None:
    assert "do lines end in a delimiter?" in message_of(write("1,2,a,\n3,4,b,\n"))


@pytest.mark.parametrize("first", ["# of 2026", "@relation iris", "sep=,"])
def test_comments(write: Write, first: str) -> None:
    assert "line 1: " in (message := message_of(write(f"{first}\n1,2,0\n3,4,1\n")))
    assert "a comment?" in message or "leave the line out" in message


@pytest.mark.parametrize("label", ["NA", "?", "n/a", "NULL"])
def test_missing_labels(write: Write, label: str) -> None:
    """They may be a class, and hardly are."""
    path = write(f"1,a\n2,{label}\n3,b\n4,{label}\n")
    with pytest.warns(TrainingWarning, match=re.escape(f"column 2 holds {label!r}")):
        assert label in read_csv(path).target_names
    path = write(f"1,0\n2,{label}\n3,1\n")
    assert re.search("line 2, column 2: .*a missing value", message_of(path))


def test_rows_of_missing_values_are_no_header(write: Write) -> None:
    assert "line 1, column 1: " in (message := message_of(write("?,?,1\n3,4,0\n")))
    assert "a missing value" in message


@pytest.mark.parametrize(
    ("content", "header"),
    [
        ("150,4,setosa,versicolor,virginica\n5.1,3.5,1.4,0.2,0\n", None),
        ("569,30,malignant,benign\n1,2,3,4,5,0\n6,7,8,9,0,1\n", None),
        ("569,30,malignant,benign\n1,2,3,4,5,0\n6,7,8,9,0,1\n", True),
        ("100,3\n1,2,3,0\n4,5,6,1\n", None),
        ("0,1,class\n5,6,0\n7,8,1\n", None),
        ("0,1,2\n5,6,a\n7,8,b\n", None),
    ],
)
def test_the_first_line_is_blamed(write: Write, content: str, header: bool | None) -> None:
    """Where it is the odd one, such as the counts and names of scikit-learn's files."""
    message = message_of(write(content), header=header)
    assert re.search(r"line 1[ ,:]", message), message


@pytest.mark.parametrize(
    ("first", "others", "warns"),
    [
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
    ],
)
def test_a_header_of_numbers(
    write: Write, recwarn: pytest.WarningsRecorder, first: str, others: str, warns: bool
) -> None:
    path = write(f"{first}\n{others}\n")
    assert len(read_csv(path).X) == 1 + others.count(",1\n") + others.count(",0\n") + bool(others)
    assert len(read_csv(path, header=False).X) == others.count("\n") + 1 + bool(others)
    messages = [str(warning.message) for warning in recwarn]
    assert [("line 1 was read as data" in message) for message in messages] == [True] * warns


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("label,p1,p2", "label"),
        ("p1,Class,p2", "class"),
        ("species,p1,p2", "species"),
        ("y,p1,p2", "y"),
        ("x,y,amount", None),
        ("p1,p2,label", None),
        ("p1,p2,y", None),
    ],
)
@pytest.mark.filterwarnings("always")
def test_labels_in_another_column(
    write: Write, recwarn: pytest.WarningsRecorder, header: str, named: str | None
) -> None:
    path = write(f"{header}\n1,2,0\n0,2,1\n1,5,1\n")
    read_csv(path)
    assert [f"targets='{named}'" in str(warning.message) for warning in recwarn] == [True] * bool(
        named
    )
    recwarn.clear()
    if named:
        column = header.casefold().split(",").index(named)
        read_csv(path, targets=column)
        assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.parametrize(
    "name", ["", "Unnamed: 0", "index", "PassengerId", "rownames", "RowNumber"]
)
@pytest.mark.parametrize("first", [0, 1])
def test_an_index_is_no_feature(write: Write, name: str, first: int) -> None:
    """As `DataFrame.to_csv` writes one without being asked."""
    rows = "".join(f"{first + n},{n * n % 7},{n % 2}\n" for n in range(6))
    with pytest.warns(TrainingWarning, match=rf"column 1 \('{name}'\) is read as a feature, and n"):
        read_csv(write(f"{name},width,label\n{rows}"))
    shuffled = "".join(f"{first + n * 5 % 6},{n * n % 7},{n % 2}\n" for n in range(6))
    with pytest.warns(TrainingWarning, match="numbers the rows"):
        read_csv(write(f"{name},width,label\n{shuffled}"))
    others = "".join(f"{first + 2 * n},{n * n % 7},{n % 2}\n" for n in range(6))
    read_csv(write(f"{name},width,label\n{others}"))  # no warning


@pytest.mark.parametrize(
    ("rows", "warns"),
    [
        ("".join(f"{n},{n * n % 7},{n % 2}\n" for n in range(1, 9)), True),
        ("".join(f"{n * n % 7},{n},{n % 2}\n" for n in range(1, 9)), False),
        ("".join(f"{n},{n * n / 7}\n" for n in range(1, 9)), False),  # the only one: a time axis
        ("".join(f"{n * 5 % 8},{n * n % 7},{n % 2}\n" for n in range(1, 9)), False),
    ],
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


def test_integers_that_are_one_float64_are_no_labels(write: Write) -> None:
    content = "1,9007199254740993\n2,9007199254740992\n3,1\n4,1\n"
    assert "column 2: expected labels between -2^53 and 2^53" in message_of(write(content))


def test_an_empty_field_at_the_end_of_the_first_line(write: Write) -> None:
    for header in ("", "x,y,class,\n"):
        content = f"{header}1,2,a,\n3,4,b,\n"
        assert "do lines end in a delimiter?" in message_of(write(content), targets=[2, 3])


def test_a_header_that_ends_in_a_delimiter_hides_no_missing_value(write: Write) -> None:
    message = message_of(write("a,b,\n1,2,0\n?,4,1\n"))
    assert "line 3, column 1 ('a'): expected a finite number" in message
    assert "a missing value" in message


def test_an_empty_field_between_tabs(write: Write) -> None:
    message = message_of(write("x\ty\tclass\n1\t\ta\n"), delimiter="\t")
    assert re.search(r"line 2, column 2 \('y'\).*a missing value.*delimiter='whitespace'", message)


# Compression, pipes


def test_gzip(write: Write) -> None:
    plain = read_csv(write("1,2,a\n3,4,b\n" * 20000))
    data = read_csv(write(gzip.compress(b"1,2,a\n3,4,b\n" * 20000)))
    np.testing.assert_array_equal(data.X, plain.X)
    np.testing.assert_array_equal(data.y, plain.y)


@pytest.mark.parametrize("damage", [lambda c: c[:-9], lambda c: c[:40] + b"\0\0" + c[42:]])
def test_damaged_gzip(write: Write, damage: Callable[[bytes], bytes]) -> None:
    rows = "".join(f"{n},{n * n},a\n" for n in range(100))
    assert "gzip" in message_of(write(damage(gzip.compress(rows.encode()))))


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_pipe_is_read_once(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
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


@pytest.mark.parametrize("wrap", [bytes, gzip.compress])
def test_other_files_are_named(tmp_path: Path, wrap: Callable[[bytes], bytes]) -> None:
    other_files(tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(wrap(path.read_bytes()))
        assert re.search(f"got .*{path.name.split('.')[0].strip()}", message_of(path)), path


@pytest.mark.parametrize("width", [5000])
def test_thousands_of_columns(write: Write, width: int) -> None:
    """A line may be longer than what is read at a time, and is named by what is wrong in it."""
    rng = np.random.default_rng(1)
    table = rng.normal(size=(9, width)).astype(np.float32)
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
