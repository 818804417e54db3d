"""Gradient descent batch by batch, and prediction, for every way to compute a block of examples."""


cdef class Room:
    """Room for a block of examples, and a way to compute them.

    Attributes
    ----------
    capacity : int
        Examples in a block, at most.
    """
    cdef Workspace workspace
    cdef object memory
    cdef real[::1] gradients
    cdef readonly Py_ssize_t capacity
    cdef real* gradient       # a sum over the blocks of a batch; NULL if all batches fit
    cdef Py_ssize_t n_parameters

    cdef set_up(self, Workspace workspace, Py_ssize_t capacity, real[::1] gradient):
        self.workspace, self.capacity, self.gradients = workspace, capacity, gradient
        self.n_parameters = workspace.network.parameters.shape[0]
        self.gradient = NULL
        if gradient.shape[0]:
            self.gradient = &gradient[0]

    cdef void load(
        self, const Rows* rows, const Py_ssize_t* order, Py_ssize_t start, Py_ssize_t t,
        Py_ssize_t n,
    ) noexcept nogil:
        """The inputs of the n examples from place t of the order on."""

    cdef void forward(self, Py_ssize_t n) noexcept nogil:
        """Outputs of all layers."""

    cdef double losses(
        self, const Wanted* wanted, const Py_ssize_t* rows, Py_ssize_t n, real scale
    ) noexcept nogil:
        """Sum of the losses; the deltas of the last layer become dL/da times scale."""
        return 0

    cdef void backward(self, real* to, Py_ssize_t n) noexcept nogil:
        """Add the gradient, as scaled as the deltas of the last layer are."""

    cdef void copy_outputs(self, real* to, Py_ssize_t n) noexcept nogil:
        """Outputs of the last layer, (n, n_outputs)."""


def train_in_batches(
    Room room,
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
    cdef Py_ssize_t epoch, t, n, batch_start, batch_stop, i
    cdef real* parameters = room.workspace.work.parameters
    cdef bint at_once
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        for epoch in range(n_epochs):
            t = start
            while t < stop:
                batch_start = t - t % batch_size
                batch_stop = min(batch_start + batch_size, n_examples)
                n = min(min(batch_stop, stop) - t, room.capacity)
                at_once = n == batch_stop - batch_start
                room.load(&examples.rows, &orders[epoch, 0], start, t, n)
                room.forward(n)
                losses[epoch] += room.losses(
                    &targets.wanted, &orders[epoch, t], n,
                    <real>(-learning_rate / (batch_stop - batch_start)),
                )
                room.backward(parameters if at_once else room.gradient, n)
                t += n
                if t == batch_stop and not at_once:
                    for i in range(room.n_parameters):
                        parameters[i] += room.gradient[i]
                        room.gradient[i] = 0
        fastnn_restore_subnormals(control)


def predict_in_batches(
    Room room,
    Examples examples,      # in order
    real[:, ::1] outputs,   # OUT (n_examples, n_outputs)
):
    cdef Py_ssize_t n_examples = outputs.shape[0], t, n
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        t = 0
        while t < n_examples:
            n = min(room.capacity, n_examples - t)
            room.load(&examples.rows, NULL, 0, t, n)
            room.forward(n)
            room.copy_outputs(&outputs[t, 0], n)
            t += n
        fastnn_restore_subnormals(control)
