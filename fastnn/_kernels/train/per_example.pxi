"""Stochastic gradient descent, one example at a time: the driver, for any policy of updates."""


cdef struct Step:
    const Rows* rows
    Py_ssize_t row      # of the example in X
    Inputs upcoming     # of the next example, to prefetch; empty if there is none
    bint is_odd         # position in the order is odd
    double rate
    double divisor      # of loss and gradient: 1, or the weight of the example
    double l2           # penalty


cdef class PerExamplePolicy:
    """Decide how and when the parameters are updated.

    Attributes
    ----------
    delta : pointer
        Where the delta of the first layer is to be written in the current step, (width,).
    """
    cdef real* delta

    cdef void add_first_layer(
        self, const Work* work, const Rule* rule, const Step* step
    ) noexcept nogil:
        """Add x W to the activations of the first layer, after the pending updates of its rows.

        The nonzeros of x have been gathered.  Set `delta`.
        """

    cdef void update(self, const Work* work, const Rule* rule, const Step* step) noexcept nogil:
        """Run the backward pass from the derivatives of the loss; update or defer."""

    cdef void flush(self, const Work* work, const Rule* rule, bint is_end_of_epoch) noexcept nogil:
        """Apply all pending updates and, at the end of an epoch, the factor."""

    cdef void apply_factor(self, const Work* work) noexcept nogil:
        """Multiply the stored weights of the first layer by their factor, if there is one."""


def apply_weight_factor(Workspace workspace, PerExamplePolicy policy, /):
    """Make the stored weights the network's: multiply them by their factor."""
    with nogil:
        policy.apply_factor(&workspace.work)


cdef inline Step step_at(
    const Rows* rows, const Py_ssize_t* order, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t t,
    const Rule* rule, const Wanted* wanted, double rate,
) noexcept nogil:
    """Return the step at position t of an order that is visited from ``start`` to ``stop``."""
    cdef double divisor = divisor_of(wanted, rule.by_weight, order, t, t + 1)
    cdef Inputs upcoming = Inputs(0, NULL, NULL)
    if t + 1 < stop:
        upcoming = stored_inputs(rows, row_at(rows, order, start, t + 1))
    return Step(
        rows, row_at(rows, order, start, t), upcoming, t & 1, rate, divisor, l2_of(rule, divisor)
    )


cdef inline double forward_step(
    const Work* work, PerExamplePolicy policy, const Rule* rule, const Wanted* wanted,
    Py_ssize_t target, const Step* step,
) noexcept nogil:
    """Run the forward pass; return the loss, and write its derivatives to the last delta."""
    cdef const Layer* first = work.layers
    cdef const Layer* last = &work.layers[work.n_layers - 1]
    gather_example(work, step.rows, step.row)
    memcpy(work.activations, work.parameters + first.biases, first.width * sizeof(real))
    policy.add_first_layer(work, rule, step)
    activate_layer(first, work.activations, work.zs)
    drop_units(work, 0)
    forward(work, 1)
    return output_loss(
        wanted, work.zs + last.outputs, outputs(work), target,
        policy.delta if work.n_layers == 1 else work.deltas + last.outputs,
    )


def train_per_example(
    Workspace workspace,
    PerExamplePolicy policy,
    Update update,                     # one that the policy can make
    Examples examples,
    Targets targets,
    const Py_ssize_t[:, ::1] orders,   # IN  (n_epochs, n_examples) rows of X, in order
    const double[:, ::1] rates,        # IN  (n_epochs, n_examples)
    const uint64_t[::1] keys,          # IN  (n_epochs,) of the dropout
    Py_ssize_t start,                  # range of each order to train on
    Py_ssize_t stop,
    double[::1] losses,                # IN, OUT (n_epochs,) sums of the losses so far
    Py_ssize_t[::1] n_done,            # IN, OUT (2,) steps made; the second element is unused
    /,
):
    """Update the parameters after each example.

    Nothing is pending when the call ends, but the factor of the first layer's weights is applied
    only at the end of an epoch or by `apply_weight_factor`.
    """
    cdef Py_ssize_t n_epochs = orders.shape[0], epoch, t
    cdef Work* work = &workspace.work
    cdef const Rule* rule = &update.rule
    cdef const Wanted* wanted = &targets.wanted
    cdef const Py_ssize_t* order
    cdef Step step
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        for epoch in range(n_epochs):
            order = &orders[epoch, 0]
            work.dropout_key = keys[epoch]
            for t in range(start, stop):
                work.position = t
                step = step_at(
                    &examples.rows, order, start, stop, t, rule, wanted, rates[epoch, t]
                )
                losses[epoch] += (
                    forward_step(work, policy, rule, wanted, order[t], &step) / step.divisor
                )
                policy.update(work, rule, &step)
            policy.flush(work, rule, stop == orders.shape[1])
        n_done[0] += n_epochs * (stop - start)
        fastnn_restore_subnormals(control)
