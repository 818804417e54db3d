"""JAX."""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from fastnn import Adam

from ..problems import Array, Examples
from . import MOMENTUM, Descent, OtherLibrary, Outcome, Run, parameters_outcome, targets

_ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "sigmoid": jax.nn.sigmoid,
    "relu": jax.nn.relu,
    "identity": lambda z: z,
}

Layers = list[tuple[jax.Array, jax.Array]]

Kept = tuple[jax.Array, ...]  # by a rule, of an array of parameters
State = tuple[Layers, list[Kept], jax.Array]  # the last is the number of the step


def _sgd(slope: jax.Array, kept: Kept, number: jax.Array) -> tuple[jax.Array, Kept]:
    return slope, kept


def _momentum(slope: jax.Array, kept: Kept, number: jax.Array) -> tuple[jax.Array, Kept]:
    velocity = MOMENTUM * kept[0] + slope
    return velocity, (velocity,)


def _adam(slope: jax.Array, kept: Kept, number: jax.Array) -> tuple[jax.Array, Kept]:
    beta_1, beta_2, epsilon = Adam().constants
    mean = beta_1 * kept[0] + (1 - beta_1) * slope
    square = beta_2 * kept[1] + (1 - beta_2) * slope * slope
    root = jnp.sqrt(square) * (1 / jnp.sqrt(1 - beta_2**number))
    return mean * (1 / (1 - beta_1**number)) / (root + epsilon), (mean, square)


# What each subtracts from parameters, apart from the rate, and how many arrays it keeps.
_RULES = {"sgd": (_sgd, 0), "momentum": (_momentum, 1), "adam": (_adam, 2)}


class JAX(OtherLibrary):
    """Compiled whole: all epochs of a training are one call."""

    def _adopt(self, weights: Sequence[Array], biases: Sequence[Array]) -> None:
        # Copies, since training donates them.
        self._layers = [(jnp.array(w), jnp.array(b)) for w, b in zip(weights, biases, strict=True)]

    def training(self, examples: Examples, descent: Descent) -> Run:
        X, T = jnp.asarray(examples.X), jnp.asarray(targets(examples, self._problem))
        train = partial(_train, X=X, T=T, activations=self._problem.activations, descent=descent)

        def work() -> None:
            orders = None
            if descent.batch_size:
                orders = jnp.asarray(np.stack(list(self._orders(len(X), descent))), jnp.int32)
            self._layers = jax.block_until_ready(train(self._layers, orders))

        def outcome() -> Outcome:
            return parameters_outcome(*zip(*self._layers, strict=True))

        return Run(self.reset, work, outcome)

    def own(self, X: Array) -> jax.Array:
        return jnp.asarray(X)

    def predictor(self) -> Callable[[jax.Array], jax.Array]:
        # Parameters that are constants of the compiled function make the faster one.
        outputs = jax.jit(partial(_outputs, self._layers, self._problem.activations))
        return lambda x: outputs(x).block_until_ready()


def _outputs(layers: Layers, activations: tuple[str, ...], x: jax.Array) -> jax.Array:
    for (weights, biases), name in zip(layers, activations, strict=True):
        x = _ACTIVATIONS[name](x @ weights + biases)
    return x


@partial(jax.jit, static_argnames=("activations", "descent"), donate_argnames="layers")
def _train(
    layers: Layers,
    orders: jax.Array | None,  # (epochs, n_examples); None: the full batch
    *,
    X: jax.Array,
    T: jax.Array,
    activations: tuple[str, ...],
    descent: Descent,
) -> Layers:
    def loss(layers: Layers, x: jax.Array, t: jax.Array) -> jax.Array:
        return jnp.square(_outputs(layers, activations, x) - t).sum() / (2 * len(x))

    rule, n_kept = _RULES[descent.rule]

    def step(state: State, x: jax.Array, t: jax.Array) -> State:
        layers, kept, number = state
        slopes = jax.tree.leaves(jax.grad(loss)(layers, x, t))
        parameters, structure = jax.tree.flatten(layers)
        changes = [rule(slope, k, number) for slope, k in zip(slopes, kept, strict=True)]
        parameters = [
            p - descent.learning_rate * change
            for p, (change, _) in zip(parameters, changes, strict=True)
        ]
        return jax.tree.unflatten(structure, parameters), [k for _, k in changes], number + 1

    def batch(state: State, rows: jax.Array) -> tuple[State, None]:
        return step(state, X[rows], T[rows]), None

    def epoch(state: State, order: jax.Array) -> tuple[State, None]:
        batch_size = descent.rows_per_batch(len(order))
        last = len(order) % batch_size
        whole, rest = jnp.split(order, [len(order) - last])
        state, _ = lax.scan(batch, state, whole.reshape(-1, batch_size))
        return batch(state, rest) if last else (state, None)

    kept = [(jnp.zeros_like(p),) * n_kept for p in jax.tree.leaves(layers)]
    state: State = layers, kept, jnp.float32(1)
    if orders is None:
        return lax.fori_loop(0, descent.epochs, lambda _, state: step(state, X, T), state)[0]
    return lax.scan(epoch, state, orders)[0][0]
