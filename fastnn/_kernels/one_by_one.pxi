"""Stochastic gradient descent: one example at a time, updates of the first layer postponed.

After an example, the update of a row of the first layer's weights is only written down: its
coefficient (-rate x) and where its delta is.  It is made when an example comes that has this input
too, in the same pass over the row as that example's forward step: one load and one store per weight
and example, instead of two loads and one store.  Every weight goes through the same operations in
the same order as if each update were made at once.

Deltas are kept in a ring.  When it is full, all updates that are still waiting are made.
"""


cdef struct Waiting:
    real* ring             # the deltas; the first of them is 0, for rows that do not wait
    Py_ssize_t* places     # per row, where in the ring its delta is
    real* coefficients     # per row
    Py_ssize_t* rows       # those that wait
    Py_ssize_t n_rows
    Py_ssize_t n_deltas
    Py_ssize_t capacity
    Py_ssize_t length      # from one delta to the next


cdef class Postponed:
    """Room for the updates that wait."""
    cdef object memory
    cdef Waiting waiting

    def __init__(
        self,
        real[:, ::1] ring,         # SCRATCH (capacity + 1, room of a delta), zero at first
        real[::1] coefficients,    # SCRATCH (n_inputs + 3,), zero at first
        Py_ssize_t[::1] places,    # SCRATCH (n_inputs + 3,), zero at first
        Py_ssize_t[::1] rows,      # SCRATCH (n_inputs + 1,)
    ):
        self.memory = (ring, coefficients, places, rows)
        self.waiting = Waiting(
            &ring[0, 0], &places[0], &coefficients[0], &rows[0], 0, 0,
            ring.shape[0] - 1, ring.shape[1],
        )


cdef void catch_up_and_add_rows(
    const Layer* layer, real* w, Inputs x, const Waiting* waiting, bint backwards, real* z
) noexcept nogil:
    """Make the updates that wait for the rows of x; z += x W"""
    cdef real c[4]
    cdef const real* d[4]
    cdef Py_ssize_t n = layer.width, k, at, i
    cdef Four f
    for k in range(0, x.n, 4):
        at = x.n - 4 - k if backwards else k
        f = four_rows(x.index, at)
        for i in range(4):
            c[i] = waiting.coefficients[f.row[i]]
            d[i] = waiting.ring + waiting.places[f.row[i]]
            f.row[i] *= layer.row_length
        if d[0] == d[1] and d[1] == d[2] and d[2] == d[3]:
            if d[0] == waiting.ring:
                axpy4(
                    x.values + at, w + f.row[0], w + f.row[1], w + f.row[2], w + f.row[3], z, n
                )
            else:
                step_and_axpy4(
                    c, d[0], x.values + at,
                    w + f.row[0], w + f.row[1], w + f.row[2], w + f.row[3], z, n,
                )
        else:
            steps_and_axpy4(
                c, d[0], d[1], d[2], d[3], x.values + at,
                w + f.row[0], w + f.row[1], w + f.row[2], w + f.row[3], z, n,
            )


cdef void postpone(
    Waiting* waiting, Inputs x, Py_ssize_t n, Py_ssize_t place, real scale
) noexcept nogil:
    """Write down the updates of the rows of x; the delta is at ``place``."""
    cdef Py_ssize_t k, row
    for k in range(n):
        row = x.index[k]
        waiting.rows[waiting.n_rows] = row
        waiting.n_rows += waiting.places[row] == 0
        waiting.places[row] = place
        waiting.coefficients[row] = scale * x.values[k]


cdef void catch_up(const Layer* layer, real* w, Waiting* waiting) noexcept nogil:
    """Make all updates that wait."""
    cdef Py_ssize_t k, row
    for k in range(waiting.n_rows):
        row = waiting.rows[k]
        axpy(
            waiting.coefficients[row], waiting.ring + waiting.places[row],
            w + row * layer.row_length, layer.width,
        )
        waiting.places[row] = 0
        waiting.coefficients[row] = 0
    waiting.n_rows = 0
    waiting.n_deltas = 0


cdef void prefetch_rows(
    const Layer* layer, const real* w, const Rows* rows, Py_ssize_t row
) noexcept nogil:
    """Ask for the rows of weights that an example will need: too far apart for the hardware to."""
    cdef Py_ssize_t i, k, at
    for i in range(rows.indptr[row], rows.indptr[row + 1]):
        at = rows.indices[i] if rows.indices != NULL else rows.long_indices[i]
        for k in range(layer.width // LANES):
            fastnn_prefetch(w + at * layer.row_length + k * LANES)


def train_one_by_one(
    Workspace workspace,
    Postponed postponed,
    Examples examples,
    Targets targets,
    const Py_ssize_t[:, ::1] orders,   # IN  (n_epochs, n_examples) rows of X, in order
    Py_ssize_t start,                  # the part of each order to train on
    Py_ssize_t stop,
    double learning_rate,
    double[::1] losses,                # IN, OUT (n_epochs,) sums of the losses so far
):
    """Descend along the gradient of one example after the other."""
    cdef Py_ssize_t n_epochs = orders.shape[0], epoch, t, place
    cdef const Work* work = &workspace.work
    cdef Waiting* waiting = &postponed.waiting
    cdef const Layer* first = work.layers
    cdef const Layer* last = &work.layers[work.n_layers - 1]
    cdef real* w = work.parameters + first.weights
    cdef real* biases = work.parameters + first.biases
    cdef real* delta
    cdef real scale = <real>-learning_rate
    cdef Inputs x
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        for epoch in range(n_epochs):
            for t in range(start, stop):
                list_example(
                    work, &examples.rows, row_at(&examples.rows, &orders[epoch, 0], start, t)
                )
                x = inputs(work, 0)
                if examples.rows.indptr != NULL and t + 1 < stop:
                    prefetch_rows(
                        first, w, &examples.rows,
                        row_at(&examples.rows, &orders[epoch, 0], start, t + 1),
                    )
                memcpy(work.units, biases, first.width * sizeof(real))
                # Back and forth, so that what was used last, and is still near, comes first.
                catch_up_and_add_rows(first, w, x, waiting, t & 1, work.units)
                activate_layer(first, work.units)
                forward(work, 1)
                waiting.n_deltas += 1
                place = waiting.n_deltas * waiting.length
                delta = waiting.ring + place
                losses[epoch] += output_loss(
                    outputs(work), last, &targets.wanted, orders[epoch, t],
                    delta if work.n_layers == 1 else work.deltas + last.outputs,
                )
                backward(work, delta, scale)
                axpy(scale, delta, biases, first.width)
                postpone(waiting, x, work.n_listed[0], place, scale)
                if waiting.n_deltas == waiting.capacity:
                    catch_up(first, w, waiting)
        catch_up(first, w, waiting)
        fastnn_restore_subnormals(control)
