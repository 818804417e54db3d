"""The package as installed: variants, imports, API, and what importing it must not do."""

import ast
import doctest
import inspect
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import pytest
from helpers import parametrize, run_python

import fastnn
from fastnn import _kernels, reference
from fastnn._kernels.isa import VARIANTS

PACKAGE = Path(fastnn.__file__).parent


def run(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return run_python("-c", code, env={**os.environ, **environment})


def output_of(code: str, **environment: str) -> str:
    done = run(code, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class TestDispatch:
    @parametrize("name", *_kernels.runnable_variants())
    def test_a_variant_can_be_forced(self, name: str) -> None:
        assert output_of("import fastnn; print(fastnn.isa)", FASTNN_ISA=name) == name

    @parametrize("name", *_kernels.runnable_variants())
    def test_only_the_chosen_variant_is_imported(self, name: str) -> None:
        code = "import fastnn, sys; print(*(m for m in sys.modules if '_kernels.' in m))"
        loaded = output_of(code, FASTNN_ISA=name)
        others = {variant.name for variant in VARIANTS} - {name}
        assert not {f"fastnn._kernels.{other}" for other in others} & set(loaded.split())

    def test_the_best_is_chosen(self) -> None:
        code = "import fastnn; print(fastnn.isa)"
        assert output_of(code, FASTNN_ISA="") == _kernels.runnable_variants()[0]

    def test_an_unknown_variant_fails_at_import(self) -> None:
        done = run("import fastnn", FASTNN_ISA="sse9")
        assert done.returncode != 0
        assert "ImportError: FASTNN_ISA must be one of" in done.stderr
        assert "'sse9'" in done.stderr

    def test_a_variant_that_cannot_run_fails_at_import(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        best = VARIANTS[0]
        if not best.features:
            pytest.skip(f"on {platform.machine()} the one variant needs no features")
        last = best.features[-1]
        monkeypatch.setattr(_kernels, "cpu_features", dict)
        with pytest.raises(ImportError, match=f"FASTNN_ISA={best.name} cannot run.*{last}"):
            _kernels._choose(best.name)
        with pytest.raises(ImportError, match="needs a CPU with"):
            _kernels._choose(None)

    def test_features_are_those_that_the_cpu_reports(self) -> None:
        known = _kernels.cpu_features()
        wanted = {feature for variant in VARIANTS for feature in variant.features}
        assert wanted <= known.keys()
        cpuinfo = Path("/proc/cpuinfo")
        if not cpuinfo.exists() or not known:
            pytest.skip("no /proc/cpuinfo with x86-64 flags to compare with")
        flags = set(cpuinfo.read_text().split("flags", 1)[1].split("\n", 1)[0].split())
        spelling = {"sse3": "pni", "sse4.1": "sse4_1", "sse4.2": "sse4_2"}
        assert {name: spelling.get(name, name) in flags for name in known} == known


class TestImport:
    def test_leaves_subnormal_arithmetic_alone(self) -> None:
        code = """
import numpy as np
tiny = np.full(100, np.finfo(np.float32).smallest_subnormal * 8)
import fastnn
assert (tiny / 2 > 0).all(), "flushed by the import"
net = fastnn.MLP([20, 30, 2])
net.train(np.ones((50, 20)), [0, 1] * 25, batch_size=1)
net.train(np.ones((50, 20)), [0, 1] * 25, batch_size=None)
net.predict(np.ones((50, 20)))
assert (tiny / 2 > 0).all(), "flushed by the kernels"
print(np.finfo(np.float32).smallest_subnormal > 0)
"""
        assert output_of(code) == "True"

    def test_brings_nothing_heavy(self) -> None:
        code = "import fastnn, sys; print(*sys.modules)"
        loaded = {name.split(".")[0] for name in output_of(code).split()}
        heavy = "safetensors tqdm scipy sklearn pandas torch onnx Cython argparse"
        assert not loaded & set(heavy.split())

    def test_sparse_matrices_are_recognised_without_scipy(self) -> None:
        code = "fastnn.MLP([2, 1]).predict([[1, 2], [3, 4]]); print('scipy' in sys.modules)"
        assert output_of(f"import fastnn, sys; {code}") == "False"

    def test_needs_neither_scikit_learn_nor_scipy(self) -> None:
        used = "from fastnn import MLP; MLP([2, 3, 1]).train([[1, 2]], [1])"
        names = '*{"sklearn", "scipy", "fastnn.sklearn"} & sys.modules.keys()'
        assert output_of(f"import sys; {used}; print({names})") == ""

    def test_what_takes_long_is_imported_when_it_is_asked_for(self) -> None:
        late = {"importlib.metadata", "numpy.random", "fastnn.reference"}
        assert output_of(f"import fastnn, sys; print(*({late!r} & sys.modules.keys()))") == ""
        assert output_of("import fastnn; print(fastnn.reference.MLP([2, 1]).n_parameters)") == "3"

    def test_without_compiled_kernels_says_what_to_do(self, tmp_path: Path) -> None:
        for source in PACKAGE.rglob("*.py"):
            copy = tmp_path / "fastnn" / source.relative_to(PACKAGE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
        done = run(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import fastnn")
        assert "ImportError: fastnn's kernels are not compiled here" in done.stderr


# Ranks of rooms: each imports those of ranks before its own, and those before it in its rank.
RANKS = [
    ["_kernels"],
    ["common"],
    [
        *("activations", "losses", "regularization", "history", "schedules", "optimizers"),
        "early_stopping",
    ],
    ["data", "validation", "input_scaling", "data_record", "initialization"],
    ["engine"],
    ["labeling", "evaluation", "data_checks", "training", "exchange", "datasets"],
    ["network", "mlp", "reference", "internals"],
    ["fastnn", "sklearn", "cli", "__main__"],
]
ROOMS = [room for rooms in RANKS for room in rooms]


def imports_of(source: Path) -> set[str]:
    """The rooms of the package that a module imports, its own left out."""
    here = ("fastnn", *source.relative_to(PACKAGE).with_suffix("").parts)
    found = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(here[: len(here) - node.level]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            found |= {f"{module}.{name.name}" for name in node.names}
    inside = [name.split(".") for name in found if name.split(".")[0] == "fastnn"]
    return {part[1] if part[1:] and part[1] in ROOMS else "fastnn" for part in inside} - {here[1]}


def room_of(source: Path) -> str:
    first = source.relative_to(PACKAGE).parts[0]
    return "fastnn" if first == "__init__.py" else first.removesuffix(".py")


@parametrize("source", *sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.name)
def test_imports_go_one_way(source: Path) -> None:
    room = room_of(source)
    assert room in ROOMS, f"give the new room {room} its place in RANKS"
    if room == "fastnn":
        assert not imports_of(source) & {"reference", "cli", "sklearn"}
        return
    for imported in imports_of(source):
        assert ROOMS.index(imported) < ROOMS.index(room), f"{room} imports {imported}"


def test_reference_has_the_same_api() -> None:
    def api(kind: type) -> dict[str, str]:
        return {
            name: str(inspect.signature(member)) if callable(member) else "attribute"
            for name, member in inspect.getmembers(kind)
            if not name.startswith("_") or name == "__init__"
        }

    assert api(fastnn.MLP) == api(reference.MLP)


def test_public_names() -> None:
    for name in fastnn.__all__:
        assert getattr(fastnn, name) is not None
    assert fastnn.__version__ == metadata.version("fastnn-mlp")
    assert (PACKAGE / "py.typed").exists()


def test_everything_public_is_documented() -> None:
    for name in fastnn.__all__:
        member = getattr(fastnn, name)
        if inspect.isclass(member):
            assert inspect.getdoc(member), name
            for method, function in inspect.getmembers(member, inspect.isfunction):
                assert method.startswith("_") or inspect.getdoc(function), f"{name}.{method}"


def test_docstring_examples() -> None:
    find = doctest.DocTestFinder().find
    objects = {getattr(fastnn, name) for name in fastnn.__all__} | set(fastnn.MLP.__mro__)
    found = [
        test
        for documented in objects - {fastnn.isa, fastnn.datasets}
        for test in find(documented, documented.__name__, module=False, globs=vars(fastnn))
        if test.examples
    ]
    with_examples = {test.name.replace("Network", "MLP") for test in found}
    known = {
        "MLP",
        "MLP.from_arrays",
        "MLP.summary",
        "Activation",
        "History.to_dict",
        "Loss",
        "one_hot",
    }
    assert known < with_examples, f"lost: {known - with_examples}"
    for test in found:
        assert not doctest.DocTestRunner().run(test).failed, test.name
