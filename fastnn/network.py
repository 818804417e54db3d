"""The ways in and out of every network: files, arrays and state dicts."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import model_file, pytorch, suffix, summary, validation
from .activations import Activation
from .arrays import Array
from .calls import part_of
from .losses import Loss
from .model_file import Model, ModelFileError
from .trainable import Trainable
from .validation import GivenLayers, Seed


@part_of("MLP", "fastnn")
class Network(Trainable):
    """A network that is saved, loaded and exchanged."""

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
        network._take(parameters)
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
                self._loss,
                self.dtype.name,
                self._weights,
                self._biases,
                self._data,
                self._portable_state() if include_optimizer else None,
                split=self._validation_split,
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
        network._take([*model.weights, *model.biases])
        network._data = model.data
        network._adopt_state(model.training)
        network._validation_split = model.split
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
        return pytorch.state_dict(self._weights, self._biases)

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
        self._check_parameters("to export")
        from . import onnx_file  # imports onnx, which takes long and may be missing

        onnx_file.save(
            self._weights,
            self._biases,
            self.activation_functions,
            self.dtype,
            self._data.scaling,
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
            self._loss,
            self.dtype,
            self.input_scaling is not None,
        )
