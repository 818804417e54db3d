"""The grids that tests are run over, without all of their points."""

import heapq
import itertools
import os
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
import pytest

from fastnn import _kernels

# The variant that is in use, FASTNN_ISA's or the best one, or all that can run here.
ALL_VARIANTS = bool(os.environ.get("FASTNN_ALL_VARIANTS"))
VARIANTS = _kernels.runnable_variants() if ALL_VARIANTS else [_kernels.active]

# For tests of what is above the kernels, in files whose tests are run over the variants.
ONE_VARIANT = pytest.mark.parametrize("variant", [_kernels.active], indirect=True)

# The ways through the kernels, and the thresholds with which networks take each wherever they can.
PATHS: dict[str, dict[str, float]] = {
    "feature-major": {
        "max_feature_major_parameters": np.inf,
        "feature_major_parameters_per_example": np.inf,
        "min_density_for_gemm": 0,
        "near_cache_bytes": np.inf,
    },
    "example-major": {
        "max_feature_major_parameters": 0,
        "min_density_for_gemm": 0,
        "near_cache_bytes": 0,
    },
    "example-major, sparse": {
        "max_feature_major_parameters": 0,
        "min_density_for_gemm": np.inf,
        "near_cache_bytes": 0,
    },
}


class Tune(Protocol):
    """Sets thresholds of the kernel engine (`fastnn.engine.tuning`) for the length of a test."""

    def __call__(self, **thresholds: float) -> None: ...


def over(*, strength: int = 2, **factors: Iterable[Any]) -> pytest.MarkDecorator:
    """Run a test with every combination of values of any two factors, or ``strength`` of them.

    That is a covering array of the product of all factors, for factors of which no more than so
    many have to do with each other in the code: a defect shows wherever these few meet, whatever
    the others are.
    """
    return pytest.mark.parametrize(
        tuple(factors),
        _covering([list(values) for values in factors.values()], strength),
        indirect=[name for name in factors if name == "path"],
        ids=str,
    )


def _covering(factors: list[list[Any]], strength: int) -> list[tuple[Any, ...]]:
    """Greedily, the point with the most combinations that no other has yet."""
    points = list(itertools.product(*(range(len(values)) for values in factors)))
    subsets = list(itertools.combinations(range(len(factors)), strength))
    combinations = [
        {(subset, tuple(point[i] for i in subset)) for subset in subsets} for point in points
    ]
    missing = set().union(*combinations)
    # A point never has more to offer than when it was last counted, so that one which still leads
    # the others after it was counted anew is the best.
    offers = [(-len(subsets), number) for number in range(len(points))]
    chosen = []
    while missing:
        number = offers[0][1]
        count = len(combinations[number] & missing)
        if count == -offers[0][0]:
            heapq.heappop(offers)
            missing -= combinations[number]
            chosen.append(number)
        else:
            heapq.heapreplace(offers, (-count, number))
    return [
        tuple(values[i] for values, i in zip(factors, points[number], strict=True))
        for number in sorted(chosen)
    ]
