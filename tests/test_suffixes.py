"""Names of files that promise another format than what would be written."""

import re
from pathlib import Path

import pytest
from helpers import Kind, parametrize
from helpers import kind as kind

import fastnn
from fastnn import cli

FOREIGN = [
    ".pt", ".pth", ".npz", ".npy", ".pkl", ".pickle", ".joblib", ".h5", ".hdf5", ".keras",
    ".json", ".csv", ".txt", ".gz", ".zip", ".tflite",
]  # fmt: skip


@parametrize("suffix", ".onnx", *FOREIGN, ".ONNX", ".safetensors.gz")
def test_save_writes_safetensors_only(kind: Kind, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_text("before")
    expected = re.escape("path must end in '.safetensors', or in what stands for no other format")
    for given in (path, str(path)):
        with pytest.raises(ValueError, match=f"^{expected}, got '.*{re.escape(suffix)}': "):
            kind([4, 2]).save(given)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_has_the_suffix_of_its_file(tmp_path: Path) -> None:
    path, link = tmp_path / "data.csv", tmp_path / "model"
    path.write_text("before")
    link.symlink_to(path)
    with pytest.raises(ValueError, match=r"got '.*data\.csv': "):
        fastnn.MLP([4, 2]).save(link)
    assert path.read_text() == "before"


@parametrize("suffix", ".safetensors", *FOREIGN)
def test_export_onnx_writes_onnx_only(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    expected = re.escape("path must end in '.onnx', or in what stands for no other format, got '")
    with pytest.raises(ValueError, match="^" + expected):
        fastnn.MLP([4, 2]).export_onnx(path)
    assert not list(tmp_path.iterdir())


def test_the_message_says_what_writes_that() -> None:
    network = fastnn.MLP([4, 2])
    with pytest.raises(ValueError, match=r"got 'm\.onnx': `export_onnx` writes ONNX$"):
        network.save("m.onnx")
    with pytest.raises(ValueError, match=r"got 'm\.safetensors': `save` writes safetensors$"):
        network.export_onnx("m.safetensors")


@parametrize(
    "name", "model", "model.safetensors", "model.SafeTensors", "model.v2", "m.fastnn", ".onnx"
)
def test_other_names_will_do(tmp_path: Path, name: str) -> None:
    network = fastnn.MLP([4, 2], seed=1)
    network.save(tmp_path / name)
    assert (fastnn.MLP.load(tmp_path / name).weights[0] == network.weights[0]).all()
    network.export_onnx(tmp_path / "model.ONNX")


def test_the_command_says_so_before_it_trains(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.onnx"
    assert cli.main(["train", "--epochs", "1", "--save", str(path)]) != 0
    printed = capsys.readouterr()
    assert printed.err.startswith("fastnn: error: --save must end in '.safetensors', or in ")
    assert "model.onnx" in printed.err
    assert "trained" not in printed.out
    assert not path.exists()
