"""One call of ``train``: puts together the engine, the network's memory, the data and the plan."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from .. import evaluation, validation
from ..arrays import Array
from ..data.inputs import Inputs
from ..data.splits import Split, next_split
from ..data.streams import Blocks, Examples, windows
from ..data.targets import Targets
from ..data_checks import DataChecker
from ..data_record import DataRecord
from ..engine import Engine, StepRule
from ..evaluation import Evaluation
from ..history import History
from ..labeling import Labeling
from ..optimizers import LBFGS
from . import lbfgs
from .config import Plan
from .loop import Run, diverged
from .memory import Memory
from .monitor import Observer
from .sampler import Draws
from .sanity import Sanity
from .state import Rates

Evaluate = Callable[[], Evaluation]
"""Evaluates the network on the validation data."""


def on_data(
    engine: Engine,
    memory: Memory,
    examples: Examples,
    plan: Plan,
    held_out: Examples | None,
    fraction: float | None,
    weighted: Targets,
) -> History:
    """Train on data in memory, and validate on others, or on a part of them that is held out.

    Parameters
    ----------
    examples : Inputs and Targets
        The training data.
    held_out : Inputs and Targets, optional
        The validation data.
    fraction : float, optional
        Of the examples that are held out instead.
    weighted : Targets
        The targets without weights of classes, by which those held out are evaluated.
    """
    inputs, targets = examples
    labeling = Labeling.of(engine, memory.data).after(targets, is_part=False)
    evaluate = evaluator(engine, memory, held_out, labeling)
    sanity, rows = Sanity(engine), np.arange(len(inputs))
    before = None if fraction is None else memory.generator.bit_generator.state
    split = _split(memory, targets, fraction, labeling)
    try:
        if fraction is not None:
            rows, held_out_rows = split.rows()
            validation.check_weights_of_parts(weighted, rows, held_out_rows)
            held_out = inputs.take(held_out_rows), weighted[held_out_rows]
            evaluate = evaluator(engine, memory, held_out, labeling)
        if plan.epochs:
            sanity.begin(inputs, targets, rows)
        history = on_examples(
            engine, memory, inputs, targets, rows, plan, evaluate, split, labeling.record
        )
    finally:
        if before is not None and memory.split is not split:
            memory.generator.bit_generator.state = before  # what was refused changes nothing
    sanity.end()
    return history


def evaluator(
    engine: Engine, memory: Memory, examples: Examples | None, labeling: Labeling
) -> Evaluate | None:
    """Return a function that evaluates the network on the examples, if there are any."""
    if examples is None:
        return None
    evaluation.check_for_validation(examples[1], labeling)
    return lambda: evaluation.evaluate(engine, *examples, Labeling.of(engine, memory.data))


def _split(memory: Memory, targets: Targets, fraction: float | None, labeling: Labeling) -> Split:
    """Return the split of these data for a call of ``train``."""
    labels, rules = targets.labels, labeling.rules(targets)
    if targets.values is not None and rules is not None and not rules[1].is_multilabel:
        labels = rules[1].labels(targets.values)
    fewest = 2 if fraction is not None and rules is None else 1  # for R²
    return next_split(memory.split, targets, fraction, labels, memory.generator, fewest)


def on_examples(
    engine: Engine,
    memory: Memory,
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
    with _Call(engine, memory, plan, evaluate, n_steps, split, record) as call:
        memory.data = memory.data.with_names_of(inputs, targets)
        if isinstance(plan.optimizer, LBFGS):
            if n_examples < len(inputs):
                inputs, targets = inputs.take(rows), targets[rows]
            call.minimize(inputs, targets, plan.optimizer)
            return call.history
        batch_size = plan.rows_per_batch(n_examples)
        call.measure = partial(_mean_loss, engine, inputs, targets, rows, plan)
        descent = engine.descent(inputs, targets, batch_size, call.rule)
        draws = Draws(plan, rows, memory.generator)
        call.run.train(descent, draws, n_examples)
        return call.history


def on_blocks(
    engine: Engine,
    memory: Memory,
    blocks: Blocks,
    plan: Plan,
    buffer_size: int,
    held_out: Examples | None,
    class_weight: Mapping[int, float] | None,
) -> History:
    """Train on blocks of examples, and validate on data in memory."""
    assert plan.batch_size is not None
    batch_size, sanity = plan.batch_size, Sanity(engine)
    evaluate = evaluator(engine, memory, held_out, Labeling.of(engine, memory.data))

    def check(X: Any, y: Any, sample_weight: Any = None) -> Examples:
        required = DataChecker.of(engine, memory.data)
        inputs, targets = required.examples(X, y, sample_weight, class_weight, like=held_out)
        sanity.begin_with_block(inputs, targets)
        record = Labeling.of(engine, memory.data).after(targets, is_part=True).record
        memory.data = record.with_names_of(inputs, targets)
        return inputs, targets

    with _Call(engine, memory, plan, evaluate, None) as call:
        while not call.run.is_over:
            call.run.begin_epoch()
            for inputs, targets in windows(blocks.examples(check), buffer_size, batch_size):
                rows_per_batch = plan.rows_per_batch(len(inputs))
                descent = engine.descent(inputs, targets, rows_per_batch, call.rule)
                draws = Draws(plan, np.arange(len(inputs)), memory.generator)
                call.run.go_on(descent, draws, len(inputs))
                if call.run.is_stopped:
                    break
            call.run.end_epoch()
        history = call.history
    sanity.end()
    return history


def _mean_loss(engine: Engine, inputs: Inputs, targets: Targets, rows: Array, plan: Plan) -> float:
    """Return the mean loss of those rows at the present parameters, without dropout."""
    if len(rows) < len(inputs):
        inputs, targets = inputs.take(rows), targets[rows]
    return engine.objective(inputs, targets, plan.n_threads)()[0]


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
        engine: Engine,
        memory: Memory,
        plan: Plan,
        evaluate: Evaluate | None,
        n_steps: int | None,
        split: Split | None = None,
        record: DataRecord | None = None,
    ) -> None:
        evaluation.check_parameters(engine, "to train")
        self._engine, self._memory, self._plan = engine, memory, plan
        before = memory.training
        # A copy, for that itself goes on.
        self._before = replace(memory, training=None if before is None else replace(before))
        self.state = memory.resume(engine, plan.optimizer)
        self.rule = StepRule(plan.optimizer, plan.regularization, self.state.slots, plan.n_threads)
        self._n_steps_before = self.state.n_steps
        rates = Rates(self.state, n_steps, plan.regularization)
        arrays = [*engine.storage(), *self.state.arrays]
        self._observer = Observer(plan, self.state, rates, arrays, evaluate)
        self.run = Run(arrays, self.state, rates, plan, self._observer)
        memory.split = split or memory.split
        memory.data = record or memory.data

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
            before, memory = self._before, self._memory
            memory.data, memory.training, memory.split = before.data, before.training, before.split

    def minimize(self, inputs: Inputs, targets: Targets, optimizer: LBFGS) -> None:
        """Train by L-BFGS, which has an epoch loop of its own."""
        (beginning,) = self.state.slots
        engine = self._engine
        weights, biases = engine.views(beginning)
        minimization = lbfgs.Minimization(
            lbfgs.FlatObjective(
                engine.objective(inputs, targets, self._plan.n_threads),
                engine.weights,
                engine.biases,
                self._plan.regularization,
            ),
            engine.parameters,
            [*weights, *biases],
            optimizer,
            self.state,
            self._observer,
        )
        is_finite = minimization.run(self._plan.epochs)
        if not is_finite:
            raise diverged(len(self.history) + 1)
