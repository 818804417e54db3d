"""The structure of a network, and what it computes."""

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import evaluation, hints, validation
from .activations import Activation
from .arrays import Array, copy_arrays
from .calls import part_of, without, without_typos
from .data_record import DataRecord, HasData
from .evaluation import Evaluation, Gradients
from .finite import are_finite, first_nonfinite
from .inputs import Inputs, MatrixLike
from .labeling import Labeling
from .losses import Loss
from .plan import Objective
from .targets import Targets
from .validation import Seed

_DRAWN = 1 << 20  # initial weights at a time: float64 numbers, which should not take much memory


@part_of("MLP", "fastnn")
@without(hints.OF_NETWORKS)
@without_typos
class Core(HasData, ABC):
    """Checks arguments, draws the initial weights, and leaves the numerics to its subclasses."""

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
        for weights, f in zip(self._weights, self.activation_functions, strict=True):
            fan_in, fan_out = weights.shape
            rows = max(1, _DRAWN // fan_out)
            for start in range(0, fan_in, rows):
                some = weights[start : start + rows]
                some[:] = self._generator.standard_normal(some.shape) * np.sqrt(f.gain / fan_in)

    def _set_up(
        self,
        layer_sizes: Iterable[int],
        activation: str | Activation | Sequence[str | Activation],
        output_activation: str | Activation | None,
        loss: str | Loss | None,
        dtype: DTypeLike,
        seed: Seed,
    ) -> None:
        """Everything but the initial weights."""
        self._layer_sizes = validation.layer_sizes(layer_sizes)
        self._dtype = self._checked_dtype(dtype)
        validation.check_size(self._layer_sizes, self._dtype)
        output_activation, loss = validation.with_defaults(output_activation, loss)
        self._activations = validation.activations(
            activation, output_activation, len(self.layer_sizes) - 1, self.dtype
        )
        self._loss = validation.loss(
            loss, self.activation_functions[-1], self.layer_sizes[-1], self.dtype
        )
        self._generator = validation.generator(seed)
        self._data = DataRecord()
        self._prepare()

    def _prepare(self) -> None:
        try:
            self._weights, self._biases = self._allocate()
        except MemoryError:
            raise validation.too_large(self._layer_sizes, self._dtype) from None
        # Views of their own: a user may assign to their shape, or dtype, without harm to these.
        self._views_of_weights = tuple(array.view() for array in self._weights)
        self._views_of_biases = tuple(array.view() for array in self._biases)

    def _take(self, parameters: Iterable[Array]) -> None:
        """Copy the weights of all layers, and then the biases."""
        copy_arrays(parameters, (*self._weights, *self._biases))

    @abstractmethod
    def _allocate(self) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """Weights and biases of every layer; the biases are 0."""

    @abstractmethod
    def _storage(self) -> Sequence[Array]:
        """C-contiguous arrays that hold the parameters, and nothing that is not finite besides."""

    @abstractmethod
    def _objective(self, inputs: Inputs, targets: Targets, n_threads: int) -> Objective:
        """Return a function that computes the mean loss on this data and its gradient."""

    @abstractmethod
    def _outputs_and_loss(self, inputs: Inputs, targets: Targets) -> tuple[Array, float]:
        """Compute outputs (n_examples, n_outputs), and the sum of the losses."""

    @abstractmethod
    def _all_outputs(self, inputs: Inputs) -> list[Array]:
        """Compute the outputs of every layer, (n_examples, fan_out), new arrays."""

    @abstractmethod
    def _outputs(self, inputs: Inputs, n_threads: int) -> Array:
        """Compute outputs (n_examples, n_outputs), a new array."""

    def _quick_outputs(self, X: Any) -> Array | None:
        """Predict a single example (n_inputs,) or (1, n_inputs), if there is a quick way."""
        return None

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Widths from input to output."""
        return self._layer_sizes

    @property
    def activation_functions(self) -> tuple[Activation, ...]:
        """The activation function of each layer, the output layer's last."""
        return self._activations

    @property
    def dtype(self) -> "np.dtype[Any]":
        """The dtype of the parameters and of all computation."""
        return self._dtype

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
        return self._loss.name

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        return sum(parameter.size for parameter in (*self._weights, *self._biases))

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
        if self._data.input_scaling is None and (outputs := self._quick_outputs(X)) is not None:
            return outputs
        inputs, is_single = self._one_or_more(X)
        outputs = self._outputs(inputs, n_threads)
        self._check_outputs(outputs)
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
        inputs, targets = self._checked(X, y, sample_weight)
        validation.check_not_collapsed(targets, y)
        return self._evaluate(inputs, targets)

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
        inputs, is_single = self._one_or_more(X)
        outputs = self._all_outputs(inputs)
        self._check_outputs(outputs[-1])
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
        inputs, targets = self._checked(X, y, sample_weight)
        self._check_parameters("to compute gradients")
        return Gradients(*self._objective(inputs, targets, n_threads)())

    def __repr__(self) -> str:
        *hidden, output = self.activation_functions
        return (
            f"{type(self).__name__}({list(self.layer_sizes)}, activation={hidden}, "
            f"output_activation={output!r}, loss={self._loss!r}, dtype={self.dtype.name!r})"
        )

    def __copy__(self) -> Self:
        return copy.deepcopy(self)  # parameters and random generator of its own

    @property
    def _labeling(self) -> Labeling:
        return Labeling(self.activation_functions[-1], self._loss, self.layer_sizes[-1], self._data)

    def _evaluate(self, inputs: Inputs, targets: Targets) -> Evaluation:
        targets = targets.with_relative_weights()
        with np.errstate(all="ignore"):  # errors whose squares overflow come to infinity or NaN
            return evaluation.evaluate(
                self._finite_outputs_and_loss, inputs, targets, self._labeling
            )

    def _mean_loss(self, inputs: Inputs, targets: Targets) -> float:
        """Compute the mean loss, as `evaluate` does, without a score."""
        targets = targets.with_relative_weights()
        with np.errstate(all="ignore"):
            return evaluation.mean_loss(self._finite_outputs_and_loss, inputs, targets)

    def _finite_outputs_and_loss(self, inputs: Inputs, targets: Targets) -> tuple[Array, float]:
        outputs, loss = self._outputs_and_loss(inputs, targets)
        self._check_outputs(outputs)
        if math.isnan(loss):
            raise FloatingPointError(
                f"loss {self.loss!r} must be a number, got NaN for outputs that are finite"
            )
        return outputs, loss

    def _check_parameters(self, purpose: str) -> None:
        """Reject weights and biases that are not finite."""
        if not are_finite(self._storage()):
            raise ValueError(
                f"weights and biases must be finite {purpose}, got NaN or infinity in them"
            )

    def _check_outputs(self, outputs: Array) -> None:
        """Reject outputs that are not finite: labels and scores of them would mislead."""
        at = first_nonfinite(outputs)
        if at is None:
            return
        self._check_parameters("to predict")
        row, column = divmod(at, outputs.shape[1])
        raise FloatingPointError(
            f"outputs must be finite in {self.dtype}, got {outputs[row, column]} for output "
            f"{column} of example {row}: scale the inputs, or use a dtype with a larger range"
        )

    def _one_or_more(self, X: MatrixLike) -> tuple[Inputs, bool]:
        """Return the inputs of X, and whether X is a single example (n_inputs,)."""
        validation.feature_names(X, self._data.feature_names)
        return validation.one_or_more_examples(
            X, self.layer_sizes[0], self.dtype, self._data.scaling
        )

    def _checked(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[int, float] | str | None = None,
        like: tuple[Inputs, Targets] | None = None,
    ) -> tuple[Inputs, Targets]:
        """Check X and y; their columns must be those of ``like`` if the network knows none."""
        known = self._data if like is None else self._data.with_names_of(*like)
        feature_names = validation.feature_names(X, known.feature_names)
        target_names = validation.target_names(y, self.layer_sizes[-1], known.target_names)
        inputs, targets = validation.examples_and_targets(
            X, y, self.layer_sizes[0], self.layer_sizes[-1], self.dtype, self._data.scaling
        )
        validation.check_range(targets, self._loss)
        inputs.feature_names = feature_names
        if target_names is not None:
            targets = replace(targets, names=target_names)
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
