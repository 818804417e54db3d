"""Blocks of examples, layer by layer: a row per example.

Outputs and deltas of a layer are a matrix (capacity, room), from its offset times capacity on.
(The room is a little more than the width: rows a power of two apart would share few cache sets.)
"""

BLOCK_DEPTH = DEPTH


cdef class Block(Room):
    cdef Work work        # of all examples
    cdef bint is_sparse   # inputs are mostly zeros: the first layer goes through them one by one
    cdef Matrix inputs    # (n, n_inputs), if they are not sparse
    cdef real* gathered   # room for them
    cdef real* turned     # room for weights the other way round, DEPTH rows at a time
    # If they are sparse: which they are
    cdef const Rows* rows
    cdef const Py_ssize_t* order
    cdef Py_ssize_t start, t

    def __init__(
        self,
        Workspace workspace,
        real[:, ::1] units,      # SCRATCH (n_units, capacity), zero at first
        real[:, ::1] deltas,     # SCRATCH (n_units, capacity), zero at first
        real[::1] turned,        # SCRATCH (BLOCK_DEPTH * the largest width,)
        real[::1] gradient,      # SCRATCH like the parameters, zero at first, or empty
        real[:, ::1] gathered,   # SCRATCH (capacity, n_inputs), or empty
        bint is_sparse,
    ):
        self.set_up(workspace, units.shape[1], gradient)
        self.memory = (units, deltas, turned, gathered)
        self.work = workspace.work
        self.work.units, self.work.deltas = &units[0, 0], &deltas[0, 0]
        self.turned = &turned[0]
        self.gathered = &gathered[0, 0]
        self.is_sparse = is_sparse

    cdef inline Matrix of_layer(self, real* units, Py_ssize_t layer) noexcept nogil:
        cdef const Layer* of = &self.work.layers[layer]
        return rows_of(units + of.outputs * self.capacity, room(of))

    cdef void load(
        self, const Rows* rows, const Py_ssize_t* order, Py_ssize_t start, Py_ssize_t t,
        Py_ssize_t n,
    ) noexcept nogil:
        cdef Py_ssize_t n_inputs = rows.n_inputs, k
        if self.is_sparse:
            self.rows, self.order, self.start, self.t = rows, order, start, t
        elif rows.in_order and rows.indptr == NULL:
            self.inputs = rows_of(rows.values + (t - start) * n_inputs, n_inputs)
        else:
            self.inputs = rows_of(self.gathered, n_inputs)
            for k in range(n):
                copy_example(
                    &self.work, rows, row_at(rows, order, start, t + k),
                    self.gathered + k * n_inputs,
                )

    cdef inline void list_sparse(self, Py_ssize_t k) noexcept nogil:
        list_example(&self.work, self.rows, row_at(self.rows, self.order, self.start, self.t + k))

    cdef void forward(self, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.work.n_layers):
            self.begin_with_biases(i, n)
            if i == 0 and self.is_sparse:
                self.add_sparse_inputs(n)
            else:
                self.add_inputs(i, n)
            self.activate(i, n)

    cdef void begin_with_biases(self, Py_ssize_t layer, Py_ssize_t n) noexcept nogil:
        cdef const Layer* of = &self.work.layers[layer]
        cdef Matrix z = self.of_layer(self.work.units, layer)
        cdef Py_ssize_t k
        for k in range(n):
            memcpy(z.data + k * z.row, self.work.parameters + of.biases, of.width * sizeof(real))

    cdef void add_inputs(self, Py_ssize_t layer, Py_ssize_t n) noexcept nogil:
        self.add_weighted(
            self.inputs_of(layer), layer, False, self.of_layer(self.work.units, layer), n
        )

    cdef void add_sparse_inputs(self, Py_ssize_t n) noexcept nogil:
        cdef const Layer* of = self.work.layers
        cdef Matrix z = self.of_layer(self.work.units, 0)
        cdef Py_ssize_t k
        for k in range(n):
            self.list_sparse(k)
            add_inputs(
                self.work.parameters + of.weights, of, inputs(&self.work, 0), z.data + k * z.row
            )

    cdef void activate(self, Py_ssize_t layer, Py_ssize_t n) noexcept nogil:
        cdef Matrix a = self.of_layer(self.work.units, layer)
        cdef Py_ssize_t k
        for k in range(n):
            activate_layer(&self.work.layers[layer], a.data + k * a.row)

    cdef double losses(
        self, const Wanted* wanted, const Py_ssize_t* rows, Py_ssize_t n, real scale
    ) noexcept nogil:
        cdef Py_ssize_t last = self.work.n_layers - 1, k, i
        cdef Matrix a = self.of_layer(self.work.units, last)
        cdef Matrix deltas = self.of_layer(self.work.deltas, last)
        cdef double loss = 0
        cdef real* delta
        for k in range(n):
            delta = deltas.data + k * deltas.row
            loss += output_loss(
                a.data + k * a.row, &self.work.layers[last], wanted, rows[k], delta
            )
            for i in range(wanted.n_outputs):
                delta[i] *= scale
        return loss

    cdef void backward(self, real* to, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.work.n_layers - 1, -1, -1):
            self.multiply_by_slopes(i, n)
            if i > 0:
                self.pass_deltas_on(i, n)
            self.add_to_biases(i, to, n)
            if i == 0 and self.is_sparse:
                self.add_sparse_gradient(to, n)
            else:
                self.add_gradient(i, to, n)

    cdef void multiply_by_slopes(self, Py_ssize_t layer, Py_ssize_t n) noexcept nogil:
        cdef Matrix a = self.of_layer(self.work.units, layer)
        cdef Matrix deltas = self.of_layer(self.work.deltas, layer)
        # All rows as one vector: between them are only zeros.
        times_slope(self.work.layers[layer].activation, a.data, deltas.data, n * a.row)

    cdef void pass_deltas_on(self, Py_ssize_t layer, Py_ssize_t n) noexcept nogil:
        """dL/da of the layer before"""
        cdef Matrix dx = self.of_layer(self.work.deltas, layer - 1)
        memset(dx.data, 0, n * dx.row * sizeof(real))
        self.add_weighted(self.of_layer(self.work.deltas, layer), layer, True, dx, n)

    cdef void add_to_biases(self, Py_ssize_t layer, real* to, Py_ssize_t n) noexcept nogil:
        cdef const Layer* of = &self.work.layers[layer]
        cdef Matrix deltas = self.of_layer(self.work.deltas, layer)
        cdef Py_ssize_t k
        for k in range(n):
            axpy(1, deltas.data + k * deltas.row, to + of.biases, of.width)

    cdef void add_gradient(self, Py_ssize_t layer, real* to, Py_ssize_t n) noexcept nogil:
        cdef const Layer* of = &self.work.layers[layer]
        cdef Matrix w = rows_of(to + of.weights, of.row_length)
        cdef Matrix x = self.inputs_of(layer), deltas = self.of_layer(self.work.deltas, layer)
        if of.transposed:
            add_product(transposed(deltas), x, w, of.fan_out, n, of.row_length)
        else:
            add_product(transposed(x), deltas, w, of.fan_in, n, of.width)

    cdef void add_sparse_gradient(self, real* to, Py_ssize_t n) noexcept nogil:
        cdef Matrix deltas = self.of_layer(self.work.deltas, 0)
        cdef Py_ssize_t k
        for k in range(n):
            self.list_sparse(k)
            step_weights(
                to, self.work.layers, inputs(&self.work, 0), deltas.data + k * deltas.row, 1
            )

    cdef inline Matrix inputs_of(self, Py_ssize_t layer) noexcept nogil:
        return self.of_layer(self.work.units, layer - 1) if layer else self.inputs

    cdef void add_weighted(
        self, Matrix x, Py_ssize_t layer, bint backwards, Matrix z, Py_ssize_t n
    ) noexcept nogil:
        """z += x W, or x W'"""
        cdef const Layer* of = &self.work.layers[layer]
        cdef Py_ssize_t n_terms = of.fan_out if backwards else of.fan_in
        cdef Py_ssize_t n_columns = of.fan_in if backwards else of.fan_out
        cdef Py_ssize_t width = self.work.layers[layer - 1].width if backwards else of.width
        cdef Matrix stored = rows_of(self.work.parameters + of.weights, of.row_length)
        cdef Py_ssize_t start = 0, n_turned
        if of.transposed == backwards:
            add_product(x, stored, z, n, n_terms, width)
            return
        while start < n_terms:
            n_turned = min(DEPTH, n_terms - start)
            transpose(stored.data + start, stored.row, n_columns, n_turned, self.turned, width)
            add_product(
                rows_of(x.data + start, x.row), rows_of(self.turned, width), z, n, n_turned, width,
            )
            start += n_turned

    cdef void copy_outputs(self, real* to, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t last = self.work.n_layers - 1, k
        cdef Py_ssize_t n_outputs = self.work.layers[last].fan_out
        cdef Matrix a = self.of_layer(self.work.units, last)
        for k in range(n):
            memcpy(to + k * n_outputs, a.data + k * a.row, n_outputs * sizeof(real))


# Steps of the way by BLAS (by_blas.py), which multiplies the matrices itself

def multiply_sparse(
    Block block,
    Examples examples,
    const Py_ssize_t[::1] rows,  # IN  (n,) the examples
):
    """The outputs of the first layer become x W."""
    cdef Matrix z = block.of_layer(block.work.units, 0)
    cdef Py_ssize_t n = rows.shape[0]
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        memset(z.data, 0, n * z.row * sizeof(real))
        block.load(&examples.rows, &rows[0], 0, 0, n)
        block.add_sparse_inputs(n)
        fastnn_restore_subnormals(control)


def activate_block(Block block, Py_ssize_t layer, Py_ssize_t n):
    """Outputs f(z + b) of a layer for n examples, given x W"""
    cdef const Layer* of = &block.work.layers[layer]
    cdef const real* biases = block.work.parameters + of.biases
    cdef Matrix a = block.of_layer(block.work.units, layer)
    cdef Py_ssize_t k
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        for k in range(n):
            axpy(1, biases, a.data + k * a.row, of.width)
        block.activate(layer, n)
        fastnn_restore_subnormals(control)


def block_losses(
    Block block,
    Targets targets,
    const Py_ssize_t[::1] rows,  # IN  (n,) the examples
    double scale,
):
    """Sum of the losses; the deltas of the last layer become dL/da times scale."""
    cdef double loss
    with nogil:
        loss = block.losses(&targets.wanted, &rows[0], rows.shape[0], <real>scale)
    return loss


def multiply_by_slopes(Block block, Py_ssize_t layer, Py_ssize_t n, bint is_first):
    """Deltas dL/dz of a layer for n examples, given dL/da; begin or go on with dL/db."""
    cdef const Layer* of = &block.work.layers[layer]
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        block.multiply_by_slopes(layer, n)
        if is_first:
            memset(block.gradient + of.biases, 0, of.width * sizeof(real))
        block.add_to_biases(layer, block.gradient, n)
        fastnn_restore_subnormals(control)


def add_sparse_gradient(
    Block block,
    Examples examples,
    const Py_ssize_t[::1] rows,  # IN  (n,) the examples
    bint to_parameters,
):
    """To the gradient, or to the parameters, add x' delta of the first layer."""
    cdef Py_ssize_t n = rows.shape[0]
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        block.load(&examples.rows, &rows[0], 0, 0, n)
        block.add_sparse_gradient(block.work.parameters if to_parameters else block.gradient, n)
        fastnn_restore_subnormals(control)


def step_block(Block block, bint with_first_weights):
    """parameters += the gradient, with or without the weights of the first layer"""
    cdef Py_ssize_t start = 0 if with_first_weights else block.work.layers[0].biases
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        axpy(
            1, block.gradient + start, block.work.parameters + start, block.n_parameters - start
        )
        fastnn_restore_subnormals(control)
