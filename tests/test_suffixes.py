"""Names of files that promise another format than what would be written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import Command, failed
from helpers import Kind, parametrize, refusal

import fastnn

FOREIGN = [
    ".pt", ".pth", ".npz", ".npy", ".pkl", ".pickle", ".joblib", ".h5", ".hdf5", ".keras",
    ".json", ".csv", ".txt", ".gz", ".zip", ".tflite",
]  # fmt: skip


def refused(write: Callable[[Any], None], path: Any, suffix: str, hint: str = ": ") -> None:
    must = f"path must end in '{suffix}', or in what stands for no other format"
    with refusal(ValueError, f"{must}, got '", f"{Path(path).name}'{hint}"):
        write(path)


@parametrize("suffix", ".onnx", *FOREIGN, ".ONNX", ".safetensors.gz")
def test_save_writes_safetensors_only(kind: Kind, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_text("before")
    for given in (path, str(path)):
        refused(kind([4, 2]).save, given, ".safetensors")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@parametrize("suffix", ".safetensors", *FOREIGN)
def test_export_onnx_writes_onnx_only(tmp_path: Path, suffix: str) -> None:
    refused(fastnn.MLP([4, 2]).export_onnx, tmp_path / f"model{suffix}", ".onnx")
    assert not list(tmp_path.iterdir())


def test_the_message_says_what_writes_that() -> None:
    network = fastnn.MLP([4, 2])
    refused(network.save, "m.onnx", ".safetensors", ": `export_onnx` writes ONNX")
    refused(network.export_onnx, "m.safetensors", ".onnx", ": `save` writes safetensors")


def test_a_link_has_the_suffix_of_its_file(tmp_path: Path) -> None:
    path, link = tmp_path / "data.csv", tmp_path / "model"
    path.write_text("before")
    link.symlink_to(path)
    with pytest.raises(ValueError, match=r"got '.*data\.csv': "):
        fastnn.MLP([4, 2]).save(link)
    assert path.read_text() == "before"


@parametrize(
    "name", "model", "model.safetensors", "model.SafeTensors", "model.v2", "m.fastnn", ".onnx"
)
def test_other_names_will_do(tmp_path: Path, name: str) -> None:
    network = fastnn.MLP([4, 2], seed=1)
    network.save(tmp_path / name)
    assert (fastnn.MLP.load(tmp_path / name).weights[0] == network.weights[0]).all()
    network.export_onnx(tmp_path / "model.ONNX")


def test_the_command_says_so_before_it_trains(fastnn_: Command) -> None:
    run = fastnn_("train --epochs 1 --save model.onnx")
    failed(run, "--save must end in '.safetensors', or in ", "model.onnx")
    assert "trained" not in run.out
    assert not Path("model.onnx").exists()
