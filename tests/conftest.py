"""Fixtures: kernel variants, paths and networks that tests are run over, files and data sets."""

import os
import signal
from pathlib import Path

import hypothesis
import pytest
from command import Command, Run
from grid import PATHS, VARIANTS, Tune
from helpers import Kind, Write

from fastnn import MLP, _kernels, cli, reference
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
    items[:] = [item for item in items if not _is_repeated(item)]
    for item in items:
        if "variant" in getattr(item, "fixturenames", ()):
            item.add_marker("kernels")


def _is_repeated(item: pytest.Item) -> bool:
    """Tell whether a test of the reference, which has no variants, runs with another variant."""
    callspec = getattr(item, "callspec", None)
    parameters = callspec.params if callspec else {}
    is_active = parameters.get("variant", _kernels.active) == _kernels.active
    return parameters.get("kind") is reference.MLP and not is_active


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a kernel variant, which networks use for the length of the test."""
    name: str = request.param
    monkeypatch.setattr(_kernels, "active", name)
    return name


@pytest.fixture(params=[MLP, reference.MLP], ids=["kernels", "reference"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """The class of a network: on kernels, then the reference."""
    network_class: Kind = request.param
    return network_class


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


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the one file of a test, and return its path."""
    path = tmp_path / "data"

    def write_(content: str | bytes) -> Path:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a file that every example of a property writes anew."""
    return tmp_path_factory.mktemp("scratch") / "file"


@pytest.fixture
def fastnn_(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Run the command in this process, in a folder of its own; blanks separate its arguments."""
    monkeypatch.chdir(tmp_path)

    def run(arguments: str) -> Run:
        try:
            status = cli.main(arguments.split())
        except SystemExit as exit_:
            status = exit_.code if isinstance(exit_.code, int) else 1
        return Run(status, *capsys.readouterr())

    return run


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
