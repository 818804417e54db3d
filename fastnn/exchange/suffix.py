"""Reject file names whose suffix stands for another format."""

import os
from os import PathLike

_FORMATS = {
    (".safetensors",): "`save` writes safetensors",
    (".onnx",): "`export_onnx` writes ONNX",
    (".pt", ".pth"): "`torch.save` writes a `state_dict()` to it",
    (".npz", ".npy"): "`numpy.savez` writes `weights` and `biases` to it",
    (".pkl", ".pickle", ".joblib"): "`pickle.dump` or `joblib.dump` writes a network to it",
    (".h5", ".hdf5", ".keras", ".tflite", ".pb"): "it is another library's",
    (".json", ".yaml", ".yml", ".txt", ".csv", ".parquet", ".xlsx"): "it is for text or tables",
    (".gz", ".bz2", ".xz", ".zst", ".zip", ".tar", ".tgz"): "it is for compressed files",
}
_HINTS = {suffix: hint for suffixes, hint in _FORMATS.items() for suffix in suffixes}


def check(path: str | PathLike[str], written: str) -> None:
    """Raise a ValueError if the suffix of a path stands for another format than the written one.

    Parameters
    ----------
    path : str or path-like
    written : str
        The suffix of the written format, such as ".onnx".
    """
    given = os.fsdecode(path)
    for name in (given, os.path.realpath(given)):  # the target of a link would be written
        suffix = os.path.splitext(name)[1].lower()
        if suffix != written and suffix in _HINTS:
            raise ValueError(
                f"path must end in {written!r}, or in what stands for no other format, got "
                f"{name!r}: {_HINTS[suffix]}"
            )
