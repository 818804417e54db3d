"""Gradient descent batch by batch, and prediction, for every way to compute a block of examples."""


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
    WORK_PER_LOOK = 200_000_000
    # By so many the first use of a number counts, which comes from memory.
    WORK_PER_NUMBER = 16


cdef class Team:
    """Threads that share the work on each batch."""
    cdef fastnn_barrier barrier
    cdef double[::1] losses

    def __init__(
        self,
        int n_threads,
        double[::1] losses=None,  # SCRATCH (capacity,) of the examples of a Block
        /,
    ):
        self.barrier = fastnn_barrier(n_threads, 0, 0, 0, 0)
        self.losses = losses

    def abandon(self):
        """Let go of those that wait for threads that will not come."""
        fastnn_abandon(&self.barrier)


cdef class Room:
    """Room for a block of examples, a way to compute them, and one thread's part of the work.

    Attributes
    ----------
    capacity : int
        Examples in a block, at most.
    """
    cdef Workspace workspace
    cdef Work work            # with the outputs and deltas of all examples
    cdef object memory
    cdef real[::1] gradients
    cdef readonly Py_ssize_t capacity
    cdef bint sees_signals    # this thread is the one that handles signals
    cdef bint may_stop        # nothing is half done that must not be
    cdef double unseen        # work since the last look for signals
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

    cdef inline bint meet(self) noexcept nogil:
        if self.n_threads == 1:
            return not fastnn_is_abandoned(&self.team.barrier)
        return fastnn_meet(&self.team.barrier)

    cdef void begin_call(self) noexcept nogil:
        """Begin to look for signals, and to flush subnormals."""
        self.sees_signals = self.thread == 0 and fastnn_is_main_thread()
        self.may_stop, self.unseen = True, 0
        self.control = fastnn_flush_subnormals()

    cdef inline bint goes_on(self, double work) noexcept nogil:
        """Count work that is to come, and now and then look for signals; False: do no more of it"""
        self.unseen += work
        return self.unseen < WORK_PER_LOOK or self.look()

    cdef bint look(self) noexcept nogil:
        if not self.may_stop:
            return True
        self.unseen = 0
        if self.sees_signals:
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
        if rule.clip_norm > 0 and not self.meet():  # nobody steps while another takes the norm
            return False
        step_parameters(
            rule, &self.work, self.gradient, clip, rate, l2, number,
            self.share(self.n_parameters, LANES, False), self.share(self.n_parameters, LANES, True),
        )
        return rule.max_norm == 0 or (self.meet() and self.shorten(rule))

    cdef bint shorten(self, const Rule* rule) noexcept nogil:
        """Weights of units whose norms are longer than allowed"""
        # Of this thread alone: another may be at another layer.
        cdef real* norms = self.workspace.work.units
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


def settle_room(Room room, /):
    """Make the parameters what they stand for; for each room of a team."""
    with nogil:
        if room.factor != 1:
            room.apply_factor()


def train_in_batches(
    Room room,
    Update update,
    Examples examples,
    Targets targets,
    const Py_ssize_t[:, ::1] orders,   # IN  (n_epochs, n_examples) rows of X, in order
    const double[:, ::1] rates,        # IN  (n_epochs, n_batches)
    const uint64_t[::1] keys,          # IN  (n_epochs,) of the dropout
    Py_ssize_t n_steps,                # before these epochs
    Py_ssize_t start,                  # the part of each order to train on
    Py_ssize_t stop,
    Py_ssize_t batch_size,
    double[::1] losses,                # IN, OUT (n_epochs,) sums of the losses so far
    Py_ssize_t[::1] n_done,            # IN, OUT (2,) steps that were made; whether one is half made
    bint stops_in_steps,               # look for signals while parameters change, too
    /,
):
    """Take a step for the mean gradient of batch after batch.

    Batches begin at multiples of ``batch_size`` and the last may be smaller; a batch may be spread
    over several calls.  Each thread of a team makes the same call with a room of its own, and
    ``losses`` for its part of the examples.

    What a signal handler raises ends the call before a step, or in one if it may stop there.
    """
    cdef Py_ssize_t n_epochs = orders.shape[0], n_examples = orders.shape[1]
    cdef Py_ssize_t epoch, t, n, batch, batch_start, batch_stop
    cdef const Rule* rule = &update.rule
    cdef bint at_once, are_all_here = True
    cdef double rate, divisor, l2, loss
    with nogil:
        room.begin_call()
        for epoch in range(n_epochs):
            t = start
            while t < stop and are_all_here:
                batch = t // batch_size
                batch_start = batch * batch_size
                batch_stop = min(batch_start + batch_size, n_examples)
                n = min(min(batch_stop, stop) - t, room.capacity)
                rate = rates[epoch, batch]
                divisor = divisor_of(
                    &targets.wanted, rule.by_weight, &orders[epoch, 0], batch_start, batch_stop
                )
                l2 = l2_of(rule, divisor)
                at_once = rule.is_plain and n == batch_stop - batch_start
                room.work.key = keys[epoch]
                if not at_once and room.factor != 1:
                    room.apply_factor()
                    are_all_here = room.meet()
                room.load(&examples.rows, &orders[epoch, 0], start, t, n)
                room.forward(n)
                loss = room.losses(
                    &targets.wanted, &orders[epoch, t], n,
                    <real>((-rate if at_once else 1) / divisor),
                )
                room.backward(n)
                are_all_here = room.meet()
                if not are_all_here:
                    break
                if room.thread == 0:
                    loss += room.collected(n)
                losses[epoch] += loss * ((batch_stop - batch_start) / divisor)
                if at_once:
                    n_done[1] = True
                    room.may_stop = stops_in_steps
                    room.add_gradient(room.work.parameters, n, 1 - rate * l2)
                    room.may_stop = True
                else:
                    room.add_gradient(room.gradient, n, 1)
                are_all_here = room.meet()
                t += n
                if t == batch_stop and not at_once and are_all_here:
                    n_done[1] = True
                    are_all_here = (
                        room.step(rule, rate, l2, n_steps + epoch * rates.shape[1] + batch + 1)
                        and room.meet()
                    )
                if t == batch_stop and are_all_here:
                    n_done[0] += 1
                    n_done[1] = False
            # After each epoch, so that it comes to the same bits whatever the calls.
            if stop == n_examples and are_all_here and room.factor != 1:
                room.apply_factor()
                are_all_here = room.meet()
        fastnn_restore_subnormals(room.control)
    fastnn_raise()


def predict_in_batches(
    Room room,
    Examples examples,      # in order
    real[:, ::1] outputs,   # OUT (n_examples, n_outputs)
    Targets targets=None,
    const Py_ssize_t[::1] rows=None,  # IN  (n_examples,) those of the targets
    Team team=None,         # of one thread, common to calls that end when one is interrupted
    /,
) -> float:
    """Outputs and, if there are targets, the sum of the losses."""
    cdef Team own = room.team
    cdef Py_ssize_t n_examples = outputs.shape[0], t, n
    cdef bint has_targets = targets is not None
    cdef double loss = 0
    if team is not None:
        room.team = team
    with nogil:
        room.begin_call()
        t = 0
        while t < n_examples and not fastnn_is_abandoned(&room.team.barrier):
            n = min(room.capacity, n_examples - t)
            room.load(&examples.rows, NULL, 0, t, n)
            room.forward(n)
            room.copy_outputs(&outputs[t, 0], n)
            if has_targets:
                loss += room.losses(&targets.wanted, &rows[t], n, 1) + room.collected(n)
            t += n
        fastnn_restore_subnormals(room.control)
    room.team = own
    fastnn_raise()
    return loss
