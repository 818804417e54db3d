"""Policy of steps with momentum, one example at a time; those of the first layer may be deferred.

The gradient of one example is an outer product, which is never stored: a step is one pass over each
row of weights and its velocities.

A row whose input is 0 changes at every step, too: by its velocity and an L2 penalty.  But these
steps are the same map of (weight, velocity) for all rows, so that the steps of a row may be pending
until an example has its input.  A ring has the last steps: for each its delta, and the map of this
step and all since (momentum_maps.pxi).  A row is mapped when an example has its input, or before
the place in the ring that it awaits is reused.  Deferral changes how sums are rounded, and nothing
else.
"""


@cython.final
cdef class PendingSteps(PerExamplePolicy):
    """Take steps with momentum, and defer those of the first layer for up to ``capacity`` steps."""
    cdef Buffer ring_memory, map_memory, coefficient_memory, place_memory, input_memory
    cdef real* ring            # (capacity, length) deltas
    cdef double* maps          # (6, capacity)
    cdef int32_t* places       # (n_inputs,) in the ring: of the first pending step of each row
    cdef real* coefficients    # (n_inputs,) gradient in that step, divided by the delta
    cdef Py_ssize_t capacity   # 0: nothing is deferred
    cdef Py_ssize_t length     # elements from one delta to the next
    cdef Py_ssize_t next       # place of the next step
    cdef real* dense_inputs    # (n_inputs,) of a sparse example

    def __init__(self, Network network, Py_ssize_t capacity, /):
        cdef Py_ssize_t n_rows = network.layers[0].fan_in + _SPARE_ROWS
        self.capacity, self.length = capacity, padded_units(network.layers[0].fan_out)
        self.ring_memory = real_buffer(capacity * self.length)
        self.map_memory = Buffer(_MAP_SIZE * max(capacity, 1), sizeof(double))
        self.place_memory = Buffer(n_rows, sizeof(int32_t))
        self.coefficient_memory = real_buffer(n_rows)
        self.input_memory = real_buffer(network.layers[0].fan_in)
        self.ring = <real*>self.ring_memory.data
        self.maps = <double*>self.map_memory.data
        self.places = <int32_t*>self.place_memory.data
        self.coefficients = <real*>self.coefficient_memory.data
        self.dense_inputs = <real*>self.input_memory.data
        self.open_place(0)

    cdef void add_first_layer(
        self, const Work* work, const Rule* rule, const Step* step
    ) noexcept nogil:
        cdef const Layer* layer = work.layers
        cdef real* w = work.parameters + layer.weights
        cdef real* v = rule.slot_0 + layer.weights
        cdef Inputs x = layer_inputs(work, 0)
        cdef real scale = <real>(1 / step.divisor)
        cdef Py_ssize_t row, k
        self.delta = work.deltas
        if self.capacity == 0:
            add_rows(w, layer, x, False, work.activations)
            return
        for k in range(work.n_nonzeros[0]):
            row = x.index[k]
            map_row_and_add(
                self.pending_map(row), self.pending_delta(row), x.values[k],
                w + row * layer.row_length, v + row * layer.row_length,
                work.activations, layer.width,
            )
            self.places[row] = <int32_t>self.next
            self.coefficients[row] = scale * x.values[k]

    cdef void update(self, const Work* work, const Rule* rule, const Step* step) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(work.n_layers - 1, 0, -1):
            multiply_by_slope(work, i, work.deltas + work.layers[i].outputs)
            propagate(
                work.parameters, &work.layers[i], layer_inputs(work, i),
                work.deltas + work.layers[i].outputs, work.deltas + work.layers[i - 1].outputs,
            )
            step_weights(work, rule, i, step, work.activations + work.layers[i - 1].outputs)
        multiply_by_slope(work, 0, work.deltas)
        if self.capacity == 0:
            step_weights(work, rule, 0, step, self.all_inputs(work, step))
        else:
            memcpy(
                self.ring + self.next * self.length, work.deltas,
                work.layers.width * sizeof(real),
            )
            self.append_to_maps(map_of_step(rule, step.rate, step.l2))
            self.open_next_place(work, rule)
        for i in range(work.n_layers):
            step_biases(work, rule, i, step)

    cdef inline const real* all_inputs(self, const Work* work, const Step* step) noexcept nogil:
        """Return the inputs of the example, zeros included, (n_inputs,)."""
        if step.rows.indptr == NULL:
            return step.rows.values + step.row * step.rows.n_inputs
        copy_example(work, step.rows, step.row, self.dense_inputs)
        return self.dense_inputs

    cdef void open_place(self, Py_ssize_t place) noexcept nogil:
        """Make a place that of the next step; its map is the identity until then."""
        cdef Py_ssize_t i
        self.next = place
        for i in range(_MAP_SIZE):
            self.maps[i * self.capacity + place] = i == W_FROM_W or i == V_FROM_V

    cdef void append_to_maps(self, Map step) noexcept nogil:
        """Compose the maps of all places with a step, and set the gradient's part of its own."""
        cdef Py_ssize_t n = self.capacity, i, k
        cdef double* w
        cdef double* v
        cdef double before
        for i in range(0, _MAP_SIZE, 2):
            w = self.maps + i * n
            v = w + n
            for k in range(n):
                before = w[k]
                w[k] = step.elements[W_FROM_W] * before + step.elements[W_FROM_V] * v[k]
                v[k] = step.elements[V_FROM_W] * before + step.elements[V_FROM_V] * v[k]
        for i in range(W_FROM_G, _MAP_SIZE):
            self.maps[i * n + self.next] = step.elements[i]

    cdef inline RowMap pending_map(self, Py_ssize_t row) noexcept nogil:
        """Return the map of the pending steps of a row."""
        return row_map(self.maps + self.places[row], self.capacity, self.coefficients[row])

    cdef inline const real* pending_delta(self, Py_ssize_t row) noexcept nogil:
        """Return the delta of the first pending step of a row."""
        return self.ring + self.places[row] * self.length

    cdef void flush_places(
        self, const Work* work, const Rule* rule, Py_ssize_t first, Py_ssize_t last,
        Py_ssize_t place,
    ) noexcept nogil:
        """Apply the pending steps of the rows whose places are from ``first`` to ``last``.

        Open ``place``, which becomes the place of these rows.
        """
        cdef const Layer* layer = work.layers
        cdef real* w = work.parameters + layer.weights
        cdef real* v = rule.slot_0 + layer.weights
        cdef Py_ssize_t row
        for row in range(layer.fan_in):
            if first <= self.places[row] <= last:
                map_row(
                    self.pending_map(row), self.pending_delta(row),
                    w + row * layer.row_length, v + row * layer.row_length, layer.width,
                )
                self.places[row] = <int32_t>place
                self.coefficients[row] = 0
        self.open_place(place)

    cdef void open_next_place(self, const Work* work, const Rule* rule) noexcept nogil:
        """Open the next place of the ring; at each half, apply what is pending on its places."""
        cdef Py_ssize_t half = self.capacity // 2, place = self.next + 1
        if place == half:
            self.flush_places(work, rule, half, self.capacity - 1, place)
        elif place == self.capacity:
            self.flush_places(work, rule, 0, half - 1, 0)
        else:
            self.open_place(place)

    cdef void flush(self, const Work* work, const Rule* rule, bint is_end_of_epoch) noexcept nogil:
        if self.capacity > 0:
            self.flush_places(work, rule, 0, self.capacity - 1, 0)


cdef void step_biases(
    const Work* work, const Rule* rule, Py_ssize_t i, const Step* step
) noexcept nogil:
    """Take a step for the biases of layer i, given its delta."""
    cdef const Layer* layer = &work.layers[i]
    step_row(
        rule, step.rate, 0, <real>(1 / step.divisor), work.deltas + layer.outputs,
        work.parameters + layer.biases, rule.slot_0 + layer.biases, layer.width,
    )


cdef void step_weights(
    const Work* work, const Rule* rule, Py_ssize_t i, const Step* step, const real* x
) noexcept nogil:
    """Take a step for the weights of layer i, given its delta and all of its inputs x (fan_in,)."""
    cdef const Layer* layer = &work.layers[i]
    cdef const real* delta = work.deltas + layer.outputs
    cdef const real* row_factors = delta if layer.transposed else x
    cdef const real* columns = x if layer.transposed else delta
    cdef real scale = <real>(1 / step.divisor)
    cdef Py_ssize_t n_rows = layer.fan_out if layer.transposed else layer.fan_in, row, at
    for row in range(n_rows):
        at = layer.weights + row * layer.row_length
        step_row(
            rule, step.rate, <real>step.l2, scale * row_factors[row], columns,
            work.parameters + at, rule.slot_0 + at, layer.row_length,
        )
