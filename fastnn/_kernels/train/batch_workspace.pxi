"""What every way to compute a batch has in common."""


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
    bint fastnn_handle_signals()  # whether a handler has raised an error, which is left set


cdef extern from "threads.h":
    int fastnn_raise() except -1  # the error that is set, if one is


cdef enum:
    # Products of numbers between two looks for signals: some milliseconds.
    WORK_PER_SIGNAL_CHECK = 200_000_000
    # By so many the first use of a number counts, which comes from memory.
    WORK_PER_NUMBER = 16


cdef class Team:
    """Threads that share the work on each batch."""
    cdef fastnn_barrier barrier

    def __init__(self, int n_threads, /):
        self.barrier = fastnn_barrier(n_threads, 0, 0, 0, 0)

    def abandon(self):
        """Let go of those that wait for threads that will not come."""
        fastnn_abandon(&self.barrier)


cdef class BatchWorkspace:
    """One thread's part of the work on a batch, and a way to compute it.

    Attributes
    ----------
    capacity : int
        Examples in a block, at most.
    """
    cdef Workspace workspace
    cdef Work work            # with the outputs and deltas of all examples
    cdef Buffer memory
    cdef real[::1] gradients
    cdef readonly Py_ssize_t capacity
    cdef bint checks_signals    # this thread is the one that handles signals
    cdef bint may_stop        # nothing is half done that must not be
    cdef double work_since_check        # work since the last check_signals for signals
    cdef fastnn_control control
    cdef real* gradient       # of a batch; NULL if all are added to the parameters at once
    cdef double factor        # weights of the first layer are this times what is stored
    cdef Py_ssize_t n_parameters
    cdef Team team
    cdef Py_ssize_t n_threads, thread

    cdef set_up(
        self, Workspace workspace, Py_ssize_t capacity, real[::1] gradient, Team team,
        Py_ssize_t thread,
    ):
        self.workspace, self.capacity, self.gradients = workspace, capacity, gradient
        self.work = workspace.work
        self.factor = 1
        self.n_parameters = workspace.network.parameters.shape[0]
        self.gradient = NULL
        if gradient.shape[0]:
            self.gradient = &gradient[0]
        self.team, self.n_threads, self.thread = team, team.barrier.n, thread

    cdef inline Py_ssize_t share(self, Py_ssize_t n, Py_ssize_t unit, bint end) noexcept nogil:
        """Where this thread's part of n begins or ends; parts are made of whole units."""
        return min(n, (n + unit - 1) // unit * (self.thread + end) // self.n_threads * unit)

    cdef inline bint synchronize(self) noexcept nogil:
        if self.n_threads == 1:
            return not fastnn_is_abandoned(&self.team.barrier)
        return fastnn_meet(&self.team.barrier)

    cdef void begin_call(self) noexcept nogil:
        """Begin to check_signals for signals, and to flush subnormals."""
        self.checks_signals = self.thread == 0 and fastnn_is_main_thread()
        self.may_stop, self.work_since_check = True, 0
        self.control = fastnn_flush_subnormals()

    cdef inline bint may_continue(self, double work) noexcept nogil:
        """Count the work to come, check for signals now and then; return whether to go on."""
        self.work_since_check += work
        return self.work_since_check < WORK_PER_SIGNAL_CHECK or self.check_signals()

    cdef bint check_signals(self) noexcept nogil:
        if not self.may_stop:
            return True
        self.work_since_check = 0
        if self.checks_signals:
            fastnn_restore_subnormals(self.control)  # handlers may be any code
            if fastnn_handle_signals():
                fastnn_abandon(&self.team.barrier)
            fastnn_flush_subnormals()
        return not fastnn_is_abandoned(&self.team.barrier)

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
        """Sum of the losses, but for those that are left to ``collected``.

        The deltas of the last layer begin, times scale.
        """
        return 0

    cdef double collected(self, Py_ssize_t n) noexcept nogil:
        """Sum of the losses of all threads, in order: the same for any number of them."""
        return 0

    cdef void backward(self, Py_ssize_t n) noexcept nogil:
        """Deltas of all layers."""

    cdef void add_gradient(self, real* to, Py_ssize_t n, double shrinkage) noexcept nogil:
        """Multiply weights by ``shrinkage``; add the gradient, as scaled as the deltas are."""

    cdef void apply_factor(self) noexcept nogil:
        """Multiply what is stored by the factor, which becomes 1."""

    cdef bint step(
        self, const Rule* rule, double rate, double l2, Py_ssize_t number
    ) noexcept nogil:
        """Step number so and so, from 1, along the gradient; False if not all threads are here."""
        cdef double clip
        if rule.code == KEEP:
            return True
        clip = clipping(rule, self.gradient, self.n_parameters)
        if rule.clip_norm > 0 and not self.synchronize():  # a step changes what others sum
            return False
        step_parameters(
            rule, &self.work, self.gradient, clip, rate, l2, number,
            self.share(self.n_parameters, LANES, False), self.share(self.n_parameters, LANES, True),
        )
        return rule.max_norm == 0 or (self.synchronize() and self.shorten(rule))

    cdef bint shorten(self, const Rule* rule) noexcept nogil:
        """Weights of activations whose norms are longer than allowed"""
        # Of this thread alone: another may be at another layer.
        cdef real* norms = self.workspace.work.activations
        cdef const Layer* layer
        cdef Py_ssize_t i, n_columns
        for i in range(self.work.n_layers):
            layer = &self.work.layers[i]
            n_columns = fours(layer.fan_out) if layer.transposed else layer.width
            limit_norms(
                rule, self.work.parameters + layer.weights, layer, norms,
                self.share(n_columns, LANES, False), self.share(n_columns, LANES, True),
            )
        return True

    cdef void copy_outputs(self, real* to, Py_ssize_t n) noexcept nogil:
        """Outputs of the last layer, (n, n_outputs)."""
