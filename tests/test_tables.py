"""The needs of a new entry of a table: a test that fails names what is missing, and where."""

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from helpers import parametrize, refusal

import fastnn
from fastnn import MLP, SGD, _kernels, reference, schedules
from fastnn._kernels import isa
from fastnn.activations import ACTIVATIONS, BuiltinActivation
from fastnn.engine.layout import Parameters
from fastnn.losses import LOSSES, BuiltinLoss
from fastnn.optimizers import OPTIMIZERS, Optimizer
from fastnn.regularization import Regularization
from fastnn.schedules import SCHEDULES, Schedule

KERNELS = _kernels.kernels_for(np.dtype("float32"))
MATH = "fastnn/_kernels/math"
RULES = "fastnn/_kernels/train/optimizers.pxi"
ELEMENTWISE = [name for name, f in ACTIVATIONS.items() if f.is_elementwise]


def gradients(kind: Any, activation: str, loss: str, output_activation: str) -> Any:
    """Return loss and gradients of a network with z of either sign in its hidden layer."""
    options = {"loss": loss, "output_activation": output_activation, "dtype": "float64"}
    net = kind([2, 6, 3], activation=activation, seed=3, **options)
    return net.gradients([[0.5, -1.0], [2.0, 1.0]], [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])


def are_close(found: Any, expected: Any) -> bool:
    return all(np.allclose(a, b, rtol=1e-6) for a, b in zip(found, expected, strict=True))


class TestActivations:
    @parametrize("name", *ACTIVATIONS)
    def test_kernels_have_a_code(self, name: str) -> None:
        file = f"{MATH}/activations.pxi"
        assert name in KERNELS.ACTIVATION_CODES, f"add {name} to enum and codes in {file}"

    def test_codes_are_distinct(self) -> None:
        codes = KERNELS.ACTIVATION_CODES
        assert len(set(codes.values())) == len(codes) == len(ACTIVATIONS)

    @parametrize("name", *ELEMENTWISE)
    def test_kernels_compute_outputs_and_slopes(self, name: str) -> None:
        nets = [
            kind([1, 4], output_activation=name, loss="squared_error", dtype="float64")
            for kind in (MLP, reference.MLP)
        ]
        for net in nets:
            net.weights[0][:], net.biases[0][:] = [[-2.0, -0.5, 0.5, 2.0]], 0
        outputs, expected = (net.predict([[1.0]]) for net in nets)
        case = f"add a case for {name} to {{}} in {MATH}/activations.pxi"
        assert are_close(outputs, expected), case.format("activate")
        slopes, of_formula = (net.gradients([[1.0]], [[9.0] * 4]).biases for net in nets)
        assert are_close(slopes, of_formula), case.format("times_slope")

    @parametrize("name", *ELEMENTWISE)
    def test_properties_are_those_of_the_formula(self, name: str) -> None:
        f, z = ACTIVATIONS[name], np.linspace(-3, 3, 31)
        a = f.outputs(z)
        if f.zeros_are_common:
            assert (a[z < 0] == 0).all()
        if f.has_step_slope:
            np.testing.assert_array_equal(f.slope(z, a), a > 0)

    def test_kernels_take_one_parameter(self) -> None:
        f = BuiltinActivation("elu", np.positive, np.ones_like, alpha=1.0, beta=2.0)
        with refusal(
            NotImplementedError, "the kernels allow one parameter", "'elu' has 2", "Layer"
        ):
            MLP([2, 3], output_activation=f)

    @parametrize("name", *ELEMENTWISE)
    def test_onnx_has_a_formula(self, name: str) -> None:
        pytest.importorskip("onnx")
        from fastnn.exchange import onnx_file

        file = "fastnn/exchange/onnx_file.py"
        assert name in onnx_file._FORMULAS, f"add {name} to _FORMULAS in {file}"


class TestLosses:
    @parametrize("name", *LOSSES)
    def test_kernels_have_a_code(self, name: str) -> None:
        file = f"{MATH}/losses.pxi"
        assert name in KERNELS.LOSS_CODES, f"add {name} to enum and codes in {file}"

    def test_codes_are_distinct(self) -> None:
        codes = KERNELS.LOSS_CODES
        assert len(set(codes.values())) == len(codes) == len(LOSSES)

    @parametrize("name", *LOSSES)
    def test_kernels_compute_values_and_derivatives(self, name: str) -> None:
        output = LOSSES[name].output_activation or "identity"
        found, expected = (gradients(kind, "tanh", name, output) for kind in (MLP, reference.MLP))
        case = f"add a case for {name} to sum_losses in {MATH}/losses.pxi"
        assert are_close([found.loss], [expected.loss]), f"{case}: its value"
        assert are_close(found.biases, expected.biases), f"{case}: its derivative"

    def test_kernels_take_one_parameter(self) -> None:
        f: Any = np.subtract
        net = MLP([2, 3], loss=BuiltinLoss("huber", f, f, alpha=1.0, beta=2.0))
        with refusal(NotImplementedError, "the kernels allow one parameter", "'huber' has 2"):
            net.train([[1, 2]], [1])


class TestOptimizers:
    @parametrize("name", *OPTIMIZERS)
    def test_kernels_have_a_code(self, name: str) -> None:
        rule = OPTIMIZERS[name]().rule
        assert rule in KERNELS.RULE_CODES, f"add {rule} to enum and codes in {RULES}"

    def test_codes_are_distinct(self) -> None:
        codes = KERNELS.RULE_CODES
        assert len(set(codes.values())) == len(codes)

    @parametrize("name", *(name for name in OPTIMIZERS if name != "lbfgs"))
    def test_kernels_make_steps(self, name: str) -> None:
        nets = [kind([2, 3], seed=1, dtype="float64") for kind in (MLP, reference.MLP)]
        for net in nets:
            X, y = [[0.5, -1.0], [2.0, 1.0]], [0, 2]
            net.train(X, y, batch_size=None, optimizer=name, epochs=3)
        weights, expected = (net.weights for net in nets)
        assert are_close(weights, expected), f"add a case for {name} to step_run in {RULES}"

    def test_kernels_have_limits(self) -> None:
        class Five(SGD):
            constants = (1.0, 2.0, 3.0, 4.0, 5.0)

        parameters = Parameters([2, 3], [ACTIVATIONS["tanh"]], LOSSES["huber"], np.dtype("float32"))
        limits = "the kernels allow 4 constants and 2 slots, and the optimizer 'sgd' has "

        def update(optimizer: Optimizer, n_slots: int) -> Any:
            slots = [parameters.flat.copy() for _ in range(n_slots)]
            return parameters.update(optimizer, Regularization(), slots)

        with refusal(NotImplementedError, limits, "5 and 1", RULES.removeprefix("fastnn/")):
            update(Five(), 1)
        with refusal(NotImplementedError, limits, "1 and 3"):
            update(SGD(), 3)


class TestPublicNames:
    @parametrize(
        "kind",
        *OPTIMIZERS.values(),
        *SCHEDULES.values(),
        *(type(f) for f in (*ACTIVATIONS.values(), *LOSSES.values()) if f.parameters),
        ids=lambda kind: kind.__name__,
    )
    def test_classes_are_exported(self, kind: type) -> None:
        assert kind.__name__ in fastnn.__all__, f"export {kind.__name__} in fastnn/__init__.py"

    def test_every_schedule_is_in_the_table(self) -> None:
        found = [kind for kind in vars(schedules).values() if isinstance(kind, type)]
        named = {kind for kind in found if issubclass(kind, Schedule) and hasattr(kind, "name")}
        missing = named - {*SCHEDULES.values(), schedules.FunctionSchedule}
        assert not missing, f"add {missing} to SCHEDULES in fastnn/schedules.py"

    def test_docstrings_list_the_tables(self) -> None:
        for documented, table in ((fastnn.Activation, ACTIVATIONS), (fastnn.Loss, LOSSES)):
            text = documented.__doc__ or ""
            missing = [name for name in table if f'"{name}"' not in text]
            assert not missing, f"name {missing} in the docstring of {documented.__name__}"


@parametrize("dtype", *isa.DTYPES)
@parametrize("variant", *(variant.name for variant in isa.VARIANTS))
def test_every_variant_has_modules(variant: str, dtype: str) -> None:
    module = f"fastnn._kernels.{variant}_{dtype}"
    assert find_spec(module), f"add the file {module.replace('.', '/')}.pyx"
