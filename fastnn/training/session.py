"""One call of ``train``: connects the engine, the network's memory, the data and the config."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import evaluation, validation
from ..common.arrays import Array
from ..data.inputs import Inputs
from ..data.splits import Split, next_split
from ..data.streams import Blocks, Examples, buffered
from ..data.targets import Targets
from ..data_checks import DataChecker
from ..data_record import DataRecord
from ..engine import Engine, Objective, StepRule
from ..evaluation import Evaluation
from ..history import History
from ..labeling import Labeling
from ..optimizers import LBFGS
from . import lbfgs, progress
from .config import TrainingConfig
from .learning_warnings import LearningWarnings
from .loop import EpochLoop
from .memory import Memory
from .monitor import Monitor
from .sampler import Sampler
from .state import Rates, TrainingState

Evaluate = Callable[[], Evaluation]
"""Evaluates the network on the validation data."""


def train_on_data(
    engine: Engine,
    memory: Memory,
    examples: Examples,
    config: TrainingConfig,
    validation_examples: Examples | None,
    validation_fraction: float | None,
    validation_targets: Targets,
) -> History:
    """Train on data in memory, and validate on other data or on a split of these.

    Parameters
    ----------
    engine : Engine
    memory : Memory
    examples : Inputs and Targets
        The training data.
    config : TrainingConfig
    validation_examples : Inputs and Targets or None
        The validation data.
    validation_fraction : float or None
        Fraction of the examples to hold out for validation.
    validation_targets : Targets
        The targets of all examples, without class weights: the rows that are held out are
        evaluated by them.
    """
    inputs, targets = examples
    labeling = Labeling.of(engine, memory.data).after(targets, is_part=False)
    evaluate = _evaluator(engine, memory, validation_examples, labeling)
    warnings, rows = LearningWarnings(engine), np.arange(len(inputs))
    before = None if validation_fraction is None else memory.generator.bit_generator.state
    split = _split(memory, targets, validation_fraction, labeling)
    try:
        if validation_fraction is not None:
            rows, held_out = split.rows()
            validation.check_weights_of_parts(validation_targets, rows, held_out)
            validation_examples = inputs.take(held_out), validation_targets[held_out]
            evaluate = _evaluator(engine, memory, validation_examples, labeling)
        if config.epochs:
            warnings.begin(inputs, targets, rows)
        history = train_on_examples(
            engine, memory, inputs, targets, rows, config, evaluate, split, labeling.record
        )
    finally:
        if before is not None and memory.split is not split:
            memory.generator.bit_generator.state = before  # a refused call changes nothing
    warnings.end()
    return history


def _evaluator(
    engine: Engine, memory: Memory, examples: Examples | None, labeling: Labeling
) -> Evaluate | None:
    """Return a function that evaluates the network on the examples, if there are any."""
    if examples is None:
        return None
    evaluation.check_validation_targets(examples[1], labeling)
    return lambda: evaluation.evaluate(engine, *examples, Labeling.of(engine, memory.data))


def _split(memory: Memory, targets: Targets, fraction: float | None, labeling: Labeling) -> Split:
    """Return the validation split of these data."""
    labels, rules = targets.labels, labeling.rules(targets)
    if targets.values is not None and rules is not None and not rules[1].is_multilabel:
        labels = rules[1].labels(targets.values)
    min_held_out = 2 if fraction is not None and rules is None else 1  # R² needs two
    return next_split(memory.split, targets, fraction, labels, memory.generator, min_held_out)


def train_on_examples(
    engine: Engine,
    memory: Memory,
    inputs: Inputs,
    targets: Targets,
    rows: Array,
    config: TrainingConfig,
    evaluate: Evaluate | None,
    split: Split | None = None,
    record: DataRecord | None = None,
) -> History:
    """Train on some rows of examples in memory.

    Parameters
    ----------
    engine : Engine
    memory : Memory
    inputs : Inputs
    targets : Targets
    rows : ndarray of intp
        The rows to train on.
    config : TrainingConfig
    evaluate : callable or None
        Evaluates the network after each epoch.
    split : Split, optional
        The split that the network remembers.
    record : DataRecord, optional
        The record of the data that the network remembers.
    """
    n_steps = config.epochs * config.n_batches(len(rows))
    with _session(engine, memory, config, evaluate, n_steps, split, record) as session:
        memory.data = memory.data.with_names_of(inputs, targets)
        if isinstance(config.optimizer, LBFGS):
            objective = _objective(engine, inputs, targets, rows, config)
            lbfgs.minimize(objective, engine, config, session.state, session.monitor)
            return session.monitor.history
        session.measure = lambda: _objective(engine, inputs, targets, rows, config)()[0]
        batch_size = config.rows_per_batch(len(rows))
        trainer = engine.trainer(inputs, targets, batch_size, session.rule)
        session.loop.train(trainer, Sampler(config, rows, memory.generator))
        return session.monitor.history


def train_on_blocks(
    engine: Engine,
    memory: Memory,
    blocks: Blocks,
    config: TrainingConfig,
    buffer_size: int,
    validation_examples: Examples | None,
    class_weight: Mapping[int, float] | None,
) -> History:
    """Train on a stream of blocks, and validate on data in memory.

    Parameters
    ----------
    engine : Engine
    memory : Memory
    blocks : Blocks
    config : TrainingConfig
    buffer_size : int
        Minimum number of examples that are buffered and shuffled together.
    validation_examples : Inputs and Targets or None
        The validation data.
    class_weight : dict of int to float or None
        The weight of the examples of each label.
    """
    assert config.batch_size is not None
    warnings = LearningWarnings(engine)
    labeling = Labeling.of(engine, memory.data)
    evaluate = _evaluator(engine, memory, validation_examples, labeling)

    def check(X: Any, y: Any, sample_weight: Any = None) -> Examples:
        inputs, targets = DataChecker(engine, memory.data).examples(
            X, y, sample_weight, class_weight, like=validation_examples
        )
        warnings.begin_with_block(inputs, targets)
        record = Labeling.of(engine, memory.data).after(targets, is_part=True).record
        memory.data = record.with_names_of(inputs, targets)
        return inputs, targets

    with _session(engine, memory, config, evaluate, None) as session:
        loop, checked = session.loop, blocks.examples
        while not loop.is_over:
            loop.begin_epoch()
            for inputs, targets in buffered(checked(check), buffer_size, config.batch_size):
                batch_size = config.rows_per_batch(len(inputs))
                trainer = engine.trainer(inputs, targets, batch_size, session.rule)
                loop.train_part(trainer, Sampler(config, np.arange(len(inputs)), memory.generator))
                if loop.is_stopped:
                    break
            loop.end_epoch()
    warnings.end()
    return session.monitor.history


def _objective(
    engine: Engine, inputs: Inputs, targets: Targets, rows: Array, config: TrainingConfig
) -> Objective:
    """Return the objective of some rows, without dropout."""
    if len(rows) < len(inputs):
        inputs, targets = inputs.take(rows), targets[rows]
    return engine.objective(inputs, targets, config.n_threads)


@dataclass
class _Session:
    """The parts of one call of ``train``.

    Attributes
    ----------
    state : TrainingState
    rule : StepRule
        The engine's arguments of a step.
    loop : EpochLoop
    monitor : Monitor
    measure : callable or None
        Returns the mean training loss at the present parameters.
    """

    state: TrainingState
    rule: StepRule
    loop: EpochLoop
    monitor: Monitor
    measure: Callable[[], float] | None = None


@contextmanager
def _session(
    engine: Engine,
    memory: Memory,
    config: TrainingConfig,
    evaluate: Evaluate | None,
    n_steps: int | None,
    split: Split | None = None,
    record: DataRecord | None = None,
) -> Iterator[_Session]:
    """Begin and end a session; restore the memory if it ends before the first step."""
    evaluation.check_parameters(engine, "to train")
    before = replace(memory, training=memory.training and replace(memory.training))
    state = memory.resume(engine, config.optimizer)
    n_steps_before, arrays = state.n_steps, [*engine.storage(), *state.arrays]
    rates = Rates(state, n_steps, config.regularization)
    monitor = Monitor(config, state, rates, arrays, evaluate)
    session = _Session(
        state,
        StepRule(config.optimizer, config.regularization, state.slots, config.n_threads),
        EpochLoop(arrays, state, rates, config, monitor),
        monitor,
    )
    memory.split = split or memory.split
    memory.data = record or memory.data
    try:
        with progress.bar(config.epochs) if config.progress else nullcontext() as monitor.show:
            yield session
        monitor.restore_best(session.measure)
    finally:
        if not monitor.history and state.n_steps == n_steps_before:
            memory.data, memory.training, memory.split = before.data, before.training, before.split
