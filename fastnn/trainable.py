"""Training: its arguments, and what it leaves for the next time."""

import os
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from . import evaluation, fitting, validation
from .arrays import Array
from .blocks import Block, Blocks, Examples
from .calls import part_of
from .core import Core
from .evaluation import Evaluation
from .exclusion import Exclusion, usable_after_fork
from .held_out import Split, next_split
from .history import History
from .inputs import Inputs, MatrixLike
from .labeling import Labeling
from .optimizers import LearningRate, Optimizer, check_makes_steps
from .plan import Callback, Descent, Order, Plan
from .sanity import Sanity
from .schedules import check_has_length
from .state import TrainingState
from .stopping import EarlyStopping
from .targets import Targets


@part_of("MLP", "fastnn")
class Trainable(Core):
    """A network that learns."""

    def _prepare(self) -> None:
        super()._prepare()
        self._exclusion = Exclusion()
        self._process = os.getpid()
        self._training_state: TrainingState | None = None
        self._validation_split: Split | None = None

    @abstractmethod
    def _new_slot(self) -> list[Array]:
        """Zeros, like the storage."""

    @abstractmethod
    def _views(self, storage: Sequence[Array]) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """Weights and biases in something like the storage."""

    @abstractmethod
    def _descent(
        self, inputs: Inputs, targets: Targets, batch_size: int, plan: Plan, state: TrainingState
    ) -> Descent:
        """Return what descends along the gradient on this data."""

    def train(
        self,
        X: MatrixLike | Iterable[Block],
        y: ArrayLike | None = None,
        *,
        epochs: int = 1,
        batch_size: int | None = 1,
        optimizer: str | Optimizer = "sgd",
        learning_rate: LearningRate | None = None,
        shuffle: bool | Order = True,
        buffer_size: int = 65_536,
        l1: float = 0.0,
        l2: float = 0.0,
        dropout: float | Sequence[float] = 0.0,
        clip_norm: float | None = None,
        max_norm: float | None = None,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[int, float] | str | None = None,
        validation_data: Block | None = None,
        validation_fraction: float | None = None,
        early_stopping: EarlyStopping | None = None,
        callback: Callback | None = None,
        batch_callback: Callback | None = None,
        progress: bool = False,
        n_threads: int = 1,
    ) -> History:
        r"""Train from where the network stands: its parameters, and the optimizer's memory.

        Parameters
        ----------
        X : array_like or sparse, (n_examples, n_inputs), or iterable of blocks
            Real finite numbers: anything that `numpy.asarray` takes, or a sparse matrix or array
            of scipy, whose zeros cost nothing. A C-contiguous array of the network's dtype is used
            as it is; other dtypes and layouts are converted some rows at a time. Column names that
            are strings, as in a data frame, must be those of the first training, in their order.
            Without y: blocks (X, y) or (X, y, sample_weight) of data that do not fit in memory.
            Batches go on from one block to the next. For several epochs it must be possible to
            go through the blocks again, as through a list, and not through a generator.
        y : array_like
            Targets (n_examples, n_outputs), or (n_examples,) where the network has one output;
            or integer class labels 0 .. n_outputs-1, (n_examples,), where it has several: the
            target of a label is 1 for its output and 0 for the others. Targets of two levels, such
            as 0 and 1 or -1 and 1, in rows of which some have other than one 1, make each output a
            label by itself for `classify` and `evaluate`.
        epochs : int, default 1
            Passes over the data.
        batch_size : int or None, default 1
            Examples per step: 1 is stochastic gradient descent, None the whole of X.
        optimizer : str or Optimizer, default "sgd"
            What a step does with the mean gradient of the batch: "sgd", "adam", "adamw",
            "rmsprop", "adagrad", "rprop" or "lbfgs", with the defaults of `SGD` to `LBFGS`. One
            that is like the last call's goes on with what that kept of the gradients.
        learning_rate : float, schedule or callable, optional
            For an optimizer given by its name: a number, a schedule such as `Cosine`, or a
            function of the step, counted from 0. By default that of the optimizer, 0.1 for "sgd".
            A schedule without the ``n_steps`` that it takes spans this call, and begins anew with
            the next; where X are blocks, it must have them. Any other goes on where it stood if it
            is equal to the last call's, to its end, too; and functions count all steps of the
            optimizer.
        shuffle : bool or callable, default True
            Draw a new order for every epoch. (A batch of all examples has no order.) A function is
            called with the number of examples for every epoch, and returns the order: each of the
            numbers below that once. (Of blocks, that is the number of examples held at a time.)
        buffer_size : int, default 65536
            Of blocks, as many examples at least are held, and shuffled, at a time.
        l1, l2 : float, default 0
            Penalties on weights w, not on biases: l1 \|w\| and ½ l2 w² are added to the mean loss,
            not to `History.loss`. In plain SGD on sparse inputs, l2 costs no pass over weights.
        dropout : float or sequence of float, default 0
            The part of a layer's units that is left out for an example, from 0 to below 1: of
            all hidden layers, or of each. The others count 1 / (1 - rate) times as much [1]_.
        clip_norm : float, optional
            The gradient of a batch, before penalties, is shortened to this Euclidean norm.
        max_norm : float, optional
            After a step, the weights that lead to a unit are shortened to this Euclidean norm.
        sample_weight : array_like, (n_examples,), optional
            What the loss of each example is multiplied by. The gradient stays the mean over the
            examples of the batch, and `History.loss` that over all: it is the weights' ratio to 1,
            not to each other, that counts.
        class_weight : dict of int to float or "balanced", optional
            The same for all examples of a label, 1 for labels it leaves out; "balanced" is
            n_examples / (number of labels in y * examples of the label) [2]_. With both, the
            weights are multiplied. It needs labels, or targets 0 and 1 of a single output.
        validation_data : tuple (X, y) or (X, y, sample_weight), optional
            Evaluated after every epoch.
        validation_fraction : float, optional
            Fraction of X to hold out and evaluate instead, between 0 and 1: drawn at random, of
            labels in proportion. Later calls with the same data hold out the same rows, with any
            optimizer, and after `load`, in pickles and in copies, too. The same data are as many
            examples with the same y, as labels or one-hot; X may have been scaled or augmented. A
            smaller fraction takes some of these rows. A larger one takes rows that have been
            trained on, too, which a `TrainingWarning` tells, and so does any fraction after a call
            without one. Other data are split anew: rows in another order, too, and those that came
            in blocks or to `train_batch`, or before other data were split.
        early_stopping : EarlyStopping, optional
            When to stop for want of improvement in this call: each call begins to count anew.
        callback : callable, optional
            Called with a `Step` after every epoch; training stops when it returns true. It may
            assign another ``learning_rate`` to the step.
        batch_callback : callable, optional
            The same after every batch.
        progress : bool, default False
            Show a bar, with loss and learning rate, on standard error.
        n_threads : int, default 1
            Threads that share the examples of each batch; the network comes to the same bits for
            any number. It takes large batches, or wide layers, for them to pay; batches of 1 and
            tiny networks are left to one, activations and losses of your own to NumPy.

        Returns
        -------
        History
            Loss and learning rate of every epoch, and what validation came to.

        Raises
        ------
        TypeError, ValueError
            For bad arguments; the message names the argument and nothing is changed. So it is when
            outputs can reach none of the targets, such as 5 and more for "sigmoid", when targets
            that differ are one number in the network's dtype, and when a validation score is R²
            and there is one example for it. What can be found out only in
            the course of the training, in a block or about a rate that changes, leaves the network
            as the steps before did.
        ValueError
            When ``callback`` leaves weights or biases NaN or infinite; the network is left as it
            was before the epoch, or the last window of blocks.
        TrainingDiverged
            When the loss or a parameter stops being finite; the network is left as the last
            finite epoch left it, or the last finite window of blocks.
        RuntimeError
            When the network is being trained already, by another thread or around the callback.
        ImportError
            When "lbfgs" finds no scipy, or ``progress`` no tqdm.

        Warns
        -----
        TrainingWarning
            Before the training, when outputs cannot reach some of the targets, such as -1 for
            "sigmoid"; when y holds one class only; when a validation score is R² and its targets
            are all the same; when ``validation_fraction`` takes rows that have been trained on; and
            when the largest absolute values of columns of X differ by a factor of more than 1,000.
            After the training, when the outputs are the same for examples whose targets differ.
            Columns and outputs are those of a sample of the rows, or of the first block.

        References
        ----------
        .. [1] N. Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from
           Overfitting", JMLR 15 (2014).
        .. [2] G. King and L. Zeng, "Logistic Regression in Rare Events Data", Political Analysis
           9 (2001).
        """
        plan = Plan.checked(
            len(self.layer_sizes) - 1,
            epochs=epochs,
            batch_size=batch_size,
            optimizer=optimizer,
            learning_rate=learning_rate,
            shuffle=shuffle,
            l1=l1,
            l2=l2,
            dropout=dropout,
            clip_norm=clip_norm,
            max_norm=max_norm,
            early_stopping=early_stopping,
            callback=callback,
            batch_callback=batch_callback,
            progress=progress,
            n_threads=n_threads,
            has_validation=validation_data is not None or validation_fraction is not None,
        )
        buffer_size = validation.count(buffer_size, "buffer_size", minimum=1)
        sanity = Sanity(self)
        if y is None:
            given = self._validation_examples(validation_data, validation_fraction)
            check = partial(self._checked_block, sanity, class_weight=class_weight, like=given)
            blocks = Blocks(X, check, plan.epochs)
            plan.check_for_blocks(sample_weight, class_weight, validation_fraction)
            evaluate = self._evaluation_of(given, self._labeling)
            history = self._alone(
                partial(fitting.on_blocks, self, blocks, plan, buffer_size, evaluate)
            )
            sanity.end()
            return history
        inputs, targets = self._checked(cast(MatrixLike, X), y, sample_weight, class_weight)
        validation.check_not_collapsed(targets, y)
        given = self._validation_examples(
            validation_data, validation_fraction, like=(inputs, targets)
        )
        labeling = self._labeling.after(targets, is_part=False)
        evaluate = self._evaluation_of(given, labeling)

        def fit() -> History:
            nonlocal evaluate
            before = None if validation_fraction is None else self._generator.bit_generator.state
            split = self._split(targets, validation_fraction, labeling)
            try:
                rows = np.arange(len(inputs))
                if validation_fraction is not None:
                    rows, held_out_rows = split.rows()
                    of_all = self._weighted(targets, sample_weight)  # without the classes'
                    validation.check_weights_of_parts(of_all, rows, held_out_rows)
                    held_out = inputs.take(held_out_rows), of_all[held_out_rows]
                    evaluate = self._evaluation_of(held_out, labeling)
                if plan.epochs:
                    sanity.begin(inputs, targets, rows)
                return fitting.on_examples(
                    self, inputs, targets, rows, plan, evaluate, split, labeling.record
                )
            finally:
                if before is not None and self._validation_split is not split:
                    self._generator.bit_generator.state = before  # what was refused changes nothing

        history = self._alone(fit)
        sanity.end()
        return history

    def train_batch(
        self,
        X: MatrixLike,
        y: ArrayLike,
        *,
        optimizer: str | Optimizer = "sgd",
        learning_rate: LearningRate | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        dropout: float | Sequence[float] = 0.0,
        clip_norm: float | None = None,
        max_norm: float | None = None,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[int, float] | str | None = None,
        n_threads: int = 1,
    ) -> float:
        """Make one step with the examples given: for streams, and for loops of your own.

        Parameters
        ----------
        X, y
            As in `train`.
        optimizer, learning_rate, l1, l2, dropout, clip_norm, max_norm, n_threads
            Likewise, but for "lbfgs". Where calls are alike, the optimizer goes on from one to the
            next; a schedule needs its ``n_steps``.
        sample_weight, class_weight
            Likewise.

        Returns
        -------
        float
            Mean loss of the examples before the step.

        Raises
        ------
        TypeError, ValueError, TrainingDiverged, RuntimeError, ImportError
            As in `train`.
        """
        check_makes_steps(optimizer)
        rate = optimizer.learning_rate if isinstance(optimizer, Optimizer) else learning_rate
        check_has_length(rate, "learning_rate", ", for each call is a step")
        plan = Plan.checked(
            len(self.layer_sizes) - 1,
            epochs=1,
            batch_size=None,
            optimizer=optimizer,
            learning_rate=learning_rate,
            shuffle=False,
            l1=l1,
            l2=l2,
            dropout=dropout,
            clip_norm=clip_norm,
            max_norm=max_norm,
            n_threads=n_threads,
        )
        inputs, targets = self._checked(X, y, sample_weight, class_weight)
        record, rows = self._labeling.after(targets, is_part=True).record, np.arange(len(inputs))
        step = partial(fitting.on_examples, self, inputs, targets, rows, plan, None, record=record)
        return self._alone(step).loss[0]

    def __getstate__(self) -> dict[str, Any]:
        derived = (
            "_exclusion",
            "_process",
            "_weights",
            "_biases",
            "_views_of_weights",
            "_views_of_biases",
            "_parameters",
            "_one_example",
        )
        state = {name: value for name, value in vars(self).items() if name not in derived}
        return {
            **state,
            "parameters": [np.array(p) for p in (*self._weights, *self._biases)],
            "_training_state": self._portable_state(),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        parameters, training_state = state.pop("parameters"), state.pop("_training_state")
        split = state.pop("_validation_split")
        vars(self).update(state)
        self._prepare()
        self._take(parameters)
        self._adopt_state(training_state)
        self._validation_split = split

    def _portable_state(self) -> TrainingState | None:
        """Copy the optimizer's state, with slots that are weights and biases of layers."""
        state = self._training_state
        if state is None:
            return None
        slots = []
        for slot in state.slots:
            weights, biases = self._views(slot)
            slots.append([np.array(array, order="C") for array in (*weights, *biases)])
        return state.with_slots(slots)

    def _adopt_state(self, portable: TrainingState | None) -> None:
        self._training_state = portable
        if portable is None:
            return
        slots = [self._new_slot() for _ in portable.slots]
        for slot, stored in zip(slots, portable.slots, strict=True):
            weights, biases = self._views(slot)
            for own, array in zip((*weights, *biases), stored, strict=True):
                own[...] = array
        self._training_state = portable.with_slots(slots)

    def _alone(self, train: Callable[[], History]) -> History:
        """Call a function that trains this network, unless another call does so already."""

        def begin() -> History:
            if self._process != os.getpid():
                self._generator = usable_after_fork(self._generator)
                self._process = os.getpid()
            return train()

        return self._exclusion.run(begin)

    @property
    def _is_being_trained(self) -> bool:
        return self._exclusion.is_on

    def _checked_block(self, sanity: Sanity, *block: Any, **options: Any) -> Examples:
        """Check a block that is trained on now, and remember its columns' names and its levels."""
        inputs, targets = self._checked(*block, **options)
        sanity.begin_with_block(inputs, targets)
        self._data = self._labeling.after(targets, is_part=True).record
        self._remember_names(inputs, targets)
        return inputs, targets

    def _validation_examples(
        self, data: Block | None, fraction: float | None, like: Examples | None = None
    ) -> Examples | None:
        """Check the validation data, if there are any, and those of ``train`` they go with."""
        if fraction is not None:
            validation.number_between(fraction, "validation_fraction", 0, 1, is_open=True)
            if data is not None:
                raise ValueError(
                    "validation_fraction must be None where validation_data are given, got "
                    f"{fraction}"
                )
        if data is None:
            return None
        if not isinstance(data, tuple | list) or len(data) not in (2, 3):
            raise TypeError(
                "validation_data must be (X, y) or (X, y, sample_weight), got a "
                f"{type(data).__name__}"
            )
        try:
            X, y, sample_weight = (*data, None)[:3]
            return self._checked(X, y, sample_weight, like=like)
        except (TypeError, ValueError) as error:
            error.add_note("in validation_data")
            raise

    def _evaluation_of(
        self, examples: Examples | None, labeling: Labeling
    ) -> Callable[[], Evaluation] | None:
        """Return a function that evaluates the network on them, if there are any."""
        if examples is None:
            return None
        evaluation.check_for_validation(examples[1], labeling)
        return partial(self._evaluate, *examples)

    def _split(self, targets: Targets, fraction: float | None, labeling: Labeling) -> Split:
        """Return the split of these data for a call of `train`."""
        labels, rules = targets.labels, labeling.rules(targets)
        if targets.values is not None and rules is not None and not rules[1].is_multilabel:
            labels = rules[1].labels(targets.values)
        fewest = 2 if fraction is not None and rules is None else 1  # for R²
        return next_split(
            self._validation_split, targets, fraction, labels, self._generator, fewest
        )
