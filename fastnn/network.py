"""What every implementation of the network shares: the public methods around the numerics."""

import copy
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import evaluation, model_file, pytorch, summary, training, validation
from .activations import Activation
from .arrays import Array
from .evaluation import Evaluation
from .inputs import Inputs, MatrixLike
from .losses import Loss
from .model_file import Model, ModelFileError
from .targets import Targets
from .training import Callback, Descent, History, Plan
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
        self._weights, self._biases = self._allocate()

    @abstractmethod
    def _allocate(self) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """Weights and biases of every layer; the biases are 0."""

    @abstractmethod
    def _storage(self) -> Sequence[Array]:
        """C-contiguous arrays that hold the parameters, and nothing that is not finite besides."""

    @abstractmethod
    def _descent(self, inputs: Inputs, targets: Targets, plan: Plan) -> Descent:
        """What descends along the gradient on this data."""

    @abstractmethod
    def _outputs_and_loss(self, inputs: Inputs, targets: Targets) -> tuple[Array, float]:
        """Outputs (n_examples, n_outputs), and the sum of the losses."""

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
        X: MatrixLike,
        y: ArrayLike,
        *,
        epochs: int = 1,
        batch_size: int | None = 1,
        learning_rate: float = 0.1,
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[int, float] | str | None = None,
        callback: Callback | None = None,
        n_threads: int = 1,
    ) -> History:
        """Train by gradient descent, from where the network stands.

        Parameters
        ----------
        X : array_like or sparse, (n_examples, n_inputs)
            Real finite numbers: anything that `numpy.asarray` takes, or a sparse matrix or array
            of scipy, whose zeros cost nothing. A C-contiguous array of the network's dtype is used
            as it is; other dtypes and layouts are converted some rows at a time.
        y : array_like
            Targets (n_examples, n_outputs), or (n_examples,) where the network has one output;
            or integer class labels 0 .. n_outputs-1, (n_examples,), where it has several: the
            target of a label is 1 for its output and 0 for the others.
        epochs : int, default 1
            Passes over the data.
        batch_size : int or None, default 1
            Examples per step: 1 is stochastic gradient descent, None the whole of X.
        learning_rate : float, default 0.1
            The step is this times the mean gradient of the batch.
        shuffle : bool, default True
            Draw a new order for every epoch. (A batch of all examples has no order.)
        sample_weight : array_like, (n_examples,), optional
            What the loss of each example is multiplied by. The gradient stays the mean over the
            examples of the batch, and `History.loss` that over all: it is the weights' ratio to 1,
            not to each other, that counts.
        class_weight : dict of int to float or "balanced", optional
            The same for all examples of a label, 1 for labels it leaves out; "balanced" is
            n_examples / (number of labels in y * examples of the label) [1]_. With both, the
            weights are multiplied. It needs labels, or targets 0 and 1 of a single output.
        callback : callable, optional
            Called with a `Step` after every epoch; training stops when it returns true.
        n_threads : int, default 1
            Threads that share the examples of each batch; the network comes to the same bits for
            any number. It takes large batches, or wide layers, for them to pay; batches of 1 and
            tiny networks are left to one, activations and losses of your own to NumPy.

        Returns
        -------
        History
            The loss of every epoch.

        Raises
        ------
        TypeError, ValueError
            For bad arguments; the message names the argument and nothing is changed.
        TrainingDiverged
            When the loss or a parameter stops being finite; the network is left as the last
            finite epoch left it.
        RuntimeError
            When the network is being trained already, by another thread or around the callback.

        References
        ----------
        .. [1] G. King and L. Zeng, "Logistic Regression in Rare Events Data", Political Analysis
           9 (2001).
        """
        plan = Plan.checked(epochs, batch_size, learning_rate, shuffle, callback, n_threads)
        inputs, targets = self._checked(X, y, sample_weight, class_weight)
        if not self._in_training.acquire(blocking=False):
            raise RuntimeError("this network is being trained already; train a copy of it")
        try:
            return training.train(
                self._storage(),
                self._descent(inputs, targets, plan),
                plan.orders(len(inputs), self._generator),
                plan,
            )
        finally:
            self._in_training.release()

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
        inputs, targets = self._checked(X, y, sample_weight)
        return evaluation.evaluate(
            self._outputs_and_loss,
            inputs,
            targets,
            evaluation.is_regression(self.activation_functions[-1]),
            self._has_many_labels,
        )

    def save(self, path: str | PathLike[str]) -> None:
        """Write parameters and architecture to a safetensors file.

        The file is moved into place when it is complete: a file that was there before stays whole
        until then. The state of the random generator is not part of it.

        Parameters
        ----------
        path : str or path-like

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
            ),
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
            Of the random generator, as in the constructor: its state is not part of the file.

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
        return {**state, "parameters": [np.array(p) for p in (*self.weights, *self.biases)]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        parameters = state.pop("parameters")
        vars(self).update(state)
        self._prepare()
        self._take(parameters)

    def _checked(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        class_weight: Mapping[int, float] | str | None = None,
    ) -> tuple[Inputs, Targets]:
        inputs, targets = validation.examples_and_targets(
            X, y, self.layer_sizes[0], self.layer_sizes[-1], self.dtype
        )
        validation.check_range(targets, self._loss)
        weights = validation.weights(
            sample_weight, class_weight, targets, self.layer_sizes[-1], self.dtype
        )
        return inputs, replace(targets, weights=weights)
