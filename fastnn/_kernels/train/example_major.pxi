"""Blocks of examples, layer by layer: a row per example.

Outputs and deltas of a layer are a matrix (capacity, room), from its offset times capacity on.
(The room is a little more than the width: rows a power of two apart would share few cache sets.)
"""


@cython.final
cdef class ExampleMajorBatch:
    """What the threads of a team share of a batch that they compute together."""
    cdef Network network
    cdef Buffer activations, deltas, zs, inputs, losses, factors
    cdef real[::1] gradient
    cdef const double[::1] dropout
    cdef Lists lists
    cdef readonly Team team
    cdef Py_ssize_t capacity
    cdef bint is_sparse

    def __init__(
        self,
        Network network,
        Py_ssize_t capacity,
        Py_ssize_t n_threads,
        bint trains,
        bint is_sparse,              # zeros among the inputs are skipped
        bint has_lists,              # inputs are listed for a whole batch
        bint by_input,               # and by input, too
        const double[::1] dropout,   # IN  (n_layers,), or None
        real[::1] gradient,          # like the parameters, zero at first, or empty
        /,
    ):
        cdef Py_ssize_t n_inputs = network.layers[0].fan_in, n = network.n_units * capacity
        self.network, self.capacity, self.is_sparse = network, capacity, is_sparse
        self.dropout, self.gradient = dropout, gradient
        self.team, self.losses = Team(n_threads), Buffer(capacity, sizeof(double))
        self.activations = self.deltas = self.zs = reals(n)
        if trains:
            self.deltas = reals(n)
            if network.keeps_z or dropout is not None:
                self.zs = reals(n)
        self.inputs = reals((1 if is_sparse else capacity) * n_inputs)
        if has_lists:
            self.lists = Lists(n_inputs, capacity, n_threads, by_input)
        if dropout is not None:
            self.factors = reals(n)


@cython.final
cdef class ExampleMajor(BatchWorkspace):
    cdef bint is_sparse   # inputs are mostly zeros: the first layer goes through the others
    cdef Matrix inputs    # (n, n_inputs), if they are not sparse
    cdef real* gathered   # room for them
    cdef real* transposed_weights     # room for weights the other way round, DEPTH rows at a time
    # If they are sparse: which they are
    cdef const Rows* rows
    cdef const Py_ssize_t* order
    cdef Py_ssize_t start
    cdef Lists lists            # of all examples, from the forward pass on; None: of one at a time
    cdef Py_ssize_t begin, end  # the examples of this thread
    cdef double* example_losses
    cdef ExampleMajorBatch batch

    def __init__(self, ExampleMajorBatch batch, Py_ssize_t thread, /):
        self.set_up(Workspace(batch.network), batch.capacity, batch.gradient, batch.team, thread)
        self.batch = batch
        self.memory = reals(DEPTH * batch.network.max_width)
        self.transposed_weights = <real*>self.memory.data
        self.work.activations = <real*>batch.activations.data
        self.work.deltas = <real*>batch.deltas.data
        self.work.zs = <real*>batch.zs.data
        if batch.dropout is not None:
            self.work.dropout = &batch.dropout[0]
            self.work.factors = <real*>batch.factors.data
        self.gathered, self.example_losses = <real*>batch.inputs.data, <double*>batch.losses.data
        self.is_sparse, self.lists = batch.is_sparse, batch.lists

    cdef inline void divide(self, Py_ssize_t n) noexcept nogil:
        """Take this thread's part of n examples; tiles are the same for any number of threads."""
        self.begin, self.end = self.share(n, ROWS, False), self.share(n, ROWS, True)

    cdef inline Matrix of_layer(self, real* activations, Py_ssize_t layer) noexcept nogil:
        cdef const Layer* of = &self.work.layers[layer]
        return rows_of(activations + of.outputs * self.capacity, padded_units(of.fan_out))

    cdef inline Matrix inputs_of(self, Py_ssize_t layer) noexcept nogil:
        return self.of_layer(self.work.activations, layer - 1) if layer else self.inputs

    cdef inline Matrix own(self, Matrix of_all) noexcept nogil:
        return rows_of(of_all.data + self.begin * of_all.row, of_all.row)

    cdef void load(
        self, const Rows* rows, const Py_ssize_t* order, Py_ssize_t start, Py_ssize_t t,
        Py_ssize_t n,
    ) noexcept nogil:
        cdef Py_ssize_t n_inputs = rows.n_inputs, k
        self.divide(n)
        self.work.place = t
        if self.is_sparse:
            self.rows, self.order, self.start = rows, order, start
        elif rows.in_order and rows.indptr == NULL:
            self.inputs = rows_of(rows.values + (t - start) * n_inputs, n_inputs)
        else:
            self.inputs = rows_of(self.gathered, n_inputs)
            for k in range(self.begin, self.end):
                copy_example(
                    &self.work, rows, row_at(rows, order, start, t + k),
                    self.gathered + k * n_inputs,
                )

    cdef inline Py_ssize_t row_of(self, Py_ssize_t k) noexcept nogil:
        return row_at(self.rows, self.order, self.start, self.work.place + k)

    cdef inline void list_sparse(self, Py_ssize_t k) noexcept nogil:
        cdef Py_ssize_t i
        list_example(&self.work, self.rows, self.row_of(k))
        if self.factor != 1:
            for i in range(self.work.n_listed[0]):
                self.work.values[i] *= <real>self.factor

    cdef void forward(self, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.work.n_layers):
            if i == 0 and self.is_sparse:
                self.weigh_sparse_inputs(self.work.parameters + self.work.layers.biases)
            else:
                self.begin_with_biases(i)
                self.add_weighted(
                    self.inputs_of(i), i, False, self.of_layer(self.work.activations, i)
                )
            self.activate(i)
            self.drop_out(i)

    cdef void begin_with_biases(self, Py_ssize_t layer) noexcept nogil:
        cdef const Layer* of = &self.work.layers[layer]
        cdef Matrix z = self.of_layer(self.work.activations, layer)
        cdef Py_ssize_t k
        for k in range(self.begin, self.end):
            memcpy(z.data + k * z.row, self.work.parameters + of.biases, of.width * sizeof(real))

    cdef void weigh_sparse_inputs(self, const real* biases) noexcept nogil:
        """Outputs of the first layer become x W + b, before the activation."""
        cdef const Layer* of = self.work.layers
        cdef const real* w = self.work.parameters + of.weights
        cdef Matrix z = self.of_layer(self.work.activations, 0)
        cdef Py_ssize_t at = self.begin * of.fan_in, k
        if self.lists is None:
            for k in range(self.begin, self.end):
                self.list_sparse(k)
                if not self.may_continue(self.work.n_listed[0] * of.width):
                    return
                memcpy(z.data + k * z.row, biases, of.width * sizeof(real))
                add_inputs(w, of, inputs(&self.work, 0), False, z.data + k * z.row)
            return
        self.lists.begin(self.thread)
        for k in range(self.begin, self.end):
            if k + 2 < self.end:  # it may be far away
                fetch(given_inputs(self.rows, self.row_of(k + 2)))
            self.list_sparse(k)
            at = self.lists.append(
                k, at, inputs(&self.work, 0), self.work.n_listed[0], self.thread
            )
        self.multiply_sparse(
            self.lists.by_example(self.begin), rows_of(w, of.row_length),
            rows_of(biases, 0), self.own(z), self.end - self.begin, of.fan_in, of.width,
        )

    cdef void multiply(
        self, Matrix a, Matrix b, Matrix c, Py_ssize_t n_rows, Py_ssize_t n_terms,
        Py_ssize_t n_columns,
    ) noexcept nogil:
        """c += a b, as `add_product` does, in pieces between which signals are looked for

        Pieces are whole tiles, so that the zs are the same bits as without them.
        """
        cdef Py_ssize_t tile = VECTORS * <Py_ssize_t>(sizeof(vector) // sizeof(real))
        cdef double of_column = <double>n_rows * n_terms + WORK_PER_NUMBER * (n_rows + n_terms)
        cdef Py_ssize_t rows = n_rows, columns = n_columns, row, column, n
        if self.work_since_check + of_column * n_columns > WORK_PER_SIGNAL_CHECK:
            columns = max(1, <Py_ssize_t>(WORK_PER_SIGNAL_CHECK / of_column) // tile) * tile
            rows = max(1, WORK_PER_SIGNAL_CHECK // (n_terms * tile) // ROWS) * ROWS
        column = 0
        while column < n_columns:
            n = min(columns, n_columns - column)
            row = 0
            while row < n_rows:
                if not self.may_continue(of_column * n * min(rows, n_rows - row) / n_rows):
                    return
                add_product(
                    Matrix(a.data + row * a.row, a.row, a.column),
                    rows_of(b.data + column, b.row),
                    rows_of(c.data + row * c.row + column, c.row),
                    min(rows, n_rows - row), n_terms, n,
                )
                row += rows
            column += columns

    cdef void multiply_sparse(
        self, SparseMatrix a, Matrix b, Matrix d, Matrix c, Py_ssize_t n_rows, Py_ssize_t n_terms,
        Py_ssize_t n_columns,
    ) noexcept nogil:
        """c = d + a b, as `add_sparse_product` does, in pieces like those of `multiply`"""
        cdef Py_ssize_t start = 0, stop, n_entries
        while start < n_rows:
            stop, n_entries = start, 0
            while stop < n_rows and n_entries * n_columns < WORK_PER_SIGNAL_CHECK:
                n_entries += a.ends[stop] - a.next[stop] + WORK_PER_NUMBER
                stop += 1
            if not self.may_continue(<double>n_entries * n_columns):
                return
            add_sparse_product(
                SparseMatrix(a.entries, a.next + start, a.ends + start), b,
                rows_of(d.data + start * d.row, d.row), rows_of(c.data + start * c.row, c.row),
                stop - start, n_terms, n_columns,
            )
            start = stop

    cdef void add_weighted(
        self, Matrix x, Py_ssize_t layer, bint backwards, Matrix z
    ) noexcept nogil:
        """z += x W, or x W'"""
        cdef const Layer* of = &self.work.layers[layer]
        cdef Py_ssize_t n_terms = of.fan_out if backwards else of.fan_in
        cdef Py_ssize_t n_columns = of.fan_in if backwards else of.fan_out
        cdef Py_ssize_t width = self.work.layers[layer - 1].width if backwards else of.width
        cdef Matrix stored = rows_of(self.work.parameters + of.weights, of.row_length)
        cdef Matrix transposed_weights = rows_of(self.transposed_weights, width)
        cdef Py_ssize_t n = self.end - self.begin, start = 0, n_transposed
        x, z = self.own(x), self.own(z)
        if of.transposed == backwards:
            self.multiply(x, stored, z, n, n_terms, width)
            return
        while start < n_terms:
            n_transposed = min(DEPTH, n_terms - start)
            transpose(
                stored.data + start, stored.row, n_columns, n_transposed,
                transposed_weights.data, width,
            )
            self.multiply(
                rows_of(x.data + start, x.row), transposed_weights, z, n, n_transposed, width
            )
            start += n_transposed

    cdef void activate(self, Py_ssize_t layer) noexcept nogil:
        cdef Matrix a = self.of_layer(self.work.activations, layer)
        cdef Matrix zs = self.of_layer(self.work.zs, layer)
        cdef Py_ssize_t k
        for k in range(self.begin, self.end):
            if not self.may_continue(WORK_PER_NUMBER * self.work.layers[layer].width):
                return
            activate_layer(
                &self.work.layers[layer], a.data + k * a.row, zs.data + k * zs.row
            )

    cdef void drop_out(self, Py_ssize_t layer) noexcept nogil:
        """Leave units out, if the layer has dropout; zs keep what slopes are computed from.

        Step slopes follow from the outputs that are left, so that zs and factors are not kept.
        """
        cdef const Layer* of = &self.work.layers[layer]
        cdef Matrix a = self.of_layer(self.work.activations, layer)
        cdef Matrix zs = self.of_layer(self.work.zs, layer)
        cdef Matrix factors = self.own(self.of_layer(self.work.factors, layer))
        cdef Py_ssize_t k
        if not has_dropout(&self.work, layer):
            return
        for k in range(self.begin, self.end):
            if not of.keeps_z and not of.has_step_slope:
                memcpy(zs.data + k * zs.row, a.data + k * a.row, of.width * sizeof(real))
            draw_and_multiply(
                self.work.dropout[layer], self.work.key, self.work.place + k, layer,
                factors.data + (0 if of.has_step_slope else k - self.begin) * factors.row,
                a.data + k * a.row, of.width,
            )

    cdef double losses(
        self, const Wanted* wanted, const Py_ssize_t* rows, Py_ssize_t n, real scale
    ) noexcept nogil:
        cdef Py_ssize_t last = self.work.n_layers - 1, k, i
        cdef Matrix a = self.of_layer(self.work.activations, last)
        cdef Matrix zs = self.of_layer(self.work.zs, last)
        cdef Matrix deltas = self.of_layer(self.work.deltas, last)
        cdef real* delta
        for k in range(self.begin, self.end):
            delta = deltas.data + k * deltas.row
            self.example_losses[k] = output_loss(
                wanted, zs.data + k * zs.row, a.data + k * a.row, rows[k], delta
            )
            for i in range(wanted.n_outputs):
                delta[i] *= scale
        return 0

    cdef double collected(self, Py_ssize_t n) noexcept nogil:
        cdef double loss = 0
        cdef Py_ssize_t k
        for k in range(n):
            loss += self.example_losses[k]
        return loss

    cdef void backward(self, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t i
        cdef Matrix dx
        for i in range(self.work.n_layers - 1, -1, -1):
            self.multiply_by_slopes(i)
            if i > 0:
                dx = self.of_layer(self.work.deltas, i - 1)
                memset(self.own(dx).data, 0, (self.end - self.begin) * dx.row * sizeof(real))
                self.add_weighted(self.of_layer(self.work.deltas, i), i, True, dx)

    cdef void multiply_by_slopes(self, Py_ssize_t layer) noexcept nogil:
        cdef Matrix a = self.own(self.of_layer(self.work.activations, layer))
        cdef Matrix zs = self.own(self.of_layer(self.work.zs, layer))
        cdef Matrix deltas = self.own(self.of_layer(self.work.deltas, layer))
        cdef Py_ssize_t n = (self.end - self.begin) * a.row
        # All rows as one vector: between them are only zeros.
        if has_dropout(&self.work, layer) and self.work.layers[layer].has_step_slope:
            times_slope(&self.work.layers[layer], zs.data, a.data, deltas.data, n)
            shrink(deltas.data, 1 / (1 - self.work.dropout[layer]), n)
        elif has_dropout(&self.work, layer):
            times_slope(&self.work.layers[layer], zs.data, zs.data, deltas.data, n)
            multiply(deltas.data, self.own(self.of_layer(self.work.factors, layer)).data, n)
        else:
            times_slope(&self.work.layers[layer], zs.data, a.data, deltas.data, n)

    cdef void add_gradient(self, real* to, Py_ssize_t n, double shrinkage) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.work.n_layers):
            if self.thread == 0:
                self.add_to_biases(i, to, n)
            if i == 0 and self.is_sparse:
                self.add_sparse_gradient(to, n, shrinkage)
            else:
                self.add_to_weights(i, to, n, shrinkage)

    cdef void add_to_biases(self, Py_ssize_t layer, real* to, Py_ssize_t n) noexcept nogil:
        cdef const Layer* of = &self.work.layers[layer]
        cdef Matrix deltas = self.of_layer(self.work.deltas, layer)
        cdef real* total = self.transposed_weights  # nothing is transposed_weights at the time
        cdef Py_ssize_t k
        memset(total, 0, of.width * sizeof(real))
        for k in range(n):
            axpy(1, deltas.data + k * deltas.row, total, of.width)
        axpy(1, total, to + of.biases, of.width)

    cdef void add_to_weights(
        self, Py_ssize_t layer, real* to, Py_ssize_t n, double shrinkage
    ) noexcept nogil:
        """Each thread has its part of the rows."""
        cdef const Layer* of = &self.work.layers[layer]
        cdef Matrix a = transposed(self.inputs_of(layer))
        cdef Matrix b = self.of_layer(self.work.deltas, layer)
        cdef Py_ssize_t n_rows = of.fan_out if of.transposed else of.fan_in
        cdef Py_ssize_t width = of.row_length if of.transposed else of.width
        cdef Py_ssize_t begin = self.share(n_rows, ROWS, False)
        cdef Py_ssize_t end = self.share(n_rows, ROWS, True)
        if of.transposed:
            a, b = transposed(b), transposed(a)
        if shrinkage != 1:
            shrink(
                to + of.weights + begin * of.row_length, shrinkage, (end - begin) * of.row_length
            )
        self.multiply(
            Matrix(a.data + begin * a.row, a.row, a.column), b,
            rows_of(to + of.weights + begin * of.row_length, of.row_length), end - begin, n, width,
        )

    cdef void add_sparse_gradient(
        self, real* to, Py_ssize_t n, double shrinkage
    ) noexcept nogil:
        """It is the common factor of weights that shrinks, as in one_by_one.pxi."""
        cdef const Layer* of = self.work.layers
        cdef double factor = self.factor * shrinkage
        # The values in the lists are multiplied by the factor of before.
        cdef real scale = <real>(1 / (self.factor * factor)) if to == self.work.parameters else 1
        cdef Matrix deltas = self.of_layer(self.work.deltas, 0), w
        cdef Part rows = Part(0, of.fan_in), columns = self.own_columns()
        cdef Py_ssize_t k, width
        cdef const real* delta
        if not self.has_lists_by_input():
            w = rows_of(to + of.weights + columns.begin, of.row_length)
            width = columns.end - columns.begin
            for k in range(n):
                self.list_sparse(k)
                if not self.may_continue(self.work.n_listed[0] * width):
                    return
                delta = deltas.data + k * deltas.row + columns.begin
                step_rows(w.data, w.row, inputs(&self.work, 0), delta, scale, width)
        else:
            columns = Part(0, of.width)
            rows = self.lists.list_by_input(n, scale, self.thread, self.n_threads)
            w = rows_of(to + of.weights + rows.begin * of.row_length, of.row_length)
            self.multiply_sparse(
                self.lists.by_input(rows.begin), deltas, w, w, rows.end - rows.begin, n, of.width
            )
        self.factor = factor
        if factor * _MAX_STRETCH < 1:
            self.apply_factor_to(rows, columns)

    cdef inline bint has_lists_by_input(self) noexcept nogil:
        return self.lists is not None and self.lists.entries_by_input != NULL

    cdef inline Part own_columns(self) noexcept nogil:
        """Return this thread's columns of the first layer's weights"""
        cdef const Layer* of = self.work.layers
        return Part(self.share(of.width, LANES, False), self.share(of.width, LANES, True))

    cdef void apply_factor(self) noexcept nogil:
        self.apply_factor_to(Part(0, self.work.layers[0].fan_in), self.own_columns())

    cdef void apply_factor_to(self, Part rows, Part columns) noexcept nogil:
        cdef const Layer* of = self.work.layers
        cdef real* w = self.work.parameters + of.weights + columns.begin
        cdef Py_ssize_t row
        for row in range(rows.begin, rows.end):
            shrink(w + row * of.row_length, self.factor, columns.end - columns.begin)
        self.factor = 1

    cdef void copy_outputs(self, real* to, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t last = self.work.n_layers - 1, k
        cdef Py_ssize_t n_outputs = self.work.layers[last].fan_out
        cdef Matrix a = self.of_layer(self.work.activations, last)
        for k in range(self.begin, self.end):
            memcpy(to + k * n_outputs, a.data + k * a.row, n_outputs * sizeof(real))
