"""What a network keeps from one call to the next, besides its parameters."""

from dataclasses import dataclass, field

import numpy as np

from ..arrays import Array
from ..data.splits import Split
from ..data_record import DataRecord
from ..engine import Engine
from ..optimizers import Optimizer
from .state import TrainingState


@dataclass
class Memory:
    """The state of a network that is not its parameters.

    Attributes
    ----------
    generator : numpy.random.Generator
        The source of all that is random.
    data : DataRecord
        What the network knows of the data it was trained on.
    training : TrainingState or None
        What training goes on from.
    split : Split or None
        Of the data it was trained on, the rows that were held out.
    """

    generator: "np.random.Generator"
    data: DataRecord = field(default_factory=DataRecord)
    training: TrainingState | None = None
    split: Split | None = None

    def resume(self, engine: Engine, optimizer: Optimizer) -> TrainingState:
        """Return the state of the last call, if the optimizer can go on with it, or a new one."""
        if self.training is not None and optimizer.goes_on(self.training.optimizer):
            self.training.resume(optimizer)
        else:
            slots = [engine.new_slot() for _ in optimizer.slots]
            self.training = TrainingState(optimizer, slots)
        return self.training

    def portable_training(self, engine: Engine) -> TrainingState | None:
        """Copy the state of the training, with slots that are weights and biases of layers."""
        if self.training is None:
            return None
        slots = []
        for slot in self.training.slots:
            weights, biases = engine.views(slot)
            slots.append([np.array(array, order="C") for array in (*weights, *biases)])
        return self.training.with_slots(slots)

    def adopt(self, engine: Engine, portable: TrainingState | None) -> None:
        """Take over a state that `portable_training` has returned."""
        if portable is None:
            self.training = None
            return
        slots: list[list[Array]] = []
        for stored in portable.slots:
            slots.append(engine.new_slot())
            weights, biases = engine.views(slots[-1])
            for own, array in zip((*weights, *biases), stored, strict=True):
                own[...] = array
        self.training = portable.with_slots(slots)
