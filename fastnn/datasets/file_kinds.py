"""Recognize files that are not text."""

_BEGINNINGS = {  # a longer signature before the shorter one that it begins with
    b"\xff\xfe\0\0": "UTF-32 text",
    b"\0\0\xfe\xff": "UTF-32 text",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"\x1f\x8b": "data compressed with gzip twice",
    b"BZh": "data compressed with bzip2",
    b"\xfd7zXZ\0": "data compressed with xz",
    b"\x28\xb5\x2f\xfd": "data compressed with Zstandard",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"\x93NUMPY": "an array of NumPy (.npy)",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an Excel workbook (.xls)",
    b"SQLite format 3\0": "an SQLite database",
    b"\x89PNG\r\n\x1a\n": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF-": "a PDF document",
    b"\0\0\x08": "an IDX file, as MNIST's are",
    **{b"\x80%c" % protocol: "a pickle" for protocol in range(2, 6)},
}
_ZIP = b"PK\x03\x04"
_TAR = 257, b"ustar"  # offset and mark of a tar archive


def kind_of(beginning: bytes) -> str | None:
    """Return the kind of a file with this beginning; None if it may be text in UTF-8."""
    for magic, kind in _BEGINNINGS.items():
        if beginning.startswith(magic):
            return kind
    if beginning.startswith(_TAR[1], _TAR[0]):
        return "a tar archive"
    if beginning.startswith(_ZIP):
        return _zip(beginning)
    if beginning[8:10] == b'{"' and int.from_bytes(beginning[:8], "little") < 1 << 32:
        return "a safetensors file"
    if beginning.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        return "a web page (HTML)"
    if beginning.lstrip().startswith((b'{"', b"[{", b"[[")):
        return "JSON"
    # In UTF-16, every other byte of numbers is 0.
    half = len(beginning) // 2
    if half and max(beginning[::2].count(0), beginning[1::2].count(0)) > 0.9 * half:
        return "UTF-16 text"
    return None


def _zip(beginning: bytes) -> str:
    first_name = beginning[30 : 30 + int.from_bytes(beginning[26:28], "little")]
    if first_name.endswith(b".npy"):
        return "arrays of NumPy (.npz)"
    if first_name.startswith((b"[Content_Types]", b"_rels/", b"xl/", b"docProps/")):
        return "an Office document such as an Excel workbook (.xlsx)"
    return "a zip archive, as Excel workbooks (.xlsx) are too"
