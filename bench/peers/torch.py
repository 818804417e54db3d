"""PyTorch."""

from collections.abc import Callable, Sequence
from functools import cache, partial

import torch
from torch import Tensor
from torch.nn import functional

from fastnn import Adam

from ..problems import Array, Examples, Problem
from . import MOMENTUM, Descent, OtherLibrary, Outcome, Run, parameters_outcome, targets

Activation = Callable[[Tensor], Tensor]
Layers = Sequence[tuple[Tensor, Tensor, Activation]]  # weights (fan_out, fan_in), biases
Update = Callable[[tuple[Tensor, ...], float], None]  # what gradients and a rate do to parameters

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

        def reset() -> None:
            self.reset()
            self._begin(descent)

        def work() -> None:
            for order in self._orders(len(X), descent):
                batches = X[order].split(batch_size), T[order].split(batch_size)
                for x, t in zip(*batches, strict=True):
                    self._step(x, t)

        def outcome() -> Outcome:
            return parameters_outcome(
                (w.detach().numpy().T for w in self._weights),
                (b.detach().numpy() for b in self._biases),
            )

        reset()
        return Run(reset, work, outcome)

    def own(self, X: Array) -> Tensor:
        return torch.from_numpy(X)

    def predictor(self) -> Callable[[Tensor], Tensor]:
        # Made in this mode, they keep autograd away; to enter it in every call takes longer.
        with torch.inference_mode():
            layers = [(w.clone(), b.clone(), f) for w, b, f in self._layers]
        return lambda x: outputs(layers, x)

    def _begin(self, descent: Descent) -> None:
        """Get ready for steps of `training`."""
        self._parameters = [*self._weights, *self._biases]
        self._update, self._rate = UPDATES[descent.rule](self._parameters), descent.learning_rate

    def _step(self, x: Tensor, t: Tensor) -> None:
        loss = functional.mse_loss(outputs(self._layers, x), t, reduction="sum")
        # `backward` and an optimizer, even a fused one, take longer.
        slopes = torch.autograd.grad(loss, self._parameters, _factor(len(x)))
        with torch.no_grad():
            self._update(slopes, self._rate)


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
        parameters: list[Tensor] = list(self._model.parameters())
        self._weights, self._biases = parameters[::2], parameters[1::2]

    def _begin(self, descent: Descent) -> None:
        new_optimizer = _OPTIMIZERS[descent.rule]
        self._optimizer = new_optimizer(self._model.parameters(), lr=descent.learning_rate)

    def _step(self, x: Tensor, t: Tensor) -> None:
        self._optimizer.zero_grad()
        functional.mse_loss(self._model(x), t, reduction="sum").backward(_factor(len(x)))
        self._optimizer.step()


@cache
def _factor(n_examples: int) -> Tensor:
    """Of gradients: `mse_loss` is neither halved nor the mean over the examples."""
    return torch.tensor(1 / (2 * n_examples))


def _sgd(parameters: list[Tensor]) -> Update:
    def update(slopes: tuple[Tensor, ...], rate: float) -> None:
        for parameter, slope in zip(parameters, slopes, strict=True):
            parameter.sub_(slope, alpha=rate)

    return update


def _momentum(parameters: list[Tensor]) -> Update:
    velocities = [torch.zeros_like(parameter) for parameter in parameters]

    def update(slopes: tuple[Tensor, ...], rate: float) -> None:
        torch._fused_sgd_(
            parameters,
            slopes,
            velocities,
            lr=rate,
            momentum=MOMENTUM,
            dampening=0,
            weight_decay=0,
            nesterov=False,
            maximize=False,
            is_first_step=False,
        )

    return update


def _adam(parameters: list[Tensor]) -> Update:
    means, squares = ([torch.zeros_like(parameter) for parameter in parameters] for _ in range(2))
    numbers = [torch.tensor(0.0) for _ in parameters]
    beta_1, beta_2, epsilon = Adam().constants

    def update(slopes: tuple[Tensor, ...], rate: float) -> None:
        torch._foreach_add_(numbers, 1)
        torch._fused_adam_(
            parameters,
            slopes,
            means,
            squares,
            [],
            numbers,
            lr=rate,
            beta1=beta_1,
            beta2=beta_2,
            eps=epsilon,
            weight_decay=0,
            amsgrad=False,
            maximize=False,
        )

    return update


UPDATES = {"sgd": _sgd, "momentum": _momentum, "adam": _adam}

# Each is the fastest of the implementations that PyTorch has for the CPU: "for each" tensor, which
# is the default, takes some 10 % (SGD with momentum) and 30 % (Adam) more of a whole step.
_OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": partial(torch.optim.SGD, momentum=MOMENTUM, fused=True),
    "adam": partial(torch.optim.Adam, fused=True),
}


def outputs(layers: Layers, x: Tensor) -> Tensor:
    for weights, biases, f in layers:
        x = f(functional.linear(x, weights, biases))
    return x
