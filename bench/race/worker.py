"""The process of one contender and seed: ``python -m bench.race.worker CONTENDER SEED``."""

import json
import sys

from .. import threads
from ..problems import mnist
from .entries import ENTRIES
from .racers import race


def main(contender_name: str, seed: str) -> None:
    """Race, and print seconds and accuracy."""
    (entry,) = (entry for entry in ENTRIES if entry.contender.name == contender_name)
    threads.pin(entry.threads)
    train, test = mnist()
    print(json.dumps(race(entry.racer(train, int(seed)), test)))


if __name__ == "__main__":
    main(*sys.argv[1:])
