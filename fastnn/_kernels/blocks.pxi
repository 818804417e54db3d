"""Blocks of examples layer by layer: what lies between the matrix products, which are BLAS's."""


cdef class Block:
    """Outputs and deltas of up to ``capacity`` examples, and the gradient of a batch.

    Those of a layer are a matrix (capacity, width), from its offset times capacity on.
    """
    cdef Workspace workspace
    cdef object memory
    cdef Work work               # of all examples
    cdef Py_ssize_t capacity
    cdef real* gradient
    cdef Py_ssize_t n_parameters

    def __init__(
        self,
        Workspace workspace,
        real[:, ::1] units,      # SCRATCH (n_units, capacity), zero at first
        real[:, ::1] deltas,     # SCRATCH (n_units, capacity), zero at first
        real[::1] gradient,      # SCRATCH like the parameters, zero at first; empty to predict
    ):
        self.workspace = workspace
        self.memory = (units, deltas, gradient)
        self.work = workspace.work
        self.work.units = &units[0, 0]
        self.work.deltas = &deltas[0, 0]
        self.capacity = units.shape[1]
        self.gradient = NULL
        if gradient.shape[0]:
            self.gradient = &gradient[0]
        self.n_parameters = gradient.shape[0]


cdef inline Py_ssize_t in_block(Block block, Py_ssize_t layer) noexcept nogil:
    return block.work.layers[layer].outputs * block.capacity


def activate_block(Block block, Py_ssize_t layer, Py_ssize_t n):
    """Outputs f(z + b) of a layer for n examples, given x W"""
    cdef const Layer* of = &block.work.layers[layer]
    cdef real* a = block.work.units + in_block(block, layer)
    cdef const real* biases = block.work.parameters + of.biases
    cdef Py_ssize_t t
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        for t in range(n):
            axpy(1, biases, a + t * of.width, of.width)
            activate(of.activation, a + t * of.width, of.width)
        fastnn_restore_subnormals(control)


def block_losses(
    Block block,
    Targets targets,
    const Py_ssize_t[::1] rows,  # IN  (n,) the examples
):
    """Sum of the losses; the deltas of the last layer become dL/da."""
    cdef Py_ssize_t last = block.work.n_layers - 1, n = rows.shape[0], t
    cdef const Layer* of = &block.work.layers[last]
    cdef const real* a = block.work.units + in_block(block, last)
    cdef real* deltas = block.work.deltas + in_block(block, last)
    cdef double loss = 0
    with nogil:
        for t in range(n):
            loss += output_loss(
                a + t * of.width, of, &targets.wanted, rows[t], deltas + t * of.width
            )
    return loss


def multiply_by_slopes(Block block, Py_ssize_t layer, Py_ssize_t n, bint is_first):
    """Deltas dL/dz of a layer for n examples, given dL/da; begin or go on with dL/db."""
    cdef const Layer* of = &block.work.layers[layer]
    cdef const real* a = block.work.units + in_block(block, layer)
    cdef real* deltas = block.work.deltas + in_block(block, layer)
    cdef real* biases = block.gradient + of.biases
    cdef Py_ssize_t t
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        if is_first:
            memset(biases, 0, of.width * sizeof(real))
        for t in range(n):
            times_slope(of.activation, a + t * of.width, deltas + t * of.width, of.width)
            axpy(1, deltas + t * of.width, biases, of.width)
        fastnn_restore_subnormals(control)


def step_block(Block block, bint with_first_weights, double scale):
    """parameters += scale times the gradient, with or without the weights of the first layer"""
    cdef Py_ssize_t start = 0 if with_first_weights else block.work.layers[0].biases
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        axpy(
            <real>scale, block.gradient + start, block.work.parameters + start,
            block.n_parameters - start,
        )
        fastnn_restore_subnormals(control)


# The products of the first layer with sparse inputs, row by row

def multiply_sparse(
    Block block,
    Examples examples,
    const Py_ssize_t[::1] rows,  # IN  (n,) the examples
):
    """The outputs of the first layer become x W."""
    cdef const Layer* of = &block.work.layers[0]
    cdef Py_ssize_t n = rows.shape[0], t
    cdef fastnn_control control
    cdef real* z
    with nogil:
        control = fastnn_flush_subnormals()
        for t in range(n):
            list_example(&block.work, &examples.rows, row_at(&examples.rows, &rows[0], 0, t))
            z = block.work.units + t * of.width
            memset(z, 0, of.width * sizeof(real))
            add_inputs(block.work.parameters + of.weights, of, inputs(&block.work, 0), z)
        fastnn_restore_subnormals(control)


def add_sparse_gradient(
    Block block,
    Examples examples,
    const Py_ssize_t[::1] rows,  # IN  (n,) the examples
    double scale,
    bint to_parameters,
):
    """To the gradient, or to the parameters, add ``scale`` times x' delta of the first layer."""
    cdef const Layer* of = &block.work.layers[0]
    cdef real* to = block.work.parameters if to_parameters else block.gradient
    cdef Py_ssize_t n = rows.shape[0], t
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        for t in range(n):
            list_example(&block.work, &examples.rows, row_at(&examples.rows, &rows[0], 0, t))
            step_weights(
                to, of, inputs(&block.work, 0), block.work.deltas + t * of.width, <real>scale
            )
        fastnn_restore_subnormals(control)
