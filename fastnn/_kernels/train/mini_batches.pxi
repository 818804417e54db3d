"""Gradient descent batch by batch."""


def apply_weight_factor_of_batches(BatchWorkspace workspace, /):
    """Make the parameters what they stand for; for each workspace of a team."""
    with nogil:
        if workspace.factor != 1:
            workspace.apply_factor()


def train_in_batches(
    BatchWorkspace workspace,
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
    bint stops_in_steps,               # check_signals for signals while parameters change, too
    /,
):
    """Take a step for the mean gradient of batch after batch.

    Batches begin at multiples of ``batch_size`` and the last may be smaller; a batch may be spread
    over several calls.  Each thread of a team makes the same call with a workspace of its own, and
    ``losses`` for its part of the examples.

    What a signal handler raises ends the call before a step, or in one if it may stop there.
    """
    cdef Py_ssize_t n_epochs = orders.shape[0], n_examples = orders.shape[1]
    cdef Py_ssize_t epoch, t, n, batch, batch_start, batch_stop
    cdef const Rule* rule = &update.rule
    cdef bint at_once, is_synchronized = True
    cdef double rate, divisor, l2, loss
    with nogil:
        workspace.begin_call()
        for epoch in range(n_epochs):
            t = start
            while t < stop and is_synchronized:
                batch = t // batch_size
                batch_start = batch * batch_size
                batch_stop = min(batch_start + batch_size, n_examples)
                n = min(min(batch_stop, stop) - t, workspace.capacity)
                rate = rates[epoch, batch]
                divisor = divisor_of(
                    &targets.wanted, rule.by_weight, &orders[epoch, 0], batch_start, batch_stop
                )
                l2 = l2_of(rule, divisor)
                at_once = rule.is_plain and n == batch_stop - batch_start
                workspace.work.key = keys[epoch]
                if not at_once and workspace.factor != 1:
                    workspace.apply_factor()
                    is_synchronized = workspace.synchronize()
                workspace.load(&examples.rows, &orders[epoch, 0], start, t, n)
                workspace.forward(n)
                loss = workspace.losses(
                    &targets.wanted, &orders[epoch, t], n,
                    <real>((-rate if at_once else 1) / divisor),
                )
                workspace.backward(n)
                is_synchronized = workspace.synchronize()
                if not is_synchronized:
                    break
                if workspace.thread == 0:
                    loss += workspace.collected(n)
                losses[epoch] += loss * ((batch_stop - batch_start) / divisor)
                if at_once:
                    n_done[1] = True
                    workspace.may_stop = stops_in_steps
                    workspace.add_gradient(workspace.work.parameters, n, 1 - rate * l2)
                    workspace.may_stop = True
                else:
                    workspace.add_gradient(workspace.gradient, n, 1)
                is_synchronized = workspace.synchronize()
                t += n
                if t == batch_stop and not at_once and is_synchronized:
                    n_done[1] = True
                    is_synchronized = (
                        workspace.step(rule, rate, l2, n_steps + epoch * rates.shape[1] + batch + 1)
                        and workspace.synchronize()
                    )
                if t == batch_stop and is_synchronized:
                    n_done[0] += 1
                    n_done[1] = False
            # After each epoch, so that it comes to the same bits whatever the calls.
            if stop == n_examples and is_synchronized and workspace.factor != 1:
                workspace.apply_factor()
                is_synchronized = workspace.synchronize()
        fastnn_restore_subnormals(workspace.control)
    fastnn_raise()
