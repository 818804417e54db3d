"""Prediction of a single example."""


cdef enum:
    _LONG = 20_000  # parameters that take microseconds, in which other threads may have the GIL


cdef void forward_example(const Work* work, const real* x, real* a) noexcept nogil:
    cdef fastnn_control control = fastnn_flush_subnormals()
    list_nonzeros(work, 0, x)
    forward(work, 0)
    memcpy(a, outputs(work), work.layers[work.n_layers - 1].fan_out * sizeof(real))
    fastnn_restore_subnormals(control)


cdef class OneExample:
    """Predicts a single example, at the least cost a call can have."""
    cdef Network network
    cdef object ndarray, new_outputs
    cdef list idle  # workspaces, so that threads that predict at a time have one each
    cdef Py_ssize_t n_inputs, n_outputs
    cdef tuple row, rows  # shapes of the outputs

    def __init__(self, Network network, type ndarray, new_outputs, /):
        cdef Py_ssize_t last = network.layers.shape[0] - 1
        self.network, self.ndarray, self.new_outputs = network, ndarray, new_outputs
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
        cdef Workspace workspace = self.idle.pop() if self.idle else Workspace(self.network)
        if self.network.parameters.shape[0] < _LONG:
            forward_example(&workspace.work, x, a)
        else:
            with nogil:
                forward_example(&workspace.work, x, a)
        self.idle.append(workspace)
