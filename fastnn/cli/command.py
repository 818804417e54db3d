"""Run the command: exit status, errors and warnings."""

import argparse
import io
import os
import platform
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import TextIO

import numpy as np

import fastnn

from .. import _kernels
from . import options, train
from .wording import in_options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0, 1 (failed), 2 (usage) or 130 (interrupted)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # some encodings, such as ASCII, lack "²"
            stream.reconfigure(errors="replace")
    given = options.parser(train=train.run, info=_info).parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            run: Callable[[argparse.Namespace], None] = given.run
            run(given)
        if sys.stdout is not None:  # it is None in a program without a console
            sys.stdout.flush()
    except (ValueError, OSError, MemoryError, ArithmeticError, ImportError) as error:
        if isinstance(error, BrokenPipeError):  # the reader, such as `head`, has ended
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        print(f"fastnn: error: {in_options(_message(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interruption:
        print(f"fastnn: {str(interruption) or 'interrupted'}", file=sys.stderr)
        return 130
    return 0


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print the message of a warning, without a line of Python, above a progress bar."""
    from tqdm import tqdm

    if sys.stderr is not None:
        tqdm.write(f"fastnn: warning: {in_options(str(message))}", file=sys.stderr)


def _info(given: argparse.Namespace) -> None:
    features = [name for name, usable in _kernels.cpu_features().items() if usable]
    for name, value in {
        "fastnn": fastnn.__version__,
        "kernels": f"{fastnn.isa} (can run here: {', '.join(_kernels.runnable_variants())})",
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "NumPy": np.__version__,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "CPU features": " ".join(features) or "none that fastnn asks for",
    }.items():
        print(f"{name:<13} {value}")
