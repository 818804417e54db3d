"""Prediction of a single example."""


cdef enum:
    MIN_PARAMETERS_WITHOUT_GIL = 20_000  # to predict takes microseconds: others may have the GIL


cdef void forward_example(const Work* work, const real* x, real* a) noexcept nogil:
    """Write the outputs (n_outputs,) of an example x (n_inputs,) to a, which must not alias x."""
    cdef fastnn_control control = fastnn_flush_subnormals()
    gather_nonzeros(work, 0, x)
    forward(work, 0)
    memcpy(a, outputs(work), work.layers[work.n_layers - 1].fan_out * sizeof(real))
    fastnn_restore_subnormals(control)


cdef class OneExample:
    """Predict a single example with as little overhead per call as possible."""
    cdef Network network
    cdef object ndarray, new_outputs
    cdef list idle        # workspaces: threads that predict at the same time take one each
    cdef Py_ssize_t n_inputs, n_outputs
    cdef tuple row, rows  # shapes of outputs: (n_outputs,) and (1, n_outputs)

    def __init__(self, Network network, type ndarray, new_outputs, /):
        cdef Py_ssize_t last = network.layers.shape[0] - 1
        self.network, self.ndarray, self.new_outputs = network, ndarray, new_outputs
        self.idle = []
        self.n_inputs, self.n_outputs = network.layers[0].fan_in, network.layers[last].fan_out
        self.row, self.rows = (network.layers[last].fan_out,), (1, network.layers[last].fan_out)

    def __call__(self, X, /):
        """Return the outputs for an ndarray X of shape (n_inputs,) or (1, n_inputs).

        Return None unless X has the kernels' dtype, is contiguous and finite, and the outputs are
        finite, too: the caller then takes the general path, which raises or warns.
        """
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
        return outputs if is_finite else None

    cdef fill(self, const real* x, real* a):
        """Write the outputs of x to a, with an idle workspace or a new one."""
        cdef Workspace workspace = self.idle.pop() if self.idle else Workspace(self.network)
        if self.network.parameters.shape[0] < MIN_PARAMETERS_WITHOUT_GIL:
            forward_example(&workspace.work, x, a)
        else:
            with nogil:
                forward_example(&workspace.work, x, a)
        self.idle.append(workspace)
