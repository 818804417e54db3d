"""What is swept: a sweep is a row of the table at the end."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..problems import Examples

BATCH = 128
_WEIGHTS = 200_000_000  # of a call, times examples: some 10 ms


@dataclass(frozen=True)
class Point:
    """A network and its data."""

    layer_sizes: tuple[int, ...]
    density: float = 1.0
    rows: int | None = None  # None: enough to keep a call busy

    @property
    def touched(self) -> float:
        """Weights that one example touches: not those of zero inputs."""
        first, *others = (n * m for n, m in pairwise(self.layer_sizes))
        return self.density * first + sum(others)

    @property
    def flop_of_prediction(self) -> float:
        """Floating-point operations per example."""
        return 2 * self.touched

    @property
    def flop_of_training(self) -> float:
        """Likewise: forward, gradients, and backward, but not to the inputs."""
        return 6 * self.touched - 2 * self.density * self.layer_sizes[0] * self.layer_sizes[1]

    def examples(self) -> Examples:
        """Standard-normal inputs and zeros, and labels."""
        generator = np.random.default_rng(0)
        n_inputs, *_, n_outputs = self.layer_sizes
        rows = self.rows or BATCH * int(np.clip(_WEIGHTS / self.touched / BATCH, 1, 32))
        X = generator.standard_normal((rows, n_inputs), np.float32)
        X[:, round(self.density * n_inputs) :] = 0
        return Examples(generator.permuted(X, axis=1), generator.integers(n_outputs, size=rows))


_MNIST_LIKE = (784, 300, 10)

SWEEPS: dict[str, dict[float, Point]] = {
    "width": {2**k: Point((2**k, 2**k, 10)) for k in range(4, 13)},
    "hidden layers": {n: Point((128,) * (n + 1) + (10,)) for n in (1, 2, 4, 8, 16, 32)},
    "rows": {2**k: Point(_MNIST_LIKE, rows=2**k) for k in range(15)},
    "density": {d: Point(_MNIST_LIKE, density=d) for d in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)},
}
