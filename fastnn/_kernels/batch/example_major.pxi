"""Example-major workspaces: layer by layer, one row per example.

Activations, deltas and zs of a layer are (capacity, row_length) matrices, at its offset times
capacity.  The row length is a little more than the padded width: rows that are a power of two apart
would share few cache sets.
"""


@cython.final
cdef class ExampleMajorBatch:
    """Allocate what the threads of a team share of a batch."""
    cdef Network network
    cdef Buffer activations, deltas, zs, inputs, losses, dropout_factors
    cdef real[::1] gradient
    cdef const double[::1] dropout_rates
    cdef BatchNonzeros nonzeros
    cdef readonly Team team
    cdef Py_ssize_t capacity
    cdef bint is_sparse

    def __init__(
        self,
        Network network,
        Py_ssize_t capacity,
        Py_ssize_t n_threads,
        bint trains,
        bint is_sparse,                  # zeros among the inputs are skipped
        bint has_csr,                    # the nonzeros of a whole batch are listed by example
        bint has_csc,                    # and by input
        const double[::1] dropout_rates,  # IN  (n_layers,), or None
        real[::1] gradient,              # (n_parameters,) of zeros, or empty
        /,
    ):
        cdef Py_ssize_t n_inputs = network.layers[0].fan_in, n = network.n_units * capacity
        self.network, self.capacity, self.is_sparse = network, capacity, is_sparse
        self.dropout_rates, self.gradient = dropout_rates, gradient
        self.team, self.losses = Team(n_threads), Buffer(capacity, sizeof(double))
        self.activations = self.deltas = self.zs = real_buffer(n)
        if trains:
            self.deltas = real_buffer(n)
            if network.keeps_z or dropout_rates is not None:
                self.zs = real_buffer(n)
        self.inputs = real_buffer((1 if is_sparse else capacity) * n_inputs)
        if has_csr:
            self.nonzeros = BatchNonzeros(n_inputs, capacity, n_threads, has_csc)
        if dropout_rates is not None:
            self.dropout_factors = real_buffer(n)


@cython.final
cdef class ExampleMajor(BatchWorkspace):
    """Compute one thread's examples, and its share of the gradient, of batches."""
    cdef ExampleMajorBatch batch
    cdef Py_ssize_t begin, end      # this thread's examples
    cdef Matrix inputs              # (n, n_inputs), unless they are sparse
    cdef real* gathered             # memory for inputs that are not stored in order
    cdef real* transposed_weights   # (DEPTH, max_width)
    cdef double* example_losses
    # The first layer skips zeros:
    cdef bint is_sparse
    cdef const Rows* rows
    cdef const Py_ssize_t* order
    cdef Py_ssize_t start
    cdef BatchNonzeros nonzeros  # set by the forward pass; None: examples are gathered singly

    def __init__(self, ExampleMajorBatch batch, Py_ssize_t thread, /):
        self.set_up(Workspace(batch.network), batch.capacity, batch.gradient, batch.team, thread)
        self.batch = batch
        self.memory = real_buffer(DEPTH * batch.network.max_width)
        self.transposed_weights = <real*>self.memory.data
        self.work.activations = <real*>batch.activations.data
        self.work.deltas = <real*>batch.deltas.data
        self.work.zs = <real*>batch.zs.data
        if batch.dropout_rates is not None:
            self.work.dropout_rates = &batch.dropout_rates[0]
            self.work.dropout_factors = <real*>batch.dropout_factors.data
        self.gathered, self.example_losses = <real*>batch.inputs.data, <double*>batch.losses.data
        self.is_sparse, self.nonzeros = batch.is_sparse, batch.nonzeros

    cdef inline Matrix layer_matrix(self, real* data, Py_ssize_t i) noexcept nogil:
        """Return the matrix of layer i in activations, deltas, zs or dropout factors."""
        cdef const Layer* layer = &self.work.layers[i]
        return row_major(data + layer.outputs * self.capacity, padded_units(layer.fan_out))

    cdef inline Matrix input_matrix(self, Py_ssize_t i) noexcept nogil:
        """Return the (n, fan_in) inputs of layer i."""
        return self.layer_matrix(self.work.activations, i - 1) if i else self.inputs

    cdef inline Matrix own_rows(self, Matrix of_all) noexcept nogil:
        """Return the rows of this thread's examples."""
        return row_major(of_all.data + self.begin * of_all.row, of_all.row)

    cdef void load(
        self, const Rows* rows, const Py_ssize_t* order, Py_ssize_t start, Py_ssize_t t,
        Py_ssize_t n,
    ) noexcept nogil:
        cdef Py_ssize_t n_inputs = rows.n_inputs, k
        cdef Range own = self.share(n, ROWS)  # the same tiles for any number of threads
        self.begin, self.end = own.begin, own.end
        self.work.position = t
        if self.is_sparse:
            self.rows, self.order, self.start = rows, order, start
        elif rows.in_order and rows.indptr == NULL:
            self.inputs = row_major(rows.values + (t - start) * n_inputs, n_inputs)
        else:
            self.inputs = row_major(self.gathered, n_inputs)
            for k in range(self.begin, self.end):
                copy_example(
                    &self.work, rows, row_at(rows, order, start, t + k),
                    self.gathered + k * n_inputs,
                )

    cdef inline Py_ssize_t example_row(self, Py_ssize_t k) noexcept nogil:
        """Return the row of X of example k of the batch."""
        return row_at(self.rows, self.order, self.start, self.work.position + k)

    cdef inline void gather_scaled_example(self, Py_ssize_t k) noexcept nogil:
        """Gather the nonzeros of example k, times the factor of the first layer's weights."""
        cdef Py_ssize_t i
        gather_example(&self.work, self.rows, self.example_row(k))
        if self.factor != 1:
            for i in range(self.work.n_nonzeros[0]):
                self.work.values[i] *= <real>self.factor

    cdef void forward(self, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.work.n_layers):
            if i == 0 and self.is_sparse:
                self.multiply_sparse_inputs(self.work.parameters + self.work.layers.biases)
            else:
                self.fill_with_biases(i)
                self.multiply_by_weights(
                    self.input_matrix(i), i, False, self.layer_matrix(self.work.activations, i)
                )
            self.activate(i)
            self.drop_units(i)

    cdef void fill_with_biases(self, Py_ssize_t i) noexcept nogil:
        """Write the biases of layer i to its activations."""
        cdef const Layer* layer = &self.work.layers[i]
        cdef Matrix z = self.layer_matrix(self.work.activations, i)
        cdef const real* biases = self.work.parameters + layer.biases
        cdef Py_ssize_t k
        for k in range(self.begin, self.end):
            memcpy(z.data + k * z.row, biases, layer.width * sizeof(real))

    cdef void multiply_sparse_inputs(self, const real* biases) noexcept nogil:
        """Write z = x W + b of the first layer to its activations."""
        cdef const Layer* layer = self.work.layers
        cdef const real* w = self.work.parameters + layer.weights
        cdef Matrix z = self.layer_matrix(self.work.activations, 0)
        cdef Py_ssize_t at = self.begin * layer.fan_in, k
        if self.nonzeros is None:
            for k in range(self.begin, self.end):
                self.gather_scaled_example(k)
                if not self.may_continue(self.work.n_nonzeros[0] * layer.width):
                    return
                memcpy(z.data + k * z.row, biases, layer.width * sizeof(real))
                add_rows(w, layer, layer_inputs(&self.work, 0), False, z.data + k * z.row)
            return
        self.nonzeros.begin(self.thread)
        for k in range(self.begin, self.end):
            if k + 2 < self.end:
                prefetch(stored_inputs(self.rows, self.example_row(k + 2)))
            self.gather_scaled_example(k)
            at = self.nonzeros.append(
                k, at, layer_inputs(&self.work, 0), self.work.n_nonzeros[0], self.thread
            )
        self.spmm(
            self.nonzeros.csr(self.begin), row_major(w, layer.row_length),
            row_major(biases, 0), self.own_rows(z), self.end - self.begin, layer.fan_in,
            layer.width,
        )

    cdef void multiply_by_weights(
        self, Matrix x, Py_ssize_t i, bint backwards, Matrix z
    ) noexcept nogil:
        """z += x W in this thread's rows, W being (fan_in, fan_out), or z += x W' if backwards."""
        cdef const Layer* layer = &self.work.layers[i]
        cdef Py_ssize_t n_terms = layer.fan_out if backwards else layer.fan_in
        cdef Py_ssize_t n_columns = layer.fan_in if backwards else layer.fan_out
        cdef Py_ssize_t width = self.work.layers[i - 1].width if backwards else layer.width
        cdef Matrix stored = row_major(self.work.parameters + layer.weights, layer.row_length)
        cdef Matrix transposed_weights = row_major(self.transposed_weights, width)
        cdef Py_ssize_t n = self.end - self.begin, start = 0, n_transposed
        x, z = self.own_rows(x), self.own_rows(z)
        if layer.transposed == backwards:
            self.gemm(x, stored, z, n, n_terms, width)
            return
        while start < n_terms:
            n_transposed = min(DEPTH, n_terms - start)
            transpose(
                stored.data + start, stored.row, n_columns, n_transposed,
                transposed_weights.data, width,
            )
            self.gemm(
                row_major(x.data + start, x.row), transposed_weights, z, n, n_transposed, width
            )
            start += n_transposed

    cdef void activate(self, Py_ssize_t i) noexcept nogil:
        """Replace z of layer i in its activations by f(z); first copy z to zs if it keeps it."""
        cdef Matrix a = self.layer_matrix(self.work.activations, i)
        cdef Matrix zs = self.layer_matrix(self.work.zs, i)
        cdef Py_ssize_t k
        for k in range(self.begin, self.end):
            if not self.may_continue(WORK_PER_NUMBER * self.work.layers[i].width):
                return
            activate_layer(&self.work.layers[i], a.data + k * a.row, zs.data + k * zs.row)

    cdef void drop_units(self, Py_ssize_t i) noexcept nogil:
        """Apply dropout to the activations of layer i, if it has any.

        zs then has what the derivative of the activation is computed from.  A step slope follows
        from the activations that are left: it needs neither zs nor the factors, which all examples
        write to the same row.
        """
        cdef const Layer* layer = &self.work.layers[i]
        cdef Matrix a = self.layer_matrix(self.work.activations, i)
        cdef Matrix zs = self.layer_matrix(self.work.zs, i)
        cdef Matrix factors = self.own_rows(self.layer_matrix(self.work.dropout_factors, i))
        cdef Py_ssize_t k
        if not has_dropout(&self.work, i):
            return
        for k in range(self.begin, self.end):
            if not layer.keeps_z and not layer.has_step_slope:
                memcpy(zs.data + k * zs.row, a.data + k * a.row, layer.width * sizeof(real))
            apply_dropout(
                self.work.dropout_rates[i], self.work.dropout_key, self.work.position + k, i,
                factors.data + (0 if layer.has_step_slope else k - self.begin) * factors.row,
                a.data + k * a.row, layer.width,
            )

    cdef double losses(
        self, const Wanted* wanted, const Py_ssize_t* rows, Py_ssize_t n, real scale
    ) noexcept nogil:
        cdef Py_ssize_t last = self.work.n_layers - 1, k, i
        cdef Matrix a = self.layer_matrix(self.work.activations, last)
        cdef Matrix zs = self.layer_matrix(self.work.zs, last)
        cdef Matrix deltas = self.layer_matrix(self.work.deltas, last)
        cdef real* delta
        for k in range(self.begin, self.end):
            delta = deltas.data + k * deltas.row
            self.example_losses[k] = output_loss(
                wanted, zs.data + k * zs.row, a.data + k * a.row, rows[k], delta
            )
            for i in range(wanted.n_outputs):
                delta[i] *= scale
        return 0

    cdef double shared_losses(self, Py_ssize_t n) noexcept nogil:
        cdef double loss = 0
        cdef Py_ssize_t k
        for k in range(n):
            loss += self.example_losses[k]
        return loss

    cdef void backward(self, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t i
        cdef Matrix dx
        for i in range(self.work.n_layers - 1, -1, -1):
            self.multiply_by_slope(i)
            if i > 0:
                dx = self.layer_matrix(self.work.deltas, i - 1)
                memset(self.own_rows(dx).data, 0, (self.end - self.begin) * dx.row * sizeof(real))
                self.multiply_by_weights(self.layer_matrix(self.work.deltas, i), i, True, dx)

    cdef void multiply_by_slope(self, Py_ssize_t i) noexcept nogil:
        """Turn dL/da of layer i in this thread's deltas into dL/dz."""
        cdef const Layer* layer = &self.work.layers[i]
        cdef Matrix a = self.own_rows(self.layer_matrix(self.work.activations, i))
        cdef Matrix zs = self.own_rows(self.layer_matrix(self.work.zs, i))
        cdef Matrix deltas = self.own_rows(self.layer_matrix(self.work.deltas, i))
        cdef Py_ssize_t n = (self.end - self.begin) * a.row
        # All rows are one vector: the padding between them is 0.
        if has_dropout(&self.work, i) and layer.has_step_slope:
            times_slope(layer, zs.data, a.data, deltas.data, n)
            shrink(deltas.data, 1 / (1 - self.work.dropout_rates[i]), n)
        elif has_dropout(&self.work, i):
            times_slope(layer, zs.data, zs.data, deltas.data, n)
            multiply(
                deltas.data, self.own_rows(self.layer_matrix(self.work.dropout_factors, i)).data, n
            )
        else:
            times_slope(layer, zs.data, a.data, deltas.data, n)

    cdef void add_gradient(self, real* to, Py_ssize_t n, double shrinkage) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.work.n_layers):
            if self.thread == 0:
                self.add_bias_gradient(i, to, n)
            if i == 0 and self.is_sparse:
                self.add_sparse_gradient(to, n, shrinkage)
            else:
                self.add_weight_gradient(i, to, n, shrinkage)

    cdef void add_bias_gradient(self, Py_ssize_t i, real* to, Py_ssize_t n) noexcept nogil:
        """Add the gradient of the biases of layer i."""
        cdef const Layer* layer = &self.work.layers[i]
        cdef Matrix deltas = self.layer_matrix(self.work.deltas, i)
        cdef real* total = self.transposed_weights  # free here
        cdef Py_ssize_t k
        memset(total, 0, layer.width * sizeof(real))
        for k in range(n):
            axpy(1, deltas.data + k * deltas.row, total, layer.width)
        axpy(1, total, to + layer.biases, layer.width)

    cdef void add_weight_gradient(
        self, Py_ssize_t i, real* to, Py_ssize_t n, double shrinkage
    ) noexcept nogil:
        """Shrink this thread's rows of the weights of layer i, and add their gradient."""
        cdef const Layer* layer = &self.work.layers[i]
        cdef Matrix a = transposed(self.input_matrix(i))
        cdef Matrix b = self.layer_matrix(self.work.deltas, i)
        cdef Py_ssize_t width = layer.row_length if layer.transposed else layer.width
        cdef Range rows = self.share(layer.fan_out if layer.transposed else layer.fan_in, ROWS)
        cdef Py_ssize_t n_rows = rows.end - rows.begin
        cdef real* w = to + layer.weights + rows.begin * layer.row_length
        if layer.transposed:
            a, b = transposed(b), transposed(a)
        if shrinkage != 1:
            shrink(w, shrinkage, n_rows * layer.row_length)
        self.gemm(
            Matrix(a.data + rows.begin * a.row, a.row, a.column), b,
            row_major(w, layer.row_length), n_rows, n, width,
        )

    cdef void add_sparse_gradient(
        self, real* to, Py_ssize_t n, double shrinkage
    ) noexcept nogil:
        """Add this thread's share of the gradient of the first layer's weights.

        Their common factor shrinks instead of the stored weights, as in pending_updates.pxi.
        """
        cdef const Layer* layer = self.work.layers
        cdef double factor = self.factor * shrinkage
        # The values that the deltas are multiplied by have the factor of before in them.
        cdef real scale = <real>(1 / (self.factor * factor)) if to == self.work.parameters else 1
        cdef Matrix deltas = self.layer_matrix(self.work.deltas, 0), w
        cdef Range rows = Range(0, layer.fan_in), columns = self.share(layer.width, LANES)
        cdef Py_ssize_t k, width
        cdef const real* delta
        if not self.has_csc():
            w = row_major(to + layer.weights + columns.begin, layer.row_length)
            width = columns.end - columns.begin
            for k in range(n):
                self.gather_scaled_example(k)
                if not self.may_continue(self.work.n_nonzeros[0] * width):
                    return
                delta = deltas.data + k * deltas.row + columns.begin
                step_rows(w.data, w.row, layer_inputs(&self.work, 0), delta, scale, width)
        else:
            columns = Range(0, layer.width)
            rows = self.nonzeros.build_csc(n, scale, self.thread, self.n_threads)
            w = row_major(to + layer.weights + rows.begin * layer.row_length, layer.row_length)
            self.spmm(
                self.nonzeros.csc(rows.begin), deltas, w, w, rows.end - rows.begin, n, layer.width
            )
        self.factor = factor
        if factor * _MAX_STRETCH < 1:
            self.apply_factor_to(rows, columns)

    cdef inline bint has_csc(self) noexcept nogil:
        """Return whether the nonzeros of a batch are listed by input."""
        return self.nonzeros is not None and self.nonzeros.csc_entries != NULL

    cdef void apply_factor(self) noexcept nogil:
        cdef const Layer* layer = self.work.layers
        self.apply_factor_to(Range(0, layer.fan_in), self.share(layer.width, LANES))

    cdef void apply_factor_to(self, Range rows, Range columns) noexcept nogil:
        """Multiply these rows and columns of the first layer's weights by the factor, now 1."""
        cdef const Layer* layer = self.work.layers
        cdef real* w = self.work.parameters + layer.weights + columns.begin
        cdef Py_ssize_t row
        for row in range(rows.begin, rows.end):
            shrink(w + row * layer.row_length, self.factor, columns.end - columns.begin)
        self.factor = 1

    cdef void copy_outputs(self, real* to, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t last = self.work.n_layers - 1, k
        cdef Py_ssize_t n_outputs = self.work.layers[last].fan_out
        cdef Matrix a = self.layer_matrix(self.work.activations, last)
        for k in range(self.begin, self.end):
            memcpy(to + k * n_outputs, a.data + k * a.row, n_outputs * sizeof(real))
