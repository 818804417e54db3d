"""Model files and pickles: what comes back, what is refused, and that a file is whole or absent."""

import copy
import errno
import json
import math
import os
import pickle
import resource
import stat
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import SOFTSIGN, Kind, Options, arrays_of, parameters, parametrize, peak_of, run_python
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import fastnn
from fastnn import Activation, ModelFileError, reference
from fastnn.common.arrays import Array
from fastnn.network import Network

SINE = Activation("sine", np.sin, np.cos)  # of functions that can be pickled


def made(kind: Kind = fastnn.MLP, sizes: tuple[int, ...] = (4, 3, 3), **options: Any) -> Network:
    """A network whose parameters are all different, and different from the initial ones."""
    network = kind(sizes, **{"seed": 1, **options})
    values = np.random.default_rng(2)
    for array in arrays_of(network):
        array[...] = values.standard_normal(array.shape)
    return network


def assert_same(network: Network, other: Network) -> None:
    assert repr(network) == repr(other)
    assert network.activation_functions == other.activation_functions
    for one, another in zip(arrays_of(network), arrays_of(other), strict=True):
        assert (one.dtype, one.shape) == (another.dtype, another.shape)
    assert parameters(network) == parameters(other)


def metadata_of(path: Path) -> Any:
    with safe_open(path, framework="numpy") as file:
        return file.metadata()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


# Round trips


@parametrize("reader", fastnn.MLP, reference.MLP)
@parametrize("dtype", "float32", "float64")
@parametrize(
    "sizes, activations",
    ((4, 3, 3), {}),
    ((1, 1), {"output_activation": "identity"}),
    ((40, 3), {"output_activation": "relu"}),  # stored transposed
    ((3, 40, 17, 2), {"activation": ["tanh", "relu"], "output_activation": "identity"}),
)
def test_round_trip(
    path: Path, kind: Kind, reader: Kind, dtype: str, sizes: tuple[int, ...], activations: Options
) -> None:
    """Both classes read what either has written."""
    network = made(kind, sizes, dtype=dtype, **activations)
    network.save(path)
    loaded = reader.load(path)
    assert type(loaded) is reader
    assert_same(loaded, network)
    if type(loaded) is kind:
        X = np.random.default_rng(3).random((5, sizes[0]))
        assert loaded.predict(X).tobytes() == network.predict(X).tobytes()


def test_both_classes_write_the_same(tmp_path: Path) -> None:
    contents = []
    for name, network_class in (("a", fastnn.MLP), ("b", reference.MLP)):
        made(network_class, (40, 7, 3)).save(tmp_path / name)
        tensors = {key: array.tolist() for key, array in load_file(tmp_path / name).items()}
        contents.append((metadata_of(tmp_path / name), tensors))
    assert contents[0] == contents[1]


def test_special_values(path: Path) -> None:
    network = made()
    network.weights[0][:, 0] = np.nan, np.inf, -np.inf, -0.0
    network.biases[0][:] = np.nextafter(np.float32(0), np.float32(1))
    network.save(path)
    assert_same(fastnn.MLP.load(path), network)


def test_a_loaded_network_trains(path: Path) -> None:
    X, y = np.random.default_rng(3).random((9, 4)), np.arange(9) % 3
    network = made()
    network.save(path)
    loaded = fastnn.MLP.load(path)
    for each in (network, loaded):
        each.train(X, y, epochs=3, shuffle=False)  # the file holds no random generator
    assert_same(loaded, network)
    loaded.weights[0][:] = 0
    assert loaded.predict(X)[0].tobytes() != network.predict(X)[0].tobytes()


def test_path_as_str_and_any_name(tmp_path: Path) -> None:
    network = made()
    for name in ("plain", "with blank", "ünï", ".hidden", "m" * 250):
        network.save(str(tmp_path / name))
        assert_same(fastnn.MLP.load(str(tmp_path / name)), network)
        assert_same(fastnn.MLP.load(tmp_path / name), network)


def test_float16_is_for_the_reference(path: Path) -> None:
    network = made(reference.MLP, dtype="float16")
    network.save(path)
    assert_same(reference.MLP.load(path), network)
    with pytest.raises(ModelFileError, match="float16"):
        fastnn.MLP.load(path)


def test_a_dtype_that_safetensors_lacks(path: Path) -> None:
    network = reference.MLP([4, 3], dtype="longdouble", seed=1)
    if network.dtype == np.float64:  # on some platforms
        network.save(path)
        assert_same(reference.MLP.load(path), network)
    else:
        with pytest.raises((TypeError, ValueError), match=network.dtype.name):
            network.save(path)
        assert not path.exists()


# Activations of one's own


def test_own_activations_are_found_by_name(path: Path, kind: Kind) -> None:
    network = made(kind, (4, 5, 5, 3), activation=[SOFTSIGN, "tanh"], output_activation=SINE)
    network.save(path)
    loaded = kind.load(path, activations=iter([SINE, SOFTSIGN, Activation("x", abs, abs)]))
    assert_same(loaded, network)
    X = np.random.default_rng(3).random((5, 4))
    assert loaded.predict(X).tobytes() == network.predict(X).tobytes()


def test_own_activations_that_are_not_given(path: Path) -> None:
    made(activation=SOFTSIGN, output_activation=SINE).save(path)
    for given in ([], [SINE]):
        with pytest.raises(ModelFileError, match=r"'softsign'.*activations"):
            fastnn.MLP.load(path, activations=given)


@parametrize("wrong", 3, "softsign", ["softsign"], SOFTSIGN, [None])
def test_activations_that_are_none(path: Path, wrong: Any) -> None:
    made().save(path)
    with pytest.raises(TypeError, match=r"^activations must be"):
        fastnn.MLP.load(path, activations=wrong)


# The format


def test_the_official_package_reads_it(path: Path) -> None:
    network = made(sizes=(40, 7, 3), activation="tanh")
    network.save(path)
    tensors = load_file(path)
    names = ["weights.0", "weights.1", "biases.0", "biases.1"]
    assert sorted(tensors) == sorted(names)
    for name, array in zip(names, arrays_of(network), strict=True):
        np.testing.assert_array_equal(tensors[name], array, strict=True)
    metadata = metadata_of(path)
    assert metadata["format_version"] == "1"
    assert json.loads(metadata["architecture"]) == {
        "layer_sizes": [40, 7, 3],
        "activations": ["tanh", "sigmoid"],
        "loss": "squared_error",
        "dtype": "float32",
    }


ARCHITECTURE = {
    "layer_sizes": [2, 3, 1],
    "activations": ["tanh", "sigmoid"],
    "loss": "squared_error",
    "dtype": "float32",
}
TRAINING = {"generator": None, "split": None, "optimizer": None}
DATA: Options = {
    "class_names": None,
    "feature_names": None,
    "target_names": None,
    "input_scaling": None,
    "target_levels": [],
    "has_multi_hot_rows": False,
}
SHAPES = {"weights.0": (2, 3), "biases.0": (3,), "weights.1": (3, 1), "biases.1": (1,)}


def numbered(shapes: dict[str, tuple[int, ...]], dtype: Any = "float32") -> dict[str, Array]:
    return {
        name: np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
        for name, shape in shapes.items()
    }


def write(
    path: Path,
    *,
    architecture: Any = ARCHITECTURE,
    data: Options = DATA,
    tensors: dict[str, Array] | None = None,
    **metadata: str | None,
) -> None:
    """Write a file of format version 1 independently of `save`, its checksum right, with changes.

    An architecture that is a str stands for itself, metadata of None are left out.
    """
    tensors = numbered(SHAPES) if tensors is None else tensors
    texts = [
        architecture if isinstance(architecture, str) else json.dumps(architecture),
        json.dumps(TRAINING),
        json.dumps(data),
    ]
    # All weights come before all biases, whatever the order of the tensors in the file.
    arrays = [tensors[name] for name in sorted(tensors, key=lambda name: name[0] == "b")]
    crc = zlib.crc32("".join(texts).encode())
    for array in arrays:
        crc = zlib.crc32(array.tobytes(), crc)
    complete = {
        "format": "fastnn-mlp",
        "format_version": "1",
        **dict(zip(("architecture", "training", "data"), texts, strict=True)),
        "crc32": f"{crc:08x}",
        **metadata,
    }
    save_file(tensors, path, {name: value for name, value in complete.items() if value is not None})


def test_files_of_version_1_can_be_read_for_ever(path: Path) -> None:
    write(path)
    network = fastnn.MLP.load(path)
    assert network.layer_sizes == (2, 3, 1)
    assert [activation.name for activation in network.activation_functions] == ["tanh", "sigmoid"]
    for array in arrays_of(network):
        np.testing.assert_array_equal(array.ravel(), np.arange(array.size))


@contextmanager
def refused(path: Path, *words: str) -> Iterator[None]:
    """Expect exactly a ModelFileError that names the file and says the words."""
    with pytest.raises(ModelFileError) as caught:
        yield
    assert type(caught.value) is ModelFileError
    assert not [word for word in (str(path), *words) if word not in str(caught.value)]


def refuses(path: Path, *words: str, **changes: Any) -> None:
    """Load the file, written with the changes if there are any, and expect to be refused."""
    if changes:
        write(path, **changes)
    with refused(path, *words):
        fastnn.MLP.load(path)


# Damage


def loaded_or_error(path: Path) -> Network | Exception:
    try:
        return fastnn.MLP.load(path)
    except Exception as error:
        return error


@pytest.fixture
def small(path: Path) -> bytes:
    made(sizes=(1, 2, 1)).save(path)
    return path.read_bytes()


def test_truncation_at_every_length(path: Path, small: bytes) -> None:
    for length in range(len(small)):
        path.write_bytes(small[:length])
        refuses(path)


@parametrize("surplus", b"\0", b"\0" * 64, b"x")
def test_surplus(path: Path, small: bytes, surplus: bytes) -> None:
    path.write_bytes(small + surplus)
    refuses(path)


@parametrize("bits", 0x01, 0x20, 0x80, 0xFF, ids=hex)
def test_every_flipped_byte(path: Path, small: bytes, bits: int) -> None:
    expected = fastnn.MLP.load(path)
    survivors = []
    for place in range(len(small)):
        flipped = bytearray(small)
        flipped[place] ^= bits
        path.write_bytes(flipped)
        outcome = loaded_or_error(path)
        if isinstance(outcome, Network):
            assert_same(outcome, expected)
            survivors.append(place)
        else:
            assert type(outcome) is ModelFileError, f"byte {place}: {outcome!r}"
            assert str(path) in str(outcome)
    assert len(survivors) < 10, f"nobody reads the bytes at {survivors}"


@parametrize(
    "content",
    *(b"", b"4-3-3 network of 27 parameters\n" * 99, bytes(range(256)) * 4, b"\0" * 1000),
    *(b"\xff" * 1000, pickle.dumps({"weights": np.ones(3)})),
    struct.pack("<Q", 2**62) + b"{}",  # an endless header
    struct.pack("<Q", 2) + b"{}",  # nothing
    struct.pack("<Q", 200_000) + b"[" * 200_000,  # a deep header
    ids=lambda content: repr(content[:20]),
)
def test_foreign_file(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refuses(path)


@parametrize("metadata", None, {"format": "pt"})
def test_foreign_safetensors(path: Path, metadata: dict[str, str] | None) -> None:
    save_file(numbered(SHAPES), path, metadata)
    refuses(path, "no fastnn network")


@parametrize("version", "2", "10", "999999999")
def test_later_version(path: Path, version: str) -> None:
    refuses(path, f"version {version}", "up to 1", format_version=version, architecture="{}")


@parametrize(
    "name, value",
    *(("format_version", value) for value in (None, "", "x", "-1", "1.0", "१", "²", "9" * 99)),
    *(("format", value) for value in (None, "", "fastnn")),
    *(("crc32", value) for value in (None, "", "00000000", "zzzzzzzz")),
)
def test_tampered_metadata(path: Path, name: str, value: str | None) -> None:
    refuses(path, **{name: value})


TAMPERED: Options = {
    "layer_sizes": (
        *(None, 3, [], [2], [2, 3], [2, 3, 1, 1], [2, 4, 1], [3, 2, 1], [2, 3, 0], [2, 3, -1]),
        *([2, 3, 1.0], [2, 3, "1"], [2, 3, True], [2, [3], 1], "231", [2, 3, None]),
        {"2": 2, "3": 3, "1": 1},
    ),
    "activations": (
        *(None, 3, [], ["tanh"], ["tanh"] * 3, ["tanh", 3], ["tanh", None], ["tanh", "swish"]),
        *(["tanh", ["sigmoid"]], ["tanh", ""], "ab"),
    ),
    "loss": (None, 3, "mse", "", ["squared_error"]),
    "dtype": (None, 32, "", "float64", "float16", "int32", "f4", "object", ["float32"]),
}


@parametrize(
    "architecture",
    *("", "{", "[]", "null", "3", '"x"', "{}", "[" * 100_000, '{"layer_sizes": [2, 3, 1]}'),
    json.dumps(ARCHITECTURE).replace("3", "9" * 5000),  # integers too long for Python
    *({key: ARCHITECTURE[key] for key in ARCHITECTURE if key != left} for left in ARCHITECTURE),
    {**ARCHITECTURE, "more": 1},
    *({**ARCHITECTURE, key: value} for key, values in TAMPERED.items() for value in values),
    ids=lambda value: str(value)[:80],
)
def test_tampered_architecture(path: Path, architecture: Any) -> None:
    refuses(path, architecture=architecture)


@parametrize(
    "entry, whole, damaged",
    (
        "input_scaling",
        {"shift": [0, 0.5], "scale": [1, 2]},
        [
            {"shift": [0, 0], "scale": [1, 0]},
            {"shift": [0, 0, 0], "scale": [1, 1, 1]},
            {"shift": [0, math.nan], "scale": [1, 1]},
            {"shift": [0, 0]},
            [1, 2],
        ],
    ),
    ("feature_names", ["a", "b"], [["a"], ["a", 4]]),
    ("target_names", ["a"], [["a", "b"], [4]]),
    ("class_names", ["a", "b"], [["a", "a"], ["a"]]),
    ("target_levels", [0.0, 0.5], [[0.0, 0.5, 1.0], [1.0, 0.0], [0, 1], [0.0, math.nan], "01"]),
    ("has_multi_hot_rows", True, [1]),
)
def test_tampered_records_of_the_data(
    path: Path, entry: str, whole: Any, damaged: list[Any]
) -> None:
    write(path, data={**DATA, entry: whole})
    fastnn.MLP.load(path)
    for value in damaged:
        refuses(path, "damaged: its record of the data", data={**DATA, entry: value})


@parametrize(
    "sizes", [10**9, 10**9, 1], [2, 10**9, 1], [10**18, 10**18, 10**18], [2, 3, 10**30], ids=str
)
def test_huge_layer_sizes_allocate_nothing(path: Path, sizes: list[int]) -> None:
    write(path, architecture={**ARCHITECTURE, "layer_sizes": sizes})
    fastnn.MLP([1, 1]).save(path.with_name("first"))  # imports what is needed
    assert peak_of(lambda: refuses(path)) < 1_000_000


@parametrize("sizes", [0, 3], [2, 0], [2, 0, 1], ids=str)
def test_widths_of_0_with_tensors_to_match(path: Path, sizes: list[int]) -> None:
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        shapes |= {f"weights.{layer}": (fan_in, fan_out), f"biases.{layer}": (fan_out,)}
    changed = {"layer_sizes": sizes, "activations": ["sigmoid"] * (len(sizes) - 1)}
    refuses(path, architecture={**ARCHITECTURE, **changed}, tensors=numbered(shapes))


@parametrize(
    "shapes",
    {},
    {name: shape for name, shape in SHAPES.items() if name != "biases.1"},
    {{"biases.1": "bias.1"}.get(name, name): shape for name, shape in SHAPES.items()},
    *({**SHAPES, "weights.0": shape} for shape in ((3, 2), (6,), (2, 3, 1))),
    *({**SHAPES, "biases.0": shape} for shape in ((3, 1), (2,))),
    *({**SHAPES, **more} for more in ({"biases.1": ()}, {"weights.2": (1, 1)})),
    {**SHAPES, "momentum": (1,)},
    ids=str,
)
def test_other_tensors(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    refuses(path, tensors=numbered(shapes))


@parametrize("dtype", "float64", "float16", "int32", "uint8", "bool", "complex64")
def test_tensors_of_another_dtype(path: Path, dtype: str) -> None:
    refuses(path, tensors=numbered(SHAPES, dtype))
    refuses(path, tensors={**numbered(SHAPES), "biases.1": np.zeros(1, dtype)})


@parametrize("code", "BF16", "F8_E4M3", "F8_E5M2", "F8_E8M0")
def test_tensors_of_a_dtype_that_numpy_lacks(path: Path, code: str) -> None:
    width = 2 if code == "BF16" else 1
    write(path, tensors=numbered(SHAPES, f"u{width}"))
    content = path.read_bytes()
    start = 8 + struct.unpack("<Q", content[:8])[0]
    header = content[8:start].decode().replace(f'"dtype":"U{8 * width}"', f'"dtype":"{code}"')
    assert code in header
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + content[start:])
    refuses(path)


# Nothing is unpickled

_UNPICKLING = """
import pickle, sys
import numpy, safetensors.numpy  # they may load what they like
from fastnn import MLP, ModelFileError

seen = []
sys.addaudithook(lambda event, _: seen.append(event) if event == "pickle.find_class" else None)
model, bomb, marker = sys.argv[1:]
MLP.load(model)
for path in (bomb, bomb + ".npy", bomb + ".npz"):
    try:
        MLP.load(path)
    except ModelFileError:
        pass
    else:
        sys.exit(f"{path} was loaded")
if seen:
    sys.exit("something was unpickled")
pickle.load(open(bomb, "rb"))
if not seen:
    sys.exit("the hook sees nothing")
"""


class _Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._marker),)


def test_nothing_is_unpickled_on_load(tmp_path: Path) -> None:
    model, bomb, marker = tmp_path / "model", tmp_path / "bomb", tmp_path / "marker"
    made().save(model)
    payload = np.array([_Bomb(marker)], dtype=object)
    bomb.write_bytes(pickle.dumps(payload))
    np.save(f"{bomb}.npy", payload)
    np.savez(f"{bomb}.npz", payload)
    result = run_python("-c", _UNPICKLING, model, bomb, marker)
    assert result.returncode == 0, result.stderr
    assert marker.is_dir(), "the bomb is a dud"


# Files and folders


def test_loading_what_is_not_there(tmp_path: Path, kind: Kind) -> None:
    for path, error in ((tmp_path / "missing", FileNotFoundError), (tmp_path, IsADirectoryError)):
        with pytest.raises(error) as caught:
            kind.load(path)
        assert caught.value.filename == str(path)


@parametrize("write", fastnn.MLP.save, fastnn.MLP.export_onnx)
@parametrize(
    "place, error, message",
    ("missing/model", FileNotFoundError, "No such file"),
    ("file/model", NotADirectoryError, "Not a directory"),
    ("folder", IsADirectoryError, "Is a directory"),
    ("pipe", OSError, "Not a regular file"),
)
def test_places_that_cannot_be_saved_to(
    tmp_path: Path, write: Any, place: str, error: type[OSError], message: str
) -> None:
    """The error names the path that was given, and nothing is changed."""
    (tmp_path / "file").write_text("text")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(error, match=message) as caught:
        write(made(), tmp_path / place)
    assert caught.value.filename == str(tmp_path / place)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text() == "text"
    assert (tmp_path / "pipe").is_fifo()


def test_saving_over_the_root() -> None:
    with pytest.raises(IsADirectoryError):
        made().save("/")


def test_a_read_only_file_is_not_replaced(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text("before")
    # The superuser, as whom tests may run, may write everywhere.
    monkeypatch.setattr(os, "access", lambda place, mode: mode != os.W_OK)
    with pytest.raises(PermissionError) as caught:
        made().save(path)
    assert caught.value.filename == str(path)
    assert path.read_text() == "before"


def test_a_file_descriptor_is_no_path_and_stays_open(path: Path) -> None:
    made().save(path)
    descriptor: Any = os.open(path, os.O_RDONLY)
    with pytest.raises(TypeError):
        fastnn.MLP.load(descriptor)
    os.close(descriptor)  # raises if load has closed it


# A file is whole or absent


@contextmanager
def no_file_may_grow_beyond(n_bytes: int) -> Iterator[None]:
    """As on a full disk, any write beyond that fails. (Python ignores the signal for it.)"""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@parametrize("existed", False, True)
def test_a_save_that_fails(path: Path, existed: bool) -> None:
    before = made()
    if existed:
        before.save(path)
    larger = made(sizes=(300, 200, 3))
    too_large = rf"\[Errno {errno.EFBIG}\]"
    with no_file_may_grow_beyond(100_000), pytest.raises(OSError, match=too_large):
        larger.save(path)
    assert list(path.parent.iterdir()) == ([path] if existed else [])
    if existed:
        assert_same(fastnn.MLP.load(path), before)


@parametrize("call", "fsync", "replace")
@parametrize("write", fastnn.MLP.save, fastnn.MLP.export_onnx)
def test_writing_that_is_interrupted(
    path: Path, monkeypatch: pytest.MonkeyPatch, write: Any, call: str
) -> None:
    path = path.with_suffix("")
    path.write_text("before")

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, call, interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(made(), path)
    assert list(path.parent.iterdir()) == [path]
    assert path.read_text() == "before"


def test_a_reader_keeps_the_file_it_has_opened(path: Path) -> None:
    made().save(path)
    content = path.read_bytes()
    with path.open("rb") as file:
        made(sizes=(4, 9, 3)).save(path)
        assert file.read() == content
    assert fastnn.MLP.load(path).layer_sizes == (4, 9, 3)
    assert list(path.parent.iterdir()) == [path]


@parametrize("umask, mode", (0o022, 0o644), (0o027, 0o640), (0o077, 0o600))
def test_permissions_follow_the_umask_and_stay(path: Path, umask: int, mode: int) -> None:
    previous = os.umask(umask)
    try:
        made().save(path)
        assert stat.S_IMODE(path.stat().st_mode) == mode
        path.chmod(0o604)
        made().save(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(previous)


@parametrize("relative", False, True)
@parametrize("exists", False, True)
def test_a_symbolic_link_stays_one(tmp_path: Path, relative: bool, exists: bool) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    target, link = folder / "model", tmp_path / "link"
    if exists:
        target.write_text("old")
    link.symlink_to(target.relative_to(tmp_path) if relative else target)
    network = made()
    network.save(link)
    assert link.is_symlink()
    assert not target.is_symlink()
    assert_same(fastnn.MLP.load(target), network)
    assert_same(fastnn.MLP.load(link), network)
    assert sorted(tmp_path.iterdir()) == [folder, link]
    assert list(folder.iterdir()) == [target]


# Pickles and copies

Copy = Callable[[Network], Network]


def pickled(protocol: int) -> Copy:
    return lambda network: pickle.loads(pickle.dumps(network, protocol))


COPIES: dict[str, Copy] = {
    "deepcopy": copy.deepcopy,
    **{f"pickle {n}": pickled(n) for n in range(pickle.HIGHEST_PROTOCOL + 1)},
}
each_copy = parametrize("copied", *COPIES.values(), ids=COPIES)
X, Y = np.random.default_rng(3).random((9, 4)), np.arange(9) % 3


@each_copy
def test_a_copy_is_the_same_and_goes_on_the_same(kind: Kind, copied: Copy) -> None:
    network = made(kind, (4, 5, 40, 3), activation=["tanh", SINE], dtype="float64")
    network.train(X, Y)
    twin = copied(network)
    assert type(twin) is kind
    assert_same(twin, network)
    losses = network.train(X, Y, epochs=3).loss
    assert twin.train(X, Y, epochs=3).loss == losses, "the orders of the epochs differ"
    assert_same(twin, network)


@each_copy
def test_a_copy_is_independent_and_its_views_are_live(kind: Kind, copied: Copy) -> None:
    network = made(kind, (4, 40, 3))  # the last layer is stored transposed
    example = np.random.default_rng(4).random(4)
    outputs = network.predict(example)
    twin = copied(network)
    for own, others in zip(arrays_of(network), arrays_of(twin), strict=True):
        assert not np.shares_memory(own, others)
    for array, value in zip(arrays_of(twin), (0, 0.1, 0, [0, 1, 2]), strict=True):
        array[...] = value  # hidden units of 0.5
    expected = 1 / (1 + np.exp(-(40 * 0.5 * 0.1 + np.arange(3))))
    np.testing.assert_allclose(twin.predict(example), expected, rtol=1e-5)
    np.testing.assert_array_equal(network.predict(example), outputs)


@each_copy
def test_a_copy_made_during_training_can_be_trained(copied: Copy) -> None:
    """That is what the error for training a network twice at a time advises."""
    network = made()
    losses: list[float] = []

    def train_a_copy(step: object) -> None:
        with pytest.raises(RuntimeError, match="train a copy"):
            network.train(X, Y)
        losses.extend(copied(network).train(X, Y).loss)

    network.train(X, Y, epochs=2, callback=train_a_copy)
    assert len(losses) == 2


def test_networks_that_share_a_generator_still_do(path: Path) -> None:
    generator = np.random.default_rng(1)
    pair = made(seed=generator), made(seed=generator)
    twins = copy.deepcopy(pair)
    for one, other in (pair, twins):
        one.train(X, Y)
        other.train(X, Y)
    for network, twin in zip(pair, twins, strict=True):
        assert_same(twin, network)


def test_saving_while_another_thread_trains(path: Path) -> None:
    network = fastnn.MLP([300, 256, 10], seed=1)
    X, y = np.random.default_rng(0).random((500, 300), np.float32), np.arange(500) % 10
    saved = []
    thread = threading.Thread(target=network.train, args=(X, y), kwargs={"epochs": 20})
    thread.start()
    while thread.is_alive():
        network.save(path)
        saved.append(fastnn.MLP.load(path))  # its checksum is that of one moment
    thread.join()
    assert saved


def test_a_loaded_network_can_be_seeded(path: Path) -> None:
    made().save(path)
    first, second = (fastnn.MLP.load(path, seed=7) for _ in range(2))
    X = np.random.default_rng(0).random((30, first.layer_sizes[0]))
    for network in (first, second):
        network.train(X, X[:, : first.layer_sizes[-1]])
    assert_same(first, second)
