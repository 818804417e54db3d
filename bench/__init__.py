"""Benchmarks: fastnn beside other implementations of the same networks.

Commands, from the root of the checkout:

- ``python -m bench`` verifies that all of them compute the same thing, and prints their times;
- ``python -m bench.growth`` shows how fastnn's times grow with the size of the work;
- ``python -m bench.race`` lets them learn MNIST, each in its own best way;
- ``python -m bench.memory`` measures what training takes of it on a file of 2 GB;
- ``pytest bench`` verifies on less data, and times fastnn alone, under pytest-benchmark.
"""

import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

# The commands put the root of the checkout in front of the path, where its fastnn folder hides the
# installed package and has no compiled kernels. bench itself does not need the entry: its modules
# are found beside this file. Only that one entry goes; an editable install may have added the root
# as well. The import pins the installed package, as pytest may add the entry again.
with suppress(ValueError):
    sys.path.remove(str(Path(__file__).parent.parent))
import_module("fastnn")
