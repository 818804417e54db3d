"""The multi-layer perceptron on the compiled kernels."""

from collections.abc import Sequence

from . import validation
from .activations import ACTIVATIONS, Activation, BuiltinActivation
from .docstrings import listed, with_lists
from .engine import Engine
from .engine.kernel_engine import KernelEngine
from .engine.numpy_engine import NumpyEngine
from .losses import LOSSES, BuiltinLoss, Loss
from .network import Network

_ELEMENTWISE = [f for f in ACTIVATIONS.values() if f.is_elementwise]


def _loss_item(loss: BuiltinLoss) -> str:
    outputs = f', for "{loss.output_activation}" outputs' if loss.output_activation else ""
    labels = ": an example may have any number of the classes" if loss.is_multilabel else ""
    return f'- "{loss.name}": {loss.formula}{outputs}{labels}'


@with_lists(
    activations=listed(_ELEMENTWISE),
    relu_family=listed(f for f in _ELEMENTWISE if f.gain == 2),
    losses="\n".join(map(_loss_item, LOSSES.values())),
)
class MLP(Network):
    r"""A fully connected feed-forward network.

    Parameters
    ----------
    layer_sizes : sequence of int
        Widths from input to output, two or more: ``[784, 300, 10]``. Two mean no hidden layer.
    activation : str, Activation or sequence of them, default "sigmoid"
        The activation of the hidden layers: one for all, or one for each. An `Activation` is one
        of your own. Known names, with the class of an activation that has a parameter:
        {activations}
    output_activation : str or Activation, optional
        The activation of the output layer, which may also be "softmax". By default the one that
        the loss needs, else "sigmoid".
    loss : str or Loss, optional
        By default "cross_entropy" for "softmax" outputs, else "squared_error". A `Loss` is one of
        your own. The loss of one example is the sum over its outputs a and targets t of

        {losses}
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
        network. Initially the biases are 0, and the weights of a layer are drawn from
        N(0, 1/fan_in) or, for these activations, from N(0, 2/fan_in) [1]_:
        {relu_family}
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
