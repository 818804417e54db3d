"""The multi-layer perceptron on the compiled kernels."""

from . import validation
from .engine.kernel_engine import KernelEngine
from .network import Network


class MLP(Network):
    r"""A fully connected feed-forward network.

    Parameters
    ----------
    layer_sizes : sequence of int
        Widths from input to output, two or more: ``[784, 300, 10]``. Two mean no hidden layer.
    activation : str, Activation or sequence of them, default "sigmoid"
        Of the hidden layers: one for all, or one for each. Known names: "identity", "sigmoid",
        "tanh", "relu", "leaky_relu", "elu", "softplus", "silu", "gelu" and "exp"; `LeakyReLU`
        and `ELU` take a parameter, and an `Activation` is one of your own.
    output_activation : str or Activation, optional
        Of the output layer; "softmax" too. By default the one that the loss needs, else "sigmoid".
    loss : str or Loss, optional
        By default "cross_entropy" for "softmax" outputs, else "squared_error". The loss of one
        example is the sum over its outputs a and targets t of

        - "squared_error": ½(a - t)²; "absolute_error": \|a - t\|;
        - "huber" and "quantile", with the defaults of `Huber` and `Quantile`;
        - "cross_entropy": -t log a, for "softmax" outputs;
        - "binary_cross_entropy": -t log a - (1 - t) log(1 - a), for "sigmoid" outputs, where
          any number of the classes may be true of an example;
        - "poisson": a - t log a, for "exp" outputs.

        A `Loss` is one of your own.
    dtype : dtype, default "float32"
        float32 or float64, of the parameters and of all computation.
    seed : int, sequence of int, numpy.random.Generator, SeedSequence or None
        What `numpy.random.default_rng` takes: the source of the initial weights and then of the
        order of each epoch. The same seed gives the same bits for the same build of fastnn, the
        same `fastnn.isa`, and X in C order of the network's dtype, with any number of threads.
        Otherwise sums may be rounded in another order. With an activation or a loss of your own,
        batches are NumPy's, and the build and the threads of its BLAS count as well.

    Attributes
    ----------
    weights, biases : tuple of ndarray
        Per layer, (fan_in, fan_out) and (fan_out,): live views, writing into them changes the
        network. Initially the weights of a layer are drawn from N(0, 1/fan_in), those of the ReLU
        family ("relu" to "gelu" above) from N(0, 2/fan_in) [1]_, and the biases are 0.
    layer_sizes : tuple of int
        The widths.
    activation_functions : tuple of Activation
        Of each layer, the output layer's last.
    dtype : numpy.dtype
        Of the parameters.
    loss : str
        Name of the loss.
    n_parameters : int
        Number of weights and biases.
    input_scaling : InputScaling or None
        The scaling of X, which every method applies to it. It can be assigned to.
    class_names : tuple of str or None
        The name of each class, in the order of the labels. It can be assigned to.
    feature_names, target_names : tuple of str or None
        The names of the columns of X, and of y if it has several, in the training.
    threshold : float
        The output above which a label is 1: halfway between the levels of the targets in the
        training, such as 0 for -1 and 1. By default it is 0 for "tanh" outputs, else 0.5.
    is_multilabel : bool
        Whether each of several outputs is a label by itself.

    Raises
    ------
    TypeError, ValueError
        For an argument that is none of the above; the message names it.
    MemoryError
        If the parameters do not fit in memory.

    Notes
    -----
    `predict`, `classify` and `evaluate` write nothing that belongs to the network, so any number
    of threads may call them at a time. The kernels run without the GIL. While `train` runs, what
    other threads read is under way: with ``l2`` on sparse inputs, weights may lack a common factor.
    Callbacks see parameters as they are. The child of a fork can train a network that a thread of
    its parent was training: the parameters are as the fork found them.

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

    _engine_class = KernelEngine
    _checked_dtype = staticmethod(validation.kernel_dtype)
