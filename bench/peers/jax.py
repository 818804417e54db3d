"""JAX."""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from ..problems import Array, Examples
from . import Descent, OtherLibrary, Outcome, Run, parameters_outcome, targets

_ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "sigmoid": jax.nn.sigmoid,
    "relu": jax.nn.relu,
    "identity": lambda z: z,
}

Layers = list[tuple[jax.Array, jax.Array]]


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

    def step(layers: Layers, x: jax.Array, t: jax.Array) -> Layers:
        slopes = jax.grad(loss)(layers, x, t)
        return jax.tree.map(lambda p, slope: p - descent.learning_rate * slope, layers, slopes)

    def batch(layers: Layers, rows: jax.Array) -> tuple[Layers, None]:
        return step(layers, X[rows], T[rows]), None

    def epoch(layers: Layers, order: jax.Array) -> tuple[Layers, None]:
        batch_size = descent.rows_per_batch(len(order))
        last = len(order) % batch_size
        whole, rest = jnp.split(order, [len(order) - last])
        layers, _ = lax.scan(batch, layers, whole.reshape(-1, batch_size))
        return batch(layers, rest) if last else (layers, None)

    if orders is None:
        return lax.fori_loop(0, descent.epochs, lambda _, layers: step(layers, X, T), layers)
    return lax.scan(epoch, layers, orders)[0]
