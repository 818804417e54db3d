"""Steps with momentum, one example at a time.

The gradient of one example is an outer product, so it takes no room: a step is one pass over each
row of weights and its velocity.  No row can wait, for where an input is 0 the velocity goes on.
"""


cdef real step_row(
    const Rule* rule, real rate, real l2, real x, const real* delta,
    restricted w, restricted velocity, Py_ssize_t n,
) noexcept nogil:
    """Step of a row for the gradient x delta; sum of the squares of the weights after it"""
    cdef real momentum = <real>rule.constants[0], g, v, u, total = 0
    # As in step_momentum
    cdef real ahead = momentum if rule.code == NESTEROV else <real>1
    cdef real direct = <real>1 if rule.code == NESTEROV else <real>0
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        g = x * delta[i] + l2 * w[i]
        v = momentum * velocity[i] + g
        u = w[i] - rate * (direct * g + ahead * v)
        velocity[i] = v
        w[i] = u
        total += u * u
    return total


cdef double step_layer(
    const Rule* rule, real* parameters, const Layer* layer, real rate, real l2, real scale,
    const real* x, const real* delta,
) noexcept nogil:
    """Step of a layer for the gradient scale x' delta, given all of x; likewise"""
    cdef Py_ssize_t n_rows = layer.fan_out if layer.transposed else layer.fan_in, row, at
    cdef const real* of_rows = delta if layer.transposed else x
    cdef const real* of_columns = x if layer.transposed else delta
    cdef double total = 0
    for row in range(n_rows):
        at = layer.weights + row * layer.row_length
        total += step_row(
            rule, rate, l2, scale * of_rows[row], of_columns, parameters + at, rule.kept + at,
            layer.row_length,
        )
    step_row(
        rule, rate, 0, scale, delta, parameters + layer.biases, rule.kept + layer.biases,
        layer.width,
    )
    return total


def train_one_by_one_with_momentum(
    Workspace workspace,
    Update update,                     # MOMENTUM or NESTEROV, with no penalty but l2
    Examples examples,
    Targets targets,
    real[::1] gathered,                # SCRATCH (n_inputs,)
    const Py_ssize_t[:, ::1] orders,   # IN  (n_epochs, n_examples) rows of X, in order
    const double[:, ::1] rates,        # IN  likewise
    const uint64_t[::1] keys,          # IN  (n_epochs,) of the dropout
    Py_ssize_t start,                  # the part of each order to train on
    Py_ssize_t stop,
    double[::1] losses,                # IN, OUT (n_epochs,) sums of the losses so far
    Py_ssize_t[::1] n_done,            # IN, OUT (1,) steps that were made
):
    """Descend along the gradient of one example after the other."""
    cdef Py_ssize_t n_epochs = orders.shape[0], epoch, t, i, row
    cdef Work* work = &workspace.work
    cdef const Rule* rule = &update.rule
    cdef const Rows* rows = &examples.rows
    cdef const Layer* layer
    cdef const Layer* last = &work.layers[work.n_layers - 1]
    cdef const real* x
    cdef real* delta
    cdef double divisor, l2, of_weights = 0, of_weights_after
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        if rule.counted_l2 > 0:
            of_weights = squares_of_weights(work, 1)
        for epoch in range(n_epochs):
            work.key = keys[epoch]
            for t in range(start, stop):
                row = row_at(rows, &orders[epoch, 0], start, t)
                divisor = divisor_of(
                    &targets.wanted, rule.by_weight, &orders[epoch, 0], t, t + 1
                )
                l2 = l2_of(rule, divisor)
                work.place = t
                list_example(work, rows, row)
                forward(work, 0)
                losses[epoch] += output_loss(
                    &targets.wanted, work.sums + last.outputs, outputs(work), orders[epoch, t],
                    work.deltas + last.outputs,
                ) / divisor
                if rule.counted_l2 > 0:
                    losses[epoch] += rule.counted_l2 * l2 / 2 * of_weights
                of_weights_after = 0
                for i in range(work.n_layers - 1, -1, -1):
                    layer = &work.layers[i]
                    delta = work.deltas + layer.outputs
                    times_slope_of(work, i, delta)
                    if i > 0:
                        x = work.units + work.layers[i - 1].outputs
                        propagate(
                            work.parameters, layer, inputs(work, i), delta,
                            work.deltas + work.layers[i - 1].outputs,
                        )
                    elif rows.indptr == NULL:
                        x = rows.values + row * rows.n_inputs
                    else:
                        x = &gathered[0]
                        copy_example(work, rows, row, &gathered[0])
                    of_weights_after += step_layer(
                        rule, work.parameters, layer, <real>rates[epoch, t], <real>l2,
                        <real>(1 / divisor), x, delta,
                    )
                of_weights = of_weights_after
        n_done[0] += n_epochs * (stop - start)
        fastnn_restore_subnormals(control)
