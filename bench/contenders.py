"""The implementations that are compared: a contender is a row of this table."""

import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


class Network(Protocol):
    """What the jobs need of a network; `fastnn.MLP` says what the methods do."""

    @property
    def weights(self) -> Sequence[Array]: ...

    @property
    def biases(self) -> Sequence[Array]: ...

    def train(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int,
        batch_size: int | None,
        learning_rate: float,
    ) -> object: ...

    def predict(self, X: ArrayLike) -> Array: ...


class NetworkClass(Protocol):
    """Builds a network of sigmoid layers and squared error, in float32."""

    def __call__(self, layer_sizes: Sequence[int], *, seed: int) -> Network: ...


@dataclass(frozen=True)
class Contender:
    """One implementation.

    Attributes
    ----------
    name : str
        What the table calls it.
    path : str
        ``module:class`` of a `NetworkClass`, imported by the processes that run it and no others.
    distribution : str
        The installed distribution whose version counts.
    """

    name: str
    path: str
    distribution: str

    def load(self) -> NetworkClass:
        """Import the class."""
        return cast(NetworkClass, pkgutil.resolve_name(self.path))


FASTNN = Contender("fastnn", "fastnn:MLP", "fastnn-mlp")
REFERENCE = Contender("NumPy", "fastnn.reference:MLP", "numpy")  # what the others are held to

CONTENDERS = (FASTNN, REFERENCE)
