"""``python -m bench.growth``."""

import argparse
import sys
from pathlib import Path

from threadpoolctl import threadpool_limits

from .. import threads
from . import __doc__ as description
from . import report
from .costs import Cost, Rates, measure
from .points import SWEEPS

_ROUNDS = 3


def main() -> None:
    """Measure, print tables, draw."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.growth",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--chart", metavar="FILE", type=Path, help="draw the costs there (PNG)")
    arguments = parser.parse_args()
    threads.pin(1)
    with threadpool_limits(1):
        rates = Rates.measured()
        # In turns: what else the machine does comes and goes, and would be taken for a cliff.
        rounds: list[list[Cost]] = []
        for number in range(1, _ROUNDS + 1):
            rounds.append([])
            for sweep in SWEEPS:
                print(f"round {number} of {_ROUNDS}: {sweep}", file=sys.stderr)
                rounds[-1] += measure(sweep, rates)
        costs = [min(same, key=lambda cost: cost.seconds) for same in zip(*rounds, strict=True)]
    print(report.as_markdown(rates, costs))
    if arguments.chart:
        report.draw(costs, arguments.chart)


if __name__ == "__main__":
    main()
