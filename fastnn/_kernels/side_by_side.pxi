"""Batches of small networks: examples side by side, one per lane of the vectors.

Inputs, outputs and deltas are matrices (units, capacity), a column per example; columns beyond the
examples there are have deltas of 0.  Rows are taken four at a time: zeros follow the last.
"""


cdef struct Columns:
    const Layer* layers
    Py_ssize_t n_layers
    Py_ssize_t capacity  # columns, in whole vectors
    real* inputs         # (n_inputs, capacity)
    real* units          # of each layer (fan_out, capacity), from its offset times capacity on
    real* deltas


cdef class SideBySide:
    """Room for a block of examples, and for the gradient of a batch."""
    cdef Workspace workspace
    cdef object memory
    cdef Columns columns
    cdef real* gradient  # the sum over the batch so far
    cdef Py_ssize_t n_parameters

    def __init__(
        self,
        Workspace workspace,
        real[:, ::1] inputs,     # SCRATCH (n_inputs + 3, capacity), zero at first
        real[:, ::1] units,      # SCRATCH (n_units, capacity), zero at first
        real[:, ::1] deltas,     # SCRATCH (n_units, capacity), zero at first
        real[::1] gradient,      # SCRATCH like the parameters, zero at first
    ):
        self.workspace = workspace
        self.memory = (inputs, units, deltas, gradient)
        self.columns = Columns(
            workspace.work.layers, workspace.work.n_layers, inputs.shape[1],
            &inputs[0, 0], &units[0, 0], &deltas[0, 0],
        )
        self.gradient = &gradient[0]
        self.n_parameters = gradient.shape[0]


cdef inline Py_ssize_t input_stride(const Layer* layer) noexcept nogil:
    return 1 if layer.transposed else layer.row_length


cdef inline Py_ssize_t output_stride(const Layer* layer) noexcept nogil:
    return layer.row_length if layer.transposed else 1


cdef inline real* of_layer(const Columns* columns, real* units, Py_ssize_t layer) noexcept nogil:
    return units + columns.layers[layer].outputs * columns.capacity


cdef void add_combination(
    const real* coefficients, Py_ssize_t stride, Py_ssize_t n_rows, const real* rows,
    real* z, Py_ssize_t n, Py_ssize_t capacity,
) noexcept nogil:
    """z += coefficients . rows"""
    cdef real c[4]
    cdef Py_ssize_t k, i
    for k in range(0, n_rows, 4):
        for i in range(4):
            c[i] = coefficients[(k + i) * stride]
        axpy4(
            c,
            rows + k * capacity, rows + (k + 1) * capacity,
            rows + (k + 2) * capacity, rows + (k + 3) * capacity,
            z, n,
        )


cdef void forward_columns(
    const Columns* columns, const real* parameters, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t capacity = columns.capacity, i, unit, k
    cdef const real* x = columns.inputs
    cdef const Layer* layer
    cdef real* a
    cdef real* z
    for i in range(columns.n_layers):
        layer = &columns.layers[i]
        a = of_layer(columns, columns.units, i)
        for unit in range(layer.fan_out):
            z = a + unit * capacity
            for k in range(n):
                z[k] = parameters[layer.biases + unit]
            add_combination(
                parameters + layer.weights + unit * output_stride(layer), input_stride(layer),
                layer.fan_in, x, z, n, capacity,
            )
            activate(layer.activation, z, n)
        x = a


cdef void add_products(
    const real* x, Py_ssize_t n_inputs, const real* deltas, Py_ssize_t n_outputs,
    real* w, Py_ssize_t in_stride, Py_ssize_t out_stride, Py_ssize_t n, Py_ssize_t capacity,
) noexcept nogil:
    """W += x delta'"""
    cdef real products[4]
    cdef Py_ssize_t i, k, j
    for i in range(n_inputs):
        for k in range(0, n_outputs, 4):
            dot4(
                x + i * capacity,
                deltas + k * capacity, deltas + (k + 1) * capacity,
                deltas + (k + 2) * capacity, deltas + (k + 3) * capacity,
                products, n,
            )
            for j in range(4):
                w[i * in_stride + (k + j) * out_stride] += products[j]


cdef void backward_columns(
    const Columns* columns, const real* parameters, real* gradient, Py_ssize_t n
) noexcept nogil:
    """Add to the gradient, given dL/da of the last layer."""
    cdef Py_ssize_t capacity = columns.capacity, i, unit, k
    cdef const Layer* layer
    cdef const real* x
    cdef real* deltas
    cdef real* dx
    for i in range(columns.n_layers - 1, -1, -1):
        layer = &columns.layers[i]
        deltas = of_layer(columns, columns.deltas, i)
        for unit in range(layer.fan_out):
            times_slope(
                layer.activation, of_layer(columns, columns.units, i) + unit * capacity,
                deltas + unit * capacity, n,
            )
            gradient[layer.biases + unit] += total(deltas + unit * capacity, n)
        x = columns.inputs if i == 0 else of_layer(columns, columns.units, i - 1)
        add_products(
            x, layer.fan_in, deltas, layer.fan_out, gradient + layer.weights,
            input_stride(layer), output_stride(layer), n, capacity,
        )
        if i == 0:
            break
        dx = of_layer(columns, columns.deltas, i - 1)
        for unit in range(layer.fan_in):
            memset(dx + unit * capacity, 0, n * sizeof(real))
            add_combination(
                parameters + layer.weights + unit * input_stride(layer), output_stride(layer),
                layer.fan_out, deltas, dx + unit * capacity, n, capacity,
            )


cdef double column_losses(
    const Columns* columns, const Wanted* wanted, const Py_ssize_t* rows, Py_ssize_t n_examples,
    Py_ssize_t n,
) noexcept nogil:
    """Sum of the losses; dL/da of the last layer."""
    cdef Py_ssize_t capacity = columns.capacity, last = columns.n_layers - 1, unit, k
    cdef const real* a = of_layer(columns, columns.units, last)
    cdef real* deltas = of_layer(columns, columns.deltas, last)
    cdef double loss = 0
    for unit in range(wanted.n_outputs):
        for k in range(n_examples):
            deltas[unit * capacity + k] = a[unit * capacity + k]
        for k in range(n_examples, n):
            deltas[unit * capacity + k] = 0
    if wanted.labels != NULL:
        for k in range(n_examples):
            deltas[wanted.labels[rows[k]] * capacity + k] -= 1
    else:
        for unit in range(wanted.n_outputs):
            for k in range(n_examples):
                deltas[unit * capacity + k] -= wanted.values[rows[k] * wanted.n_outputs + unit]
    for unit in range(wanted.n_outputs):
        loss += dot(deltas + unit * capacity, deltas + unit * capacity, n)
    return loss / 2


cdef void load_columns(
    const Columns* columns, const Work* work, const Rows* rows, const Py_ssize_t* order,
    Py_ssize_t start, Py_ssize_t t, Py_ssize_t n_examples,
) noexcept nogil:
    """The inputs of the examples from place t of the order on."""
    cdef Py_ssize_t n_inputs = rows.n_inputs, i, k, row
    cdef const real* x
    for k in range(n_examples):
        row = row_at(rows, order, start, t + k)
        if rows.indptr == NULL:
            x = rows.values + row * n_inputs
            for i in range(n_inputs):
                columns.inputs[i * columns.capacity + k] = x[i]
        else:
            list_example(work, rows, row)
            for i in range(n_inputs):
                columns.inputs[i * columns.capacity + k] = 0
            for i in range(work.n_listed[0]):
                columns.inputs[work.index[i] * columns.capacity + k] = work.values[i]


def train_side_by_side(
    SideBySide room,
    Examples examples,
    Targets targets,
    const Py_ssize_t[:, ::1] orders,   # IN  (n_epochs, n_examples) rows of X, in order
    Py_ssize_t start,                  # the part of each order to train on
    Py_ssize_t stop,
    Py_ssize_t batch_size,
    double learning_rate,
    double[::1] losses,                # IN, OUT (n_epochs,) sums of the losses so far
):
    """Descend along the mean gradient of batch after batch.

    Batches begin at multiples of ``batch_size`` and the last may be smaller; a batch may be spread
    over several calls.
    """
    cdef Py_ssize_t n_epochs = orders.shape[0], n_examples = orders.shape[1]
    cdef Py_ssize_t epoch, t, n, lanes, batch_start, batch_stop, i
    cdef const Columns* columns = &room.columns
    cdef real* parameters = room.workspace.work.parameters
    cdef fastnn_control control
    cdef real rate
    with nogil:
        control = fastnn_flush_subnormals()
        for epoch in range(n_epochs):
            t = start
            while t < stop:
                batch_start = t - t % batch_size
                batch_stop = min(batch_start + batch_size, n_examples)
                n = min(min(batch_stop, stop) - t, columns.capacity)
                lanes = (n + LANES - 1) & -LANES
                load_columns(
                    columns, &room.workspace.work, &examples.rows, &orders[epoch, 0], start, t, n
                )
                forward_columns(columns, parameters, lanes)
                losses[epoch] += column_losses(
                    columns, &targets.wanted, &orders[epoch, t], n, lanes
                )
                backward_columns(columns, parameters, room.gradient, lanes)
                t += n
                if t == batch_stop:
                    rate = <real>(learning_rate / (batch_stop - batch_start))
                    for i in range(room.n_parameters):
                        parameters[i] -= rate * room.gradient[i]
                        room.gradient[i] = 0
        fastnn_restore_subnormals(control)


def predict_side_by_side(
    SideBySide room,
    Examples examples,      # in order
    real[:, ::1] outputs,   # OUT (n_examples, n_outputs)
):
    cdef Py_ssize_t n_examples = outputs.shape[0], n_outputs = outputs.shape[1], t, n, k, unit
    cdef const Columns* columns = &room.columns
    cdef real* parameters = room.workspace.work.parameters
    cdef const real* a = of_layer(columns, columns.units, columns.n_layers - 1)
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        t = 0
        while t < n_examples:
            n = min(columns.capacity, n_examples - t)
            load_columns(columns, &room.workspace.work, &examples.rows, NULL, 0, t, n)
            forward_columns(columns, parameters, (n + LANES - 1) & -LANES)
            for k in range(n):
                for unit in range(n_outputs):
                    outputs[t + k, unit] = a[unit * columns.capacity + k]
            t += n
        fastnn_restore_subnormals(control)
