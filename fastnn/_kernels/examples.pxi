"""All layers, one example."""


cdef inline bint has_dropout(const Work* work, Py_ssize_t layer) noexcept nogil:
    return work.dropout != NULL and work.dropout[layer] > 0


cdef inline void drop_out(const Work* work, Py_ssize_t i) noexcept nogil:
    """Leave units of a layer out, if it has dropout; sums keep what slopes are computed from."""
    cdef const Layer* layer = &work.layers[i]
    cdef real* a = work.units + layer.outputs
    cdef real* factors = work.factors + layer.outputs
    if not has_dropout(work, i):
        return
    if not layer.keeps_sums:
        memcpy(work.sums + layer.outputs, a, layer.width * sizeof(real))
    draw_and_multiply(work.dropout[i], work.key, work.place, i, factors, a, layer.width)


cdef inline void times_slope_of(const Work* work, Py_ssize_t i, real* delta) noexcept nogil:
    """delta, dL/da of a layer, becomes dL/dz."""
    cdef const Layer* layer = &work.layers[i]
    cdef const real* sums = work.sums + layer.outputs
    if has_dropout(work, i):
        times_slope(layer, sums, sums, delta, layer.width)
        multiply(delta, work.factors + layer.outputs, layer.width)
    else:
        times_slope(layer, sums, work.units + layer.outputs, delta, layer.width)


cdef void forward(const Work* work, Py_ssize_t first) noexcept nogil:
    """Outputs of the layers from ``first`` on."""
    cdef const Layer* layer
    cdef Py_ssize_t i
    for i in range(first, work.n_layers):
        layer = &work.layers[i]
        if i > 0 and is_listed(work.layers, i):
            list_nonzeros(work, i, work.units + work.layers[i - 1].outputs)
        forward_layer(work, layer, inputs(work, i))
        drop_out(work, i)


cdef void backward(
    const Work* work, real* first_delta, real scale, double shrinkage
) noexcept nogil:
    """Deltas of all layers, given the derivatives that the loss begins with.

    That of the first layer goes to ``first_delta``.
    ``scale`` times the gradient is added to the parameters of all layers but the first, once each
    has passed its delta on and its weights are multiplied by ``shrinkage``.
    """
    cdef const Layer* layer
    cdef real* delta
    cdef Py_ssize_t i
    for i in range(work.n_layers - 1, 0, -1):
        layer = &work.layers[i]
        delta = work.deltas + layer.outputs
        times_slope_of(work, i, delta)
        backward_layer(
            work.parameters, layer, inputs(work, i), delta, <real>(scale / shrinkage),
            first_delta if i == 1 else work.deltas + work.layers[i - 1].outputs,
        )
        if shrinkage != 1:
            shrink(work.parameters + layer.weights, shrinkage, layer.biases - layer.weights)
        axpy(scale, delta, work.parameters + layer.biases, layer.width)
    times_slope_of(work, 0, first_delta)


cdef inline const real* outputs(const Work* work) noexcept nogil:
    return work.units + work.layers[work.n_layers - 1].outputs


cdef class OneExample:
    """Predicts a single example, at the least cost a call can have."""
    cdef Network network
    cdef object ndarray, new_workspace, new_outputs
    cdef list idle  # workspaces, so that threads that predict at a time have one each
    cdef Py_ssize_t n_inputs, n_outputs
    cdef tuple row, rows  # shapes of the outputs

    def __init__(self, Network network, type ndarray, new_workspace, new_outputs, /):
        cdef Py_ssize_t last = network.layers.shape[0] - 1
        self.network = network
        self.ndarray, self.new_workspace, self.new_outputs = ndarray, new_workspace, new_outputs
        self.idle = []
        self.n_inputs, self.n_outputs = network.layers[0].fan_in, network.layers[last].fan_out
        self.row, self.rows = (network.layers[last].fan_out,), (1, network.layers[last].fan_out)

    def __call__(self, X, /):
        """Finite outputs for a plain finite array X (n_inputs,) or (1, n_inputs), else None."""
        cdef Py_buffer x, a
        cdef bint is_finite
        if type(X) is not self.ndarray:
            return None
        try:
            PyObject_GetBuffer(X, &x, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)
        except (ValueError, BufferError):
            return None
        try:
            if not (
                (x.ndim == 1 or (x.ndim == 2 and x.shape[0] == 1))
                and x.shape[x.ndim - 1] == self.n_inputs
                and x.format[0] == (c'f' if sizeof(real) == sizeof(float) else c'd')
                and x.format[1] == 0
                and <size_t>x.buf % sizeof(real) == 0
                and nonfinite_index(<const real*>x.buf, self.n_inputs) < 0
            ):
                return None
            outputs = self.new_outputs(self.row if x.ndim == 1 else self.rows)
            PyObject_GetBuffer(outputs, &a, PyBUF_WRITABLE)
            try:
                self.fill(<const real*>x.buf, <real*>a.buf)
                is_finite = nonfinite_index(<real*>a.buf, self.n_outputs) < 0
            finally:
                PyBuffer_Release(&a)
        finally:
            PyBuffer_Release(&x)
        return outputs if is_finite else None  # whoever asks the long way is told why

    cdef fill(self, const real* x, real* a):
        cdef Workspace workspace = self.idle.pop() if self.idle else self.new_workspace()
        if self.network.parameters.shape[0] < _LONG:
            forward_example(&workspace.work, x, a)
        else:
            with nogil:
                forward_example(&workspace.work, x, a)
        self.idle.append(workspace)


cdef enum:
    _LONG = 20_000  # parameters that take microseconds, in which other threads may have the GIL


cdef void forward_example(const Work* work, const real* x, real* a) noexcept nogil:
    cdef fastnn_control control = fastnn_flush_subnormals()
    list_nonzeros(work, 0, x)
    forward(work, 0)
    memcpy(a, outputs(work), work.layers[work.n_layers - 1].fan_out * sizeof(real))
    fastnn_restore_subnormals(control)
