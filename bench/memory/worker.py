"""The process of one kind of work: ``python -m bench.memory.worker WORK FILE``."""

import sys
from pathlib import Path

from .growth import WORK, growth

if __name__ == "__main__":
    name, path = sys.argv[1:]
    print(growth(Path(path), WORK[name]))
