"""Learning rates: by hand, as PyTorch's, and at their edges."""

import copy
import json
import math
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict
from typing import Any

import numpy as np
import pytest
from helpers import parametrize, refusal

from fastnn import Cosine, InverseScaling, Linear, OneCycle, ReduceOnPlateau, StepDecay
from fastnn.common.parametrized import Settings
from fastnn.schedules import SCHEDULES, FunctionSchedule, Plateau, Schedule

ALL: list[Settings] = [
    InverseScaling(0.1, power=0.75),
    StepDecay(0.1, every=10),
    Linear(0.1, end=0.01, n_steps=7),
    Linear(0.1),
    Cosine(0.1, n_steps=7),
    OneCycle(0.1, n_steps=7),
    OneCycle(0.1),
    ReduceOnPlateau(0.1, monitor="validation_score", patience=3),
]


def first(schedule: Schedule, n_steps: int) -> list[float]:
    rates = schedule.rates(np.arange(n_steps, dtype=np.float64))
    assert rates.dtype == np.float64
    return rates.tolist()


# Up from step 0 to 0.5 * 8 - 1 = 3, down to step 7, a quarter of the way per step.
CYCLE = OneCycle(8.0, 8, warm_up=0.5, start_factor=0.25, end_factor=0.0)
QUARTER = (1 + math.cos(math.pi / 4)) / 2

BY_HAND: list[tuple[Schedule, list[float]]] = [
    (InverseScaling(0.6), [0.6, 0.6 / math.sqrt(2), 0.6 / 3**0.5, 0.3]),
    (InverseScaling(0.6, 1), [0.6, 0.3, 0.2]),
    (InverseScaling(0.6, power=0), [0.6, 0.6, 0.6]),
    (StepDecay(8.0, factor=0.5, every=2), [8, 8, 4, 4, 2, 2, 1]),
    (StepDecay(8.0, factor=1, every=1), [8, 8, 8]),
    (Linear(0.4, n_steps=4), [0.4, 0.3, 0.2, 0.1, 0.0, 0.0]),
    (Linear(1.0, 3.0, 2), [1, 2, 3, 3]),
    (Linear(0.4, 0.1, 1), [0.4, 0.1, 0.1]),
    (Cosine(0.9, 0.1, 3), [0.9, 0.7, 0.3, 0.1, 0.1]),  # cos(pi/3) = 1/2
    (Cosine(0.4, 0.1, 1), [0.4, 0.1, 0.1]),
    (CYCLE, [2, 3.5, 6.5, 8, 8 * QUARTER, 4, 8 * (1 - QUARTER), 0, 0]),
    (OneCycle(0.4, 1), [0.4 * 4e-6, 0.4 * 4e-6]),
    (OneCycle(0.4, 4, warm_up=0.25), [0.4]),  # a warm-up of no length starts at the peak
]
# Numbers that PyTorch 2.13 printed, its schedulers stepped once per step.
OF_COSINE_ANNEALING = [
    *(0.1, 0.09140576474687263, 0.06890576474687263, 0.04109423525312736, 0.018594235253127367),
    0.01,
]
OF_ONE_CYCLE = [
    *(0.0040000000000000036, 0.052000000000000005, 0.1, 0.09504846320134738, 0.0811745653949763),
    *(0.06112620219362893, 0.03887419780637107, 0.0188258346050237, 0.004951936798652629, 4e-07),
]
BY_PYTORCH: list[tuple[Schedule, list[float]]] = [
    (StepDecay(0.1, 0.3, every=3), [0.1, 0.1, 0.1, 0.03, 0.03, 0.03, 0.009, 0.009]),  # StepLR
    (Linear(0.2, 0.05, 5), [0.2, 0.17, 0.14, 0.11, 0.08, 0.05, 0.05, 0.05]),  # LinearLR
    (Cosine(0.1, 0.01, 5), OF_COSINE_ANNEALING),
    (OneCycle(0.1, 10), OF_ONE_CYCLE),
    (OneCycle(0.1, 3), [0.09944154354509119, 0.046263710266697504, 4e-07]),
    (OneCycle(0.1, 1), [4e-07]),
]


class TestRates:
    @parametrize("schedule, expected", *BY_HAND, *BY_PYTORCH, ids=repr)
    def test_of_the_first_steps(self, schedule: Schedule, expected: list[float]) -> None:
        assert first(schedule, len(expected)) == pytest.approx(expected, rel=1e-12, abs=0)

    @parametrize("kind", Linear, Cosine, OneCycle)
    def test_the_end_lasts(self, kind: Callable[..., Schedule]) -> None:
        schedule = kind(0.4, n_steps=5)
        end, *later = schedule.rates(np.array([5, 6, 1e9])).tolist()
        assert later == [end, end]
        assert 0 <= end < 1e-5

    @parametrize("schedule", InverseScaling(1.0, power=1e3), StepDecay(1.0, every=1), ids=repr)
    def test_vanish_in_silence(self, schedule: Schedule) -> None:
        assert schedule.rates(np.array([1e12])) == 0


class TestFunctions:
    def test_are_asked_for_each_step(self) -> None:
        steps = []

        def function(step: int) -> float:
            steps.append(step)
            return 1 / (step + 1)

        assert first(FunctionSchedule(function), 3) == [1, 1 / 2, 1 / 3]
        assert steps == [0, 1, 2]
        assert all(type(step) is int for step in steps)

    @parametrize("value", -1e-9, math.nan, math.inf)
    def test_what_they_return_is_checked(self, value: float) -> None:
        schedule = FunctionSchedule(lambda step: value if step == 2 else 0)
        assert first(schedule, 2) == [0, 0]
        with refusal(ValueError, "learning_rate at step 2 must be at least 0 and "):
            first(schedule, 3)

    def test_they_return_numbers(self) -> None:
        with refusal(TypeError, "learning_rate at step 0 must be a number, got None"):
            first(FunctionSchedule(lambda step: None), 1)  # type: ignore[arg-type,return-value]


class TestOver:
    @parametrize("kind", Linear, Cosine, OneCycle)
    def test_fills_in_what_is_open(self, kind: Callable[..., Schedule]) -> None:
        schedule = kind(0.4)
        assert schedule.over(9) == kind(0.4, n_steps=9)
        assert schedule == kind(0.4)
        assert schedule.over(9).over(5) == kind(0.4, n_steps=9)

    @parametrize(
        "schedule", InverseScaling(0.1), StepDecay(0.1, every=2), FunctionSchedule(float), ids=repr
    )
    def test_leaves_others_alone(self, schedule: Schedule) -> None:
        assert schedule.over(9) is schedule

    def test_without_it_there_are_no_rates(self) -> None:
        with pytest.raises(ValueError, match=r"^n_steps of Linear must be given to compute rates"):
            first(Linear(0.4), 1)


class TestPlateau:
    def rates(self, schedule: ReduceOnPlateau, values: list[float]) -> list[float]:
        state, rates = schedule.begin(), []
        for value in values:
            rates.append(state.rate)
            state = schedule.after(state, value)
        return rates

    def test_losses_as_pytorch(self) -> None:
        """PyTorch 2.13: mode "min", factor 0.5, patience 1, cooldown 2, min_lr 0.03."""
        schedule = ReduceOnPlateau(0.1, factor=0.5, patience=1, cooldown=2, lowest=0.03)
        # 1.9999 is below 2 by less than the part of 1e-4.
        losses = [3, 2, 2, 1.9999, math.nan, 2.5, 2, 1.5, *[1.6] * 7]
        assert self.rates(schedule, losses) == [*[0.1] * 4, *[0.05] * 6, *[0.03] * 5]

    def test_scores_as_pytorch(self) -> None:
        """PyTorch 2.13: mode "max", factor 0.5, patience 1."""
        schedule = ReduceOnPlateau(0.1, "validation_score", factor=0.5, patience=1)
        scores = [0.1, 0.1, 0.2, 0.1, 0.1, 0.1, 0.3, 0.3, 0.3]
        assert self.rates(schedule, scores) == [*[0.1] * 5, *[0.05] * 4]

    def test_the_state(self) -> None:
        schedule = ReduceOnPlateau(1.0, factor=0.5, patience=1, cooldown=3)
        state = schedule.begin()
        assert state == Plateau(1.0, best=None, n_bad_epochs=0, cooldown_left=0)
        state = schedule.after(state, math.nan)
        assert state == Plateau(1.0, best=None, n_bad_epochs=1)
        state = schedule.after(state, 4.0)
        assert state == Plateau(1.0, best=4.0)
        bad = schedule.after(state, 5.0)
        assert bad == Plateau(1.0, best=4.0, n_bad_epochs=1)
        assert state == Plateau(1.0, best=4.0), "after() changes nothing"
        reduced = schedule.after(bad, 5.0)
        assert reduced == Plateau(0.5, best=4.0, cooldown_left=3)
        assert schedule.after(reduced, 5.0) == Plateau(0.5, best=4.0, cooldown_left=2)

    def test_the_state_goes_through_json(self) -> None:
        schedule = ReduceOnPlateau(1.0)
        for state in (schedule.begin(), schedule.after(schedule.begin(), np.float64(4))):
            assert Plateau(**json.loads(json.dumps(asdict(state), allow_nan=False))) == state

    def test_a_change_that_is_none_is_not_made(self) -> None:
        schedule = ReduceOnPlateau(1e-8, patience=0)
        assert self.rates(schedule, [1, 1, 1, 1]) == [1e-8] * 4


class TestDescription:
    @parametrize("schedule", *ALL, ids=repr)
    def test_name_and_parameters_say_it_all(self, schedule: Settings) -> None:
        parameters = json.loads(json.dumps(schedule.parameters))
        again = SCHEDULES[schedule.name](**parameters)
        assert again == schedule
        assert hash(again) == hash(schedule)
        assert repr(again) == repr(schedule)
        assert eval(repr(schedule)) == schedule
        assert pickle.loads(pickle.dumps(schedule)) == copy.deepcopy(schedule) == schedule

    def test_of_every_schedule_is_tested(self) -> None:
        missing = SCHEDULES.keys() - {schedule.name for schedule in ALL}
        assert not missing, f"add {missing} to ALL in {__file__}"

    def test_differences(self) -> None:
        assert len(set(ALL)) == len(ALL)
        assert Linear(0.1, n_steps=7) != Cosine(0.1, n_steps=7)
        assert Linear(0.1, n_steps=7) != Linear(0.1, n_steps=8)
        assert FunctionSchedule(float) != FunctionSchedule(abs)

    def test_parameters_that_are_none_are_left_out(self) -> None:
        assert Linear(0.1).parameters == {"start": 0.1, "end": 0.0}

    def test_parameters_are_plain(self) -> None:
        arguments: Any = {"start": np.float32(0.5), "end": 0, "n_steps": np.int64(3)}
        schedule = Linear(**arguments)
        assert [type(value) for value in schedule.parameters.values()] == [float, float, int]

    def test_it_cannot_be_changed(self) -> None:
        with pytest.raises(FrozenInstanceError):
            Linear(0.1).start = 0.2  # type: ignore[misc]
