"""Stochastic gradient descent: one example at a time, updates of the first layer deferred.

After an example, the update of a row of the first layer's weights is only written down: its
coefficient (-rate x) and where its delta is.  It is made when an example comes that has this input
too, in the same pass over the row as that example's forward step: one load and one store per weight
and example, instead of two loads and one store.  Every weight goes through the same operations in
the same order as if each update were made at once.

Deltas are slot_0 in a ring.  Before one half of it takes new ones, the updates are made that still
wait for its old ones.  If it has no room at all, none defers: that serves weights that are near
anyway, and inputs so sparse that rows hardly meet again.  Of these, an example finds most of its
rows far away, so they are sent for while the one before is updated.

An L2 penalty shrinks all weights at every step.  Those of the first layer are a common factor times
what is stored, and it is the factor that shrinks: with weights W = factor V, a step
W = shrinkage W - rate x' delta is factor = shrinkage factor, V -= rate x' delta / factor.
"""


cdef struct PendingRing:
    real* ring             # after a delta of 0, for rows that do not wait, those of examples
    int32_t* places        # per row, where its delta begins in the ring
    real* coefficients     # per row
    Py_ssize_t newest      # number of the delta written last, from 1
    Py_ssize_t capacity    # deltas of examples; 0: none defers, and the one delta is that at hand
    Py_ssize_t length      # from one delta to the next
    bint together          # all rows have the same delta
    double factor          # weights are this times what is stored


cdef class PendingUpdates:
    """The updates that wait, of at most ``capacity`` examples."""
    cdef Buffer ring, coefficients, places
    cdef PendingRing pending

    def __init__(self, Network network, Py_ssize_t capacity, /):
        cdef Py_ssize_t n_rows = network.layers[0].fan_in + _SPARE_ROWS
        cdef Py_ssize_t length = padded_units(network.layers[0].fan_out)
        self.ring, self.coefficients = reals((capacity + 1) * length), reals(n_rows)
        self.places = Buffer(n_rows, sizeof(int32_t))
        self.pending = PendingRing(
            <real*>self.ring.data, <int32_t*>self.places.data, <real*>self.coefficients.data,
            0, capacity, length, False, 1,
        )


cdef void apply_pending_and_add_rows(
    const Layer* layer, real* w, Inputs x, const PendingRing* pending, bint backwards, real* z,
    Inputs upcoming,
) noexcept nogil:
    """Make the updates that wait for the rows of x; z += x W; send for the inputs that come next"""
    cdef real c[4]
    cdef const real* d[4]
    cdef Py_ssize_t n = layer.width, k, at, i
    cdef Four f
    for k in range(0, x.n, 4):
        fetch_inputs(upcoming, k)
        at = x.n - 4 - k if backwards else k
        f = four_rows(x.index, at)
        for i in range(4):
            c[i] = pending.coefficients[f.row[i]]
            d[i] = pending.ring + pending.places[f.row[i]]
            f.row[i] *= layer.row_length
        # To see that four rows happen to have one delta takes as long as to read it four times.
        if pending.together:
            step_and_axpy4(
                c, d[0], x.values + at,
                w + f.row[0], w + f.row[1], w + f.row[2], w + f.row[3], z, n,
            )
        else:
            steps_and_axpy4(
                c, d[0], d[1], d[2], d[3], x.values + at,
                w + f.row[0], w + f.row[1], w + f.row[2], w + f.row[3], z, n,
            )


cdef inline inlined_void fetch_inputs(Inputs upcoming, Py_ssize_t k) noexcept nogil:
    """Send for some of them: at row k of another example, for as many as eight per row"""
    cdef Py_ssize_t i = 8 * k
    while i < min(8 * k + 32, upcoming.n):
        fastnn_fetch(upcoming.values + i)
        if upcoming.index != NULL:
            fastnn_fetch(upcoming.index + i)
        i += LANES


cdef inline inlined_void fetch_rows(
    const real* w, const Layer* layer, Inputs upcoming, Py_ssize_t k
) noexcept nogil:
    """Send for the rows of weights of four of them, if they are listed"""
    # Of a long row, hardware goes on to fetch what follows the first few lines.
    cdef Py_ssize_t n_lines = min(layer.width // LANES, 4), i, line
    if upcoming.index == NULL or k + 4 > upcoming.n:
        return
    for i in range(4):
        for line in range(n_lines):
            fastnn_fetch(w + upcoming.index[k + i] * layer.row_length + line * LANES)


cdef void step_rows_and_fetch(
    real* w, const Layer* layer, Inputs x, const real* delta, real scale, Inputs upcoming
) noexcept nogil:
    """W += scale x' delta, row after row; meanwhile send for about as many that come next"""
    cdef Py_ssize_t k
    for k in range(0, x.n, 4):
        fetch_rows(w, layer, upcoming, k)
        step_four(
            w, layer.row_length, four_rows(x.index, k), x.values + k, scale, delta, layer.width
        )


cdef void defer(
    const Layer* layer, real* w, PendingRing* pending, Inputs x, Py_ssize_t n, real scale
) noexcept nogil:
    """Write down the updates of the rows of x, of which n are no filling, with the newest delta.

    Where the next delta will be the first in its half of the ring, the updates that wait for the
    old ones there are made.
    """
    cdef Py_ssize_t place = pending.newest * pending.length, half = (pending.capacity + 1) // 2, k
    for k in range(n):
        pending.places[x.index[k]] = <int32_t>place
        pending.coefficients[x.index[k]] = scale * x.values[k]
    pending.together = n == layer.fan_in
    if pending.newest == half:
        apply_pending(layer, w, pending, half + 1, pending.capacity)
    if pending.newest == pending.capacity:
        apply_pending(layer, w, pending, 1, half)
        pending.newest = 0


cdef void apply_pending(
    const Layer* layer, real* w, PendingRing* pending, Py_ssize_t oldest, Py_ssize_t newest
) noexcept nogil:
    """Make the updates that wait for the deltas with numbers from ``oldest`` to ``newest``."""
    cdef Py_ssize_t begin = oldest * pending.length, end = (newest + 1) * pending.length, row
    for row in range(layer.fan_in):
        if begin <= pending.places[row] < end:
            axpy(
                pending.coefficients[row], pending.ring + pending.places[row],
                w + row * layer.row_length, layer.width,
            )
            pending.places[row] = 0
            pending.coefficients[row] = 0


cdef enum:
    _MAX_STRETCH = 1_000_000  # beyond, what is stored would leave the range of floats


cdef void apply_factor(const Layer* layer, real* w, PendingRing* pending) noexcept nogil:
    """Multiply what is stored by the factor, which becomes 1."""
    if pending.capacity > 0:
        apply_pending(layer, w, pending, 1, pending.capacity)
    shrink(w, pending.factor, layer.biases - layer.weights)
    pending.factor = 1


def apply_weight_factor(Workspace workspace, PendingUpdates deferred, /):
    """Make the parameters what they stand for."""
    cdef const Work* work = &workspace.work
    with nogil:
        if deferred.pending.factor != 1:
            apply_factor(
                work.layers, work.parameters + work.layers.weights, &deferred.pending
            )


def train_per_example(
    Workspace workspace,
    PendingUpdates deferred,
    Update update,                     # a plain one
    Examples examples,
    Targets targets,
    const Py_ssize_t[:, ::1] orders,   # IN  (n_epochs, n_examples) rows of X, in order
    const double[:, ::1] rates,        # IN  likewise
    const uint64_t[::1] keys,          # IN  (n_epochs,) of the dropout
    Py_ssize_t start,                  # the part of each order to train on
    Py_ssize_t stop,
    double[::1] losses,                # IN, OUT (n_epochs,) zs of the losses so far
    Py_ssize_t[::1] n_done,            # IN, OUT (2,) steps that were made; unused
    /,
):
    """Descend along the gradient of one example after the other.

    With an L2 penalty, the factor is applied only where an epoch ends, or by `apply_weight_factor`.
    """
    cdef Py_ssize_t n_epochs = orders.shape[0], epoch, t, k
    cdef const Work* work = &workspace.work
    cdef PendingRing* pending = &deferred.pending
    cdef bint has_dropout = work.dropout != NULL
    cdef const Rule* rule = &update.rule
    cdef double rate, shrinkage, factor, divisor
    cdef const Layer* first = work.layers
    cdef const Layer* last = &work.layers[work.n_layers - 1]
    cdef real* w = work.parameters + first.weights
    cdef real* biases = work.parameters + first.biases
    cdef real* delta
    cdef real scale, scale_of_stored
    cdef Inputs x, upcoming
    cdef Inputs none = Inputs(0, NULL, NULL)
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        for epoch in range(n_epochs):
            for t in range(start, stop):
                list_example(
                    work, &examples.rows, row_at(&examples.rows, &orders[epoch, 0], start, t)
                )
                rate, factor = rates[epoch, t], pending.factor
                divisor = divisor_of(
                    &targets.wanted, rule.by_weight, &orders[epoch, 0], t, t + 1
                )
                scale = scale_of_stored = <real>(-rate / divisor)
                shrinkage = 1 - rate * l2_of(rule, divisor)
                if factor != 1:
                    for k in range(work.n_listed[0]):
                        work.values[k] *= <real>factor
                if has_dropout:
                    workspace.work.key, workspace.work.place = keys[epoch], t
                x = inputs(work, 0)
                upcoming = none
                if t + 1 < stop:
                    upcoming = given_inputs(
                        &examples.rows, row_at(&examples.rows, &orders[epoch, 0], start, t + 1)
                    )
                memcpy(work.activations, biases, first.width * sizeof(real))
                # Back and forth, so that what was used last, and is still near, comes first.
                if pending.capacity == 0:
                    add_inputs(w, first, x, t & 1, work.activations)
                else:
                    apply_pending_and_add_rows(
                        first, w, x, pending, t & 1, work.activations, upcoming
                    )
                activate_layer(first, work.activations, work.zs)
                drop_out(work, 0)
                forward(work, 1)
                pending.newest += pending.capacity != 0
                delta = pending.ring + pending.newest * pending.length
                losses[epoch] += output_loss(
                    &targets.wanted, work.zs + last.outputs, outputs(work), orders[epoch, t],
                    delta if work.n_layers == 1 else work.deltas + last.outputs,
                ) / divisor
                backward(work, delta, scale, shrinkage)
                axpy(scale, delta, biases, first.width)
                if shrinkage != 1 or factor != 1:
                    pending.factor *= shrinkage
                    # The values in the list have been multiplied by the factor of before.
                    scale_of_stored = <real>(-rate / divisor / (factor * pending.factor))
                if pending.capacity == 0:
                    step_rows_and_fetch(w, first, x, delta, scale_of_stored, upcoming)
                else:
                    defer(first, w, pending, x, work.n_listed[0], scale_of_stored)
                if pending.factor * _MAX_STRETCH < 1:
                    apply_factor(first, w, pending)
            # After each epoch, so that it comes to the same bits whatever the calls.
            if stop == orders.shape[1] and pending.factor != 1:
                apply_factor(first, w, pending)
        if pending.capacity > 0:
            apply_pending(first, w, pending, 1, pending.capacity)
        n_done[0] += n_epochs * (stop - start)
        fastnn_restore_subnormals(control)
