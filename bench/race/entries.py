"""Who runs the race, and how: an entry is a row of this table."""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from fastnn import Linear, OneCycle

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
        setting="per example, SGD, rate 0.02 falling to 0 in a line",
        epochs=3,
        threads=1,
        arguments={"batch_size": 1, "learning_rate": Linear(0.02)},
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
        setting="batch 64, SGD, Nesterov momentum 0.9, rate 0.05",
        epochs=10,
        threads=2,
        arguments={
            "solver": "sgd",
            "batch_size": 64,
            "learning_rate_init": 0.05,
            "alpha": 0,
        },
        at_least=10,
    ),
)
