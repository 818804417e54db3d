"""The base class of batch workspaces: signals, threads, steps, and products in pieces."""


cdef extern from "threads.h" nogil:
    ctypedef struct fastnn_barrier:
        int n
        int arrived
        int meeting
        int asleep
        int abandoned
    bint fastnn_meet(fastnn_barrier* barrier)
    bint fastnn_is_abandoned(fastnn_barrier* barrier)
    void fastnn_abandon(fastnn_barrier* barrier)
    bint fastnn_is_main_thread()
    bint fastnn_handle_signals()  # whether a handler raised an error, which is left set


cdef extern from "threads.h":
    int fastnn_raise() except -1  # raise the error that is set, if one is


cdef enum:
    # Work is counted in multiplications of numbers.
    WORK_PER_SIGNAL_CHECK = 200_000_000  # some milliseconds
    WORK_PER_NUMBER = 16                 # to load a number from memory


cdef class Team:
    """Synchronize the threads that share the work on each batch."""
    cdef fastnn_barrier barrier

    def __init__(self, int n_threads, /):
        self.barrier = fastnn_barrier(n_threads, 0, 0, 0, 0)

    def abandon(self):
        """Release the threads that wait for others, and end their calls."""
        fastnn_abandon(&self.barrier)


cdef class BatchWorkspace:
    """Compute one thread's share of a batch; subclasses have the layout and the passes.

    Attributes
    ----------
    capacity : int
        Largest number of examples that are computed at a time.
    """
    cdef Workspace workspace
    cdef Work work            # in subclasses with activations and deltas of all examples
    cdef Buffer memory
    cdef real[::1] gradients
    cdef readonly Py_ssize_t capacity
    cdef bint checks_signals  # this thread handles signals
    cdef bint may_interrupt   # an interruption now leaves no update half made
    cdef double work_since_check
    cdef fastnn_control control
    cdef real* gradient       # of a batch; NULL if every gradient is added to the parameters
    cdef double factor        # the weights of the first layer are this times what is stored
    cdef Py_ssize_t n_parameters
    cdef Team team
    cdef Py_ssize_t n_threads, thread

    cdef set_up(
        self, Workspace workspace, Py_ssize_t capacity, real[::1] gradient, Team team,
        Py_ssize_t thread,
    ):
        """Set the attributes that all subclasses have."""
        self.workspace, self.capacity, self.gradients = workspace, capacity, gradient
        self.work = workspace.work
        self.factor = 1
        self.n_parameters = workspace.network.parameters.shape[0]
        self.gradient = NULL
        if gradient.shape[0]:
            self.gradient = &gradient[0]
        self.team, self.n_threads, self.thread = team, team.barrier.n, thread

    cdef inline Range share(self, Py_ssize_t n, Py_ssize_t unit) noexcept nogil:
        """Return this thread's range of n items; ranges begin at multiples of ``unit``."""
        cdef Py_ssize_t n_shares = (n + unit - 1) // unit
        return Range(
            min(n, n_shares * self.thread // self.n_threads * unit),
            min(n, n_shares * (self.thread + 1) // self.n_threads * unit),
        )

    cdef inline bint synchronize(self) noexcept nogil:
        """Wait for the other threads; return False if the call is to end."""
        if self.n_threads == 1:
            return not fastnn_is_abandoned(&self.team.barrier)
        return fastnn_meet(&self.team.barrier)

    cdef void begin_call(self) noexcept nogil:
        """Begin to flush subnormals and to count the work between checks for signals."""
        self.checks_signals = self.thread == 0 and fastnn_is_main_thread()
        self.may_interrupt, self.work_since_check = True, 0
        self.control = fastnn_flush_subnormals()

    cdef inline bint may_continue(self, double work) noexcept nogil:
        """Count the work to come, and check for signals if it is due; return False to end."""
        self.work_since_check += work
        return self.work_since_check < WORK_PER_SIGNAL_CHECK or self.check_signals()

    cdef bint check_signals(self) noexcept nogil:
        """Run the handlers of pending signals, if interruption is allowed; return False to end."""
        if not self.may_interrupt:
            return True
        self.work_since_check = 0
        if self.checks_signals:
            fastnn_restore_subnormals(self.control)  # handlers may run any code
            if fastnn_handle_signals():
                fastnn_abandon(&self.team.barrier)
            fastnn_flush_subnormals()
        return not fastnn_is_abandoned(&self.team.barrier)

    @cython.final
    cdef void gemm(
        self, Matrix a, Matrix b, Matrix c, Py_ssize_t n_rows, Py_ssize_t n_terms,
        Py_ssize_t n_columns,
    ) noexcept nogil:
        """Do the same as the function `gemm`, in pieces between which signals are checked.

        Pieces are whole tiles, so that the bits do not depend on them.
        """
        cdef Py_ssize_t tile = VECTORS * <Py_ssize_t>(sizeof(vector) // sizeof(real))
        cdef double column_work = <double>n_rows * n_terms + WORK_PER_NUMBER * (n_rows + n_terms)
        cdef Py_ssize_t rows = n_rows, columns = n_columns, row, column, n
        if self.work_since_check + column_work * n_columns > WORK_PER_SIGNAL_CHECK:
            columns = max(1, <Py_ssize_t>(WORK_PER_SIGNAL_CHECK / column_work) // tile) * tile
            rows = max(1, WORK_PER_SIGNAL_CHECK // (n_terms * tile) // ROWS) * ROWS
        column = 0
        while column < n_columns:
            n = min(columns, n_columns - column)
            row = 0
            while row < n_rows:
                if not self.may_continue(column_work * n * min(rows, n_rows - row) / n_rows):
                    return
                gemm(
                    Matrix(a.data + row * a.row, a.row, a.column),
                    row_major(b.data + column, b.row),
                    row_major(c.data + row * c.row + column, c.row),
                    min(rows, n_rows - row), n_terms, n,
                )
                row += rows
            column += columns

    @cython.final
    cdef void spmm(
        self, SparseMatrix a, Matrix b, Matrix d, Matrix c, Py_ssize_t n_rows, Py_ssize_t n_terms,
        Py_ssize_t n_columns,
    ) noexcept nogil:
        """Do the same as the function `spmm`, in pieces between which signals are checked."""
        cdef Py_ssize_t start = 0, stop, n_entries
        while start < n_rows:
            stop, n_entries = start, 0
            while stop < n_rows and n_entries * n_columns < WORK_PER_SIGNAL_CHECK:
                n_entries += a.ends[stop] - a.next[stop] + WORK_PER_NUMBER
                stop += 1
            if not self.may_continue(<double>n_entries * n_columns):
                return
            spmm(
                SparseMatrix(a.entries, a.next + start, a.ends + start), b,
                row_major(d.data + start * d.row, d.row), row_major(c.data + start * c.row, c.row),
                stop - start, n_terms, n_columns,
            )
            start = stop

    cdef bint step(
        self, const Rule* rule, double rate, double l2, Py_ssize_t number
    ) noexcept nogil:
        """Update the parameters by the gradient, as step ``number`` from 1; return False to end."""
        cdef double clip
        cdef Range own = self.share(self.n_parameters, LANES)
        if rule.code == KEEP:
            return True
        clip = clipping(rule, self.gradient, self.n_parameters)
        if rule.clip_norm > 0 and not self.synchronize():  # a step changes the gradient
            return False
        step_parameters(
            rule, &self.work, self.gradient, clip, rate, l2, number, own.begin, own.end
        )
        return rule.max_norm == 0 or (self.synchronize() and self.limit_weight_norms(rule))

    cdef bint limit_weight_norms(self, const Rule* rule) noexcept nogil:
        """Apply the largest norm to this thread's units of each layer; return True."""
        # Memory of this thread alone: another thread may be at another layer.
        cdef real* norms = self.workspace.work.activations
        cdef const Layer* layer
        cdef Range own
        cdef Py_ssize_t i
        for i in range(self.work.n_layers):
            layer = &self.work.layers[i]
            own = self.share(
                multiple_of_4(layer.fan_out) if layer.transposed else layer.width, LANES
            )
            limit_norms(
                rule, self.work.parameters + layer.weights, layer, norms, own.begin, own.end
            )
        return True

    # What subclasses define.

    cdef void load(
        self, const Rows* rows, const Py_ssize_t* order, Py_ssize_t start, Py_ssize_t t,
        Py_ssize_t n,
    ) noexcept nogil:
        """Load the inputs of the n examples from position t of the order on."""

    cdef void forward(self, Py_ssize_t n) noexcept nogil:
        """Write the activations of all layers."""

    cdef double losses(
        self, const Wanted* wanted, const Py_ssize_t* rows, Py_ssize_t n, real scale
    ) noexcept nogil:
        """Write ``scale`` times the derivatives of the losses to the deltas of the last layer.

        Return the sum of the losses, without those that are left to `shared_losses`.
        """
        return 0

    cdef double shared_losses(self, Py_ssize_t n) noexcept nogil:
        """Return the sum of the losses that threads left to it, in the order of examples.

        So the sum has the same bits for any number of threads.
        """
        return 0

    cdef void backward(self, Py_ssize_t n) noexcept nogil:
        """Write the deltas of all layers."""

    cdef void add_gradient(self, real* to, Py_ssize_t n, double shrinkage) noexcept nogil:
        """Multiply the weights in ``to`` by ``shrinkage``, and add the gradient of all layers."""

    cdef void apply_factor(self) noexcept nogil:
        """Multiply the stored weights of the first layer by the factor, which becomes 1."""

    cdef void copy_outputs(self, real* to, Py_ssize_t n) noexcept nogil:
        """Write the activations of the last layer to ``to`` (n, n_outputs)."""
