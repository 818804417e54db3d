"""All layers, one example."""


cdef void forward(const Work* work, Py_ssize_t first) noexcept nogil:
    """Outputs of the layers from ``first`` on."""
    cdef const Layer* layer
    cdef Py_ssize_t i
    for i in range(first, work.n_layers):
        layer = &work.layers[i]
        if i > 0 and is_listed(work.layers, i):
            list_nonzeros(work, i, work.units + work.layers[i - 1].outputs)
        forward_layer(work.parameters, layer, inputs(work, i), work.units + layer.outputs)


cdef void backward(const Work* work, real* first_delta, real scale) noexcept nogil:
    """Deltas of all layers, given dL/da of the last; that of the first goes to ``first_delta``.

    Unless scale is 0, ``scale`` times their gradient is added to the parameters of all layers but
    the first, once each has passed its delta on.
    """
    cdef const Layer* layer
    cdef real* delta
    cdef Py_ssize_t i
    for i in range(work.n_layers - 1, 0, -1):
        layer = &work.layers[i]
        delta = work.deltas + layer.outputs
        times_slope(layer.activation, work.units + layer.outputs, delta, layer.width)
        backward_layer(
            work.parameters, layer, inputs(work, i), delta, scale,
            first_delta if i == 1 else work.deltas + work.layers[i - 1].outputs,
        )
        if scale != 0:
            axpy(scale, delta, work.parameters + layer.biases, layer.width)
    layer = work.layers
    times_slope(layer.activation, work.units, first_delta, layer.width)


cdef inline const real* outputs(const Work* work) noexcept nogil:
    return work.units + work.layers[work.n_layers - 1].outputs


cdef struct Wanted:
    const real* values          # NULL: labels
    const Py_ssize_t* labels
    Py_ssize_t n_outputs


cdef class Targets:
    """What the outputs of examples should be."""
    cdef object memory
    cdef Wanted wanted

    def __init__(
        self,
        const real[:, ::1] values,         # IN  (n_examples, n_outputs), or None
        const Py_ssize_t[::1] labels,      # IN  (n_examples,), or None
        Py_ssize_t n_outputs,
    ):
        self.memory = (values, labels)
        self.wanted.values = NULL
        self.wanted.labels = NULL
        self.wanted.n_outputs = n_outputs
        if labels is not None:
            self.wanted.labels = &labels[0]
        else:
            self.wanted.values = &values[0, 0]


cdef double output_loss(
    const real* a, const Layer* last, const Wanted* wanted, Py_ssize_t row, real* delta
) noexcept nogil:
    """Loss of an example with these outputs; delta becomes dL/da of the last layer."""
    cdef const real* target = NULL
    cdef Py_ssize_t label = 0
    if wanted.labels != NULL:
        label = wanted.labels[row]
    else:
        target = wanted.values + row * wanted.n_outputs
    return squared_error(a, target, label, delta, last.fan_out, last.width)


def predict(
    Workspace workspace,
    Examples examples,      # in order
    real[:, ::1] outputs_,  # OUT (n_examples, n_outputs)
):
    cdef Py_ssize_t n_examples = outputs_.shape[0], n_outputs = outputs_.shape[1], t
    cdef const Work* work = &workspace.work
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        for t in range(n_examples):
            list_example(work, &examples.rows, t)
            forward(work, 0)
            memcpy(&outputs_[t, 0], outputs(work), n_outputs * sizeof(real))
        fastnn_restore_subnormals(control)
