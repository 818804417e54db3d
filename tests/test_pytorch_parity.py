"""The same training as PyTorch's, in float64: see pytorch_cases.py."""

import json

import numpy as np
import pytest
from helpers import Kind, Options, flat, parametrize
from helpers import kind_and_variant as kind_and_variant
from pytorch_cases import CASES, RESULTS, Case, initial_parameters

from fastnn.schedules import ReduceOnPlateau, Schedule

PARAMETERS: dict[str, list[float]] = json.loads(RESULTS.read_text())["parameters"]


@pytest.mark.filterwarnings("ignore::fastnn.TrainingWarning")  # some targets are out of reach
@parametrize("case", *CASES.values(), ids=CASES)
def test_parameters_after_training(kind: Kind, case: Case, request: pytest.FixtureRequest) -> None:
    name = next(name for name, one in CASES.items() if one is case)
    network = case.network(kind)
    before = flat(network)
    X, y, sample_weight = case.data()
    options: Options = dict(case.penalties)
    history = network.train(
        X,
        y,
        epochs=case.epochs,
        batch_size=case.batch_size,
        optimizer=case.optimizer,
        shuffle=False,
        sample_weight=sample_weight if case.has_sample_weight else None,
        **options,
    )
    found, expected = flat(network), np.array(PARAMETERS[name])
    assert np.abs(found - before).max() > 1e-3, "nothing was learnt: the comparison shows little"
    assert np.abs(found - expected).max() <= 1e-8 * np.abs(expected).max()
    if isinstance(case.optimizer.learning_rate, Schedule | ReduceOnPlateau):
        assert len(set(history.learning_rate)) > 2, "the rate hardly changed"


def test_every_case_is_there() -> None:
    assert PARAMETERS.keys() == CASES.keys(), "run tests/pytorch_parity.py, see there"
    n_parameters = sum(array.size for arrays in initial_parameters() for array in arrays)
    assert {len(numbers) for numbers in PARAMETERS.values()} == {n_parameters}
    different = {tuple(numbers) for numbers in PARAMETERS.values()}
    assert len(different) == len(CASES), "a setting has no effect"
