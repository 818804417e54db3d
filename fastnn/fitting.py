"""One call of ``train``: puts together what the network, its data and the plan need."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import numpy as np

from . import lbfgs
from .arrays import Array
from .blocks import windows
from .data_record import DataRecord
from .evaluation import Evaluation
from .held_out import Split
from .history import History
from .inputs import Inputs
from .observer import Observer
from .optimizers import LBFGS
from .plan import Descent, Draws, Objective, Plan
from .state import Rates, TrainingState
from .targets import Targets
from .training import Run, diverged

Evaluate = Callable[[], Evaluation]
"""Evaluates the network on the validation data."""


class Learner(Protocol):
    """A network, as far as training needs it."""

    _weights: tuple[Array, ...]
    _biases: tuple[Array, ...]
    _data: DataRecord
    _generator: "np.random.Generator"
    _training_state: TrainingState | None
    _validation_split: Split | None

    def _check_parameters(self, purpose: str) -> None: ...

    def _remember_names(self, inputs: Inputs, targets: Targets) -> None: ...

    def _storage(self) -> Sequence[Array]: ...

    def _new_slot(self) -> list[Array]: ...

    def _views(self, storage: Sequence[Array]) -> tuple[tuple[Array, ...], tuple[Array, ...]]: ...

    def _descent(
        self, inputs: Inputs, targets: Targets, batch_size: int, plan: Plan, state: TrainingState
    ) -> Descent: ...

    def _objective(self, inputs: Inputs, targets: Targets, n_threads: int) -> Objective: ...


def on_examples(
    network: Learner,
    inputs: Inputs,
    targets: Targets,
    rows: Array,
    plan: Plan,
    evaluate: Evaluate | None,
    split: Split | None = None,
    record: DataRecord | None = None,
) -> History:
    """Train on those rows of examples in memory; the network remembers the split and the record."""
    n_examples = len(rows)
    n_steps = plan.epochs * plan.n_batches(n_examples)
    with _Call(network, plan, evaluate, n_steps, split, record) as call:
        network._remember_names(inputs, targets)
        if isinstance(plan.optimizer, LBFGS):
            if n_examples < len(inputs):
                inputs, targets = inputs.take(rows), targets[rows]
            call.minimize(inputs, targets, plan.optimizer)
            return call.history
        batch_size = plan.rows_per_batch(n_examples)
        call.measure = partial(_mean_loss, network, inputs, targets, rows, plan)
        descent = network._descent(inputs, targets, batch_size, plan, call.state)
        draws = Draws(plan, rows, network._generator)
        call.run.train(descent, draws, n_examples)
        return call.history


def on_blocks(
    network: Learner,
    blocks: Iterable[tuple[Inputs, Targets]],
    plan: Plan,
    buffer_size: int,
    evaluate: Evaluate | None,
) -> History:
    """Train on blocks of examples."""
    assert plan.batch_size is not None
    batch_size = plan.batch_size
    with _Call(network, plan, evaluate, None) as call:
        while not call.run.is_over:
            call.run.begin_epoch()
            for inputs, targets in windows(blocks, buffer_size, batch_size):
                descent = network._descent(
                    inputs, targets, plan.rows_per_batch(len(inputs)), plan, call.state
                )
                draws = Draws(plan, np.arange(len(inputs)), network._generator)
                call.run.go_on(descent, draws, len(inputs))
                if call.run.is_stopped:
                    break
            call.run.end_epoch()
        return call.history


def _mean_loss(
    network: Learner, inputs: Inputs, targets: Targets, rows: Array, plan: Plan
) -> float:
    """Return the mean loss of those rows at the present parameters, without dropout."""
    if len(rows) < len(inputs):
        inputs, targets = inputs.take(rows), targets[rows]
    return network._objective(inputs, targets, plan.n_threads)()[0]


class _Call:
    """One call of ``train``, from its beginning to its end.

    Attributes
    ----------
    measure : callable or None
        Returns the mean training loss at the present parameters.
    """

    measure: Callable[[], float] | None = None

    def __init__(
        self,
        network: Learner,
        plan: Plan,
        evaluate: Evaluate | None,
        n_steps: int | None,
        split: Split | None = None,
        record: DataRecord | None = None,
    ) -> None:
        network._check_parameters("to train")
        self._network, self._plan = network, plan
        self._data_before, before = network._data, network._training_state
        self._state_before = None if before is None else replace(before)
        self.state = state_for(network, plan)
        self._n_steps_before = self.state.n_steps
        rates = Rates(self.state, n_steps, plan.regularization)
        arrays = [*network._storage(), *self.state.arrays]
        self._observer = Observer(plan, self.state, rates, arrays, evaluate)
        self.run = Run(arrays, self.state, rates, plan, self._observer)
        self._split_before = network._validation_split
        network._validation_split = split or self._split_before
        network._data = record or self._data_before

    @property
    def history(self) -> History:
        return self._observer.history

    def __enter__(self) -> "_Call":
        self._observer.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._observer.__exit__(kind, *rest)
        if kind is None:
            self._observer.restore_best(self.measure)
        if not self.history and self.state.n_steps == self._n_steps_before:
            # What was refused changes nothing.
            self._network._training_state = self._state_before
            self._network._data = self._data_before
            self._network._validation_split = self._split_before

    def minimize(self, inputs: Inputs, targets: Targets, optimizer: LBFGS) -> None:
        """Train by L-BFGS, which has an epoch loop of its own."""
        (beginning,) = self.state.slots
        weights, biases = self._network._views(beginning)
        network = self._network
        minimization = lbfgs.Minimization(
            lbfgs.FlatObjective(
                network._objective(inputs, targets, self._plan.n_threads),
                network._weights,
                network._biases,
                self._plan.regularization,
            ),
            [*network._weights, *network._biases],
            [*weights, *biases],
            optimizer,
            self.state,
            self._observer,
        )
        is_finite = minimization.run(self._plan.epochs)
        if not is_finite:
            raise diverged(len(self.history) + 1)


def state_for(network: Learner, plan: Plan) -> TrainingState:
    """Return the state of the last call, if the optimizer can go on with it, or a new one."""
    state = network._training_state
    if state is not None and plan.optimizer.goes_on(state.optimizer):
        state.resume(plan.optimizer)
        return state
    slots = [network._new_slot() for _ in plan.optimizer.slots]
    network._training_state = state = TrainingState(plan.optimizer, slots)
    return state
