"""``python -m bench.memory``."""

import argparse
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile

from ..machine import Machine
from ..markdown import table
from . import __doc__ as description
from .growth import BYTES_PER_ROW, N_INPUTS, STATUS, WORK, write

_MOST_MEGABYTES = 400


def main() -> None:
    """Measure, print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.memory",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--gigabytes", type=float, default=2, help="size of the file, default 2")
    n_rows = round(parser.parse_args().gigabytes * 1e9 / BYTES_PER_ROW)
    if n_rows < 1:
        parser.error("argument --gigabytes: expected enough for a row")
    if not STATUS.exists():
        parser.error(f"there is no {STATUS}: it needs Linux")
    megabytes = measure(n_rows)
    print(f"{Machine.this([])}.")
    print(f"A file of {n_rows:,} × {N_INPUTS} float32, {n_rows * BYTES_PER_ROW / 1e9:.3g} GB.\n")
    print(as_markdown(megabytes))


def measure(n_rows: int) -> dict[str, float]:
    """Megabytes that each kind of work takes, in a process of its own."""
    with TemporaryFile() as file:  # without a name: it ends with the processes, however they end
        write(Path(_path(file.fileno())), n_rows)
        return {name: _measure(name, file.fileno()) for name in WORK}


def _path(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"


def _measure(name: str, descriptor: int) -> float:
    print(name, file=sys.stderr)
    done = subprocess.run(
        [sys.executable, "-m", "bench.memory.worker", name, _path(descriptor)],
        cwd=Path(__file__).parent.parent.parent,
        pass_fds=[descriptor],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout)


def as_markdown(megabytes: Mapping[str, float]) -> str:
    """A table."""
    rows = [
        [name, f"{most:.0f}", f"< {_MOST_MEGABYTES}", "yes" if most < _MOST_MEGABYTES else "NO"]
        for name, most in megabytes.items()
    ]
    return "\n".join(table(["training on", "MB", "goal", "met"], rows, n_text=1))


if __name__ == "__main__":
    main()
