"""The network: every public method, which checks its arguments and delegates."""

import copy
import os
from abc import ABC
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import evaluation, hints, validation
from .activations import Activation
from .arrays import Array, copy_arrays
from .call_errors import public_as, refuse_misspelled_settings, with_substitutes
from .data.inputs import MatrixLike
from .data.streams import Block, Blocks
from .data_checks import DataChecker
from .data_record import n_classes
from .early_stopping import EarlyStopping
from .engine import Engine
from .evaluation import Evaluation, Gradients
from .exchange import model_file, pytorch, suffix, summary
from .exchange.model_file import Model, ModelFileError
from .history import History
from .input_scaling import InputScaling
from .labeling import Labeling
from .losses import Loss
from .optimizers import LearningRate, Optimizer, check_makes_steps
from .schedules import check_has_length
from .training.config import Callback, Order, TrainingConfig
from .training.lock import TrainingLock, usable_after_fork
from .training.memory import Memory
from .training.session import train_on_blocks, train_on_data, train_on_examples
from .validation import GivenLayers, Seed

_DRAWN = 1 << 20  # initial weights at a time: float64 numbers, which should not take much memory
# What pickles and copies make anew, or keep in another form.
_DERIVED = {
    "_engine", "_memory", "_training_lock", "_process", "_views_of_weights", "_views_of_biases"
}  # fmt: skip


@public_as("MLP", "fastnn")
@with_substitutes(hints.OF_NETWORKS)
@refuse_misspelled_settings
class Network(ABC):
    """A multi-layer perceptron on an engine, which subclasses name."""

    _engine_class: type[Engine]
    _checked_dtype: Callable[[DTypeLike], "np.dtype[Any]"]

    def __init__(
        self,
        layer_sizes: Iterable[int],
        *,
        activation: str | Activation | Sequence[str | Activation] = "sigmoid",
        output_activation: str | Activation | None = None,
        loss: str | Loss | None = None,
        dtype: DTypeLike = "float32",
        seed: Seed = None,
    ) -> None:
        self._set_up(layer_sizes, activation, output_activation, loss, dtype, seed)
        generator = self._memory.generator
        for weights, f in zip(self._engine.weights, self.activation_functions, strict=True):
            fan_in, fan_out = weights.shape
            rows = max(1, _DRAWN // fan_out)
            for start in range(0, fan_in, rows):
                some = weights[start : start + rows]
                some[:] = generator.standard_normal(some.shape) * np.sqrt(f.gain / fan_in)

    def _set_up(
        self,
        layer_sizes: Iterable[int],
        activation: str | Activation | Sequence[str | Activation],
        output_activation: str | Activation | None,
        loss: str | Loss | None,
        dtype: DTypeLike,
        seed: Seed,
    ) -> None:
        """Check the arguments of the constructor, and do all but to draw the initial weights."""
        sizes = validation.layer_sizes(layer_sizes)
        checked_dtype = self._checked_dtype(dtype)
        validation.check_size(sizes, checked_dtype)
        output_activation, loss = validation.with_defaults(output_activation, loss)
        activations = validation.activations(
            activation, output_activation, len(sizes) - 1, checked_dtype
        )
        checked_loss = validation.loss(loss, activations[-1], sizes[-1], checked_dtype)
        self._memory = Memory(validation.generator(seed))
        self._adopt_engine(sizes, activations, checked_loss, checked_dtype)

    def _adopt_engine(
        self,
        sizes: tuple[int, ...],
        activations: tuple[Activation, ...],
        loss: Loss,
        dtype: "np.dtype[Any]",
    ) -> None:
        try:
            self._engine = self._engine_class(sizes, activations, loss, dtype)
        except MemoryError:
            raise validation.too_large(sizes, dtype) from None
        # Views of their own: a user may assign to their shape, or dtype, without harm to these.
        self._views_of_weights = tuple(array.view() for array in self._engine.weights)
        self._views_of_biases = tuple(array.view() for array in self._engine.biases)
        self._training_lock, self._process = TrainingLock(), os.getpid()

    @property
    def _labeling(self) -> Labeling:
        return Labeling.of(self._engine, self._memory.data)

    @property
    def _required(self) -> DataChecker:
        return DataChecker.of(self._engine, self._memory.data)

    def _alone(self, train: Callable[[], History]) -> History:
        """Call a function that trains this network, unless another call does so already."""

        def begin() -> History:
            if self._process != os.getpid():
                self._memory.generator = usable_after_fork(self._memory.generator)
                self._process = os.getpid()
            return train()

        return self._training_lock.run(begin)

    def __getstate__(self) -> dict[str, Any]:
        engine, memory = self._engine, self._memory
        return {
            "attributes": {name: x for name, x in vars(self).items() if name not in _DERIVED},
            "description": (engine.layer_sizes, engine.activations, engine.loss, engine.dtype),
            "parameters": [np.array(p) for p in engine.parameters],
            "memory": replace(memory, training=memory.portable_training(engine)),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state["attributes"])
        self._adopt_engine(*state["description"])
        copy_arrays(state["parameters"], self._engine.parameters)
        self._memory = state["memory"]
        self._memory.adopt(self._engine, self._memory.training)

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Widths from input to output."""
        return self._engine.layer_sizes

    @property
    def activation_functions(self) -> tuple[Activation, ...]:
        """The activation function of each layer, the output layer's last."""
        return self._engine.activations

    @property
    def dtype(self) -> "np.dtype[Any]":
        """The dtype of the parameters and of all computation."""
        return self._engine.dtype

    @property
    def weights(self) -> tuple[Array, ...]:
        """Live views of the weights, (fan_in, fan_out) per layer."""
        return self._views_of_weights

    @property
    def biases(self) -> tuple[Array, ...]:
        """Live views of the biases, (fan_out,) per layer."""
        return self._views_of_biases

    @property
    def loss(self) -> str:
        """Name of the loss."""
        return self._engine.loss.name

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        return sum(parameter.size for parameter in self._engine.parameters)

    def predict(self, X: MatrixLike, *, n_threads: int = 1) -> Array:
        """Compute the outputs of the network.

        Parameters
        ----------
        X : array_like or sparse, (n_examples, n_inputs) or (n_inputs,)
            Real finite numbers, as in `train`; n_examples may be 0.
        n_threads : int, default 1
            Threads that share the examples; the outputs are the same bits for any number.

        Returns
        -------
        ndarray, (n_examples, n_outputs) or (n_outputs,)
            Of the network's dtype.

        Raises
        ------
        TypeError, ValueError
            If an argument is not that, or outputs are NaN or infinite for weights or biases that
            are. Those that the examples make no use of, such as the weights of an input that is 0
            in all of them, are not looked at.
        FloatingPointError
            If outputs are NaN or infinite though weights and biases are finite: they overflow.
        """
        if type(n_threads) is not int or n_threads < 1:  # else a check in full takes its time
            n_threads = validation.count(n_threads, "n_threads", minimum=1)
        if (
            self._memory.data.input_scaling is None
            and (outputs := self._engine.quick_outputs(X)) is not None
        ):
            return outputs
        inputs, is_single = self._required.inputs(X)
        outputs = self._engine.outputs(inputs, n_threads)
        evaluation.check_outputs(self._engine, outputs)
        return outputs[0] if is_single else outputs

    @property
    def threshold(self) -> float:
        """The output above which a label is 1, where an output is a label by itself.

        That is halfway between the two levels of the targets that the network was trained on, such
        as 0 for targets -1 and 1. By default it is 0 for "tanh" outputs, else 0.5.
        """
        return self._labeling.threshold

    @property
    def is_multilabel(self) -> bool:
        """Whether each of several outputs is a label by itself.

        So it is with "binary_cross_entropy", and after a training on targets of two levels such as
        0 and 1 in rows with other than one 1.
        """
        return self._labeling.is_multilabel

    def classify(self, X: MatrixLike) -> Array:
        """Return labels: the place of the largest output or, of a single output, 0 or 1.

        A single output, and each of several if the network ``is_multilabel``, is a label by itself:
        1 above the ``threshold``, else 0. Model files, pickles and copies keep both.

        Parameters
        ----------
        X : array_like or sparse, (n_examples, n_inputs) or (n_inputs,)
            As in `predict`.

        Returns
        -------
        ndarray of intp, (n_examples,) or (); where each output is a label, with n_outputs more

        Raises
        ------
        TypeError, ValueError, FloatingPointError
            As in `predict`.
        """
        outputs = self.predict(X)
        outputs_of_all = outputs.reshape(-1, self.layer_sizes[-1])
        labels = self._labeling.labels(outputs_of_all)
        return labels[0] if outputs.ndim == 1 else labels

    def evaluate(
        self, X: MatrixLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> Evaluation:
        """Return the mean loss and the score on data.

        The score is the accuracy if y holds classes: integer labels, or targets of two levels, such
        as 0 and 1 of a single output, or rows with one or any number of 1s. It is the fraction of
        the examples that `classify` gives the label, or all the labels, they have. Before a
        training y itself tells the ``threshold`` and whether the network ``is_multilabel``.

        The score is R² for all other targets, for those of a network that was trained on more
        levels than two, for all targets of "identity" or "exp" outputs, and for rows that are not
        one-hot of softmax outputs, which sum to 1. An output whose target is constant counts 1
        where the target is met exactly, else 0.

        Parameters
        ----------
        X, y : array_like
            As in `train`.
        sample_weight : array_like, (n_examples,), optional
            By which losses and scores are averaged: here the weights' ratios to each other count.

        Returns
        -------
        Evaluation
            ``loss``, ``score`` and ``metric``, "accuracy" or "r2". Where squares of errors
            overflow, the loss is infinite, or the score NaN.

        Raises
        ------
        TypeError, ValueError
            As in `train`, and for R² of fewer than two examples with a weight above 0: the loss
            alone is ``gradients(X, y).loss``.
        ValueError, FloatingPointError
            If outputs are NaN or infinite, as in `predict`. FloatingPointError also if the loss is
            NaN, as a loss of your own may be.
        """
        inputs, targets = self._required.examples(X, y, sample_weight)
        validation.check_not_collapsed(targets, y)
        return evaluation.evaluate(self._engine, inputs, targets, self._labeling)

    def activations(self, X: MatrixLike) -> list[Array]:
        """Compute the outputs of every layer; the last are those of the network.

        They equal those of `predict` to within rounding.

        Parameters
        ----------
        X : array_like or sparse, (n_examples, n_inputs) or (n_inputs,)
            As in `predict`.

        Returns
        -------
        list of ndarray, (n_examples, fan_out) or (fan_out,)
            Of the network's dtype, one per layer.

        Raises
        ------
        TypeError, ValueError, FloatingPointError
            As in `predict`.
        """
        inputs, is_single = self._required.inputs(X)
        outputs = self._engine.all_outputs(inputs)
        evaluation.check_outputs(self._engine, outputs[-1])
        return [a[0] for a in outputs] if is_single else outputs

    def gradients(
        self,
        X: MatrixLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        n_threads: int = 1,
    ) -> Gradients:
        """Mean loss on data, and its gradients with respect to all weights and biases.

        Parameters
        ----------
        X, y
            As in `train`.
        sample_weight : array_like, (n_examples,), optional
            What the loss of each example is multiplied by; the mean is over the examples.
        n_threads : int, default 1
            Threads that share the examples.

        Returns
        -------
        Gradients
            ``loss``, ``weights`` and ``biases``: arrays like those of the network, of its dtype.

        Raises
        ------
        TypeError, ValueError
            As in `train`; so weights and biases must be finite.
        """
        n_threads = validation.count(n_threads, "n_threads", minimum=1)
        inputs, targets = self._required.examples(X, y, sample_weight)
        evaluation.check_parameters(self._engine, "to compute gradients")
        return Gradients(*self._engine.objective(inputs, targets, n_threads)())

    def __repr__(self) -> str:
        *hidden, output = self.activation_functions
        return (
            f"{type(self).__name__}({list(self.layer_sizes)}, activation={hidden}, "
            f"output_activation={output!r}, loss={self._engine.loss!r}, dtype={self.dtype.name!r})"
        )

    def __copy__(self) -> Self:
        return copy.deepcopy(self)  # parameters and random generator of its own

    @property
    def input_scaling(self) -> InputScaling | None:
        """The scaling of X, or None; it can be assigned to.

        Every method that takes X then takes it unscaled, and computes with
        ``(X - shift) / scale``. Model files, pickles and copies keep it. While the network is being
        trained, as in a callback, an assignment is a RuntimeError.
        """
        return self._memory.data.input_scaling

    @input_scaling.setter
    def input_scaling(self, scaling: InputScaling | None) -> None:
        if self._training_lock.is_held:
            raise RuntimeError(
                "input_scaling cannot be assigned while the network is being trained: the training "
                "would go on with the one before"
            )
        n_inputs = self.layer_sizes[0]
        if scaling is not None and not isinstance(scaling, InputScaling):
            is_standard = hasattr(scaling, "mean_") and hasattr(scaling, "scale_")
            hint = ": pass InputScaling(scaler.mean_, scaler.scale_)" if is_standard else ""
            raise TypeError(f"input_scaling must be an InputScaling or None, got {scaling!r}{hint}")
        if scaling is not None and len(scaling.shift) != n_inputs:
            raise ValueError(
                f"input_scaling must have {n_inputs} shifts and scales, one for each input, got "
                f"{len(scaling.shift)}"
            )
        self._memory.data = replace(self._memory.data, input_scaling=scaling)

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The name of each class, in the order of the labels, or None; it can be assigned to.

        Model files, pickles and copies keep the names. A single output has two classes, 0 and 1.
        """
        return self._memory.data.class_names

    @class_names.setter
    def class_names(self, names: Sequence[str] | None) -> None:
        if names is not None:
            names = validation.class_names(names, n_classes(self.layer_sizes))
        self._memory.data = replace(self._memory.data, class_names=names)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the columns of the X that the network was trained on, or None.

        Where X has names of columns again, they must be these, in this order.
        """
        return self._memory.data.feature_names

    @property
    def target_names(self) -> tuple[str, ...] | None:
        """The names of the columns of the y of the training, if it had several, or None."""
        return self._memory.data.target_names

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
        config = TrainingConfig.checked(
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
        engine, memory, required = self._engine, self._memory, self._required
        if y is None:
            held_out = required.validation_examples(validation_data, validation_fraction)
            blocks = Blocks(X, config.epochs)
            config.check_for_blocks(sample_weight, class_weight, validation_fraction)
            of_classes = cast("Mapping[int, float] | None", class_weight)
            return self._alone(
                partial(
                    train_on_blocks,
                    engine,
                    memory,
                    blocks,
                    config,
                    buffer_size,
                    held_out,
                    of_classes,
                )
            )
        examples = required.examples(cast(MatrixLike, X), y, sample_weight, class_weight)
        validation.check_not_collapsed(examples[1], y)
        held_out = required.validation_examples(validation_data, validation_fraction, like=examples)
        weighted = examples[1]
        if validation_fraction is not None:
            weighted = required.weighted(weighted, sample_weight)  # without those of classes
        return self._alone(
            partial(
                train_on_data,
                engine,
                memory,
                examples,
                config,
                held_out,
                validation_fraction,
                weighted,
            )
        )

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
        config = TrainingConfig.checked(
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
        inputs, targets = self._required.examples(X, y, sample_weight, class_weight)
        record, rows = self._labeling.after(targets, is_part=True).record, np.arange(len(inputs))
        step = partial(
            train_on_examples,
            self._engine,
            self._memory,
            inputs,
            targets,
            rows,
            config,
            None,
            record=record,
        )
        return self._alone(step).loss[0]

    @classmethod
    def _of(
        cls,
        layers: GivenLayers,
        activation: str | Activation | Sequence[str | Activation],
        output_activation: str | Activation | None,
        loss: str | Loss | None,
        dtype: DTypeLike | None,
        seed: Seed,
    ) -> Self:
        """Make a network of layers that there are already."""
        dtype = cls._checked_dtype(layers.dtype if dtype is None else dtype)
        parameters = [given.in_dtype(dtype) for given in (*layers.weights, *layers.biases)]
        network = cls.__new__(cls)
        network._set_up(layers.sizes, activation, output_activation, loss, dtype, seed)
        copy_arrays(parameters, network._engine.parameters)
        return network

    def save(self, path: str | PathLike[str], *, include_optimizer: bool = True) -> None:
        """Write the network to a safetensors file, so that it can be used, and trained on.

        The file is moved into place when it is complete: a file that was there before stays whole
        until then. A random generator other than PCG64, NumPy's default, is left out, and so is a
        learning rate that is a function of your own. Weights and biases are saved as they are, NaN
        and infinite ones, too: `load` brings these back, and `predict` and `train` refuse them.

        Parameters
        ----------
        path : str or path-like
        include_optimizer : bool, default True
            Whether what the optimizer keeps is saved, too: for Adam, that is twice the parameters.

        Raises
        ------
        TypeError
            If ``path`` is not a path.
        ValueError
            If the name of the file ends in the suffix of another format, such as ".onnx", or has a
            null character in it.
        OSError
            If the file cannot be written.
        """
        path = validation.path(path, "path")
        suffix.check(path, model_file.SUFFIX)
        model_file.save(
            Model(
                self.layer_sizes,
                self.activation_functions,
                self._engine.loss,
                self.dtype.name,
                self._engine.weights,
                self._engine.biases,
                self._memory.data,
                self._memory.portable_training(self._engine) if include_optimizer else None,
                split=self._memory.split,
            ),
            self._memory.generator,
            path,
        )

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        *,
        activations: Iterable[Activation] = (),
        losses: Iterable[Loss] = (),
        seed: Seed = None,
    ) -> Self:
        """Make a network of a file that `save` has written. No code is run and nothing unpickled.

        Parameters
        ----------
        path : str or path-like
        activations : iterable of Activation, optional
            The activations of your own that the network was built with; they are found by name.
        losses : iterable of Loss, optional
            Likewise the loss.
        seed : optional
            Of the random generator, as in the constructor, to go on from instead of where it stood.

        Raises
        ------
        TypeError
            If ``path`` is not a path.
        ValueError
            If two different functions of one name are given, or ``path`` has a null character in
            it.
        ModelFileError
            If the file is damaged, was not written by `save`, or is of a later format.
        OSError
            If it cannot be read.
        """
        model = model_file.load(validation.path(path, "path"), activations, losses)
        try:
            network = cls.__new__(cls)
            network._set_up(
                model.layer_sizes,
                model.activations[:-1],
                model.activations[-1],
                model.loss,
                model.dtype,
                seed,
            )
        except (TypeError, ValueError) as error:
            raise ModelFileError(f"{path} holds no network of this kind: {error}") from error
        copy_arrays([*model.weights, *model.biases], network._engine.parameters)
        memory = network._memory
        memory.data, memory.split = model.data, model.split
        memory.adopt(network._engine, model.training)
        if model.generator is not None and seed is None:
            kind = getattr(np.random, model.generator["bit_generator"])
            memory.generator = np.random.Generator(kind())
            memory.generator.bit_generator.state = model.generator
        return network

    @classmethod
    def from_arrays(
        cls,
        weights: Iterable[ArrayLike],
        biases: Iterable[ArrayLike],
        *,
        activation: str | Activation | Sequence[str | Activation] = "sigmoid",
        output_activation: str | Activation | None = None,
        loss: str | Loss | None = None,
        dtype: DTypeLike | None = None,
        seed: Seed = None,
    ) -> Self:
        """Make a network of weights and biases that there are already, for example scikit-learn's.

        Parameters
        ----------
        weights, biases : list of array_like
            Per layer, (fan_in, fan_out) and (fan_out,), real finite numbers. They are copied.
        activation, output_activation, loss, seed : optional
            As in the constructor.
        dtype : dtype, optional
            By default float32 if all arrays are that, or smaller floats; else float64.

        Raises
        ------
        TypeError, ValueError
            If an argument is not that; the message names it.

        Notes
        -----
        The weights and biases of scikit-learn's `MLPClassifier` and `MLPRegressor` are ``coefs_``
        and ``intercepts_``. Of its names for ``activation``, "logistic" is "sigmoid" here;
        "identity", "tanh" and "relu" are the same. Its outputs, and the losses it trains them
        with, are:

        =====================  =====================  ======================
        ``out_activation_``    ``output_activation``  ``loss``
        =====================  =====================  ======================
        "softmax"              "softmax"              "cross_entropy"
        "logistic"             "sigmoid"              "binary_cross_entropy"
        "identity"             "identity"             "squared_error"
        "exp"                  "exp"                  "poisson"
        =====================  =====================  ======================

        Labels are indices into its ``classes_``. To bring back what was trained here, assign
        copies to an estimator that has been fitted with the same shapes::

            estimator.coefs_ = [w.copy() for w in net.weights]
            estimator.intercepts_ = [b.copy() for b in net.biases]

        Examples
        --------
        >>> from fastnn import MLP
        >>> MLP.from_arrays([[[1.0], [2.0]]], [[0.5]], output_activation="identity").predict([3, 4])
        array([11.5])
        """
        layers = validation.layers_of_arrays(weights, biases)
        return cls._of(layers, activation, output_activation, loss, dtype, seed)

    @classmethod
    def from_state_dict(
        cls,
        state_dict: Mapping[str, Any],
        *,
        order: Sequence[str] | None = None,
        activation: str | Activation | Sequence[str | Activation] = "sigmoid",
        output_activation: str | Activation | None = None,
        loss: str | Loss | None = None,
        dtype: DTypeLike | None = None,
        seed: Seed = None,
    ) -> Self:
        """Make a network of the state_dict of a chain of PyTorch's `Linear` layers.

        Parameters
        ----------
        state_dict : dict of str to array_like
            For each layer "<prefix>.weight", (fan_out, fan_in), and "<prefix>.bias", (fan_out,),
            0 if it is missing. Tensors of PyTorch on the CPU, or anything that `numpy.asarray`
            takes. They are copied.
        order : sequence of str, optional
            The prefixes of the layers from input to output. By default prefixes that differ in
            numbers, as "mlp.2" and "mlp.10" or "fc1" and "fc2", are in the order of these, and
            others in the only order that the shapes of the layers allow. Numbers that contradict
            the shapes, such as widths in "fc512" and "fc128", are refused. The order of the dict
            says nothing: files of safetensors are sorted by name.
        activation, output_activation, loss, seed : optional
            As in the constructor. A state_dict says nothing of the activations, and what PyTorch
            trains with `CrossEntropyLoss` leaves out its softmax.
        dtype : dtype, optional
            By default float32 if all arrays are that, or smaller floats; else float64.

        Raises
        ------
        TypeError, ValueError
            If an argument is not that, there is anything else in the dict, or nothing tells the
            order of its layers; the message names it.
        """
        layers = validation.layers_of_state_dict(state_dict, order)
        return cls._of(layers, activation, output_activation, loss, dtype, seed)

    def state_dict(self) -> dict[str, Array]:
        """Weights and biases by the names, and in the layout, that PyTorch has for them.

        All else is left out: activations, the loss, ``class_names``, ``feature_names``,
        ``target_names``, ``threshold``, ``is_multilabel``, and what training goes on from.

        Returns
        -------
        dict of str to ndarray
            Copies: "0.weight", (fan_out, fan_in), "0.bias", "2.weight" and so on, as in
            ``nn.Sequential(Linear, activation, Linear, ...)``, where "identity" takes its place as
            `nn.Identity`. To load it into one::

                module.load_state_dict(
                    {name: torch.from_numpy(array) for name, array in net.state_dict().items()}
                )

        Raises
        ------
        ValueError
            If the network has an ``input_scaling``, which PyTorch's module would not know of.
        """
        if self.input_scaling is not None:
            # Folded into the first layer, it would lose digits in float32 where shifts are large.
            raise ValueError(
                "input_scaling must be None for a state_dict, which has no place for it, got "
                f"{self.input_scaling}: keep it, give the module (X - shift) / scale, and set it "
                "to None in a copy of the network"
            )
        return pytorch.state_dict(self._engine.weights, self._engine.biases)

    def export_onnx(self, path: str | PathLike[str]) -> None:
        """Write an ONNX file, which ONNX Runtime and others predict with.

        Its input "X" is (n_examples, n_inputs), for any n_examples, and its output "outputs"
        (n_examples, n_outputs), both of the network's dtype. What a runtime computes differs from
        `predict` by its rounding. An ``input_scaling`` is part of the graph: X is not scaled. This
        needs the package onnx, which the extra "onnx" installs.

        Labels are not part of the graph, only what `classify` makes them of: the metadata of the
        file, ``metadata_props``, have ``class_names``, ``feature_names`` and ``target_names`` as
        JSON lists, if there are any, ``is_multilabel`` as true or false and, for a single output or
        several labels per example, the ``threshold``. ONNX Runtime has them in
        ``session.get_modelmeta().custom_metadata_map``. The loss, and what training goes on from,
        are left out.

        Parameters
        ----------
        path : str or path-like
            Written as by `save`: a file that was there before stays whole until then.

        Raises
        ------
        TypeError
            If ``path`` is not a path.
        ImportError
            If onnx is not installed.
        ValueError
            If an activation is one of your own, the dtype is neither float32 nor float64, weights
            or biases are NaN or infinite, or the name of the file ends in the suffix of another
            format, such as ".safetensors", or has a null character in it.
        OSError
            If the file cannot be written.
        """
        path = validation.path(path, "path")
        suffix.check(path, ".onnx")
        evaluation.check_parameters(self._engine, "to export")
        from .exchange import onnx_file

        onnx_file.save(
            self._engine.weights,
            self._engine.biases,
            self.activation_functions,
            self.dtype,
            self._memory.data.scaling,
            self._metadata(),
            path,
        )

    def _metadata(self) -> dict[str, Any]:
        """Return what those who use an exported file need to know of labels and columns."""
        facts: dict[str, Any] = {
            "class_names": self.class_names,
            "feature_names": self.feature_names,
            "target_names": self.target_names,
            "is_multilabel": self.is_multilabel,
        }
        if self.is_multilabel or self.layer_sizes[-1] == 1:
            facts["threshold"] = self.threshold
        return {name: fact for name, fact in facts.items() if fact is not None}

    def summary(self) -> str:
        """Make a table of the layers and their numbers of parameters, as plain text.

        Returns
        -------
        str

        Examples
        --------
        >>> from fastnn import MLP
        >>> print(MLP([784, 300, 10], loss="cross_entropy").summary())
        layer       shape  activation  parameters
            1  784 -> 300  sigmoid        235,500
            2   300 -> 10  softmax          3,010
        total                             238,510
        float32, 954,040 bytes, loss cross_entropy
        """
        return summary.table(
            self.layer_sizes,
            self.activation_functions,
            self._engine.loss,
            self.dtype,
            self.input_scaling is not None,
        )
