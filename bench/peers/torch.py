"""PyTorch."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ..problems import Array, Examples, Problem
from . import Descent, OtherLibrary, Outcome, Run, parameters_outcome, targets

Activation = Callable[[Tensor], Tensor]
Layers = Sequence[tuple[Tensor, Tensor, Activation]]  # weights (fan_out, fan_in), biases

_ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": torch.sigmoid_,
    "relu": torch.relu_,
    "identity": lambda z: z,
}
_MODULES: dict[str, type[torch.nn.Module]] = {
    "sigmoid": torch.nn.Sigmoid,
    "relu": torch.nn.ReLU,
    "identity": torch.nn.Identity,
}


class PyTorch(OtherLibrary):
    """Plain tensors: faster than `torch.nn.Sequential`, and either than `torch.compile`."""

    def __init__(self, problem: Problem, seed: int, threads: int) -> None:
        torch.set_num_threads(threads)
        super().__init__(problem, seed, threads)

    def _adopt(self, weights: Sequence[Array], biases: Sequence[Array]) -> None:
        self._weights = [torch.tensor(w.T.copy(), requires_grad=True) for w in weights]
        self._biases = [torch.tensor(b, requires_grad=True) for b in biases]
        functions = [_ACTIVATIONS[name] for name in self._problem.activations]
        self._layers = list(zip(self._weights, self._biases, functions, strict=True))

    def training(self, examples: Examples, descent: Descent) -> Run:
        X = torch.from_numpy(examples.X)
        T = torch.from_numpy(targets(examples, self._problem))
        batch_size = descent.rows_per_batch(len(X))

        def work() -> None:
            for order in self._orders(len(X), descent):
                batches = X[order].split(batch_size), T[order].split(batch_size)
                for x, t in zip(*batches, strict=True):
                    self._step(x, t, descent.learning_rate)

        def outcome() -> Outcome:
            return parameters_outcome(
                (w.detach().numpy().T for w in self._weights),
                (b.detach().numpy() for b in self._biases),
            )

        return Run(self.reset, work, outcome)

    def own(self, X: Array) -> Tensor:
        return torch.from_numpy(X)

    def predictor(self) -> Callable[[Tensor], Tensor]:
        # Made in this mode, they keep autograd away; to enter it in every call takes longer.
        with torch.inference_mode():
            layers = [(w.clone(), b.clone(), f) for w, b, f in self._layers]
        return lambda x: _outputs(layers, x)

    def _step(self, x: Tensor, t: Tensor, learning_rate: float) -> None:
        loss = functional.mse_loss(_outputs(self._layers, x), t, reduction="sum")
        step = learning_rate / (2 * len(x))  # the loss is neither halved nor the mean
        parameters = [*self._weights, *self._biases]
        # `backward` and an optimizer, even a fused one, take longer.
        slopes = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for parameter, slope in zip(parameters, slopes, strict=True):
                parameter.sub_(slope, alpha=step)


class PyTorchModules(PyTorch):
    """`torch.nn` and `torch.optim`, as its tutorials and most of its users write the loop."""

    def _adopt(self, weights: Sequence[Array], biases: Sequence[Array]) -> None:
        super()._adopt(weights, biases)
        modules: list[torch.nn.Module] = []
        names = self._problem.activations
        for w, b, name in zip(self._weights, self._biases, names, strict=True):
            linear = torch.nn.Linear(w.shape[1], w.shape[0])
            linear.weight, linear.bias = torch.nn.Parameter(w), torch.nn.Parameter(b)
            modules += [linear, _MODULES[name]()]
        self._model = torch.nn.Sequential(*modules)
        parameters = list(self._model.parameters())
        self._weights, self._biases = parameters[::2], parameters[1::2]
        self._optimizer = torch.optim.SGD(self._model.parameters())

    def _step(self, x: Tensor, t: Tensor, learning_rate: float) -> None:
        # The loss is not halved.
        self._optimizer.param_groups[0]["lr"] = learning_rate / (2 * len(x))
        self._optimizer.zero_grad()
        functional.mse_loss(self._model(x), t, reduction="sum").backward()
        self._optimizer.step()


def _outputs(layers: Layers, x: Tensor) -> Tensor:
    for weights, biases, f in layers:
        x = f(functional.linear(x, weights, biases))
    return x
