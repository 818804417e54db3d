"""The interface of a network to other rooms of the package, such as `fastnn.sklearn`.

Users have the methods of `fastnn.MLP`. These functions skip checks of arguments that users need,
and reach what those methods keep to themselves: the engine, the memory and the lock.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import evaluation
from .common.arrays import Array
from .data.streams import Examples
from .history import History
from .network import Network
from .regularization import Regularization
from .training.config import TrainingConfig
from .training.lbfgs import FlatObjective
from .training.session import Evaluate, train_on_examples
from .training.state import TrainingState


def checked_examples(
    network: Network, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
) -> Examples:
    """Check X and y as the network's methods do; return inputs and targets."""
    return network._data_checker.examples(X, y, sample_weight)


def mean_loss(network: Network, examples: Examples) -> float:
    """Return the weighted mean of the losses, without penalties."""
    return evaluation.mean_loss(network._engine, *examples)


def train(
    network: Network,
    examples: Examples,
    rows: Array,
    config: TrainingConfig,
    evaluate: Evaluate | None = None,
) -> History:
    """Train on some rows of examples by any config, also one that `MLP.train` cannot express.

    Parameters
    ----------
    network : Network
    examples : Inputs and Targets
    rows : ndarray of intp
        The rows to train on.
    config : TrainingConfig
    evaluate : callable, optional
        Evaluates the network after each epoch.

    Raises
    ------
    TrainingDiverged
        If the loss or a parameter stops being finite.
    RuntimeError
        If the network is being trained already.
    """
    memory = network._memory
    session = partial(train_on_examples, network._engine, memory, *examples, rows, config, evaluate)
    return network._training_lock.run(session, memory)


def flat_objective(
    network: Network, examples: Examples, regularization: Regularization, n_threads: int
) -> FlatObjective:
    """Return loss and gradient on all examples as functions of one vector of all parameters."""
    engine = network._engine
    return FlatObjective(engine.objective(*examples, n_threads), engine, regularization)


def squared_norm(network: Network) -> float:
    """Return the sum of the squares of all weights, without the biases."""
    return network._engine.squared_norm()


def training_state(network: Network) -> TrainingState | None:
    """Return a copy of the state of the optimizer, which can be pickled."""
    return network._memory.portable_training(network._engine)


def set_training_state(network: Network, state: TrainingState | None) -> None:
    """Set the state of the optimizer to a copy of one that `training_state` returned."""
    network._memory.adopt(network._engine, state)


def slots(network: Network) -> list[Array]:
    """Return the arrays of the optimizer's slots: live, and as the engine stores them."""
    state = network._memory.training
    return [] if state is None else state.arrays


def set_generator(network: Network, generator: "np.random.Generator") -> None:
    """Set the source of orders and dropout."""
    network._memory.generator = generator
