"""``python -m bench.memory``."""

import argparse
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

from ..machine import Machine
from ..markdown import table
from . import __doc__ as description
from .growth import N_INPUTS, STATUS, WORK, write

_N_ROWS = 5_200_000
_MOST_MEGABYTES = 400


def main() -> None:
    """Measure, print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.memory",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args()
    if not STATUS.exists():
        parser.error(f"there is no {STATUS}: it needs Linux")
    megabytes = measure(_N_ROWS)
    print(f"{Machine.this([])}.")
    print(f"A file of {_N_ROWS:,} × {N_INPUTS} float32, {_N_ROWS * N_INPUTS * 4 / 1e9:.2f} GB.\n")
    print(as_markdown(megabytes))


def measure(n_rows: int) -> dict[str, float]:
    """Megabytes that each kind of work takes, in a process of its own."""
    with NamedTemporaryFile(prefix="fastnn-bench-") as file:
        write(Path(file.name), n_rows)
        return {name: _measure(name, file.name) for name in WORK}


def _measure(name: str, path: str) -> float:
    print(name, file=sys.stderr)
    done = subprocess.run(
        [sys.executable, "-m", "bench.memory.worker", name, path],
        cwd=Path(__file__).parent.parent.parent,
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
