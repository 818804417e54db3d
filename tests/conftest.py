"""Data, kernel variants and computation paths that the tests are run over."""

import os
import signal
from pathlib import Path

import hypothesis
import pytest
from grid import PATHS, VARIANTS, Tune

from fastnn import _kernels
from fastnn.engine.layout import Parameters

hypothesis.settings.register_profile(
    "default",
    derandomize=True,
    deadline=None,
    max_examples=30,  # for each kernel variant, path and dtype
    # monkeypatch chooses the kernel variant, and it stays the same for all examples of a test.
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.register_profile(
    "emulated",  # an emulated CPU is slow
    hypothesis.settings.get_profile("default"),
    max_examples=5,
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in the background of a script. Tests of Ctrl-C need what Python does by default.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    return f"fastnn: {_kernels.active} of {', '.join(_kernels.runnable_variants())}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "variant" in getattr(item, "fixturenames", ()):
            item.add_marker("kernels")


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a kernel variant, which networks use for the length of the test."""
    name: str = request.param
    monkeypatch.setattr(_kernels, "active", name)
    return name


@pytest.fixture
def tune(monkeypatch: pytest.MonkeyPatch) -> Tune:
    """Set thresholds of the kernel engine for the length of the test."""

    def tune(**thresholds: float) -> None:
        changed = Parameters.tuning._replace(**thresholds)  # type: ignore[arg-type]
        monkeypatch.setattr(Parameters, "tuning", changed)

    return tune


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest, tune: Tune) -> str:
    """A way through the kernels, which networks take wherever they have the choice."""
    name: str = request.param
    tune(**PATHS[name])
    return name


def _data_folder(name: str) -> Path:
    root = os.environ.get("FASTNN_DATA")
    candidates = [Path(root)] if root else []
    candidates.append(Path(__file__).parents[2] / "shared" / "data")
    for candidate in candidates:
        if (candidate / name).is_dir():
            return candidate / name
    pytest.skip(f"no {name} data: set FASTNN_DATA to a folder that holds {name}/")


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder of the four MNIST files."""
    return _data_folder("mnist")


@pytest.fixture(scope="session")
def gophernet_folder() -> Path:
    """The folder of gophernet's train.csv and test.csv."""
    return _data_folder("gophernet")
