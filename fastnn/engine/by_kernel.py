"""The whole computation in the kernels: one example at a time, in batches, and predictions."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..arrays import Array, aligned_zeros
from ..data.inputs import Inputs
from ..data.targets import Targets
from ..threads import call_together
from .base import Epochs
from .layout import SPARE_ROWS, Parameters

_WORK_PER_CALL = 20_000_000  # parameters visited one example at a time: some milliseconds
_WORK_PER_CALL_IN_BATCHES = 200_000_000
_LONG_STEP = 1_000_000_000  # products: some 20 ms
_WORK_PER_BACKUP = 100  # per parameter: beside it, copying them is little; what diverged is redone
_BACKUPS_PER_CHECKPOINT = 40  # in batches, which compute faster than memory can be copied
_WORK_PER_UNIT = 16  # an activation, which may be a call of libm, in the same unit
_WORK_PER_EXAMPLE = 256  # what an example costs in any network

_DELTAS = 64  # that wait at most: more would save little, and fall out of the near caches
_BYTES_OF_DELTAS = 256 * 1024
_DENSITY_TO_WAIT = 0.5  # of inputs: with more, to step at once is as fast
_ROUNDS = 8  # examples with an input that come while the ring of steps goes round
_MOST_STEPS = 512  # in that ring: each step goes over what is kept of all of them
_LONGEST_DELTA = 1 << 27  # bytes; places in the ring are numbers of 32 bits
_NEAR_BYTES = 32 * 1024  # of weights, which stay in the nearest cache
_COLUMNS = 144  # examples side by side, at most, or one vector more
_ROWS_PER_THREAD = 8  # at least, of a block
_ROWS = 256  # examples in a block, at most: larger ones are no faster, and take memory
_SPARSE_ROWS = 1024  # likewise, if so sparse: there, batches in one block step through few weights
# Examples of a block that have a given input, on average: with fewer, to list them for every input
# takes as long as to go through the examples one by one. (For 784 and 5,000 inputs, batches of 8 to
# 256, from 1.5 to 2.5.)
_EXAMPLES_PER_INPUT = 3
_MOST_LISTED = 1 << 21  # inputs of all examples of a block: lists of more would take much memory
_MOST_BYTES_KEPT = 1 << 20  # of outputs of a block, from one prediction to the next


class _Descent(ABC):
    """Whole chunks of an epoch, or several epochs, in one kernel call; see `plan.Descent`."""

    examples_per_checkpoint: int | None = None

    def __init__(
        self,
        parameters: Parameters,
        update: Any,
        inputs: Inputs,
        targets: Targets,
        work_per_call: int,
        extra_work: float = 0,
    ) -> None:
        self._kernels, self._update = parameters.kernels, update
        self._inputs = inputs
        self._targets = parameters.targets(targets)
        work = _work_per_example(parameters, inputs.density) + extra_work
        self.chunk = max(1, int(work_per_call // work))
        self.examples_per_backup = max(
            self.chunk, int(_WORK_PER_BACKUP * parameters.flat.size // work)
        )
        if inputs.is_ready:
            self._examples = inputs.examples(self._kernels)
        else:
            self.chunk = min(self.chunk, inputs.rows_per_part())

    def __call__(self, epochs: Epochs, start: int, stop: int, losses: Array) -> None:
        if self._inputs.is_ready:
            self._train(self._examples, epochs, start, stop, losses)
            return
        for epoch, order in enumerate(epochs.orders):
            one = slice(epoch, epoch + 1)
            examples = self._inputs.part(self._kernels, order[start:stop])
            self._train(examples, epochs[one], start, stop, losses[one])

    @abstractmethod
    def _train(
        self, examples: Any, epochs: Epochs, start: int, stop: int, losses: Array
    ) -> None: ...

    @abstractmethod
    def settle(self) -> None: ...


class _OneByOne(_Descent):
    """Stochastic gradient descent, by a kernel that postpones what it can."""

    _workspace: Any
    _postponed: Any

    @property
    @abstractmethod
    def _descend(self) -> Callable[..., None]:
        """The kernel."""

    def _train(self, examples: Any, epochs: Epochs, start: int, stop: int, losses: Array) -> None:
        self._descend(
            self._workspace,
            self._postponed,
            self._update,
            examples,
            self._targets,
            epochs.orders,
            epochs.rates,
            epochs.keys,
            start,
            stop,
            losses,
            epochs.n_done,
        )


class OneByOne(_OneByOne):
    """With a plain update."""

    def __init__(
        self,
        parameters: Parameters,
        update: Any,
        inputs: Inputs,
        targets: Targets,
        dropout: Sequence[float],
    ) -> None:
        super().__init__(parameters, update, inputs, targets, _WORK_PER_CALL)
        self._workspace = workspace(parameters, dropout)
        self._postponed = _postponed(parameters, _deltas_that_wait(parameters, inputs))

    @property
    def _descend(self) -> Callable[..., None]:
        return self._kernels.train_one_by_one

    def settle(self) -> None:
        self._kernels.settle(self._workspace, self._postponed)


class OneByOneWithMomentum(_OneByOne):
    """With momentum."""

    def __init__(
        self,
        parameters: Parameters,
        update: Any,
        inputs: Inputs,
        targets: Targets,
        dropout: Sequence[float],
    ) -> None:
        capacity = _steps_that_wait(parameters, inputs)
        # A step goes over all parameters and their velocities, or those of the inputs there are.
        extra_work = 0 if capacity else 2 * parameters.flat.size
        super().__init__(parameters, update, inputs, targets, _WORK_PER_CALL, extra_work)
        self._workspace = workspace(parameters, dropout)
        self._postponed = _postponed_steps(parameters, capacity)

    @property
    def _descend(self) -> Callable[..., None]:
        return self._kernels.train_one_by_one_with_momentum

    def settle(self) -> None:
        pass


class InBatches(_Descent):
    """Batches, in the rooms of `small_blocks` or `blocks`."""

    def __init__(
        self,
        parameters: Parameters,
        update: Any,
        inputs: Inputs,
        targets: Targets,
        batch_size: int,
        rooms: "Rooms",
    ) -> None:
        in_blocks = batch_size > rooms.capacity
        # A batch ends with a step of all parameters, unless its gradient is added to them at once.
        step = parameters.flat.size / batch_size if in_blocks or not update.is_plain else 0
        super().__init__(parameters, update, inputs, targets, _WORK_PER_CALL_IN_BATCHES, step)
        self._batch_size, self._rooms = batch_size, rooms
        # Whole batches if possible: those go the shorter way.
        if not in_blocks or self.chunk > batch_size:
            self.chunk = max(1, self.chunk // batch_size) * batch_size
        # A gradient that is added to the parameters at once, and takes long, may be interrupted.
        work = batch_size * _work_per_example(parameters, inputs.density)
        self._stops_in_steps = step == 0 and work > _LONG_STEP
        if self._stops_in_steps:
            self.examples_per_checkpoint = _BACKUPS_PER_CHECKPOINT * self.examples_per_backup

    def _train(self, examples: Any, epochs: Epochs, start: int, stop: int, losses: Array) -> None:
        def descend(room: Any, losses: Array, n_done: Array) -> None:
            self._kernels.train_in_batches(
                room,
                self._update,
                examples,
                self._targets,
                epochs.orders,
                epochs.rates,
                epochs.keys,
                epochs.n_steps,
                start,
                stop,
                self._batch_size,
                losses,
                n_done,
                self._stops_in_steps,
            )

        self._rooms.run(descend, losses, epochs.n_done)

    def settle(self) -> None:
        for room in self._rooms.rooms:
            self._kernels.settle_room(room)


class Rooms:
    """Rooms for blocks of examples, and a thread for each: the caller's and others."""

    def __init__(self, rooms: Sequence[Any], gradient: Array, team: Any = None) -> None:
        self.rooms, self.gradient, self._team = rooms, gradient, team
        self.capacity: int = rooms[0].capacity

    def run(
        self, descend: Callable[[Any, Array, Array], None], losses: Array, n_done: Array
    ) -> None:
        """Call ``descend`` for all rooms at once, each in its thread; the first one counts."""
        first, *others = self.rooms
        if not others:  # nor is there a team
            descend(first, losses, n_done)
            return
        calls = [partial(descend, first, losses, n_done)]
        for room in others:
            calls.append(partial(descend, room, np.zeros_like(losses), np.zeros_like(n_done)))
        call_together(calls, self._team.abandon)


def one_example(parameters: Parameters) -> Callable[[Any], Array | None]:
    """Predicts a single example that is a plain array, and returns None for all else."""
    return parameters.kernels.OneExample(
        parameters.network,
        np.ndarray,
        partial(workspace, parameters),
        partial(np.empty, dtype=parameters.flat.dtype),
    )


def predictor(
    parameters: Parameters,
    inputs: Inputs,
    n_rows: int,
    side_by_side: bool,
    is_sparse: bool,
    team: Any = None,
) -> Callable[[slice, Array], None]:
    """Return a function that fills an array with the outputs for some rows, at most ``n_rows``.

    What interrupts one of several threads with a common team ends the calls of the others, too.
    """
    kernels = parameters.kernels
    idle: list[Any] = []
    if parameters.network.n_units * _ROWS * parameters.flat.itemsize <= _MOST_BYTES_KEPT:
        # To make a room takes longer than a short prediction.
        idle = parameters.idle_rooms.setdefault((side_by_side, is_sparse), idle)
        n_rows = _ROWS

    def new_room() -> Any:
        if side_by_side:
            (room,) = small_blocks(parameters, n_rows, to_train=False).rooms
        else:
            (room,) = blocks(parameters, n_rows, is_sparse, to_train=False).rooms
        return room

    def fill(rows: slice, outputs: Array) -> None:
        try:
            room = idle.pop()  # nobody else has it, then
        except IndexError:
            room = new_room()
        kernels.predict_in_batches(room, inputs.part(kernels, rows), outputs, None, None, team)
        idle.append(room)

    return fill


def evaluate(
    parameters: Parameters,
    inputs: Inputs,
    targets: Targets,
    n_rows: int,
    side_by_side: bool,
    is_sparse: bool,
) -> tuple[Array, float]:
    """Compute the outputs for all rows, ``n_rows`` at a time, and the sum of their losses."""
    kernels = parameters.kernels
    n_rows = min(n_rows, _ROWS)
    if side_by_side:
        (room,) = small_blocks(parameters, n_rows, to_train=True).rooms
    else:
        (room,) = blocks(parameters, n_rows, is_sparse, to_train=True).rooms
    outputs = np.empty((len(inputs), parameters.n_outputs), parameters.flat.dtype)
    wanted, numbers = (
        parameters.targets(targets),
        np.arange(len(inputs)),
    )
    loss = 0.0
    for start in range(0, len(inputs), n_rows):
        rows = slice(start, start + n_rows)
        examples = inputs.part(kernels, rows)
        loss += kernels.predict_in_batches(room, examples, outputs[rows], wanted, numbers[rows])
    return outputs, loss


def workspace(parameters: Parameters, dropout: Sequence[float] = ()) -> Any:
    """Return a workspace for one example."""
    network = parameters.network
    return parameters.kernels.Workspace(
        network,
        aligned_zeros(3 * network.n_units + network.n_listed, parameters.flat.dtype),
        np.empty(network.n_listed + len(parameters.layers), np.int32),
        dropout_factors(parameters, dropout, 1),
    )


def dropout_factors(parameters: Parameters, rates: Sequence[float], capacity: int) -> Any:
    """Room for what dropout multiplies outputs by, if there is any."""
    if not any(rates):
        return None
    factors = aligned_zeros((parameters.network.n_units, capacity), parameters.flat.dtype)
    return parameters.kernels.Dropout(np.array(rates, float), factors)


def _postponed(parameters: Parameters, n_deltas: int) -> Any:
    first = parameters.layers[0]
    n_rows, dtype = first["fan_in"] + SPARE_ROWS, parameters.flat.dtype
    length = parameters.room(first["fan_out"])
    return parameters.kernels.Postponed(
        aligned_zeros((n_deltas + 1, length), dtype),
        np.zeros(n_rows, dtype),
        np.zeros(n_rows, np.int32),
    )


def _postponed_steps(parameters: Parameters, capacity: int) -> Any:
    first = parameters.layers[0]
    n_rows, dtype = first["fan_in"] + SPARE_ROWS, parameters.flat.dtype
    n_places, kernels = max(capacity, 1), parameters.kernels
    return kernels.PostponedSteps(
        aligned_zeros((n_places, parameters.room(first["fan_out"])), dtype),
        np.zeros((kernels.NUMBERS_OF_A_MAP, n_places)),
        np.zeros(n_rows, dtype),
        np.zeros(n_rows, np.int32),
        np.empty(first["fan_in"], dtype),
        capacity,
    )


def _steps_that_wait(parameters: Parameters, inputs: Inputs) -> int:
    # Far rows that are often left out: they are brought up to date for an example that has their
    # input, and else when the ring has gone round, which is to be long enough for that to be rare.
    length = _length_of_far_rows(parameters)
    if not length or inputs.density > _DENSITY_TO_WAIT:
        return 0
    wanted = int(_ROUNDS / max(inputs.density, 1e-9))
    return 2 * max(4, min(max(wanted, _DELTAS), _MOST_STEPS, _BYTES_OF_DELTAS // length) // 2)


def _deltas_that_wait(parameters: Parameters, inputs: Inputs) -> int:
    # To wait spares a pass over weights: far ones, which then meet the next example that has the
    # same input while the delta is still there.
    length = _length_of_far_rows(parameters)
    if not length or inputs.density * _DELTAS < 1:
        return 0
    return max(8, min(_DELTAS, _BYTES_OF_DELTAS // length))


def _length_of_far_rows(parameters: Parameters) -> int:
    """Bytes of a row of the first layer's weights; 0 if they are near, or too long to wait."""
    first = parameters.layers[0]
    length = int(first["width"]) * parameters.flat.itemsize
    are_near = int(first["fan_in"]) * length <= _NEAR_BYTES
    return 0 if are_near or length > _LONGEST_DELTA else length


def small_blocks(
    parameters: Parameters, n_examples: int, to_train: bool, is_plain: bool = True
) -> Rooms:
    """Make a room for blocks of batches of so many examples, side by side: for small networks."""
    kernels, network, dtype = parameters.kernels, parameters.network, parameters.flat.dtype
    n_vectors = parameters.whole_vectors(min(n_examples, _COLUMNS)) // parameters.lanes
    columns = (n_vectors | 1) * parameters.lanes  # an even number would share few cache sets
    units = aligned_zeros((network.n_units, columns), dtype)
    keep_sums = to_train and parameters.keep_sums
    gradient = _gradient(parameters, to_train and (n_examples > columns or not is_plain))
    room = kernels.SideBySide(
        workspace(parameters),
        aligned_zeros((int(parameters.layers["fan_in"][0]), columns), dtype),
        units,
        aligned_zeros((network.n_units, columns), dtype) if to_train else units,
        aligned_zeros((network.n_units, columns), dtype) if keep_sums else units,
        gradient,
    )
    return Rooms([room], gradient)


def blocks(
    parameters: Parameters,
    n_examples: int,
    is_sparse: bool,
    to_train: bool,
    is_plain: bool = True,
    dropout: Sequence[float] = (),
    n_threads: int = 1,
    density: float = 0,
) -> Rooms:
    """Rooms for blocks of batches of so many examples, whose zeros are skipped if ``is_sparse``.

    The density is that of inputs to train on.
    """
    kernels, network, dtype = parameters.kernels, parameters.network, parameters.flat.dtype
    n_inputs, capacity = int(parameters.layers["fan_in"][0]), min(n_examples, _ROWS)
    by_input = density * capacity >= _EXAMPLES_PER_INPUT and n_inputs * capacity <= _MOST_LISTED
    if is_sparse and not by_input:
        capacity = min(n_examples, _SPARSE_ROWS)
    n_threads = min(n_threads, -(-capacity // _ROWS_PER_THREAD))
    units = aligned_zeros((network.n_units, capacity), dtype)
    deltas = aligned_zeros((network.n_units, capacity), dtype) if to_train else units
    keep_sums = to_train and (parameters.keep_sums or any(dropout))
    sums = aligned_zeros((network.n_units, capacity), dtype) if keep_sums else units
    gradient = _gradient(parameters, to_train and (n_examples > capacity or not is_plain))
    gathered = np.empty((1 if is_sparse else capacity, n_inputs), dtype)
    n_turned = kernels.BLOCK_DEPTH * int(parameters.layers["width"].max())
    factors = dropout_factors(parameters, dropout, capacity)
    lists = _input_lists(parameters, capacity, by_input, n_threads) if is_sparse else None
    team = kernels.Team(n_threads, np.zeros(capacity))
    rooms = [
        kernels.Block(
            workspace(parameters),
            units,
            deltas,
            sums,
            aligned_zeros(n_turned, dtype),
            gradient,
            gathered,
            is_sparse,
            lists,
            factors,
            team,
            thread,
        )
        for thread in range(n_threads)
    ]
    return Rooms(rooms, gradient, team)


def _input_lists(parameters: Parameters, capacity: int, by_input: bool, n_threads: int) -> Any:
    n_inputs = int(parameters.layers["fan_in"][0])
    if n_inputs * capacity > _MOST_LISTED:
        return None
    # Memory that is not used, of most lists, takes none.
    by_example, turned = (
        np.empty(2 * n_inputs * capacity if needed else 0, parameters.flat.dtype)
        for needed in (True, by_input)
    )
    return parameters.kernels.Lists(
        by_example,
        turned,
        np.empty((3, capacity), np.intp),
        np.empty((2 + n_threads, n_inputs), np.intp),
    )


def _gradient(parameters: Parameters, is_needed: bool) -> Array:
    # That of a batch that comes whole is added to the parameters at once, in a plain update.
    return aligned_zeros(parameters.flat.size if is_needed else 0, parameters.flat.dtype)


def _work_per_example(parameters: Parameters, density: float) -> float:
    first = parameters.layers["biases"][0]  # where the weights of the first layer end
    work = density * first + parameters.flat.size - first
    return float(work + _WORK_PER_UNIT * parameters.network.n_units + _WORK_PER_EXAMPLE)
