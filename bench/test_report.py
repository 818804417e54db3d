"""What is made of the times."""

import json
from pathlib import Path

import pytest

from . import chart
from .bars import standings
from .catalog import JOBS
from .contenders import FASTNN, JAX, NUMPY, PYTORCH, SCIKIT_LEARN, Contender
from .growth import report as growth_report
from .growth.costs import TASKS, Cost, Rates, cliffs, measure
from .growth.points import SWEEPS, Point
from .jobs import Job, Prediction, at_least, at_most
from .machine import Machine
from .problems import IRIS
from .report import Report, as_json, as_markdown
from .runner import Result

OTHER_JOB = Prediction(problem=IRIS)
JOB = Prediction(
    problem=IRIS,
    one_by_one=True,
    bars=(
        at_least(3, JAX),
        at_least(3, JAX, PYTORCH),
        at_most(4, PYTORCH),
        at_least(2, FASTNN, on=OTHER_JOB),
        at_least(1, SCIKIT_LEARN),  # which has no times
    ),
)


def result(job: Job, contender: Contender, minimum: float) -> Result:
    return Result(job, contender, minimum, 1.25 * minimum, repeats=5)


RESULTS = [
    result(JOB, FASTNN, 2.0),
    result(JOB, PYTORCH, 5.0),
    result(JOB, JAX, 8.0),
    result(OTHER_JOB, FASTNN, 4.0),
]
REPORT = Report(Machine.this([FASTNN]), {"ONNX Runtime": "is away"}, ["x failed"], RESULTS)


def test_bars_are_met_or_not() -> None:
    found = [(standing.measured, standing.is_met) for standing in standings(RESULTS)]
    assert found == [(4.0, True), (2.5, False), (2.5, True), (2.0, True), (None, None)]


def test_tables() -> None:
    table = as_markdown(REPORT)
    for line in [
        "| iris 4-3-3: predict, one row  | call    | 2.00 (2.50) | 5.00 (6.25) | 8.00 (10.0) |",
        "| iris 4-3-3: predict, all rows | example | 4.00 (5.00) |           - |           - |",
        "| iris 4-3-3: predict, one row | 1 : 2.50 | 1 : 4.00 |",
        "| JAX or PyTorch                          |  ≥ 3 |     2.50 |  NO |",
        "| fastnn on iris 4-3-3: predict, all rows |  ≥ 2 |     2.00 | yes |",
        "| scikit-learn                            |  ≥ 1 |        - |   - |",
        "- ONNX Runtime: is away",
        "- x failed",
    ]:
        assert line in table


def test_what_a_contender_does_instead_is_noted() -> None:
    job = next(job for job in JOBS if job.name == "iris 4-3-3: train, per example")
    results = [result(job, contender, 1) for contender in (FASTNN, NUMPY, SCIKIT_LEARN)]
    table = as_markdown(Report(REPORT.machine, {}, [], results))
    assert "| 1.00 (1.25) | 1.00 (1.25) | 1.00 (1.25) [1] |" in table
    assert "\n[1] scikit-learn trains" in table


def test_json_holds_the_same() -> None:
    document = json.loads(as_json(REPORT))
    assert [row["minimum"] for row in document["results"]] == [2.0, 5.0, 8.0, 4.0]
    assert [bar["met"] for bar in document["bars"]] == [True, False, True, True, None]
    assert document["missing"] == {"ONNX Runtime": "is away"}


def is_png(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG")


def test_chart(tmp_path: Path) -> None:
    chart.draw(REPORT, tmp_path / "chart")
    assert is_png(tmp_path / "chart")


def test_growth(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for sweep in SWEEPS:
        points = {1: Point((3, 2, 1), rows=2), 2: Point((3, 4, 1), density=0.5, rows=2)}
        monkeypatch.setitem(SWEEPS, sweep, points)
    monkeypatch.setattr("bench.growth.costs._MIN_SECONDS", 0)
    rates = Rates(1e9, 1e9)
    costs = [cost for sweep in SWEEPS for cost in measure(sweep, rates)]
    assert len(costs) == len(SWEEPS) * 2 * len(TASKS)
    assert all(task.name in growth_report.as_markdown(rates, costs) for task in TASKS)
    growth_report.draw(costs, tmp_path / "growth")
    assert is_png(tmp_path / "growth")


def test_work_at_a_point() -> None:
    point = Point((10, 4, 3), density=0.5)
    assert point.touched == 5 * 4 + 4 * 3
    assert point.flop_of_prediction == 2 * point.touched
    assert point.flop_of_training == (2 + 2) * 5 * 4 + (2 + 2 + 2) * 4 * 3


def test_cliffs_are_found() -> None:
    sweep, points = next(iter(SWEEPS.items()))
    per_weight = [1.0, 1.4, 2.5, 2.5, 1.0, *[1.0] * (len(points) - 5)]
    costs = [
        Cost(TASKS[0], sweep, at, cost * point.touched, 1.0)
        for cost, (at, point) in zip(per_weight, points.items(), strict=True)
    ]
    places = list(points)
    found = cliffs(costs)
    assert [cliff.before.at for cliff in found] == [places[1], places[3]]
    assert [cliff.times for cliff in found] == pytest.approx([2.5 / 1.4, 0.4])
