"""``python -m bench.race``."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from .. import threads
from ..machine import Machine
from ..problems import MissingDataError, mnist
from . import __doc__ as description
from .entries import ENTRIES, Entry
from .racers import Finish
from .report import as_markdown

_SEEDS = range(5)
_LONG = 120  # seconds: who takes longer runs for one seed


def main() -> None:
    """Race, print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.race",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args()
    try:
        mnist()
    except MissingDataError as error:
        parser.error(str(error))
    lacks = {entry.contender.name: entry.contender.missing() for entry in ENTRIES}
    missing = {name: lack for name, lack in lacks.items() if lack}
    entries = [entry for entry in ENTRIES if entry.contender.name not in missing]
    load = os.getloadavg()[0]
    finishes: dict[Entry, list[Finish]] = {entry: [] for entry in entries}
    # In turns: what else the machine does comes and goes, and should hit all of them.
    for seed in _SEEDS:
        for entry, of_entry in finishes.items():
            if not of_entry or of_entry[-1].seconds < _LONG:
                print(f"seed {seed}: {entry.contender.name}", file=sys.stderr)
                of_entry.append(_run(entry, seed))
    machine = Machine.this(entry.contender for entry in entries)
    print(as_markdown(machine, missing, finishes, len(_SEEDS)))
    print(f"Load of the machine before it began: {load:.1f}; other work hits two threads most.")


def _run(entry: Entry, seed: int) -> Finish:
    done = subprocess.run(
        [sys.executable, "-m", "bench.race.worker", entry.contender.name, str(seed)],
        cwd=Path(__file__).parent.parent.parent,
        env=threads.environment(entry.threads),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Finish(*json.loads(done.stdout))


if __name__ == "__main__":
    main()
