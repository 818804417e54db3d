"""Policy of plain updates, one example at a time: those of the first layer are deferred.

After an example, the update of a row of the first layer's weights is not applied but noted: its
coefficient -rate x, and where its delta is.  It is applied when an example comes that has the same
input, in the same pass over the row as that example's forward pass: one load and one store per
weight and example instead of two loads and one store.  Every weight goes through the same
operations in the same order as without deferral.

Deltas are kept in a ring.  Before one half of the ring is reused, the updates that are pending on
its deltas are applied.  A ring without capacity defers nothing: that serves weights that are in a
near cache, and inputs so sparse that rows hardly recur.  In the latter case most rows of an example
are in far memory: they are prefetched while the update of the example before is applied.

An L2 penalty shrinks all weights at every step.  Weights W of the first layer are stored as V, with
W = factor V, and the factor shrinks: a step W = shrinkage W - rate x' delta becomes
factor = shrinkage factor, V -= rate x' delta / factor.
"""


cdef enum:
    _MAX_STRETCH = 1_000_000  # of V over W: beyond, V could leave the range of floats


@cython.final
cdef class PendingUpdates(PerExamplePolicy):
    """Apply plain updates, and defer those of the first layer for up to ``capacity`` examples."""
    cdef Buffer ring_memory, coefficient_memory, place_memory
    cdef real* ring            # (capacity + 1, length): a delta of 0, then those of examples
    cdef int32_t* places       # (n_inputs,) offset of the delta of each pending update; 0: none
    cdef real* coefficients    # (n_inputs,) of each pending update; 0: none
    cdef Py_ssize_t newest     # number of the delta written last, from 1
    cdef Py_ssize_t capacity   # 0: nothing is deferred, and the ring has the current delta alone
    cdef Py_ssize_t length     # elements from one delta to the next
    cdef bint share_delta      # the updates of all rows are pending on the same delta
    cdef double factor         # the weights are this times what is stored

    def __init__(self, Network network, Py_ssize_t capacity, /):
        cdef Py_ssize_t n_rows = network.layers[0].fan_in + _SPARE_ROWS
        self.length = padded_units(network.layers[0].fan_out)
        self.ring_memory = real_buffer((capacity + 1) * self.length)
        self.coefficient_memory = real_buffer(n_rows)
        self.place_memory = Buffer(n_rows, sizeof(int32_t))
        self.ring = <real*>self.ring_memory.data
        self.coefficients = <real*>self.coefficient_memory.data
        self.places = <int32_t*>self.place_memory.data
        self.capacity, self.newest, self.factor = capacity, 0, 1

    cdef void add_first_layer(
        self, const Work* work, const Rule* rule, const Step* step
    ) noexcept nogil:
        cdef const Layer* layer = work.layers
        cdef const real* w = work.parameters + layer.weights
        cdef Inputs x = layer_inputs(work, 0)
        cdef Py_ssize_t k
        if self.factor != 1:
            for k in range(work.n_nonzeros[0]):
                work.values[k] *= <real>self.factor
        # Every other example visits its rows backwards: the rows used last, still near, come first.
        if self.capacity == 0:
            add_rows(w, layer, x, step.is_odd, work.activations)
        else:
            self.apply_pending_and_add(work, x, step.is_odd, step.upcoming)
            self.newest += 1
        self.delta = self.ring + self.newest * self.length

    cdef void apply_pending_and_add(
        self, const Work* work, Inputs x, bint backwards, Inputs upcoming
    ) noexcept nogil:
        """Apply the pending updates of the rows of x, add x W, and prefetch the upcoming inputs."""
        cdef const Layer* layer = work.layers
        cdef real* w = work.parameters + layer.weights
        cdef real* z = work.activations
        cdef real c[4]
        cdef const real* d[4]
        cdef Py_ssize_t n = layer.width, k, at, i
        cdef FourRows f
        for k in range(0, x.n, 4):
            prefetch_inputs(upcoming, k)
            at = x.n - 4 - k if backwards else k
            for i in range(4):
                c[i] = self.coefficients[x.index[at + i]]
                d[i] = self.ring + self.places[x.index[at + i]]
            f = four_rows(w, layer.row_length, x.index, at)
            # To find out whether four rows happen to share a delta takes as long as to load four.
            if self.share_delta:
                step_and_axpy4(c, d[0], x.values + at, f.w0, f.w1, f.w2, f.w3, z, n)
            else:
                steps_and_axpy4(
                    c, d[0], d[1], d[2], d[3], x.values + at, f.w0, f.w1, f.w2, f.w3, z, n
                )

    cdef void update(self, const Work* work, const Rule* rule, const Step* step) noexcept nogil:
        cdef const Layer* layer = work.layers
        cdef double shrinkage = 1 - step.rate * step.l2, factor = self.factor
        cdef real scale = <real>(-step.rate / step.divisor)
        backward(work, self.delta, scale, shrinkage)
        axpy(scale, self.delta, work.parameters + layer.biases, layer.width)
        if shrinkage != 1 or factor != 1:
            self.factor *= shrinkage
            # The values of the nonzeros have the factor of before in them.
            scale = <real>(-step.rate / step.divisor / (factor * self.factor))
        if self.capacity == 0:
            step_rows_and_prefetch(
                work.parameters + layer.weights, layer, layer_inputs(work, 0), self.delta, scale,
                step.upcoming,
            )
        else:
            self.defer(work, scale)
        if self.factor * _MAX_STRETCH < 1:
            self.apply_factor(work)

    cdef void defer(self, const Work* work, real scale) noexcept nogil:
        """Note the updates of the rows of x, on the newest delta.

        If the next delta begins a half of the ring, apply the updates pending on that half.
        """
        cdef Py_ssize_t place = self.newest * self.length, half = (self.capacity + 1) // 2, k
        cdef Py_ssize_t n = work.n_nonzeros[0]
        for k in range(n):
            self.places[work.indices[k]] = <int32_t>place
            self.coefficients[work.indices[k]] = scale * work.values[k]
        self.share_delta = n == work.layers.fan_in
        if self.newest == half:
            self.apply_pending(work, half + 1, self.capacity)
        if self.newest == self.capacity:
            self.apply_pending(work, 1, half)
            self.newest = 0

    cdef void apply_pending(
        self, const Work* work, Py_ssize_t oldest, Py_ssize_t newest
    ) noexcept nogil:
        """Apply the updates that are pending on the deltas from ``oldest`` to ``newest``."""
        cdef const Layer* layer = work.layers
        cdef real* w = work.parameters + layer.weights
        cdef Py_ssize_t begin = oldest * self.length, end = (newest + 1) * self.length, row
        for row in range(layer.fan_in):
            if begin <= self.places[row] < end:
                axpy(
                    self.coefficients[row], self.ring + self.places[row],
                    w + row * layer.row_length, layer.width,
                )
                self.places[row] = 0
                self.coefficients[row] = 0

    cdef void apply_factor(self, const Work* work) noexcept nogil:
        cdef const Layer* layer = work.layers
        if self.factor == 1:
            return
        if self.capacity > 0:
            self.apply_pending(work, 1, self.capacity)
        shrink(work.parameters + layer.weights, self.factor, layer.biases - layer.weights)
        self.factor = 1

    cdef void flush(self, const Work* work, const Rule* rule, bint is_end_of_epoch) noexcept nogil:
        if self.capacity > 0:
            self.apply_pending(work, 1, self.capacity)
        # Not within an epoch: the bits would depend on how it is divided into calls.
        if is_end_of_epoch:
            self.apply_factor(work)


cdef inline inlined_void prefetch_inputs(Inputs upcoming, Py_ssize_t k) noexcept nogil:
    """Prefetch the next 32 of the upcoming inputs, four rows of the current ones being at k."""
    cdef Py_ssize_t i = 8 * k
    while i < min(8 * k + 32, upcoming.n):
        fastnn_prefetch(upcoming.values + i)
        if upcoming.index != NULL:
            fastnn_prefetch(upcoming.index + i)
        i += LANES


cdef inline inlined_void prefetch_rows(
    const real* w, const Layer* layer, Inputs upcoming, Py_ssize_t k
) noexcept nogil:
    """Prefetch the rows of weights of four upcoming inputs from k on, if these are nonzeros."""
    # The CPU itself fetches what follows the first few cache lines of a long row.
    cdef Py_ssize_t n_lines = min(layer.width // LANES, 4), i, line
    if upcoming.index == NULL or k + 4 > upcoming.n:
        return
    for i in range(4):
        for line in range(n_lines):
            fastnn_prefetch(w + upcoming.index[k + i] * layer.row_length + line * LANES)


cdef void step_rows_and_prefetch(
    real* w, const Layer* layer, Inputs x, const real* delta, real scale, Inputs upcoming
) noexcept nogil:
    """W += scale x' delta; meanwhile prefetch as many rows for the upcoming inputs.

    delta (width,) must not alias W.
    """
    cdef Py_ssize_t k
    cdef FourRows f
    for k in range(0, x.n, 4):
        prefetch_rows(w, layer, upcoming, k)
        f = four_rows(w, layer.row_length, x.index, k)
        step4(scale, x.values + k, delta, f.w0, f.w1, f.w2, f.w3, layer.width)
