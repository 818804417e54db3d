"""The grids leave out what they say, and nothing else."""

import itertools
from typing import Any

import pytest
from grid import over

FACTORS: dict[str, list[Any]] = {
    "a": [0, 1, 2],
    "b": ["x", "y"],
    "c": [None, 1],
    "d": [0, 1, 2, 3, 4],
}


@pytest.mark.parametrize("strength", [1, 2, 3, 4])
def test_every_combination_is_there(strength: int) -> None:
    names, points = over(strength=strength, **FACTORS).args
    assert names == tuple(FACTORS)
    for subset in itertools.combinations(range(4), strength):
        found = {tuple(point[i] for i in subset) for point in points}
        factors = [list(FACTORS.values())[i] for i in subset]
        assert found == set(itertools.product(*factors))
    assert len(set(points)) == len(points)


def test_there_are_few_more_points_than_the_largest_factors_need() -> None:
    for strength, least in ((1, 5), (2, 15), (3, 30), (4, 60)):
        _, points = over(strength=strength, **FACTORS).args
        assert least <= len(points) <= 1.2 * least
