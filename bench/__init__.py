"""Benchmarks: fastnn beside other implementations of the same networks.

``python -m bench``, from the root of the checkout, verifies that all of them compute the same
thing, times them, and prints one table. ``pytest bench`` runs the same jobs under pytest-benchmark.
"""

import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

# Both commands put the root of the checkout in front of the path, where its fastnn folder hides the
# installed package and has no compiled kernels. bench itself does not need the entry: its modules
# are found beside this file. Only that one entry goes; an editable install may have added the root
# as well. The import pins the installed package, as pytest may add the entry again.
with suppress(ValueError):
    sys.path.remove(str(Path(__file__).parent.parent))
import_module("fastnn")
