"""Who runs the race, and how: an entry is a row of this table.

The settings were looked for on training images alone: networks trained on the first 50,000 were
validated on the other 10,000. A contender's setting is the fastest found whose median accuracy over
5 seeds is 98.0 %, with fewer seeds for those far from it. Medians of neighbors, in %:

- fastnn, batch 32, SGD, ``OneCycle(0.75, warm_up=0.15)``, 3 epochs: 98.06 (warm-up 0.1: 98.01, 0.2:
  98.05, 0.3: 98.01; peak 0.6: 98.02, 0.9: 98.05; in a line from 0.5: 97.88). Batch 16 comes to
  98.02 and takes longer, batch 64 to 97.98 at best, and 2 epochs to 97.84, of batches of 8 to 32.
  Adam with PyTorch's setting: 97.92; with batches of 128 to 256 and peaks from 0.008 to 0.024, no
  more. Nesterov's momentum, batches of 64 and 128: 97.92. Per example, ``Linear(0.02)``, 3 epochs:
  98.06, in 1.3 times the time. One thread: batches so small gain nothing from two.
- PyTorch, batch 256, Adam, ``OneCycle(0.016)``, 3 epochs: 98.01 (warm-up 0.2: 98.00; peak 0.012:
  97.86, 0.02: 97.90). Batch 512 takes 4 epochs or more for 97.9, and batches of 128 (98.08) and 192
  (98.03) take longer per epoch, as do 4 epochs of 256 (98.13). Linear decay, half a wave and other
  warm-ups come to as much or less; SGD with momentum, Nesterov's or not, takes 4 epochs of batch
  128. It has two threads, as it is faster with them.
- scikit-learn, batch 256, Nesterov's momentum, "adaptive" with a tolerance that makes it a decay, 5
  epochs: 98.09 (batch 200: 98.03, batch 512: 97.93; 4 epochs: 97.6). At a constant rate it takes 10
  epochs of batch 64 for 98.0, and Adam does not get there in 12.
"""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from fastnn import OneCycle

from ..contenders import FASTNN, PYTORCH, SCIKIT_LEARN, Contender
from ..problems import Examples
from .racers import Racer


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A contender and its setting.

    Attributes
    ----------
    path : str
        ``module:class`` of a `Racer` in ``bench.race``, imported by the processes that run it.
    setting : str
        In words.
    arguments : mapping
        The same for the racer.
    at_least : float
        The goal of the project: how many times fastnn's time it takes.
    """

    contender: Contender
    path: str
    setting: str
    epochs: int
    threads: int
    arguments: Mapping[str, Any] = field(hash=False)
    at_least: float = 0

    def racer(self, examples: Examples, seed: int) -> Racer:
        """One that is ready to start."""
        of_library = cast(type[Racer], pkgutil.resolve_name(f"{__package__}.{self.path}"))
        return of_library(
            examples, epochs=self.epochs, threads=self.threads, seed=seed, **self.arguments
        )


ENTRIES = (
    Entry(
        contender=FASTNN,
        path="mlp:FastNN",
        setting="batch 32, SGD, one cycle up to 0.75",
        epochs=3,
        threads=1,
        arguments={"batch_size": 32, "learning_rate": OneCycle(0.75, warm_up=0.15)},
    ),
    Entry(
        contender=PYTORCH,
        path="torch:PyTorch",
        setting="batch 256, Adam, one cycle up to 0.016",
        epochs=3,
        threads=2,
        arguments={"batch_size": 256, "rule": "adam", "schedule": OneCycle(0.016)},
        at_least=3,
    ),
    Entry(
        contender=SCIKIT_LEARN,
        path="scikit_learn:ScikitLearn",
        setting="batch 256, SGD, Nesterov momentum 0.9, rate 0.3, a fifth of it when loss stalls",
        epochs=5,
        threads=2,
        arguments={
            "solver": "sgd",
            "batch_size": 256,
            "learning_rate_init": 0.3,
            "learning_rate": "adaptive",
            "n_iter_no_change": 1,  # epochs without as much of an improvement as this:
            "tol": 0.08,
            "alpha": 0,
        },
        at_least=10,
    ),
)
