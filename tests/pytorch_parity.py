"""Trains the cases of pytorch_cases.py with PyTorch, for test_pytorch_parity.py.

Run it where torch and fastnn are installed, after a change of the cases::

    python tests/pytorch_parity.py
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from pytorch_cases import CASES, N_EXAMPLES, RESULTS, Case, initial_parameters
from torch import nn
from torch.nn import functional
from torch.optim import lr_scheduler

from fastnn import (
    ELU,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Cosine,
    Huber,
    InverseScaling,
    LeakyReLU,
    Linear,
    OneCycle,
    Quantile,
    ReduceOnPlateau,
    RMSprop,
    Rprop,
    StepDecay,
)
from fastnn.optimizers import Optimizer


def module_of(activation: Any) -> nn.Module:
    if isinstance(activation, LeakyReLU):
        return nn.LeakyReLU(activation.parameters["negative_slope"])
    if isinstance(activation, ELU):
        return nn.ELU(activation.parameters["alpha"])
    modules: dict[str, nn.Module] = {
        "tanh": nn.Tanh(),
        "sigmoid": nn.Sigmoid(),
        "relu": nn.ReLU(),
        "leaky_relu": nn.LeakyReLU(),
        "elu": nn.ELU(),
        "softplus": nn.Softplus(),
        "silu": nn.SiLU(),
        "gelu": nn.GELU(),
    }
    return modules[activation]


def losses_of(case: Case) -> Callable[[Any, Any], Any]:
    """What comes out of the last layer, and targets, to the loss of each example."""
    loss = case.loss
    if case.output_activation == "sigmoid" and loss == "squared_error":
        return lambda z, t: functional.mse_loss(z.sigmoid(), t, reduction="none").sum(1) / 2
    if isinstance(loss, Huber):
        delta = loss.parameters["delta"]
        return lambda a, t: functional.huber_loss(a, t, delta=delta, reduction="none").sum(1)
    if isinstance(loss, Quantile):
        q = loss.parameters["quantile"]
        return lambda a, t: torch.maximum(q * (t - a), (1 - q) * (a - t)).sum(1)
    functions: dict[Any, Callable[[Any, Any], Any]] = {
        "squared_error": lambda a, t: functional.mse_loss(a, t, reduction="none").sum(1) / 2,
        "absolute_error": lambda a, t: functional.l1_loss(a, t, reduction="none").sum(1),
        "huber": lambda a, t: functional.huber_loss(a, t, reduction="none").sum(1),
        "cross_entropy": lambda z, t: functional.cross_entropy(z, t, reduction="none"),
        "binary_cross_entropy": lambda z, t: functional.binary_cross_entropy_with_logits(
            z, t, reduction="none"
        ).sum(1),
        "poisson": lambda z, t: functional.poisson_nll_loss(z, t, reduction="none").sum(1),
    }
    return functions[loss]


def first_rate(optimizer: Optimizer) -> float:
    rate: Any = optimizer.learning_rate
    if isinstance(rate, OneCycle):
        return rate.peak
    found: float = getattr(rate, "start", rate)
    return found


def optimizer_of(optimizer: Optimizer, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    rate = first_rate(optimizer)
    if isinstance(optimizer, SGD):
        return torch.optim.SGD(
            groups, rate, momentum=optimizer.momentum, nesterov=optimizer.nesterov
        )
    if isinstance(optimizer, Adam):
        kind = torch.optim.AdamW if isinstance(optimizer, AdamW) else torch.optim.Adam
        betas = optimizer.beta_1, optimizer.beta_2
        return kind(groups, rate, betas=betas, eps=optimizer.epsilon, weight_decay=0)
    if isinstance(optimizer, RMSprop):
        return torch.optim.RMSprop(groups, rate, alpha=optimizer.rho, eps=optimizer.epsilon)
    if isinstance(optimizer, Adagrad):
        return torch.optim.Adagrad(groups, rate, eps=optimizer.epsilon)
    assert isinstance(optimizer, Rprop)
    return torch.optim.Rprop(
        groups,
        rate,
        etas=(optimizer.shorter, optimizer.longer),
        step_sizes=(optimizer.shortest, optimizer.longest),
    )


def scheduler_of(optimizer: Optimizer, of: torch.optim.Optimizer) -> Any:
    rate = optimizer.learning_rate
    if isinstance(rate, StepDecay):
        return lr_scheduler.StepLR(of, rate.every, rate.factor)
    if isinstance(rate, Linear):
        assert rate.n_steps
        return lr_scheduler.LinearLR(of, 1.0, rate.end / rate.start, rate.n_steps)
    if isinstance(rate, Cosine):
        assert rate.n_steps
        return lr_scheduler.CosineAnnealingLR(of, rate.n_steps, rate.end)
    if isinstance(rate, OneCycle):
        return lr_scheduler.OneCycleLR(of, rate.peak, rate.n_steps, cycle_momentum=False)
    if isinstance(rate, InverseScaling):
        power = rate.power
        return lr_scheduler.LambdaLR(of, lambda step: (step + 1) ** -power)
    if isinstance(rate, ReduceOnPlateau):
        return lr_scheduler.ReduceLROnPlateau(
            of,
            factor=rate.factor,
            patience=rate.patience,
            threshold=rate.min_delta,
            cooldown=rate.cooldown,
            min_lr=rate.lowest,
        )
    assert isinstance(rate, float)
    return lr_scheduler.LambdaLR(of, lambda step: 1.0)


def network_of(case: Case) -> tuple[nn.Sequential, list[nn.Linear]]:
    """All but the activation of the last layer, and its linear layers."""
    layers, modules = [], []
    for weights, biases in zip(*initial_parameters(), strict=True):
        fan_in, fan_out = weights.shape
        linear = nn.Linear(fan_in, fan_out, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weights.T))
            linear.bias.copy_(torch.from_numpy(biases))
        layers.append(linear)
        modules += [linear, module_of(case.activation)]
    return nn.Sequential(*modules[:-1]), layers


def trained(case: Case) -> list[float]:
    """The parameters: weights (fan_in, fan_out) of all layers, then biases."""
    network, layers = network_of(case)
    weights, biases = [layer.weight for layer in layers], [layer.bias for layer in layers]
    given, batch_size = case.penalties, case.batch_size or N_EXAMPLES
    l2_in_loss, decay = 0.0, given.get("l2", 0.0)
    if isinstance(case.optimizer, AdamW | Rprop):  # what they call a decay is another, or unknown
        l2_in_loss, decay = decay, case.optimizer.weight_decay
    group = {"params": weights, "weight_decay": decay}
    optimizer = optimizer_of(case.optimizer, [group, {"params": biases}])
    scheduler = scheduler_of(case.optimizer, optimizer)
    losses = losses_of(case)
    X, y, sample_weight = case.data()
    inputs = torch.from_numpy(X)
    targets = torch.from_numpy(y if case.has_labels else y.astype(np.float64))
    factors = torch.ones(N_EXAMPLES, dtype=torch.float64)
    if case.has_sample_weight:
        factors = torch.from_numpy(sample_weight)
    for _ in range(case.epochs):
        sum_of_losses = 0.0
        for start in range(0, N_EXAMPLES, batch_size):
            rows = slice(start, start + batch_size)
            optimizer.zero_grad()
            loss = (factors[rows] * losses(network(inputs[rows]), targets[rows])).mean()
            sum_of_losses += float(loss.detach()) * batch_size
            for w in weights:
                loss = loss + given.get("l1", 0.0) * w.abs().sum()
                loss = loss + l2_in_loss / 2 * w.square().sum()
            loss.backward()
            if "clip_norm" in given:
                nn.utils.clip_grad_norm_(network.parameters(), given["clip_norm"])
            optimizer.step()
            if "max_norm" in given:
                shorten(weights, given["max_norm"])
            if not isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
                scheduler.step()
        if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
            scheduler.step(sum_of_losses / N_EXAMPLES)
    flat = [w.detach().numpy().T.ravel() for w in weights] + [b.detach().numpy() for b in biases]
    found: list[float] = np.concatenate(flat).tolist()
    return found


def shorten(weights: list[Any], max_norm: float) -> None:
    """As torch.renorm, but for the 1e-7 that it adds to norms it divides by."""
    for w in weights:
        with torch.no_grad():
            w *= max_norm / w.norm(dim=1, keepdim=True).clamp(min=max_norm)


if __name__ == "__main__":
    found = {name: trained(case) for name, case in CASES.items()}
    version = torch.__version__.split("+")[0]
    lines = [f"{json.dumps(name)}: {json.dumps(numbers)}" for name, numbers in found.items()]
    cases = ",\n".join(lines)
    RESULTS.write_text(f'{{"torch": "{version}",\n"parameters": {{\n{cases}\n}}}}\n')
    print(f"{len(found)} cases, {RESULTS.stat().st_size} bytes in {RESULTS.name}")
