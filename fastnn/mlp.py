"""The multi-layer perceptron on the compiled kernels."""

from collections.abc import Sequence

from . import validation
from .activations import Activation, BuiltinActivation
from .engine import Engine
from .engine.kernel_engine import KernelEngine
from .engine.numpy_engine import NumpyEngine
from .losses import BuiltinLoss, Loss
from .network import Network


class MLP(Network):
    r"""A fully connected feed-forward network.

    Parameters
    ----------
    layer_sizes : sequence of int
        Widths from input to output, two or more: ``[784, 300, 10]``. Two mean no hidden layer.
    activation : str, Activation or sequence of them, default "sigmoid"
        The activation of the hidden layers: one for all, or one for each. It is a name such as
        "relu" or "tanh", which `Activation` lists, a `LeakyReLU` or `ELU` with a parameter, or an
        `Activation` of your own.
    output_activation : str or Activation, optional
        The activation of the output layer, which may also be "softmax". By default the one that
        the loss needs, else "sigmoid".
    loss : str or Loss, optional
        By default "cross_entropy" for "softmax" outputs, else "squared_error". `Loss` lists the
        names of all, with their formulas; a `Loss` is one of your own.
    dtype : dtype, default "float32"
        The dtype of the parameters and of all computation: float32 or float64.
    seed : int, sequence of int, numpy.random.Generator, SeedSequence or None
        The argument of `numpy.random.default_rng`, which draws the initial weights and then the
        order of each epoch. The same seed gives the same bits for the same build of fastnn, the
        same `fastnn.isa`, and X in C order of the network's dtype, with any number of threads.
        Otherwise sums may be rounded in another order. With an activation or a loss of your own,
        NumPy computes batches, and the build and the number of threads of its BLAS count as well.

    Attributes
    ----------
    weights, biases : tuple of ndarray
        Per layer, (fan_in, fan_out) and (fan_out,): live views, writing into them changes the
        network. Initially the weights of a layer are drawn from N(0, 1/fan_in), those of the ReLU
        family ("relu" to "gelu" in `Activation`) from N(0, 2/fan_in) [1]_, and the biases are 0.
    layer_sizes : tuple of int
        The widths.
    activation_functions : tuple of Activation
        The activation of each layer, from the first hidden layer to the output layer.
    dtype : numpy.dtype
        The dtype of the parameters.
    loss : str
        Name of the loss.
    n_parameters : int
        Number of weights and biases.
    input_scaling : InputScaling or None
        The scaling that every method applies to X. It can be assigned to.
    class_names : tuple of str or None
        The name of each class, in the order of the labels. It can be assigned to.
    feature_names, target_names : tuple of str or None
        The names of the columns of X and y in the training; None for a y of one column.
    threshold : float
        The output above which a label is 1: halfway between the two levels of the targets in the
        training, such as 0 for -1 and 1. By default it is 0 for "tanh" outputs, else 0.5.
    is_multilabel : bool
        Whether each of several outputs is a label by itself.

    Raises
    ------
    TypeError, ValueError
        If an argument is anything else; the message names it.
    MemoryError
        If the parameters do not fit in memory.

    Notes
    -----
    `predict`, `classify` and `evaluate` write nothing that belongs to the network, so any number
    of threads may call them at a time. The kernels run without the GIL. During `train`, other
    threads may see intermediate parameters; with ``l2`` on sparse inputs, the weights may lack a
    common factor. Callbacks see the true parameters. The child of a fork can train a network that a
    thread of its parent was training: it has the parameters of the moment of the fork.

    References
    ----------
    .. [1] K. He et al., "Delving Deep into Rectifiers", ICCV 2015; for the others Y. LeCun et al.,
       "Efficient BackProp", 1998.

    Examples
    --------
    >>> from fastnn import MLP
    >>> net = MLP([2, 3, 1], activation="tanh", seed=1)
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> history = net.train(X, y, epochs=2000, learning_rate=0.5)
    >>> net.classify(X)
    array([0, 1, 1, 0])
    """

    @staticmethod
    def _engine_class(activations: Sequence[Activation], loss: Loss) -> type[Engine]:
        """Return the kernel engine unless a function is the user's, which takes NumPy."""
        are_known = all(isinstance(f, BuiltinActivation) for f in activations)
        return KernelEngine if are_known and isinstance(loss, BuiltinLoss) else NumpyEngine

    _checked_dtype = staticmethod(validation.kernel_dtype)
