"""The objects that kernels work on: a network, examples, and the workspace of one example."""


cdef struct Layer:
    Py_ssize_t fan_in
    Py_ssize_t fan_out
    Py_ssize_t width       # padded width: fan_out rounded up to whole vectors
    Py_ssize_t row_length  # elements from one row of weights to the next
    Py_ssize_t transposed  # weights are stored (fan_out, row_length), not (fan_in, row_length)
    Py_ssize_t weights     # offset of the weights in the parameters
    Py_ssize_t biases      # offset of the biases in the parameters
    Py_ssize_t inputs      # offset of the layer's list in the lists of nonzeros
    Py_ssize_t outputs     # offset of the layer's outputs in the activations
    Py_ssize_t activation
    Py_ssize_t slope       # the activation whose derivative turns dL/da into delta
    Py_ssize_t keeps_z     # the derivative, or the loss, is computed from z
    Py_ssize_t lists_inputs    # zeros among the inputs are skipped: nonzeros are gathered
    Py_ssize_t has_step_slope  # the derivative is 1 where the activation is above 0, else 0
    double parameter       # of the activation

# The fields of the struct, in its order: Python makes the table of layers with them.
LAYER_FIELDS = (
    "fan_in", "fan_out", "width", "row_length", "transposed", "weights", "biases", "inputs",
    "outputs", "activation", "slope", "keeps_z", "lists_inputs", "has_step_slope", "parameter",
)


cdef enum:
    _SPARE_ROWS = 3  # rows of zeros after the weights of a layer: kernels take four rows at a time


SPARE_ROWS = _SPARE_ROWS


cdef inline Py_ssize_t padded_units(Py_ssize_t n) noexcept nogil:
    """Return n and the spare rows, rounded up to whole vectors."""
    return (n + _SPARE_ROWS + LANES - 1) & -LANES


cdef class Network:
    """Hold the parameters of a network and the table of its layers.

    Attributes
    ----------
    n_units : int
        Elements that the outputs of all layers take, with padding.
    """
    cdef real[::1] parameters
    cdef const Layer[::1] layers
    cdef readonly Py_ssize_t n_units
    cdef Py_ssize_t n_inputs   # elements that the lists of nonzeros of all layers take, padded
    cdef Py_ssize_t max_width
    cdef bint keeps_z

    def __init__(self, real[::1] parameters, const Layer[::1] layers, /):
        cdef const Layer* last = &layers[layers.shape[0] - 1]
        cdef Py_ssize_t i
        self.parameters = parameters
        self.layers = layers
        self.n_units = last.outputs + padded_units(last.fan_out)
        self.n_inputs = last.inputs + padded_units(last.fan_in)
        self.max_width, self.keeps_z = 0, False
        for i in range(layers.shape[0]):
            self.max_width = max(self.max_width, layers[i].width)
            self.keeps_z |= layers[i].keeps_z


# Pointers into a network and a workspace, for the loops.
cdef struct Work:
    real* parameters
    const Layer* layers
    Py_ssize_t n_layers
    real* activations             # outputs of all layers
    real* zs                      # z of the layers that keep it, at the offsets of activations
    real* deltas                  # of all layers, at the offsets of activations
    real* values                  # nonzeros of the inputs of all layers
    int32_t* indices              # unit of each nonzero
    int32_t* n_nonzeros           # per layer
    const double* dropout_rates   # per layer; NULL: no dropout
    real* dropout_factors         # of the activations: 0 or 1 / (1 - rate)
    uint64_t dropout_key          # of the epoch
    Py_ssize_t position           # of the example, or the batch's first, in the epoch's order


cdef class Workspace:
    """Allocate what the kernels need for one example.

    Parameters
    ----------
    network : Network
    dropout_rates : memoryview of double, (n_layers,), or None
        The rate of the last layer is 0.
    """
    cdef Network network
    cdef Buffer memory, indices, dropout_factors
    cdef const double[::1] dropout_rates
    cdef Work work

    def __init__(self, Network network, const double[::1] dropout_rates=None, /):
        cdef Py_ssize_t n_units = network.n_units, n_layers = network.layers.shape[0]
        self.network, self.dropout_rates = network, dropout_rates
        self.memory = real_buffer(3 * n_units + network.n_inputs)
        self.indices = Buffer(network.n_inputs + n_layers, sizeof(int32_t))
        cdef real* data = <real*>self.memory.data
        cdef int32_t* indices = <int32_t*>self.indices.data
        self.work = Work(
            &network.parameters[0], &network.layers[0], n_layers,
            data, data + n_units, data + 2 * n_units, data + 3 * n_units,
            indices, indices + network.n_inputs, NULL, NULL, 0, 0,
        )
        if dropout_rates is not None:
            self.dropout_factors = real_buffer(n_units)
            self.work.dropout_rates = &dropout_rates[0]
            self.work.dropout_factors = <real*>self.dropout_factors.data


# Inputs of examples: a dense (n_examples, n_inputs) matrix, or CSR.
cdef struct Rows:
    const real* values
    const Py_ssize_t* indptr   # NULL: dense
    const int32_t* indices
    Py_ssize_t n_inputs
    bint in_order              # rows are stored in the order of visits, from its start


cdef inline Py_ssize_t row_at(
    const Rows* rows, const Py_ssize_t* order, Py_ssize_t start, Py_ssize_t t
) noexcept nogil:
    """Return order[t], or t - start if the rows are stored in the order of their visits."""
    return t - start if rows.in_order else order[t]


cdef class Examples:
    """Hold the inputs of all examples, or of a range of an order, and what owns their memory."""
    cdef object memory
    cdef Rows rows


def dense(
    const real[:, ::1] X,  # IN  (n_examples, n_inputs)
    bint in_order,
    /,
) -> Examples:
    """Return the examples of a dense matrix."""
    cdef Examples new = Examples.__new__(Examples)
    new.memory = X
    new.rows = Rows(&X[0, 0], NULL, NULL, X.shape[1], in_order)
    return new


def compressed(
    const real[::1] data,            # IN  (nnz,)
    const int32_t[::1] indices,      # IN  (nnz,) ascending in each row
    const Py_ssize_t[::1] indptr,    # IN  (n_examples + 1,)
    Py_ssize_t n_inputs,
    bint in_order,
    /,
) -> Examples:
    """Return the examples of a CSR matrix."""
    cdef Examples new = Examples.__new__(Examples)
    new.memory = (data, indices, indptr)
    new.rows = Rows(NULL, &indptr[0], NULL, n_inputs, in_order)
    if data.shape[0]:
        new.rows.values, new.rows.indices = &data[0], &indices[0]
    return new


# Inputs of a layer: all of them, or the nonzeros.  n is rounded up to a multiple of four: zeros
# follow the weights of every layer, its outputs, and the list of nonzeros.
cdef struct Inputs:
    Py_ssize_t n
    const int32_t* index  # (n,) units; NULL: 0, 1, 2, ...
    const real* values    # (n,)


cdef inline Py_ssize_t multiple_of_4(Py_ssize_t n) noexcept nogil:
    """Return n rounded up to a multiple of four."""
    return (n + 3) & -4


cdef inline Inputs layer_inputs(const Work* work, Py_ssize_t layer) noexcept nogil:
    """Return the inputs of a layer, or those that `gather_nonzeros` has listed."""
    if work.layers[layer].lists_inputs:
        return Inputs(
            multiple_of_4(work.n_nonzeros[layer]),
            work.indices + work.layers[layer].inputs,
            work.values + work.layers[layer].inputs,
        )
    return Inputs(
        multiple_of_4(work.layers[layer].fan_in), NULL,
        work.activations + work.layers[layer - 1].outputs,
    )


cdef inline void end_nonzeros(const Work* work, Py_ssize_t layer, Py_ssize_t n) noexcept nogil:
    """Store the number of nonzeros of a layer, and pad their list with three zeros."""
    cdef Py_ssize_t inputs = work.layers[layer].inputs, i
    work.n_nonzeros[layer] = n
    for i in range(n, n + 3):
        work.indices[inputs + i] = work.layers[layer].fan_in + i - n
        work.values[inputs + i] = 0


cdef void gather_nonzeros(const Work* work, Py_ssize_t layer, const real* x) noexcept nogil:
    """Write the nonzeros of x (fan_in,), which must not alias them, to the layer's list."""
    cdef int32_t* indices = work.indices + work.layers[layer].inputs
    cdef real* values = work.values + work.layers[layer].inputs
    cdef Py_ssize_t fan_in = work.layers[layer].fan_in, n = 0, i = 0
    while i < fan_in:
        n += append_nonzeros(x + i, min(LANES, fan_in - i), i, indices + n, values + n)
        i += LANES
    end_nonzeros(work, layer, n)


cdef inline Inputs stored_inputs(const Rows* rows, Py_ssize_t row) noexcept nogil:
    """Return the inputs of an example as X stores them, not padded; a dense row has its zeros."""
    cdef Py_ssize_t start
    if rows.indptr == NULL:
        return Inputs(rows.n_inputs, NULL, rows.values + row * rows.n_inputs)
    start = rows.indptr[row]
    return Inputs(rows.indptr[row + 1] - start, rows.indices + start, rows.values + start)


cdef inline inlined_void prefetch(Inputs x) noexcept nogil:
    """Prefetch all values and indices of x."""
    cdef Py_ssize_t i = 0
    while i < x.n:
        fastnn_prefetch(x.values + i)
        if x.index != NULL:
            fastnn_prefetch(x.index + i)
        i += LANES


cdef void gather_example(const Work* work, const Rows* rows, Py_ssize_t row) noexcept nogil:
    """Write the nonzeros of an example to the list of the first layer."""
    cdef Inputs x = stored_inputs(rows, row)
    if rows.indptr == NULL:
        gather_nonzeros(work, 0, x.values)
        return
    if x.n > 0:
        memcpy(work.values, x.values, x.n * sizeof(real))
        memcpy(work.indices, x.index, x.n * sizeof(int32_t))
    end_nonzeros(work, 0, x.n)


cdef void copy_example(
    const Work* work, const Rows* rows, Py_ssize_t row, real* to
) noexcept nogil:
    """Write all inputs of an example, zeros included, to ``to`` (n_inputs,).

    If X is sparse, the list of the first layer is overwritten.
    """
    cdef Py_ssize_t i
    if rows.indptr == NULL:
        memcpy(to, rows.values + row * rows.n_inputs, rows.n_inputs * sizeof(real))
        return
    memset(to, 0, rows.n_inputs * sizeof(real))
    gather_example(work, rows, row)
    for i in range(work.n_nonzeros[0]):
        to[work.indices[i]] = work.values[i]
