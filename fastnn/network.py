"""The network: every public method, which checks its arguments and delegates."""

import copy
from abc import ABC
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import evaluation, validation
from .activations import Activation
from .common import hints
from .common.arrays import Array, copy_arrays
from .common.call_errors import public_as, refuse_misspelled_settings, with_substitutes
from .data.inputs import MatrixLike
from .data.streams import Block, Blocks
from .data_checks import DataChecker
from .data_record import n_classes
from .early_stopping import EarlyStopping
from .engine import Engine
from .evaluation import Evaluation, Gradients
from .exchange import model_file, pytorch, suffix, summary
from .exchange.model_file import ModelFileError
from .history import History
from .initialization import draw_weights
from .input_scaling import InputScaling, check_input_scaling
from .labeling import Labeling
from .losses import Loss
from .optimizers import LearningRate, Optimizer, check_makes_steps
from .schedules import check_has_length
from .training.config import Callback, Order, TrainingConfig
from .training.lock import TrainingLock
from .training.memory import Memory
from .training.session import train_on_blocks, train_on_data, train_on_examples
from .validation import GivenLayers, Seed

# Attributes that pickles and copies rebuild, or keep in another form.
_REBUILT = {"_engine", "_memory", "_training_lock", "_views_of_weights", "_views_of_biases"}


@public_as("MLP", "fastnn")
@with_substitutes(hints.OF_NETWORKS)
@refuse_misspelled_settings
class Network(ABC):
    """A multi-layer perceptron on the engine that a subclass names.

    `fastnn.internals` has what other rooms of the package may do with a network besides.
    """

    _engine_class: Callable[[Sequence[Activation], Loss], type[Engine]]
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
        draw_weights(self._engine.weights, self._engine.activations, self._memory.generator)

    def _set_up(
        self,
        layer_sizes: Iterable[int],
        activation: str | Activation | Sequence[str | Activation],
        output_activation: str | Activation | None,
        loss: str | Loss | None,
        dtype: DTypeLike,
        seed: Seed,
    ) -> None:
        """Check the arguments of the constructor, and make a network without initial weights."""
        sizes = validation.layer_sizes(layer_sizes)
        checked_dtype = self._checked_dtype(dtype)
        validation.check_size(sizes, checked_dtype)
        output_activation, loss = validation.with_defaults(output_activation, loss)
        activations = validation.activations(
            activation, output_activation, len(sizes) - 1, checked_dtype
        )
        checked_loss = validation.loss(loss, activations[-1], sizes[-1], checked_dtype)
        self._memory = Memory(validation.generator(seed))
        self._make_engine(sizes, activations, checked_loss, checked_dtype)

    def _make_engine(
        self,
        sizes: tuple[int, ...],
        activations: tuple[Activation, ...],
        loss: Loss,
        dtype: "np.dtype[Any]",
    ) -> None:
        try:
            engine_class = self._engine_class(activations, loss)
            self._engine = engine_class(sizes, activations, loss, dtype)
        except MemoryError:
            raise validation.too_large(sizes, dtype) from None
        # Separate views: users may assign to their shape or dtype without harm to the engine's.
        self._views_of_weights = tuple(array.view() for array in self._engine.weights)
        self._views_of_biases = tuple(array.view() for array in self._engine.biases)
        self._training_lock = TrainingLock()

    @property
    def _labeling(self) -> Labeling:
        return Labeling.of(self._engine, self._memory.data)

    @property
    def _data_checker(self) -> DataChecker:
        return DataChecker(self._engine, self._memory.data)

    def __getstate__(self) -> dict[str, Any]:
        engine, memory = self._engine, self._memory
        return {
            "attributes": {name: x for name, x in vars(self).items() if name not in _REBUILT},
            "description": (engine.layer_sizes, engine.activations, engine.loss, engine.dtype),
            "parameters": [np.array(p) for p in engine.parameters],
            "memory": replace(memory, training=memory.portable_training(engine)),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state["attributes"])
        self._make_engine(*state["description"])
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
            Threads that share the examples. The outputs are the same bits for any number.

        Returns
        -------
        ndarray, (n_examples, n_outputs) or (n_outputs,)
            The outputs, in the network's dtype.

        Raises
        ------
        TypeError, ValueError
            If an argument is invalid, or outputs are NaN or infinite because weights or biases
            are. Weights that do not count, as of an input that is 0 in all examples, are ignored.
        FloatingPointError
            If outputs overflow: they are NaN or infinite, but weights and biases are finite.
        """
        if type(n_threads) is not int or n_threads < 1:  # else a full check takes its time
            n_threads = validation.count(n_threads, "n_threads", minimum=1)
        if (
            self._memory.data.input_scaling is None
            and (outputs := self._engine.quick_outputs(X)) is not None
        ):
            return outputs
        inputs, is_single = self._data_checker.inputs(X)
        outputs = self._engine.outputs(inputs, n_threads)
        evaluation.check_outputs(self._engine, outputs)
        return outputs[0] if is_single else outputs

    @property
    def threshold(self) -> float:
        """The output above which a label is 1, where an output is a label by itself.

        It is halfway between the two levels of the training targets, such as 0 for targets -1 and
        1. Before a training it is 0 for "tanh" outputs, else 0.5.
        """
        return self._labeling.threshold

    @property
    def is_multilabel(self) -> bool:
        """Whether each of several outputs is a label by itself.

        This holds for "binary_cross_entropy", and after a training on targets of two levels, such
        as 0 and 1, of which some rows have no 1 or several.
        """
        return self._labeling.is_multilabel

    def classify(self, X: MatrixLike) -> Array:
        """Return labels: the index of the largest output or, for a single output, 0 or 1.

        A single output is a label by itself, and so is each output if the network
        ``is_multilabel``: 1 above the ``threshold``, else 0. Model files, pickles and copies keep
        both attributes.

        Parameters
        ----------
        X : array_like or sparse, (n_examples, n_inputs) or (n_inputs,)
            As in `predict`.

        Returns
        -------
        ndarray of intp, (n_examples,) or ()
            The labels; (n_examples, n_outputs) or (n_outputs,) if the network ``is_multilabel``.

        Raises
        ------
        TypeError, ValueError, FloatingPointError
            As in `predict`.
        """
        outputs = self.predict(X)
        labels = self._labeling.labels(outputs.reshape(-1, self.layer_sizes[-1]))
        return labels[0] if outputs.ndim == 1 else labels

    def evaluate(
        self, X: MatrixLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> Evaluation:
        """Return the mean loss and the score on data.

        The score is the accuracy if y holds classes: integer labels, or targets of two levels, such
        as 0 and 1 of a single output, or rows with one or any number of 1s. The accuracy is the
        fraction of examples for which `classify` returns the label, or all labels, of y. Before a
        training, y itself determines ``threshold`` and ``is_multilabel``.

        The score is R² for all other targets, for a network that was trained on more than two
        levels, for all targets of "identity" or "exp" outputs, and for rows that are not one-hot of
        softmax outputs, which sum to 1. An output with a constant target counts 1 if the target is
        met exactly, else 0.

        Parameters
        ----------
        X, y : array_like
            As in `train`.
        sample_weight : array_like, (n_examples,), optional
            Weights of the means of loss and score; only their ratios to each other count.

        Returns
        -------
        Evaluation
            ``loss``, ``score`` and ``metric``, "accuracy" or "r2". Where squared errors overflow,
            the loss is infinite, or the score NaN.

        Raises
        ------
        TypeError, ValueError
            As in `train`, and for R² of fewer than two examples with a weight above 0;
            ``gradients(X, y).loss`` is the loss alone.
        ValueError, FloatingPointError
            If outputs are NaN or infinite, as in `predict`. FloatingPointError also if the loss is
            NaN, as a loss of your own may be.
        """
        inputs, targets = self._data_checker.examples(X, y, sample_weight)
        validation.check_not_collapsed(targets, y)
        return evaluation.evaluate(self._engine, inputs, targets, self._labeling)

    def activations(self, X: MatrixLike) -> list[Array]:
        """Compute the outputs of every layer.

        The last ones are those of the network: they equal `predict` to within rounding.

        Parameters
        ----------
        X : array_like or sparse, (n_examples, n_inputs) or (n_inputs,)
            As in `predict`.

        Returns
        -------
        list of ndarray, (n_examples, fan_out) or (fan_out,)
            The outputs of each layer, in the network's dtype.

        Raises
        ------
        TypeError, ValueError, FloatingPointError
            As in `predict`.
        """
        inputs, is_single = self._data_checker.inputs(X)
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
        """Compute the mean loss on data, and its gradients with respect to weights and biases.

        Parameters
        ----------
        X, y : array_like
            As in `train`.
        sample_weight : array_like, (n_examples,), optional
            Factors of the examples' losses; the mean divides by the number of examples.
        n_threads : int, default 1
            Threads that share the examples.

        Returns
        -------
        Gradients
            ``loss``, ``weights`` and ``biases``: arrays of the shapes and dtype of the network's.

        Raises
        ------
        TypeError, ValueError
            As in `train`; so weights and biases must be finite.
        """
        n_threads = validation.count(n_threads, "n_threads", minimum=1)
        inputs, targets = self._data_checker.examples(X, y, sample_weight)
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

        Every method takes unscaled X, and computes with ``(X - shift) / scale``. Model files,
        pickles and copies keep the scaling. During a training, as in a callback, an assignment
        raises RuntimeError.
        """
        return self._memory.data.input_scaling

    @input_scaling.setter
    def input_scaling(self, scaling: InputScaling | None) -> None:
        if self._training_lock.is_held:
            raise RuntimeError(
                "input_scaling cannot be assigned while the network is being trained: the training "
                "would go on with the one before"
            )
        check_input_scaling(scaling, self.layer_sizes[0])
        self._memory.data = replace(self._memory.data, input_scaling=scaling)

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The name of each class, in the order of the labels, or None; it can be assigned to.

        A single output has two classes, 0 and 1. Model files, pickles and copies keep the names.
        """
        return self._memory.data.class_names

    @class_names.setter
    def class_names(self, names: Sequence[str] | None) -> None:
        if names is not None:
            names = validation.class_names(names, n_classes(self.layer_sizes))
        self._memory.data = replace(self._memory.data, class_names=names)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the columns of X in the training, or None.

        Where a later X has column names, they must be the same, in the same order.
        """
        return self._memory.data.feature_names

    @property
    def target_names(self) -> tuple[str, ...] | None:
        """The names of the columns of y in the training, if it had several, or None."""
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
        r"""Train, starting from the present parameters and the state of the optimizer.

        Parameters
        ----------
        X : array_like or sparse, (n_examples, n_inputs), or iterable of blocks
            Real finite numbers: anything that `numpy.asarray` takes, or a sparse matrix or array
            of scipy, whose zeros cost nothing. A C-contiguous array of the network's dtype is not
            copied; other arrays are converted some rows at a time. Column names that are strings,
            as in a data frame, must be those of the first training, in the same order.
            Without y, X is an iterable of blocks, (X, y) or (X, y, sample_weight), of data that do
            not fit in memory. Batches extend from one block to the next. For several epochs the
            blocks must be readable again: a list is, a generator is not.
        y : array_like
            Targets (n_examples, n_outputs), or (n_examples,) where the network has one output;
            or integer class labels 0 .. n_outputs-1, (n_examples,), where it has several. The
            target of a label is 1 for its output and 0 for the others. Targets of two levels, such
            as 0 and 1 or -1 and 1, make each output a label by itself for `classify` and
            `evaluate` if some rows have no 1 or several.
        epochs : int, default 1
            Passes over the data.
        batch_size : int or None, default 1
            Examples per step: 1 is stochastic gradient descent, None the full batch.
        optimizer : str or Optimizer, default "sgd"
            The rule that makes a step of the mean gradient of a batch: "sgd", "adam", "adamw",
            "rmsprop", "adagrad", "rprop" or "lbfgs", with the defaults of `SGD` to `LBFGS`. An
            optimizer like that of the previous call resumes with its state.
        learning_rate : float, schedule or callable, optional
            For an optimizer given by name: a number, a schedule such as `Cosine`, or a function of
            the step, counted from 0. By default that of the optimizer, 0.1 for "sgd". A schedule
            that takes ``n_steps`` but has none spans this call, and restarts with the next one; it
            must have ``n_steps`` where X are blocks. Any other schedule resumes if it is equal to
            that of the previous call, even if it has ended. Functions count all steps of the
            optimizer.
        shuffle : bool or callable, default True
            Whether to draw a new order for every epoch; a batch of all examples has no order. A
            function is called with the number of examples for every epoch, and returns the order:
            each row number once. Where X are blocks, its argument is the number of buffered
            examples.
        buffer_size : int, default 65536
            Minimum number of examples of blocks that are buffered and shuffled together.
        l1, l2 : float, default 0
            Penalties on weights w, not on biases: l1 \|w\| and ½ l2 w² are added to the mean loss,
            not to `History.loss`. In plain SGD on sparse inputs, l2 costs no pass over the weights.
        dropout : float or sequence of float, default 0
            Fraction of hidden units dropped during training, from 0 to below 1: of all hidden
            layers, or of each. The outputs of the others are divided by 1 - rate [1]_.
        clip_norm : float, optional
            Maximum Euclidean norm of the gradient of a batch, before penalties.
        max_norm : float, optional
            Maximum Euclidean norm of the weights into a unit, after each step.
        sample_weight : array_like, (n_examples,), optional
            Factors of the examples' losses. The gradient stays the mean over the examples of the
            batch, and `History.loss` that over all examples, so absolute weights count, not only
            their ratios.
        class_weight : dict of int to float or "balanced", optional
            Weight of the examples of each label, 1 for labels left out; "balanced" is
            n_examples / (number of labels in y * examples of the label) [2]_. It multiplies
            ``sample_weight``. It needs labels, or targets 0 and 1 of a single output.
        validation_data : tuple (X, y) or (X, y, sample_weight), optional
            Data to evaluate after every epoch.
        validation_fraction : float, optional
            Fraction of X, between 0 and 1, to hold out and evaluate instead. The rows are drawn at
            random, from each label in proportion. Later calls with the same data hold out the same
            rows, with any optimizer, also in loaded networks, pickles and copies. Data are the same
            if they have as many examples and the same y, as labels or one-hot; X may have been
            scaled or augmented. A smaller fraction takes some of these rows. A larger one also
            takes rows that have been trained on, of which a `TrainingWarning` tells; so does any
            fraction after a call without one. Other data are split anew: so are the same rows in
            another order, and data of earlier blocks, of `train_batch`, or of calls before the last
            split of other data.
        early_stopping : EarlyStopping, optional
            When to stop for lack of improvement; each call counts anew.
        callback : callable, optional
            Called with a `Step` after every epoch; training stops if it returns true. It may
            assign another ``learning_rate`` to the step.
        batch_callback : callable, optional
            Likewise, after every batch.
        progress : bool, default False
            Whether to show a bar, with loss and learning rate, on standard error.
        n_threads : int, default 1
            Threads that share the examples of each batch. The network gets the same bits for any
            number. Threads pay off for large batches or wide layers; batches of 1 and tiny networks
            use one thread, and activations and losses of your own those of NumPy.

        Returns
        -------
        History
            Loss, learning rate and validation of every epoch.

        Raises
        ------
        TypeError, ValueError
            For a bad argument, which the message names; nothing is changed. Also if no target can
            be reached, such as 5 and more by "sigmoid" outputs; if different targets become one
            number in the network's dtype; and if a validation score is R² of a single example.
            Errors that only show during training, as in a block or a changing rate, leave the
            network as of the last completed step.
        ValueError
            If ``callback`` leaves weights or biases NaN or infinite. The network is as it was
            before the epoch, or before its last buffer of blocks.
        TrainingDiverged
            If the loss or a parameter stops being finite. The network is as it was before the
            epoch, or before the buffer of blocks.
        RuntimeError
            If the network is being trained already, by another thread or around a callback.
        ImportError
            If "lbfgs" finds no scipy, or ``progress`` no tqdm.

        Warns
        -----
        TrainingWarning
            Before the training, if outputs cannot reach some of the targets, such as -1 for
            "sigmoid"; if y holds one class only; if a validation score is R² and its targets are
            all the same; if ``validation_fraction`` takes rows that have been trained on; and if
            the largest absolute values of columns of X differ by a factor of more than 1,000.
            After the training, if outputs are the same for examples whose targets differ. Columns
            and outputs are those of a sample of the rows, or of the first block.

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
        engine, memory, checker = self._engine, self._memory, self._data_checker
        train: Callable[[], History]
        if y is None:
            held_out = checker.validation_examples(validation_data, validation_fraction)
            blocks = Blocks(X, config.epochs)
            config.check_for_blocks(sample_weight, class_weight, validation_fraction)
            weights = cast("Mapping[int, float] | None", class_weight)
            train = partial(
                train_on_blocks, engine, memory, blocks, config, buffer_size, held_out, weights
            )
        else:
            examples = checker.examples(cast(MatrixLike, X), y, sample_weight, class_weight)
            _, targets = examples
            validation.check_not_collapsed(targets, y)
            held_out = checker.validation_examples(validation_data, validation_fraction, examples)
            if validation_fraction is not None:
                targets = checker.weighted(targets, sample_weight)  # without class weights
            train = partial(
                train_on_data,
                engine,
                memory,
                examples,
                config,
                held_out,
                validation_fraction,
                targets,
            )
        return self._training_lock.run(train, memory)

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
        """Make one step on one batch: for streams, and for loops of your own.

        Parameters
        ----------
        X, y : array_like
            As in `train`.
        optimizer, learning_rate, l1, l2, dropout, clip_norm, max_norm, n_threads
            As in `train`, except "lbfgs". Where calls are alike, the optimizer resumes with its
            state; a schedule needs its ``n_steps``.
        sample_weight, class_weight
            As in `train`.

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
        inputs, targets = self._data_checker.examples(X, y, sample_weight, class_weight)
        step = partial(
            train_on_examples,
            self._engine,
            self._memory,
            inputs,
            targets,
            np.arange(len(inputs)),
            config,
            None,
            record=self._labeling.after(targets, is_part=True).record,
        )
        return self._training_lock.run(step, self._memory).loss[0]

    def save(self, path: str | PathLike[str], *, include_optimizer: bool = True) -> None:
        """Write the network to a safetensors file, from which `load` restores it for any use.

        The file is moved into place when it is complete; until then an existing file stays whole.
        A random generator other than PCG64, NumPy's default, is left out, and so is a learning rate
        that is a function of your own. Weights and biases that are NaN or infinite are saved, too:
        `load` restores them, and `predict` and `train` refuse them.

        Parameters
        ----------
        path : str or path-like
            The file.
        include_optimizer : bool, default True
            Whether to save the state of the optimizer, too: for Adam, twice the parameters.

        Raises
        ------
        TypeError
            If ``path`` is not a path.
        ValueError
            If the name of the file has the suffix of another format, such as ".onnx", or a null
            character.
        OSError
            If the file cannot be written.
        """
        path = validation.path(path, "path")
        model_file.save(self._engine, self._memory, path, include_optimizer=include_optimizer)

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        *,
        activations: Iterable[Activation] = (),
        losses: Iterable[Loss] = (),
        seed: Seed = None,
    ) -> Self:
        """Make a network of a file that `save` wrote; no code is run and nothing unpickled.

        Parameters
        ----------
        path : str or path-like
            The file.
        activations : iterable of Activation, optional
            Activations of your own that the network was built with; they are found by name.
        losses : iterable of Loss, optional
            Losses of your own, likewise.
        seed : optional
            Seed of a new random generator, as in the constructor. By default the saved generator
            continues.

        Raises
        ------
        TypeError
            If ``path`` is not a path.
        ValueError
            If two different functions have one name, or ``path`` has a null character.
        ModelFileError
            If the file is damaged, was not written by `save`, or has a later format.
        OSError
            If the file cannot be read.
        """
        model = model_file.load(validation.path(path, "path"), activations, losses)
        network = cls.__new__(cls)
        *hidden, output = model.activations
        try:
            network._set_up(model.layer_sizes, hidden, output, model.loss, model.dtype, seed)
        except (TypeError, ValueError) as error:
            raise ModelFileError(f"{path} holds no network of this kind: {error}") from error
        engine, memory = network._engine, network._memory
        copy_arrays([*model.weights, *model.biases], engine.parameters)
        memory.data, memory.split = model.data, model.split
        memory.adopt(engine, model.training)
        if seed is None and model.generator is not None:
            memory.restore_generator(model.generator)
        return network

    @classmethod
    def _of_layers(
        cls,
        layers: GivenLayers,
        activation: str | Activation | Sequence[str | Activation],
        output_activation: str | Activation | None,
        loss: str | Loss | None,
        dtype: DTypeLike | None,
        seed: Seed,
    ) -> Self:
        """Make a network with given weights and biases."""
        dtype = cls._checked_dtype(layers.dtype if dtype is None else dtype)
        parameters = [given.in_dtype(dtype) for given in (*layers.weights, *layers.biases)]
        network = cls.__new__(cls)
        network._set_up(layers.sizes, activation, output_activation, loss, dtype, seed)
        copy_arrays(parameters, network._engine.parameters)
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
        """Make a network with given weights and biases, for example those of scikit-learn.

        Parameters
        ----------
        weights, biases : list of array_like
            Per layer, (fan_in, fan_out) and (fan_out,): real finite numbers, which are copied.
        activation, output_activation, loss, seed : optional
            As in the constructor.
        dtype : dtype, optional
            By default float32 if all arrays are float32 or smaller floats, else float64.

        Raises
        ------
        TypeError, ValueError
            If an argument is invalid; the message names it.

        Notes
        -----
        The weights and biases of scikit-learn's `MLPClassifier` and `MLPRegressor` are ``coefs_``
        and ``intercepts_``. Its ``activation`` "logistic" is "sigmoid" here; "identity", "tanh"
        and "relu" have the same names. Its output activations and losses are:

        =====================  =====================  ======================
        ``out_activation_``    ``output_activation``  ``loss``
        =====================  =====================  ======================
        "softmax"              "softmax"              "cross_entropy"
        "logistic"             "sigmoid"              "binary_cross_entropy"
        "identity"             "identity"             "squared_error"
        "exp"                  "exp"                  "poisson"
        =====================  =====================  ======================

        Labels are indices into its ``classes_``. To return trained parameters to scikit-learn,
        assign copies to an estimator that was fitted with the same shapes::

            estimator.coefs_ = [w.copy() for w in net.weights]
            estimator.intercepts_ = [b.copy() for b in net.biases]

        Examples
        --------
        >>> from fastnn import MLP
        >>> MLP.from_arrays([[[1.0], [2.0]]], [[0.5]], output_activation="identity").predict([3, 4])
        array([11.5])
        """
        layers = validation.layers_of_arrays(weights, biases)
        return cls._of_layers(layers, activation, output_activation, loss, dtype, seed)

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
        """Make a network of the state_dict of a chain of `Linear` layers of PyTorch.

        Parameters
        ----------
        state_dict : dict of str to array_like
            For each layer "<prefix>.weight", (fan_out, fan_in), and "<prefix>.bias", (fan_out,),
            0 if missing: tensors on the CPU, or anything that `numpy.asarray` takes. They are
            copied.
        order : sequence of str, optional
            The prefixes of the layers from input to output. By default prefixes that differ in
            numbers, as "mlp.2" and "mlp.10" or "fc1" and "fc2", are sorted by number, and others
            take the only order that the shapes allow. Numbers that contradict the shapes, such as
            widths in "fc512" and "fc128", are refused. The order of the dict is ignored: files of
            safetensors are sorted by name.
        activation, output_activation, loss, seed : optional
            As in the constructor. A state_dict has no activations, and a module trained with
            `CrossEntropyLoss` has no softmax.
        dtype : dtype, optional
            By default float32 if all arrays are float32 or smaller floats, else float64.

        Raises
        ------
        TypeError, ValueError
            If an argument is invalid, the dict has other entries, or the order of its layers is
            unknown; the message names the argument.
        """
        layers = validation.layers_of_state_dict(state_dict, order)
        return cls._of_layers(layers, activation, output_activation, loss, dtype, seed)

    def state_dict(self) -> dict[str, Array]:
        """Return weights and biases with the names and in the layout of PyTorch.

        All else is left out: activations, the loss, ``class_names``, ``feature_names``,
        ``target_names``, ``threshold``, ``is_multilabel``, and the state of the training.

        Returns
        -------
        dict of str to ndarray
            Copies: "0.weight", (fan_out, fan_in), "0.bias", "2.weight" and so on, as in
            ``nn.Sequential(Linear, activation, Linear, ...)``, where "identity" is `nn.Identity`.
            To load them into such a module::

                module.load_state_dict(
                    {name: torch.from_numpy(array) for name, array in net.state_dict().items()}
                )

        Raises
        ------
        ValueError
            If the network has an ``input_scaling``, which the module would lack.
        """
        return pytorch.state_dict(self._engine, self.input_scaling)

    def export_onnx(self, path: str | PathLike[str]) -> None:
        """Write an ONNX file for predictions by ONNX Runtime and others.

        The input "X" is (n_examples, n_inputs), for any n_examples, and the output "outputs" is
        (n_examples, n_outputs), both of the network's dtype. The outputs of a runtime differ from
        `predict` by rounding. An ``input_scaling`` is part of the graph, which takes unscaled X.
        The export needs the package onnx, which the extra "onnx" installs.

        The graph has no labels, but the metadata of the file, ``metadata_props``, have what
        `classify` makes labels with: ``class_names``, ``feature_names`` and ``target_names`` as
        JSON lists, if there are any, ``is_multilabel`` as true or false and, for a single output or
        several labels per example, the ``threshold``. ONNX Runtime has them in
        ``session.get_modelmeta().custom_metadata_map``. The loss and the state of the training are
        left out.

        Parameters
        ----------
        path : str or path-like
            The file. An existing file stays whole until the new one is complete.

        Raises
        ------
        TypeError
            If ``path`` is not a path.
        ImportError
            If onnx is not installed.
        ValueError
            If an activation is one of your own, the dtype is neither float32 nor float64, weights
            or biases are NaN or infinite, or the name of the file has the suffix of another format,
            such as ".safetensors", or a null character.
        OSError
            If the file cannot be written.
        """
        path = validation.path(path, "path")
        suffix.check(path, ".onnx")
        evaluation.check_parameters(self._engine, "to export")
        from .exchange import onnx_file

        metadata = self._labeling.metadata()
        onnx_file.save(self._engine, self._memory.data.scaling, metadata, path)

    def summary(self) -> str:
        """Return a table of the layers and their numbers of parameters, as plain text.

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
        return summary.table(self._engine, self.input_scaling is not None)
