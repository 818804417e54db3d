"""Gradient descent by batches."""


def apply_weight_factor_of_batches(BatchWorkspace workspace, /):
    """Multiply the stored weights by their factor; each workspace of a team makes this call."""
    with nogil:
        if workspace.factor != 1:
            workspace.apply_factor()


# A range of an order that is computed at once: a batch, or a part of one
cdef struct BatchPart:
    Py_ssize_t t             # position of its first example
    Py_ssize_t n             # examples
    Py_ssize_t batch         # number of the batch in the epoch
    Py_ssize_t batch_start   # range of the batch in the order
    Py_ssize_t batch_stop
    double rate
    double divisor           # of the sums over the batch
    double l2                # penalty
    bint is_direct           # the gradient goes straight to the parameters: a whole, plain batch


cdef inline BatchPart part_at(
    const Py_ssize_t* order, Py_ssize_t n_examples, Py_ssize_t t, Py_ssize_t stop,
    Py_ssize_t batch_size, Py_ssize_t capacity, const Rule* rule, const Wanted* wanted,
    const double* rates,
) noexcept nogil:
    """Return the part from position t on, given the rates of the epoch's batches."""
    cdef Py_ssize_t batch = t // batch_size, batch_start = batch * batch_size
    cdef Py_ssize_t batch_stop = min(batch_start + batch_size, n_examples)
    cdef Py_ssize_t n = min(min(batch_stop, stop) - t, capacity)
    cdef double divisor = divisor_of(wanted, rule.by_weight, order, batch_start, batch_stop)
    return BatchPart(
        t, n, batch, batch_start, batch_stop, rates[batch], divisor, l2_of(rule, divisor),
        rule.is_plain and n == batch_stop - batch_start,
    )


cdef bint apply_factor_together(BatchWorkspace workspace) noexcept nogil:
    """Multiply the stored weights by their factor, if it is not 1; return False to end."""
    if workspace.factor == 1:
        return True
    workspace.apply_factor()
    return workspace.synchronize()


cdef bint compute_part(
    BatchWorkspace workspace, const Rows* rows, const Wanted* wanted, const Py_ssize_t* order,
    Py_ssize_t start, const BatchPart* part, double* loss,
) noexcept nogil:
    """Run the forward and backward passes, and add the losses to ``loss``; return False to end."""
    cdef double added
    cdef real scale = <real>((-part.rate if part.is_direct else 1) / part.divisor)
    workspace.load(rows, order, start, part.t, part.n)
    workspace.forward(part.n)
    added = workspace.losses(wanted, order + part.t, part.n, scale)
    workspace.backward(part.n)
    if not workspace.synchronize():
        return False
    if workspace.thread == 0:
        added += workspace.shared_losses(part.n)
    loss[0] += added * ((part.batch_stop - part.batch_start) / part.divisor)
    return True


cdef bint update_by_part(
    BatchWorkspace workspace, const Rule* rule, const BatchPart* part, Py_ssize_t number,
    bint stops_in_steps, Py_ssize_t* n_done,
) noexcept nogil:
    """Add the gradient of a part, and after the last take step ``number``; return False to end."""
    if part.is_direct:
        n_done[1] = True
        workspace.may_interrupt = stops_in_steps
        workspace.add_gradient(workspace.work.parameters, part.n, 1 - part.rate * part.l2)
        workspace.may_interrupt = True
    else:
        workspace.add_gradient(workspace.gradient, part.n, 1)
    if not workspace.synchronize():
        return False
    if part.t + part.n < part.batch_stop:
        return True
    if not part.is_direct:
        n_done[1] = True
        if not (workspace.step(rule, part.rate, part.l2, number) and workspace.synchronize()):
            return False
    n_done[0] += 1
    n_done[1] = False
    return True


def train_in_batches(
    BatchWorkspace workspace,
    Update update,
    Examples examples,
    Targets targets,
    const Py_ssize_t[:, ::1] orders,   # IN  (n_epochs, n_examples) rows of X, in order
    const double[:, ::1] rates,        # IN  (n_epochs, n_batches)
    const uint64_t[::1] keys,          # IN  (n_epochs,) of the dropout
    Py_ssize_t n_steps,                # before these epochs
    Py_ssize_t start,                  # range of each order to train on
    Py_ssize_t stop,
    Py_ssize_t batch_size,
    double[::1] losses,                # IN, OUT (n_epochs,) sums of the losses so far
    Py_ssize_t[::1] n_done,            # IN, OUT (2,) steps that were made; whether one is half made
    bint stops_in_steps,               # check for signals also while parameters change
    /,
):
    """Take a step along the mean gradient of each batch.

    Batches begin at multiples of ``batch_size``, and the last may be smaller; a batch may be spread
    over several calls.  Each thread of a team makes the same call with its own workspace and its
    own ``losses``.

    An error of a signal handler ends the call before a step or, if ``stops_in_steps``, in one.
    """
    cdef Py_ssize_t n_epochs = orders.shape[0], n_examples = orders.shape[1]
    cdef Py_ssize_t n_batches = rates.shape[1], epoch, t
    cdef const Rule* rule = &update.rule
    cdef const Wanted* wanted = &targets.wanted
    cdef const Py_ssize_t* order
    cdef BatchPart part
    cdef bint is_going_on = True
    with nogil:
        workspace.begin_call()
        for epoch in range(n_epochs):
            order = &orders[epoch, 0]
            workspace.work.dropout_key = keys[epoch]
            t = start
            while t < stop and is_going_on:
                part = part_at(
                    order, n_examples, t, stop, batch_size, workspace.capacity, rule, wanted,
                    &rates[epoch, 0],
                )
                is_going_on = (
                    (part.is_direct or apply_factor_together(workspace))
                    and compute_part(
                        workspace, &examples.rows, wanted, order, start, &part, &losses[epoch]
                    )
                    and update_by_part(
                        workspace, rule, &part, n_steps + epoch * n_batches + part.batch + 1,
                        stops_in_steps, &n_done[0],
                    )
                )
                t += part.n
            # The bits must not depend on how an epoch is divided into calls.
            if stop == n_examples and is_going_on:
                is_going_on = apply_factor_together(workspace)
        fastnn_restore_subnormals(workspace.control)
    fastnn_raise()
