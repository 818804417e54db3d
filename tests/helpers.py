"""Types, networks and assertions that several test files use."""

import copy
import pickle
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from grid import VARIANTS

from fastnn import MLP, Activation, _kernels, reference
from fastnn.common.arrays import Array as Array
from fastnn.evaluation import Gradients
from fastnn.network import Network

Kind = type[MLP] | type[reference.MLP]
Error = type[Exception]
Options = dict[str, Any]
Write = Callable[..., Path]
Compress = Callable[[bytes], bytes]

# Of parameters and outputs after a few epochs.
TOLERANCE = {"float32": 1e-4, "float64": 1e-10}
SOFTSIGN = Activation("softsign", lambda z: z / (1 + abs(z)), lambda z: 1 / (1 + abs(z)) ** 2)


# Networks


def on_both(sizes: Sequence[int], **options: Any) -> tuple[MLP, reference.MLP]:
    """Return equal networks on kernels and of the reference, in float64 unless options say else."""
    settings = {"dtype": "float64", "seed": 1, **options}
    return MLP(sizes, **settings), reference.MLP(sizes, **settings)


@pytest.fixture(
    name="kind",
    params=[*((variant, MLP) for variant in VARIANTS), (_kernels.active, reference.MLP)],
    ids=[*(f"{variant}-kernels" for variant in VARIANTS), "reference"],
)
def kind_and_variant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The class of a network: on each variant of the kernels, then the reference."""
    variant, network_class = request.param
    monkeypatch.setattr(_kernels, "active", variant)
    return network_class


def arrays_of(net: Network | Gradients) -> list[Array]:
    """Return the live views of all weights, then of all biases; or the gradients of these."""
    return [*net.weights, *net.biases]


def parameters(net: Network) -> list[bytes]:
    """Return weights and biases to the bit."""
    return [array.tobytes() for array in arrays_of(net)]


def flat(net: Network) -> Array:
    """Return a copy of all weights and biases as one vector."""
    return np.concatenate([array.ravel() for array in arrays_of(net)])


def state_of(net: Network) -> Any:
    """Return all that a refused call must leave alone: parameters and the random generator."""
    return parameters(net), net._memory.generator.bit_generator.state


@contextmanager
def unchanged(net: Network) -> Iterator[None]:
    before = state_of(net)
    yield
    assert state_of(net) == before, "parameters or random generator changed"


def assert_close(found: Any, expected: Any, rtol: float = 0, atol: float = 0) -> None:
    """Compare two sequences of arrays."""
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=atol)


def assert_same_parameters(net: Network, expected: Network, atol: float | None = None) -> None:
    """Compare weights and biases, by the tolerance of the dtype if none is given."""
    atol = TOLERANCE[net.dtype.name] if atol is None else atol
    assert_close(arrays_of(net), arrays_of(expected), atol=atol)


def copies_of(net: Network, folder: Path) -> list[Network]:
    """Return the network through a file, through a pickle, and as shallow and deep copies."""
    net.save(folder / "copy.safetensors")
    loaded = type(net).load(folder / "copy.safetensors")
    return [loaded, pickle.loads(pickle.dumps(net)), copy.copy(net), copy.deepcopy(net)]


# Errors


@contextmanager
def refusal(error: Error, *words: str) -> Iterator[pytest.ExceptionInfo[Exception]]:
    """Expect exactly this error; its message begins with the first and has all words in order."""
    with pytest.raises(error) as caught:
        yield caught
    assert type(caught.value) is error
    said = str(caught.value)
    assert re.match(".*".join(map(re.escape, words)), said, re.DOTALL), said


def message(error: Error, call: Callable[[], Any]) -> str:
    """Return the message of exactly this error, which the call raises."""
    with refusal(error) as caught:
        call()
    return str(caught.value)


def parametrize(names: str, *values: Any, ids: Any = None) -> pytest.MarkDecorator:
    """Run a test with each of the values, as `pytest.mark.parametrize` does with a list."""
    return pytest.mark.parametrize(names, values, ids=ids)


def each_value(rules: dict[str, list[Any]]) -> pytest.MarkDecorator:
    """Run a test with the values that a rule refuses: "argument [of owner] must be ...".

    The test is given the rule, the argument, and the value.
    """
    cases = [
        pytest.param(rule, rule.split()[0], value, id=f"{rule[:60]}: {value!r}"[:100])
        for rule, values in rules.items()
        for value in values
    ]
    return parametrize("rule, argument, value", *cases)


# Processes


def run_python(*arguments: object, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run the interpreter; -P leaves out the package of a checkout, which is not compiled."""
    command = [sys.executable, "-P", *map(str, arguments)]
    settings = {"text": True, "timeout": 120, **options}
    return subprocess.run(command, capture_output=True, check=False, **settings)


def peak_of(work: Callable[[], object]) -> int:
    """Return the bytes that the work holds at most, on top of what there is."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
