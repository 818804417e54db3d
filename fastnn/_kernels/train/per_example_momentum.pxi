"""StepRing with momentum, one example at a time.

The gradient of one example is an outer product, so it takes no room: a step is one pass over each
row of weights and its velocity.

A row whose input is 0 takes a step, too, for its velocity goes on, and an L2 penalty pulls.  But
these steps are all alike: without a gradient, the weight w and velocity v of every parameter of the
layer become A (w, v), with the same matrix A for all.  So rows of the first layer wait.  For each
of the last steps, in a ring, there are its delta and what has become since then of a parameter that
the step found at (w, v), with a gradient g: the map M (w, v) + q g.  A row is brought up to date by
that map where an example comes that has its input, or where its place in the ring is to be used
again.  That changes how zs are rounded, and nothing else.
"""


# Such a map, M and q: of a step, or of all steps since one
cdef enum:
    W_OF_W  # what a weight adds to the weight,
    V_OF_W  # to the velocity,
    W_OF_V  # what a velocity adds,
    V_OF_V
    W_OF_G  # and what a gradient does
    V_OF_G
    _MAP


cdef struct Map:
    double of[_MAP]


cdef inline Map map_of_step(const Rule* rule, double rate, double l2) noexcept nogil:
    """v' = momentum v + g + l2 w; w' = w - rate v' or, with Nesterov's, along what comes next"""
    cdef double momentum = rule.constants[0]
    cdef double ahead = momentum if rule.code == NESTEROV else 1
    cdef double direct = 1 if rule.code == NESTEROV else 0
    cdef Map step
    step.of[W_OF_W], step.of[V_OF_W] = 1 - rate * l2 * (direct + ahead), l2
    step.of[W_OF_V], step.of[V_OF_V] = -rate * ahead * momentum, momentum
    step.of[W_OF_G], step.of[V_OF_G] = -rate * (direct + ahead), 1
    return step


# As a row goes through it.  That of a weight is less 1: next to 1, a float has few places left for
# what a penalty takes.
cdef struct RowMap:
    real ww
    real vw
    real wv
    real vv
    real wg
    real vg


cdef inline RowMap row_map(const double* of, Py_ssize_t stride, real c) noexcept nogil:
    """Given the numbers of a map, so far apart, for gradients that are c times a delta"""
    return RowMap(
        <real>(of[W_OF_W * stride] - 1), <real>of[V_OF_W * stride],
        <real>of[W_OF_V * stride], <real>of[V_OF_V * stride],
        c * <real>of[W_OF_G * stride], c * <real>of[V_OF_G * stride],
    )


cdef inline void map_row(
    RowMap to, const real* delta, restricted w, restricted v, Py_ssize_t n
) noexcept nogil:
    cdef real before
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        before = w[i]
        w[i] = before + (to.ww * before + to.wv * v[i] + to.wg * delta[i])
        v[i] = to.vw * before + to.vv * v[i] + to.vg * delta[i]


cdef inline void map_row_and_add(
    RowMap to, const real* delta, real x, restricted w, restricted v, restricted z, Py_ssize_t n
) noexcept nogil:
    """Do the same; then z += x w"""
    cdef real before, u
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        before = w[i]
        u = before + (to.ww * before + to.wv * v[i] + to.wg * delta[i])
        v[i] = to.vw * before + to.vv * v[i] + to.vg * delta[i]
        w[i] = u
        z[i] += x * u


cdef struct StepRing:
    real* ring             # deltas, one for each place
    double* maps           # (6, capacity)
    int32_t* places        # per row: that of the step that it defers for
    real* coefficients     # per row: times the delta there, its gradient in that step
    Py_ssize_t capacity    # 0: none defers
    Py_ssize_t length      # from one delta to the next
    Py_ssize_t at          # place of the next step


cdef class PendingSteps:
    """The steps that wait, at most ``capacity``."""
    cdef Buffer ring, maps, coefficients, places, inputs
    cdef StepRing steps
    cdef real* gathered     # all inputs of an example, zeros included

    def __init__(self, Network network, Py_ssize_t capacity, /):
        cdef Py_ssize_t n_rows = network.layers[0].fan_in + _SPARE_ROWS
        cdef Py_ssize_t length = padded_units(network.layers[0].fan_out)
        cdef Py_ssize_t n_places = max(capacity, 1)
        self.ring, self.coefficients = reals(n_places * length), reals(n_rows)
        self.maps = Buffer(_MAP * n_places, sizeof(double))
        self.places = Buffer(n_rows, sizeof(int32_t))
        self.inputs = reals(network.layers[0].fan_in)
        self.steps = StepRing(
            <real*>self.ring.data, <double*>self.maps.data, <int32_t*>self.places.data,
            <real*>self.coefficients.data, capacity, length, 0,
        )
        self.gathered = <real*>self.inputs.data


cdef void open_place(StepRing* steps, Py_ssize_t at) noexcept nogil:
    """Open the place of a step that is not made yet: nothing has changed since."""
    cdef Py_ssize_t i
    steps.at = at
    for i in range(_MAP):
        steps.maps[i * steps.capacity + at] = i == W_OF_W or i == V_OF_V


cdef void advance(StepRing* steps, Map step) noexcept nogil:
    """A step is made: all maps go on by it."""
    cdef Py_ssize_t n = steps.capacity, i, k
    cdef double* w
    cdef double* v
    cdef double before
    for i in range(0, _MAP, 2):
        w = steps.maps + i * n
        v = w + n
        for k in range(n):
            before = w[k]
            w[k] = step.of[W_OF_W] * before + step.of[W_OF_V] * v[k]
            v[k] = step.of[V_OF_W] * before + step.of[V_OF_V] * v[k]
    for i in range(W_OF_G, _MAP):
        steps.maps[i * n + steps.at] = step.of[i]


cdef inline RowMap map_since(const StepRing* steps, Py_ssize_t row) noexcept nogil:
    """The step that a row defers for, and all steps since"""
    return row_map(
        steps.maps + steps.places[row], steps.capacity, steps.coefficients[row]
    )


cdef inline const real* delta_of(const StepRing* steps, Py_ssize_t row) noexcept nogil:
    return steps.ring + steps.places[row] * steps.length


cdef void flush_places(
    StepRing* steps, const Layer* layer, real* w, real* v, Py_ssize_t first, Py_ssize_t last,
    Py_ssize_t at,
) noexcept nogil:
    """Bring those up to date that wait at places from the first to the last.

    They wait at ``at`` then, where a place is opened.
    """
    cdef Py_ssize_t row
    for row in range(layer.fan_in):
        if first <= steps.places[row] <= last:
            map_row(
                map_since(steps, row), delta_of(steps, row),
                w + row * layer.row_length, v + row * layer.row_length, layer.width,
            )
            steps.places[row] = <int32_t>at
            steps.coefficients[row] = 0
    open_place(steps, at)


cdef void reset_ring(StepRing* steps, const Layer* layer) noexcept nogil:
    memset(steps.places, 0, (layer.fan_in + _SPARE_ROWS) * sizeof(int32_t))
    memset(steps.coefficients, 0, (layer.fan_in + _SPARE_ROWS) * sizeof(real))
    open_place(steps, 0)


cdef void next_place(StepRing* steps, const Layer* layer, real* w, real* v) noexcept nogil:
    cdef Py_ssize_t half = steps.capacity // 2, at = steps.at + 1
    if at == half:
        flush_places(steps, layer, w, v, half, steps.capacity - 1, at)
    elif at == steps.capacity:
        flush_places(steps, layer, w, v, 0, half - 1, 0)
    else:
        open_place(steps, at)


cdef inline void step_row(
    const Rule* rule, double rate, real l2, real x, const real* delta,
    restricted w, restricted velocity, Py_ssize_t n,
) noexcept nogil:
    """Step of a row for the gradient x delta at once"""
    cdef real momentum = <real>rule.constants[0], g, v
    # As in map_of_step
    cdef real along_v = <real>(-rate * (rule.constants[0] if rule.code == NESTEROV else 1))
    cdef real along_g = <real>(-rate if rule.code == NESTEROV else 0)
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        g = x * delta[i] + l2 * w[i]
        v = momentum * velocity[i] + g
        velocity[i] = v
        w[i] = w[i] + along_g * g + along_v * v


cdef void step_biases(
    const Work* work, const Rule* rule, Py_ssize_t i, double rate, real scale
) noexcept nogil:
    """Step the biases of a layer, given its delta"""
    cdef const Layer* layer = &work.layers[i]
    step_row(
        rule, rate, 0, scale, work.deltas + layer.outputs,
        work.parameters + layer.biases, rule.slot_0 + layer.biases, layer.width,
    )


cdef void step_weights(
    const Work* work, const Rule* rule, Py_ssize_t i, double rate, double l2, real scale,
    const real* x,
) noexcept nogil:
    """Step the weights of a layer, given its delta and all of x"""
    cdef const Layer* layer = &work.layers[i]
    cdef const real* delta = work.deltas + layer.outputs
    cdef Py_ssize_t n_rows = layer.fan_out if layer.transposed else layer.fan_in, row, at
    cdef const real* of_rows = delta if layer.transposed else x
    cdef const real* of_columns = x if layer.transposed else delta
    for row in range(n_rows):
        at = layer.weights + row * layer.row_length
        step_row(
            rule, rate, <real>l2, scale * of_rows[row], of_columns,
            work.parameters + at, rule.slot_0 + at, layer.row_length,
        )


def train_per_example_with_momentum(
    Workspace workspace,
    PendingSteps deferred,
    Update update,                     # MOMENTUM or NESTEROV, with no penalty but l2
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

    No row defers for what comes after an epoch, or after the call.
    """
    cdef Py_ssize_t n_epochs = orders.shape[0], epoch, t, i, k, row
    cdef Work* work = &workspace.work
    cdef StepRing* steps = &deferred.steps
    cdef bint defers = steps.capacity > 0
    cdef const Rule* rule = &update.rule
    cdef const Rows* rows = &examples.rows
    cdef const Layer* layer
    cdef const Layer* first = work.layers
    cdef const Layer* last = &work.layers[work.n_layers - 1]
    cdef real* w = work.parameters + first.weights
    cdef real* v = rule.slot_0 + first.weights
    cdef const real* x
    cdef real* delta
    cdef Inputs listed
    cdef Map step
    cdef double rate, divisor, l2
    cdef real scale
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        for epoch in range(n_epochs):
            work.key = keys[epoch]
            if defers:
                reset_ring(steps, first)
            for t in range(start, stop):
                row = row_at(rows, &orders[epoch, 0], start, t)
                divisor = divisor_of(
                    &targets.wanted, rule.by_weight, &orders[epoch, 0], t, t + 1
                )
                l2 = l2_of(rule, divisor)
                scale = <real>(1 / divisor)
                rate = rates[epoch, t]
                step = map_of_step(rule, rate, l2)
                work.place = t
                list_example(work, rows, row)
                listed = inputs(work, 0)
                memcpy(work.activations, work.parameters + first.biases, first.width * sizeof(real))
                if defers:
                    for k in range(work.n_listed[0]):
                        i = listed.index[k]
                        map_row_and_add(
                            map_since(steps, i), delta_of(steps, i), listed.values[k],
                            w + i * first.row_length, v + i * first.row_length,
                            work.activations, first.width,
                        )
                        steps.places[i] = <int32_t>steps.at
                        steps.coefficients[i] = scale * listed.values[k]
                else:
                    add_inputs(w, first, listed, False, work.activations)
                activate_layer(first, work.activations, work.zs)
                drop_out(work, 0)
                forward(work, 1)
                losses[epoch] += output_loss(
                    &targets.wanted, work.zs + last.outputs, outputs(work), orders[epoch, t],
                    work.deltas + last.outputs,
                ) / divisor
                for i in range(work.n_layers - 1, 0, -1):
                    layer = &work.layers[i]
                    delta = work.deltas + layer.outputs
                    times_slope_of(work, i, delta)
                    propagate(
                        work.parameters, layer, inputs(work, i), delta,
                        work.deltas + work.layers[i - 1].outputs,
                    )
                    x = work.activations + work.layers[i - 1].outputs
                    step_weights(work, rule, i, rate, l2, scale, x)
                delta = work.deltas
                times_slope_of(work, 0, delta)
                if not defers:
                    x = rows.values + row * rows.n_inputs
                    if rows.indptr != NULL:
                        x = deferred.gathered
                        copy_example(work, rows, row, deferred.gathered)
                    step_weights(work, rule, 0, rate, l2, scale, x)
                else:
                    memcpy(
                        steps.ring + steps.at * steps.length, delta, first.width * sizeof(real)
                    )
                    advance(steps, step)
                    next_place(steps, first, w, v)
                for i in range(work.n_layers):
                    step_biases(work, rule, i, rate, scale)
            if defers:
                flush_places(steps, first, w, v, 0, steps.capacity - 1, 0)
        n_done[0] += n_epochs * (stop - start)
        fastnn_restore_subnormals(control)
