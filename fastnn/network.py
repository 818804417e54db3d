"""What every implementation of the network shares: the public methods around the numerics."""

import copy
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import evaluation, fitting, held_out, model_file, pytorch, summary, validation
from .activations import Activation
from .arrays import Array
from .blocks import Block, Blocks
from .evaluation import Evaluation, Gradients
from .history import History
from .inputs import Inputs, MatrixLike
from .losses import Loss
from .model_file import Model, ModelFileError
from .optimizers import LearningRate, Optimizer
from .plan import Callback, Descent, Objective, Plan
from .state import TrainingState
from .stopping import EarlyStopping
from .targets import Targets
from .validation import GivenLayers, Seed


class Network(ABC):
    """Checks arguments, draws the initial weights, and leaves the numerics to its subclasses."""

    _checked_dtype: Callable[[DTypeLike], "np.dtype[Any]"]

    def __init__(
        self,
        layer_sizes: Iterable[int],
        *,
        activation: str | Activation | Sequence[str | Activation] = "sigmoid",
        output_activation: str | Activation = "sigmoid",
        loss: str | Loss = "squared_error",
        dtype: DTypeLike = "float32",
        seed: Seed = None,
    ) -> None:
        self._set_up(layer_sizes, activation, output_activation, loss, dtype, seed)
        for weights, f in zip(self.weights, self.activation_functions, strict=True):
            drawn = self._generator.standard_normal(weights.shape)
            weights[:] = drawn * np.sqrt(f.gain / len(weights))

    def _set_up(
        self,
        layer_sizes: Iterable[int],
        activation: str | Activation | Sequence[str | Activation],
        output_activation: str | Activation,
        loss: str | Loss,
        dtype: DTypeLike,
        seed: Seed,
    ) -> None:
        """Everything but the initial weights."""
        self._layer_sizes = validation.layer_sizes(layer_sizes)
        self._dtype = self._checked_dtype(dtype)
        self._activations = validation.activations(
            activation, output_activation, len(self.layer_sizes) - 1, self.dtype
        )
        self._loss = validation.loss(
            loss, self.activation_functions[-1], self.layer_sizes[-1], self.dtype
        )
        self._generator = validation.generator(seed)
        self._prepare()

    @classmethod
    def _of(
        cls,
        layers: GivenLayers,
        activation: str | Activation | Sequence[str | Activation],
        output_activation: str | Activation,
        loss: str | Loss,
        dtype: DTypeLike | None,
        seed: Seed,
    ) -> Self:
        """Make a network of layers that there are already."""
        dtype = cls._checked_dtype(layers.dtype if dtype is None else dtype)
        parameters = [given.in_dtype(dtype) for given in (*layers.weights, *layers.biases)]
        network = cls.__new__(cls)
        network._set_up(layers.sizes, activation, output_activation, loss, dtype, seed)
        network._take(parameters)
        return network

    def _take(self, parameters: Iterable[Array]) -> None:
        """Copy the weights of all layers, and then the biases."""
        for own, given in zip((*self.weights, *self.biases), parameters, strict=True):
            own[:] = given

    def _prepare(self) -> None:
        self._in_training = threading.Lock()
        self._training_state: TrainingState | None = None
        self._weights, self._biases = self._allocate()

    @abstractmethod
    def _allocate(self) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """Weights and biases of every layer; the biases are 0."""

    @abstractmethod
    def _storage(self) -> Sequence[Array]:
        """C-contiguous arrays that hold the parameters, and nothing that is not finite besides."""

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
        """What descends along the gradient on this data."""

    @abstractmethod
    def _objective(self, inputs: Inputs, targets: Targets, n_threads: int) -> Objective:
        """The mean loss on this data and its gradient."""

    @abstractmethod
    def _outputs_and_loss(self, inputs: Inputs, targets: Targets) -> tuple[Array, float]:
        """Outputs (n_examples, n_outputs), and the sum of the losses."""

    @abstractmethod
    def _all_outputs(self, inputs: Inputs) -> list[Array]:
        """Outputs of every layer, (n_examples, fan_out), new arrays."""

    @abstractmethod
    def _outputs(self, inputs: Inputs, n_threads: int) -> Array:
        """Outputs (n_examples, n_outputs), a new array."""

    def _quick_outputs(self, X: Any) -> Array | None:
        """Outputs for a single example (n_inputs,) or (1, n_inputs), if there is a quick way."""
        return None

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Widths from input to output."""
        return self._layer_sizes

    @property
    def activation_functions(self) -> tuple[Activation, ...]:
        """Of each layer, the output layer's last."""
        return self._activations

    @property
    def dtype(self) -> "np.dtype[Any]":
        """Of the parameters and of all computation."""
        return self._dtype

    @property
    def weights(self) -> tuple[Array, ...]:
        """Live views of the weights, (fan_in, fan_out) per layer."""
        return self._weights

    @property
    def biases(self) -> tuple[Array, ...]:
        """Live views of the biases, (fan_out,) per layer."""
        return self._biases

    @property
    def loss(self) -> str:
        """Name of the loss."""
        return self._loss.name

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        return sum(parameter.size for parameter in (*self.weights, *self.biases))

    def train(
        self,
        X: MatrixLike | Iterable[Block],
        y: ArrayLike | None = None,
        *,
        epochs: int = 1,
        batch_size: int | None = 1,
        optimizer: str | Optimizer = "sgd",
        learning_rate: LearningRate | None = None,
        shuffle: bool = True,
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
            as it is; other dtypes and layouts are converted some rows at a time.
            Without y: blocks (X, y) or (X, y, sample_weight) of data that do not fit in memory.
            Batches go on from one block to the next. For several epochs it must be possible to
            go through the blocks again, as through a list, and not through a generator.
        y : array_like
            Targets (n_examples, n_outputs), or (n_examples,) where the network has one output;
            or integer class labels 0 .. n_outputs-1, (n_examples,), where it has several: the
            target of a label is 1 for its output and 0 for the others.
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
            A schedule with ``n_steps`` that is equal to the last call's goes on where it stood,
            one without spans this call; functions count all steps of the optimizer.
        shuffle : bool, default True
            Draw a new order for every epoch. (A batch of all examples has no order.)
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
            The part of X to hold out and evaluate instead, between 0 and 1: drawn at random, of
            labels in proportion.
        early_stopping : EarlyStopping, optional
            When to stop for want of improvement.
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
            For bad arguments; the message names the argument and nothing is changed.
        TrainingDiverged
            When the loss or a parameter stops being finite; the network is left as the last
            finite epoch left it.
        RuntimeError
            When the network is being trained already, by another thread or around the callback.
        ImportError
            When "lbfgs" finds no scipy, or ``progress`` no tqdm.

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
        evaluate = self._on_validation_data(validation_data, validation_fraction)
        if y is None:
            plan.check_for_blocks(sample_weight, class_weight, validation_fraction)
            check = partial(self._checked, class_weight=class_weight)
            blocks = Blocks(X, check, plan.epochs)
            buffer_size = validation.count(buffer_size, "buffer_size", minimum=1)
            with self._being_trained():
                return fitting.on_blocks(self, blocks, plan, buffer_size, evaluate)
        inputs, targets = self._checked(cast(MatrixLike, X), y, sample_weight, class_weight)
        with self._being_trained():
            rows = np.arange(len(inputs))
            if validation_fraction is not None:
                rows, held_out_rows = self._split(targets, validation_fraction)
                of_all = self._weighted(targets, sample_weight)  # without the classes'
                held_out_targets = of_all[held_out_rows]
                evaluate = partial(self._evaluate, inputs.take(held_out_rows), held_out_targets)
            return fitting.on_examples(self, inputs, targets, rows, plan, evaluate)

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
            Likewise. Where calls are alike, the optimizer goes on from one to the next; a schedule
            needs its ``n_steps``.
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
        history = self.train(
            X,
            y,
            batch_size=None,
            optimizer=optimizer,
            learning_rate=learning_rate,
            l1=l1,
            l2=l2,
            dropout=dropout,
            clip_norm=clip_norm,
            max_norm=max_norm,
            sample_weight=sample_weight,
            class_weight=class_weight,
            n_threads=n_threads,
        )
        return history.loss[0]

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
            As in `train`.
        """
        n_threads = validation.count(n_threads, "n_threads", minimum=1)
        inputs, targets = self._checked(X, y, sample_weight)
        return Gradients(*self._objective(inputs, targets, n_threads)())

    def activations(self, X: MatrixLike) -> list[Array]:
        """Outputs of every layer; the last are those of the network.

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
        TypeError, ValueError
            If X is not that.
        """
        inputs, is_single = validation.one_or_more_examples(X, self.layer_sizes[0], self.dtype)
        outputs = self._all_outputs(inputs)
        return [a[0] for a in outputs] if is_single else outputs

    def predict(self, X: MatrixLike, *, n_threads: int = 1) -> Array:
        """Outputs of the network.

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
            If an argument is not that.
        """
        if type(n_threads) is not int or n_threads < 1:  # else a check in full takes its time
            n_threads = validation.count(n_threads, "n_threads", minimum=1)
        if (outputs := self._quick_outputs(X)) is not None:
            return outputs
        inputs, is_single = validation.one_or_more_examples(X, self.layer_sizes[0], self.dtype)
        outputs = self._outputs(inputs, n_threads)
        return outputs[0] if is_single else outputs

    def classify(self, X: MatrixLike) -> Array:
        """Labels: the largest output or, of a single output, whether it is above 0.5.

        With "binary_cross_entropy" each of several outputs is a label by itself.

        Parameters
        ----------
        X : array_like or sparse, (n_examples, n_inputs) or (n_inputs,)
            As in `predict`.

        Returns
        -------
        ndarray of intp, (n_examples,) or (); where each output is a label, with n_outputs more

        Raises
        ------
        TypeError, ValueError
            If X is not that.
        """
        outputs = self.predict(X)
        outputs_of_all = outputs.reshape(-1, self.layer_sizes[-1])
        labels = evaluation.classify(outputs_of_all, self._has_many_labels)
        return labels[0] if outputs.ndim == 1 else labels

    def evaluate(
        self, X: MatrixLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> Evaluation:
        """Mean loss and score on data.

        The score is R² for targets of identity or "exp" outputs, else accuracy: the part of the
        examples that `classify` gives the label, or all the labels, they have.

        Parameters
        ----------
        X, y : array_like
            As in `train`.
        sample_weight : array_like, (n_examples,), optional
            By which losses and scores are averaged: here the weights' ratios to each other count.

        Returns
        -------
        Evaluation
            ``loss``, ``score`` and ``metric``, "accuracy" or "r2".

        Raises
        ------
        TypeError, ValueError
            As in `train`.
        """
        return self._evaluate(*self._checked(X, y, sample_weight))

    def _evaluate(self, inputs: Inputs, targets: Targets) -> Evaluation:
        return evaluation.evaluate(
            self._outputs_and_loss, inputs, targets, self._is_regression, self._has_many_labels
        )

    def save(self, path: str | PathLike[str], *, include_optimizer: bool = True) -> None:
        """Write the network to a safetensors file, so that it can be used, and trained on.

        The file is moved into place when it is complete: a file that was there before stays whole
        until then. A random generator other than PCG64, NumPy's default, is left out, and so is a
        learning rate that is a function of your own.

        Parameters
        ----------
        path : str or path-like
        include_optimizer : bool, default True
            Whether what the optimizer keeps is saved, too: for Adam, that is twice the parameters.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        model_file.save(
            Model(
                self.layer_sizes,
                self.activation_functions,
                self._loss,
                self.dtype.name,
                self.weights,
                self.biases,
                self._portable_state() if include_optimizer else None,
            ),
            self._generator,
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
        """Read a network that `save` has written. No code is run and nothing unpickled.

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
        ModelFileError
            If the file is damaged, was not written by `save`, or is of a later format.
        OSError
            If it cannot be read.
        """
        model = model_file.load(path, activations, losses)
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
        network._take([*model.weights, *model.biases])
        network._adopt_state(model.training)
        if model.generator is not None and seed is None:
            kind = getattr(np.random, model.generator["bit_generator"])
            network._generator = np.random.Generator(kind())
            network._generator.bit_generator.state = model.generator
        return network

    @classmethod
    def from_arrays(
        cls,
        weights: Iterable[ArrayLike],
        biases: Iterable[ArrayLike],
        *,
        activation: str | Activation | Sequence[str | Activation] = "sigmoid",
        output_activation: str | Activation = "sigmoid",
        loss: str | Loss = "squared_error",
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
        activation: str | Activation | Sequence[str | Activation] = "sigmoid",
        output_activation: str | Activation = "sigmoid",
        loss: str | Loss = "squared_error",
        dtype: DTypeLike | None = None,
        seed: Seed = None,
    ) -> Self:
        """Make a network of the state_dict of a chain of PyTorch's `Linear` layers.

        Parameters
        ----------
        state_dict : dict of str to array_like
            For each layer "<prefix>.weight", (fan_out, fan_in), and "<prefix>.bias", (fan_out,),
            0 if it is missing; layers in their order in the dict. Tensors of PyTorch on the CPU,
            or anything that `numpy.asarray` takes. They are copied.
        activation, output_activation, loss, seed : optional
            As in the constructor. A state_dict says nothing of the activations, and what PyTorch
            trains with `CrossEntropyLoss` leaves out its softmax.
        dtype : dtype, optional
            By default float32 if all arrays are that, or smaller floats; else float64.

        Raises
        ------
        TypeError, ValueError
            If an argument is not that, or there is anything else in the dict; the message names it.
        """
        layers = validation.layers_of_state_dict(state_dict)
        return cls._of(layers, activation, output_activation, loss, dtype, seed)

    def state_dict(self) -> dict[str, Array]:
        """Weights and biases by the names, and in the layout, that PyTorch has for them.

        Returns
        -------
        dict of str to ndarray
            Copies: "0.weight", (fan_out, fan_in), "0.bias", "2.weight" and so on, as in
            ``nn.Sequential(Linear, activation, Linear, ...)``, where "identity" takes its place as
            `nn.Identity`. To load it into one::

                module.load_state_dict(
                    {name: torch.from_numpy(array) for name, array in net.state_dict().items()}
                )
        """
        return pytorch.state_dict(self.weights, self.biases)

    def export_onnx(self, path: str | PathLike[str]) -> None:
        """Write an ONNX file, which ONNX Runtime and others predict with.

        Its input "X" is (n_examples, n_inputs), for any n_examples, and its output "outputs"
        (n_examples, n_outputs), both of the network's dtype. What a runtime computes differs from
        `predict` by its rounding. The loss is not part of the file. This needs the package onnx,
        which the extra "onnx" installs.

        Parameters
        ----------
        path : str or path-like
            Written as by `save`: a file that was there before stays whole until then.

        Raises
        ------
        ImportError
            If onnx is not installed.
        ValueError
            If an activation is one of your own, or the dtype is neither float32 nor float64.
        OSError
            If the file cannot be written.
        """
        from . import onnx_file  # imports onnx, which takes long and may be missing

        onnx_file.save(self.weights, self.biases, self.activation_functions, self.dtype, path)

    def summary(self) -> str:
        """A table of the layers and their numbers of parameters, as plain text.

        Returns
        -------
        str

        Examples
        --------
        >>> from fastnn import MLP
        >>> print(MLP([784, 300, 10], output_activation="softmax", loss="cross_entropy").summary())
        layer       shape  activation  parameters
            1  784 -> 300  sigmoid        235,500
            2   300 -> 10  softmax          3,010
        total                             238,510
        float32, 954,040 bytes, loss cross_entropy
        """
        return summary.table(self.layer_sizes, self.activation_functions, self._loss, self.dtype)

    @property
    def _is_regression(self) -> bool:
        return evaluation.is_regression(self.activation_functions[-1])

    @property
    def _has_many_labels(self) -> bool:
        return self.layer_sizes[-1] > 1 and self.loss == "binary_cross_entropy"

    def __repr__(self) -> str:
        *hidden, output = self.activation_functions
        return (
            f"{type(self).__name__}({list(self.layer_sizes)}, activation={hidden}, "
            f"output_activation={output!r}, loss={self._loss!r}, dtype={self.dtype.name!r})"
        )

    def __copy__(self) -> Self:
        return copy.deepcopy(self)  # parameters and random generator of its own

    def __getstate__(self) -> dict[str, Any]:
        derived = ("_in_training", "_weights", "_biases", "_parameters", "_one_example")
        state = {name: value for name, value in vars(self).items() if name not in derived}
        return {
            **state,
            "parameters": [np.array(p) for p in (*self.weights, *self.biases)],
            "_training_state": self._portable_state(),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        parameters, training_state = state.pop("parameters"), state.pop("_training_state")
        vars(self).update(state)
        self._prepare()
        self._take(parameters)
        self._adopt_state(training_state)

    def _portable_state(self) -> TrainingState | None:
        """A copy of the optimizer's state, with slots that are weights and biases of layers."""
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

    @contextmanager
    def _being_trained(self) -> Iterator[None]:
        if not self._in_training.acquire(blocking=False):
            raise RuntimeError("this network is being trained already; train a copy of it")
        try:
            yield
        finally:
            self._in_training.release()

    def _on_validation_data(
        self, data: Block | None, fraction: float | None
    ) -> Callable[[], Evaluation] | None:
        """Evaluates the network on them, if there are any."""
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
            inputs, targets = self._checked(*data)
        except (TypeError, ValueError) as error:
            error.add_note("in validation_data")
            raise
        return partial(self._evaluate, inputs, targets)

    def _split(self, targets: Targets, fraction: float) -> tuple[Array, Array]:
        """Rows to train on, and rows to hold out."""
        labels = targets.labels
        if targets.values is not None and self.layer_sizes[-1] == 1 and not self._is_regression:
            labels = targets.values[:, 0]
        return held_out.split(len(targets), fraction, labels, self._generator)

    def _checked(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[int, float] | str | None = None,
    ) -> tuple[Inputs, Targets]:
        inputs, targets = validation.examples_and_targets(
            X, y, self.layer_sizes[0], self.layer_sizes[-1], self.dtype
        )
        validation.check_range(targets, self._loss)
        return inputs, self._weighted(targets, sample_weight, class_weight)

    def _weighted(
        self,
        targets: Targets,
        sample_weight: ArrayLike | None,
        class_weight: Mapping[int, float] | str | None = None,
    ) -> Targets:
        weights = validation.weights(
            sample_weight, class_weight, targets, self.layer_sizes[-1], self.dtype
        )
        return replace(targets, weights=weights)
