"""Steps with momentum, one example at a time.

The gradient of one example is an outer product, so it takes no room: a step is one pass over each
row of weights and its velocity.

A row whose input is 0 takes a step, too, for its velocity goes on, and an L2 penalty pulls.  But
these steps are all alike: without a gradient, the weight w and velocity v of every parameter of the
layer become A (w, v), with the same matrix A for all.  So rows of the first layer wait.  For each
of the last steps, in a ring, there are its delta and what has become since then of a parameter that
the step found at (w, v), with a gradient g: the map M (w, v) + q g.  A row is brought up to date by
that map where an example comes that has its input, or where its place in the ring is to be used
again.  That changes how sums are rounded, and nothing else.
"""


cdef struct Pull:
    double of_w[2]  # what a weight adds to weight and velocity in a step
    double of_v[2]  # what a velocity adds
    double of_g[2]  # what the gradient of the loss adds


cdef inline Pull pull_of(const Rule* rule, double rate, double l2) noexcept nogil:
    """v' = momentum v + g + l2 w; w' = w - rate (g + l2 w) or, with Nesterov's, along v' ahead"""
    cdef double momentum = rule.constants[0]
    cdef double ahead = momentum if rule.code == NESTEROV else 1
    cdef double direct = 1 if rule.code == NESTEROV else 0
    cdef Pull pull
    pull.of_w[0], pull.of_w[1] = 1 - rate * l2 * (direct + ahead), l2
    pull.of_v[0], pull.of_v[1] = -rate * ahead * momentum, momentum
    pull.of_g[0], pull.of_g[1] = -rate * (direct + ahead), 1
    return pull


cdef enum:
    _MAPS = 6  # numbers of a map: of_w, of_v, of_g


cdef struct Steps:
    real* ring             # deltas, one for each place
    double* maps           # (6, capacity)
    int32_t* places        # per row: that of the step that it waits for
    real* coefficients     # per row: times the delta there, its gradient in that step
    Py_ssize_t capacity    # 0: none waits
    Py_ssize_t length      # from one delta to the next
    Py_ssize_t at          # place of the next step


cdef class PostponedSteps:
    """Room for the steps that wait."""
    cdef object memory
    cdef Steps steps

    def __init__(
        self,
        real[:, ::1] ring,         # SCRATCH (capacity, room of a delta), zero at first
        double[:, ::1] maps,       # SCRATCH (6, capacity), or more if there is none
        real[::1] coefficients,    # SCRATCH (n_inputs + 3,), zero at first
        int32_t[::1] places,       # SCRATCH likewise
        Py_ssize_t capacity,
    ):
        self.memory = (ring, maps, coefficients, places)
        self.steps = Steps(
            &ring[0, 0], &maps[0, 0], &places[0], &coefficients[0], capacity, ring.shape[1], 0
        )


cdef void open_place(Steps* steps, Py_ssize_t at) noexcept nogil:
    """Of a step that is not made yet: nothing has changed since."""
    cdef Py_ssize_t i
    steps.at = at
    for i in range(_MAPS):
        steps.maps[i * steps.capacity + at] = 1 if i == 0 or i == 3 else 0


cdef void advance(Steps* steps, Pull pull) noexcept nogil:
    """A step is made: all maps go on by it."""
    cdef Py_ssize_t n = steps.capacity, i, k
    cdef double* w
    cdef double* v
    cdef double before
    for i in range(0, _MAPS, 2):
        w = steps.maps + i * n
        v = w + n
        for k in range(n):
            before = w[k]
            w[k] = pull.of_w[0] * before + pull.of_v[0] * v[k]
            v[k] = pull.of_w[1] * before + pull.of_v[1] * v[k]
    steps.maps[4 * n + steps.at], steps.maps[5 * n + steps.at] = pull.of_g[0], pull.of_g[1]


cdef inline void map_row(
    const Steps* steps, Py_ssize_t row, restricted w, restricted v, Py_ssize_t width
) noexcept nogil:
    """Bring a row up to date."""
    cdef const double* map = steps.maps + steps.places[row]
    cdef Py_ssize_t n = steps.capacity, i
    cdef const real* delta = steps.ring + steps.places[row] * steps.length
    cdef real c = steps.coefficients[row], before
    cdef real ww = <real>map[0], vw = <real>map[n], wv = <real>map[2 * n], vv = <real>map[3 * n]
    cdef real wg = c * <real>map[4 * n], vg = c * <real>map[5 * n]
    for i in range(width & -LANES):
        before = w[i]
        w[i] = ww * before + wv * v[i] + wg * delta[i]
        v[i] = vw * before + vv * v[i] + vg * delta[i]


cdef inline void map_row_and_add(
    const Steps* steps, Py_ssize_t row, real x, restricted w, restricted v,
    restricted z, restricted of_v, bint with_v, Py_ssize_t width,
) noexcept nogil:
    """Likewise; then z += x w and, if wanted, of_v += x v."""
    cdef const double* map = steps.maps + steps.places[row]
    cdef Py_ssize_t n = steps.capacity, i
    cdef const real* delta = steps.ring + steps.places[row] * steps.length
    cdef real c = steps.coefficients[row], before, u, s
    cdef real ww = <real>map[0], vw = <real>map[n], wv = <real>map[2 * n], vv = <real>map[3 * n]
    cdef real wg = c * <real>map[4 * n], vg = c * <real>map[5 * n]
    for i in range(width & -LANES):
        before = w[i]
        u = ww * before + wv * v[i] + wg * delta[i]
        s = vw * before + vv * v[i] + vg * delta[i]
        w[i] = u
        v[i] = s
        z[i] += x * u
        if with_v:
            of_v[i] += x * s


cdef void wait_from(
    Steps* steps, const Layer* layer, real* w, real* v, Py_ssize_t first, Py_ssize_t last,
    Py_ssize_t at,
) noexcept nogil:
    """Bring those up to date that wait at places from the first to the last.

    They wait at ``at`` then, where a place is opened.
    """
    cdef Py_ssize_t row
    for row in range(layer.fan_in):
        if first <= steps.places[row] <= last:
            map_row(
                steps, row, w + row * layer.row_length, v + row * layer.row_length, layer.width
            )
            steps.places[row] = <int32_t>at
            steps.coefficients[row] = 0
    open_place(steps, at)


cdef void begin_to_wait(Steps* steps, const Layer* layer) noexcept nogil:
    memset(steps.places, 0, (layer.fan_in + 3) * sizeof(int32_t))
    memset(steps.coefficients, 0, (layer.fan_in + 3) * sizeof(real))
    open_place(steps, 0)


cdef void next_place(Steps* steps, const Layer* layer, real* w, real* v) noexcept nogil:
    cdef Py_ssize_t half = steps.capacity // 2, at = steps.at + 1
    if at == half:
        wait_from(steps, layer, w, v, half, steps.capacity - 1, at)
    elif at == steps.capacity:
        wait_from(steps, layer, w, v, 0, half - 1, 0)
    else:
        open_place(steps, at)


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
    """Step of a layer's weights for the gradient scale x' delta, given all of x; likewise"""
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
    return total


# Sums over the weights of the first layer: of w w, w v, v v
cdef struct Squares:
    double ww
    double wv
    double vv


cdef Squares squares_of_first(const Work* work, const real* velocity) noexcept nogil:
    cdef const Layer* layer = work.layers
    cdef const real* w = work.parameters + layer.weights
    cdef const real* v = velocity + layer.weights
    cdef Squares total = Squares(0, 0, 0)
    cdef Py_ssize_t i
    for i in range((layer.biases - layer.weights) & -LANES):
        total.ww += <double>w[i] * <double>w[i]
        total.wv += <double>w[i] * <double>v[i]
        total.vv += <double>v[i] * <double>v[i]
    return total


cdef Squares squares_then(
    Squares before, Pull pull, double wg, double vg, double gg
) noexcept nogil:
    """After a step, given the sums of w g, v g and g g before it"""
    cdef double a = pull.of_w[0], b = pull.of_v[0], c = pull.of_g[0]
    cdef double d = pull.of_w[1], e = pull.of_v[1], f = pull.of_g[1]
    return Squares(
        a * a * before.ww + 2 * a * b * before.wv + b * b * before.vv
        + 2 * c * (a * wg + b * vg) + c * c * gg,
        a * d * before.ww + (a * e + b * d) * before.wv + b * e * before.vv
        + (a * f + c * d) * wg + (b * f + c * e) * vg + c * f * gg,
        d * d * before.ww + 2 * d * e * before.wv + e * e * before.vv
        + 2 * f * (d * wg + e * vg) + f * f * gg,
    )


def train_one_by_one_with_momentum(
    Workspace workspace,               # which keeps all sums, if the penalty counts and steps wait
    PostponedSteps postponed,
    Update update,                     # MOMENTUM or NESTEROV, with no penalty but l2
    Examples examples,
    Targets targets,
    real[::1] gathered,                # SCRATCH (n_inputs,)
    real[::1] of_velocity,             # SCRATCH (the width of the first layer,)
    const Py_ssize_t[:, ::1] orders,   # IN  (n_epochs, n_examples) rows of X, in order
    const double[:, ::1] rates,        # IN  likewise
    const uint64_t[::1] keys,          # IN  (n_epochs,) of the dropout
    Py_ssize_t start,                  # the part of each order to train on
    Py_ssize_t stop,
    double[::1] losses,                # IN, OUT (n_epochs,) sums of the losses so far
    Py_ssize_t[::1] n_done,            # IN, OUT (1,) steps that were made
):
    """Descend along the gradient of one example after the other.

    No row waits for what comes after an epoch, or after the call.
    """
    cdef Py_ssize_t n_epochs = orders.shape[0], epoch, t, i, k, row
    cdef Work* work = &workspace.work
    cdef Steps* steps = &postponed.steps
    cdef bint waits = steps.capacity > 0
    cdef const Rule* rule = &update.rule
    cdef bint counts = rule.counted_l2 > 0
    cdef const Rows* rows = &examples.rows
    cdef const Layer* layer
    cdef const Layer* first = work.layers
    cdef const Layer* last = &work.layers[work.n_layers - 1]
    cdef real* w = work.parameters + first.weights
    cdef real* v = rule.kept + first.weights
    cdef const real* x
    cdef real* delta
    cdef Inputs listed
    cdef Pull pull
    cdef Squares of_first = Squares(0, 0, 0)
    cdef double divisor, l2, of_weights = 0, of_others, of_x
    cdef real scale
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        for epoch in range(n_epochs):
            work.key = keys[epoch]
            if waits:
                begin_to_wait(steps, first)
            if counts:
                of_weights = squares_of_weights(work, 1)
                of_first = squares_of_first(work, rule.kept)
            for t in range(start, stop):
                row = row_at(rows, &orders[epoch, 0], start, t)
                divisor = divisor_of(
                    &targets.wanted, rule.by_weight, &orders[epoch, 0], t, t + 1
                )
                l2 = l2_of(rule, divisor)
                scale = <real>(1 / divisor)
                pull = pull_of(rule, rates[epoch, t], l2)
                work.place = t
                list_example(work, rows, row)
                listed = inputs(work, 0)
                memcpy(work.units, work.parameters + first.biases, first.width * sizeof(real))
                if waits:
                    memset(&of_velocity[0], 0, first.width * sizeof(real))
                    for k in range(work.n_listed[0]):
                        i = listed.index[k]
                        map_row_and_add(
                            steps, i, listed.values[k],
                            w + i * first.row_length, v + i * first.row_length,
                            work.units, &of_velocity[0], counts, first.width,
                        )
                        steps.places[i] = <int32_t>steps.at
                        steps.coefficients[i] = scale * listed.values[k]
                else:
                    add_inputs(w, first, listed, False, work.units)
                activate_layer(first, work.units, work.sums)
                drop_out(work, 0)
                forward(work, 1)
                losses[epoch] += output_loss(
                    &targets.wanted, work.sums + last.outputs, outputs(work), orders[epoch, t],
                    work.deltas + last.outputs,
                ) / divisor
                if counts:
                    losses[epoch] += rule.counted_l2 * l2 / 2 * of_weights
                of_others = 0
                for i in range(work.n_layers - 1, 0, -1):
                    layer = &work.layers[i]
                    delta = work.deltas + layer.outputs
                    times_slope_of(work, i, delta)
                    propagate(
                        work.parameters, layer, inputs(work, i), delta,
                        work.deltas + work.layers[i - 1].outputs,
                    )
                    of_others += step_layer(
                        rule, work.parameters, layer, <real>rates[epoch, t], <real>l2, scale,
                        work.units + work.layers[i - 1].outputs, delta,
                    )
                delta = work.deltas
                times_slope_of(work, 0, delta)
                if not waits:
                    x = rows.values + row * rows.n_inputs
                    if rows.indptr != NULL:
                        x = &gathered[0]
                        copy_example(work, rows, row, &gathered[0])
                    of_first.ww = step_layer(
                        rule, work.parameters, first, <real>rates[epoch, t], <real>l2, scale, x,
                        delta,
                    )
                else:
                    memcpy(
                        steps.ring + steps.at * steps.length, delta, first.width * sizeof(real)
                    )
                    if counts:
                        # x W is z without the biases, which have not changed yet.
                        of_x = 0
                        for k in range(listed.n):
                            of_x += <double>listed.values[k] * <double>listed.values[k]
                        of_first = squares_then(
                            of_first, pull,
                            scale * (
                                dot(delta, work.sums, first.width)
                                - dot(delta, work.parameters + first.biases, first.width)
                            ),
                            scale * dot(delta, &of_velocity[0], first.width),
                            scale * scale * of_x * squares(delta, first.width),
                        )
                    advance(steps, pull)
                    next_place(steps, first, w, v)
                of_weights = of_others + of_first.ww
                for i in range(work.n_layers):
                    layer = &work.layers[i]
                    step_row(
                        rule, <real>rates[epoch, t], 0, scale, work.deltas + layer.outputs,
                        work.parameters + layer.biases, rule.kept + layer.biases, layer.width,
                    )
            if waits:
                wait_from(steps, first, w, v, 0, steps.capacity - 1, 0)
        n_done[0] += n_epochs * (stop - start)
        fastnn_restore_subnormals(control)
