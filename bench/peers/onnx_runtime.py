"""ONNX Runtime."""

from collections.abc import Callable, Sequence

import onnxruntime
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from ..problems import Array, Examples
from . import Descent, OtherLibrary, Run

_OPERATORS = {"sigmoid": "Sigmoid", "relu": "Relu", "identity": "Identity"}  # removed on loading
_OPSET = 17


class ONNXRuntime(OtherLibrary):
    """An inference session."""

    def _adopt(self, weights: Sequence[Array], biases: Sequence[Array]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        self._session = onnxruntime.InferenceSession(
            _model(weights, biases, self._problem.activations).SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
        )

    def training(self, examples: Examples, descent: Descent) -> Run:
        raise NotImplementedError("ONNX Runtime predicts only")

    def own(self, X: Array) -> dict[str, Array]:
        return {"x": X}

    def predictor(self) -> Callable[[dict[str, Array]], Array]:
        names = [output.name for output in self._session.get_outputs()]
        # Binding the arrays of each call, or making OrtValues of them, takes longer.
        run = self._session.run
        return lambda feed: run(names, feed)[0]


def _model(
    weights: Sequence[Array], biases: Sequence[Array], activations: Sequence[str]
) -> ModelProto:
    nodes: list[NodeProto] = []
    constants: dict[str, Array] = {}
    x = "x"
    for layer, (w, b, activation) in enumerate(zip(weights, biases, activations, strict=True)):
        constants |= {f"w{layer}": w, f"b{layer}": b}
        nodes.append(helper.make_node("Gemm", [x, f"w{layer}", f"b{layer}"], [f"z{layer}"]))
        nodes.append(helper.make_node(_OPERATORS[activation], [f"z{layer}"], [f"a{layer}"]))
        x = f"a{layer}"
    float_ = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "MLP",
        [helper.make_tensor_value_info("x", float_, ["n", len(weights[0])])],
        [helper.make_tensor_value_info(x, float_, ["n", len(biases[-1])])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opset = [helper.make_opsetid("", _OPSET)]
    return helper.make_model_gen_version(graph, opset_imports=opset)
