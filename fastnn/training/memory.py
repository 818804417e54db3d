"""The state that a network keeps from one call to the next, besides its parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..common.arrays import Array, copy_arrays
from ..data.splits import Split
from ..data_record import DataRecord
from ..engine import Engine
from ..optimizers import Optimizer
from .state import TrainingState


@dataclass
class Memory:
    """The state of a network besides its parameters.

    Attributes
    ----------
    generator : numpy.random.Generator
        The source of initial weights, orders, splits and dropout.
    data : DataRecord
        Facts about the data that the network was trained on.
    training : TrainingState or None
        The state that training resumes from.
    split : Split or None
        The rows of the training data that were held out for validation.
    """

    generator: "np.random.Generator"
    data: DataRecord = field(default_factory=DataRecord)
    training: TrainingState | None = None
    split: Split | None = None

    def resume(self, engine: Engine, optimizer: Optimizer) -> TrainingState:
        """Return the state of the last call if the optimizer can use it, else a new state."""
        if self.training is not None and optimizer.can_resume(self.training.optimizer):
            self.training.resume(optimizer)
        else:
            slots = [engine.new_slot() for _ in optimizer.slots]
            self.training = TrainingState(optimizer, slots)
        return self.training

    def restore_generator(self, state: Mapping[str, Any]) -> None:
        """Continue with a generator of this state, as ``bit_generator.state`` has it."""
        kind = getattr(np.random, state["bit_generator"])
        self.generator = np.random.Generator(kind())
        self.generator.bit_generator.state = state

    def portable_training(self, engine: Engine) -> TrainingState | None:
        """Return a copy of the training state whose slots do not depend on the engine.

        Each slot is a list of arrays: for the weights of all layers, and then for the biases.
        """
        if self.training is None:
            return None
        slots = []
        for slot in self.training.slots:
            weights, biases = engine.views(slot)
            slots.append([np.array(array, order="C") for array in (*weights, *biases)])
        return self.training.with_slots(slots)

    def adopt(self, engine: Engine, portable: TrainingState | None) -> None:
        """Set the training state to a copy of one that `portable_training` returned."""
        if portable is None:
            self.training = None
            return
        slots: list[list[Array]] = []
        for stored in portable.slots:
            slots.append(engine.new_slot())
            weights, biases = engine.views(slots[-1])
            copy_arrays(stored, (*weights, *biases))
        self.training = portable.with_slots(slots)
