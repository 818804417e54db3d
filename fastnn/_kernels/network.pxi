"""The objects that kernels work on: a network, examples, and the room that one example takes."""


cdef struct Layer:
    Py_ssize_t fan_in
    Py_ssize_t fan_out
    Py_ssize_t width       # fan_out, rounded up to whole vectors
    Py_ssize_t row_length  # elements from one row of weights to the next
    Py_ssize_t transposed
    Py_ssize_t weights     # offsets: into the parameters
    Py_ssize_t biases
    Py_ssize_t inputs      # into the lists of inputs
    Py_ssize_t outputs     # into the activations
    Py_ssize_t activation
    Py_ssize_t slope       # the activation whose slope a delta is to be multiplied by
    Py_ssize_t keeps_z  # slopes, or the loss, are computed from z
    Py_ssize_t lists_inputs    # zeros among the inputs are skipped
    Py_ssize_t has_step_slope  # slopes are 1 where outputs are above 0, else 0
    double parameter       # of the activation

# In the order of the struct: Python makes the table with them.
LAYER_FIELDS = (
    "fan_in", "fan_out", "width", "row_length", "transposed", "weights", "biases", "inputs",
    "outputs", "activation", "slope", "keeps_z", "lists_inputs", "has_step_slope", "parameter",
)


cdef enum:
    _SPARE_ROWS = 3  # of zeros after the weights of a layer: rows are taken four at a time


SPARE_ROWS = _SPARE_ROWS


cdef inline Py_ssize_t padded_units(Py_ssize_t n) noexcept nogil:
    """Return what n activations take, with those that only fill up rows and vectors"""
    return (n + _SPARE_ROWS + LANES - 1) & -LANES


cdef class Network:
    """Parameters and the table of their layers.

    Attributes
    ----------
    n_units, n_listed : int
        BatchWorkspace that the outputs of all layers take, and lists of the inputs of all layers.
    """
    cdef real[::1] parameters
    cdef const Layer[::1] layers
    cdef readonly Py_ssize_t n_units, n_listed
    cdef Py_ssize_t max_width
    cdef bint keeps_z

    def __init__(self, real[::1] parameters, const Layer[::1] layers, /):
        cdef const Layer* last = &layers[layers.shape[0] - 1]
        cdef Py_ssize_t i
        self.parameters = parameters
        self.layers = layers
        self.n_units = last.outputs + padded_units(last.fan_out)
        self.n_listed = last.inputs + padded_units(last.fan_in)
        self.max_width, self.keeps_z = 0, False
        for i in range(layers.shape[0]):
            self.max_width = max(self.max_width, layers[i].width)
            self.keeps_z |= layers[i].keeps_z


cdef struct Work:
    real* parameters
    const Layer* layers
    Py_ssize_t n_layers
    real* activations            # outputs of all layers
    real* zs             # and z, of those that keep it
    real* deltas           # dL/dz of all layers
    real* values           # of the inputs listed, for all layers
    int32_t* index         # their places
    int32_t* n_listed      # their number, per layer
    const double* dropout  # rates per layer; NULL: no unit is left out
    real* factors          # by which outputs are then multiplied, like the activations
    uint64_t key           # of the epoch's dropout
    Py_ssize_t place       # of the example in the epoch's order


cdef class Workspace:
    """What one example takes.

    Parameters
    ----------
    network : Network
    dropout : memoryview of double, (n_layers,), or None
        Rates of the layers, 0 for the last.
    """
    cdef Network network
    cdef Buffer memory, indices, factors
    cdef const double[::1] dropout
    cdef Work work

    def __init__(self, Network network, const double[::1] dropout=None, /):
        cdef Py_ssize_t n_units = network.n_units, n_layers = network.layers.shape[0]
        self.network, self.dropout = network, dropout
        self.memory = reals(3 * n_units + network.n_listed)
        self.indices = Buffer(network.n_listed + n_layers, sizeof(int32_t))
        cdef real* data = <real*>self.memory.data
        cdef int32_t* index = <int32_t*>self.indices.data
        self.work = Work(
            &network.parameters[0], &network.layers[0], n_layers,
            data, data + n_units, data + 2 * n_units, data + 3 * n_units,
            index, index + network.n_listed, NULL, NULL, 0, 0,
        )
        if dropout is not None:
            self.factors = reals(n_units)
            self.work.dropout, self.work.factors = &dropout[0], <real*>self.factors.data


cdef struct Rows:
    const real* values
    const Py_ssize_t* indptr         # NULL: dense
    const int32_t* indices
    Py_ssize_t n_inputs
    bint in_order                    # rows come as they are to be visited, not by their number


cdef inline Py_ssize_t row_at(
    const Rows* rows, const Py_ssize_t* order, Py_ssize_t start, Py_ssize_t t
) noexcept nogil:
    """Row of the example at place t of an order that is visited from ``start`` on"""
    return t - start if rows.in_order else order[t]


cdef class Examples:
    """The inputs of examples: all of them, or those of a part of an order, in order."""
    cdef object memory
    cdef Rows rows


def dense(
    const real[:, ::1] X,  # IN  (n_examples, n_inputs)
    bint in_order,
    /,
) -> Examples:
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
    """Compressed sparse rows (CSR)."""
    cdef Examples new = Examples.__new__(Examples)
    new.memory = (data, indices, indptr)
    new.rows = Rows(NULL, &indptr[0], NULL, n_inputs, in_order)
    if data.shape[0]:
        new.rows.values, new.rows.indices = &data[0], &indices[0]
    return new


# The inputs of a layer: all of them, or a list of those that are not 0.  Their number is rounded up
# to fours: zeros follow the weights of every layer, its outputs, and the list.

cdef struct Inputs:
    Py_ssize_t n
    const int32_t* index  # NULL: 0, 1, 2, ...
    const real* values


cdef inline Py_ssize_t fours(Py_ssize_t n) noexcept nogil:
    return (n + 3) & -4


cdef inline Inputs inputs(const Work* work, Py_ssize_t layer) noexcept nogil:
    if work.layers[layer].lists_inputs:
        return Inputs(
            fours(work.n_listed[layer]),
            work.index + work.layers[layer].inputs,
            work.values + work.layers[layer].inputs,
        )
    return Inputs(
        fours(work.layers[layer].fan_in), NULL, work.activations + work.layers[layer - 1].outputs
    )


cdef inline void end_list(const Work* work, Py_ssize_t layer, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t inputs = work.layers[layer].inputs, i
    work.n_listed[layer] = n
    for i in range(n, n + 3):
        work.index[inputs + i] = work.layers[layer].fan_in + i - n
        work.values[inputs + i] = 0


cdef void list_nonzeros(const Work* work, Py_ssize_t layer, const real* x) noexcept nogil:
    cdef int32_t* index = work.index + work.layers[layer].inputs
    cdef real* values = work.values + work.layers[layer].inputs
    cdef Py_ssize_t fan_in = work.layers[layer].fan_in, n = 0, i = 0
    while i < fan_in:
        n += append_nonzeros(x + i, min(LANES, fan_in - i), i, index + n, values + n)
        i += LANES
    end_list(work, layer, n)


cdef inline Inputs given_inputs(const Rows* rows, Py_ssize_t row) noexcept nogil:
    """Inputs of an example as X holds them: all of a dense row, zeros included"""
    cdef Py_ssize_t start
    if rows.indptr == NULL:
        return Inputs(rows.n_inputs, NULL, rows.values + row * rows.n_inputs)
    start = rows.indptr[row]
    return Inputs(rows.indptr[row + 1] - start, rows.indices + start, rows.values + start)


cdef inline inlined_void fetch(Inputs x) noexcept nogil:
    cdef Py_ssize_t i = 0
    while i < x.n:
        fastnn_fetch(x.values + i)
        if x.index != NULL:
            fastnn_fetch(x.index + i)
        i += LANES


cdef void list_example(const Work* work, const Rows* rows, Py_ssize_t row) noexcept nogil:
    """List the inputs of the first layer."""
    cdef Inputs given = given_inputs(rows, row)
    if rows.indptr == NULL:
        list_nonzeros(work, 0, given.values)
        return
    if given.n > 0:
        memcpy(work.values, given.values, given.n * sizeof(real))
        memcpy(work.index, given.index, given.n * sizeof(int32_t))
    end_list(work, 0, given.n)


cdef void copy_example(
    const Work* work, const Rows* rows, Py_ssize_t row, real* to
) noexcept nogil:
    """All inputs of an example, zeros included"""
    cdef Py_ssize_t i
    if rows.indptr == NULL:
        memcpy(to, rows.values + row * rows.n_inputs, rows.n_inputs * sizeof(real))
        return
    memset(to, 0, rows.n_inputs * sizeof(real))
    list_example(work, rows, row)
    for i in range(work.n_listed[0]):
        to[work.index[i]] = work.values[i]
