"""Feature-major workspaces, for small networks: one example per lane of the vectors.

Inputs, activations and deltas are (units, capacity) matrices with one column per example.  Columns
without an example have deltas of 0.
"""


@cython.final
cdef class FeatureMajor(BatchWorkspace):
    """Compute batches of small networks, in one thread."""
    cdef real* inputs       # (n_inputs, capacity)
    cdef real* activations  # per layer (fan_out, capacity), at its offset times capacity
    cdef real* deltas       # likewise
    cdef real* zs           # likewise

    def __init__(
        self,
        Network network,
        Py_ssize_t n_examples,  # of a batch
        Py_ssize_t max_columns,  # larger batches are computed in parts
        bint trains,
        real[::1] gradient,     # (n_parameters,) of zeros, or empty
        /,
    ):
        cdef Py_ssize_t n_vectors = (min(n_examples, max_columns) + LANES - 1) // LANES
        # Rows of an even number of vectors would share few cache sets.
        cdef Py_ssize_t capacity = (n_vectors | 1) * LANES, n = network.n_units * capacity
        self.set_up(Workspace(network), capacity, gradient, Team(1), 0)
        self.memory = real_buffer(network.layers[0].fan_in * capacity + 3 * n)
        self.inputs = <real*>self.memory.data
        self.activations = self.inputs + network.layers[0].fan_in * capacity
        self.deltas = self.activations + n if trains else self.activations
        self.zs = self.activations + 2 * n if trains and network.keeps_z else self.activations

    cdef inline Matrix layer_matrix(self, real* data, Py_ssize_t i) noexcept nogil:
        """Return the (fan_out, capacity) matrix of layer i in activations, deltas or zs."""
        cdef const Layer* layer = &self.workspace.work.layers[i]
        return row_major(data + layer.outputs * self.capacity, self.capacity)

    cdef void load(
        self, const Rows* rows, const Py_ssize_t* order, Py_ssize_t start, Py_ssize_t t,
        Py_ssize_t n,
    ) noexcept nogil:
        cdef const Work* work = &self.workspace.work
        cdef Py_ssize_t capacity = self.capacity, i, k, row
        cdef const real* x
        for k in range(n):
            row = row_at(rows, order, start, t + k)
            if rows.indptr == NULL:
                x = rows.values + row * rows.n_inputs
                for i in range(rows.n_inputs):
                    self.inputs[i * capacity + k] = x[i]
            else:
                gather_example(work, rows, row)
                for i in range(rows.n_inputs):
                    self.inputs[i * capacity + k] = 0
                for i in range(work.n_nonzeros[0]):
                    self.inputs[work.indices[i] * capacity + k] = work.values[i]

    cdef void forward(self, Py_ssize_t n) noexcept nogil:
        cdef const Work* work = &self.workspace.work
        cdef Py_ssize_t n_columns = (n + LANES - 1) & -LANES, i, unit, k
        cdef Matrix x = row_major(self.inputs, self.capacity), a
        cdef const Layer* layer
        cdef real* z
        for i in range(work.n_layers):
            layer = &work.layers[i]
            a = self.layer_matrix(self.activations, i)
            for unit in range(layer.fan_out):
                z = a.data + unit * a.row
                for k in range(n_columns):
                    z[k] = work.parameters[layer.biases + unit]
            gemm(
                transposed(weight_matrix(work.parameters, layer)), x, a,
                layer.fan_out, layer.fan_in, n_columns,
            )
            self.activate(i, n_columns)
            x = a

    cdef void activate(self, Py_ssize_t i, Py_ssize_t n_columns) noexcept nogil:
        """Replace z of layer i in its activations by f(z); first copy z to zs if it keeps it."""
        cdef const Layer* layer = &self.workspace.work.layers[i]
        cdef Matrix a = self.layer_matrix(self.activations, i), zs = self.layer_matrix(self.zs, i)
        cdef Py_ssize_t unit
        if layer.keeps_z and zs.data != a.data:
            for unit in range(layer.fan_out):
                memcpy(zs.data + unit * zs.row, a.data + unit * a.row, n_columns * sizeof(real))
        activate_columns(layer, a, n_columns)

    cdef double losses(
        self, const Wanted* wanted, const Py_ssize_t* rows, Py_ssize_t n, real scale
    ) noexcept nogil:
        cdef Py_ssize_t n_columns = (n + LANES - 1) & -LANES, unit, k
        cdef Py_ssize_t last = self.workspace.work.n_layers - 1
        cdef Matrix a = self.layer_matrix(self.activations, last)
        cdef Matrix zs = self.layer_matrix(self.zs, last)
        cdef Matrix deltas = self.layer_matrix(self.deltas, last)
        # One call per unit, or one per example if each loss is multiplied by its weight.
        cdef Py_ssize_t n_per_call = n if wanted.weights == NULL else 1
        cdef double loss = 0
        cdef real* delta
        if not is_elementwise(wanted):
            for k in range(n):
                loss += weight_of(wanted, rows[k]) * cross_entropy(
                    zs.data + k, a.data + k, target_of(wanted, rows[k]), deltas.data + k,
                    wanted.n_outputs, deltas.row, wanted.most,
                )
        else:
            self.copy_targets(wanted, rows, n)
        for unit in range(wanted.n_outputs):
            delta = deltas.data + unit * deltas.row
            k = 0
            while is_elementwise(wanted) and k < n:
                loss += weight_of(wanted, rows[k]) * sum_losses(
                    wanted, zs.data + unit * zs.row + k, a.data + unit * a.row + k,
                    Target(delta + k, 0), delta + k, n_per_call,
                )
                k += n_per_call
            if wanted.weights != NULL:
                for k in range(n):
                    delta[k] *= wanted.weights[rows[k]]
            for k in range(n):
                delta[k] *= scale
            for k in range(n, n_columns):
                delta[k] = 0
        return loss

    cdef void copy_targets(
        self, const Wanted* wanted, const Py_ssize_t* rows, Py_ssize_t n
    ) noexcept nogil:
        """Write the targets of n examples to the deltas of the last layer, (n_outputs, n)."""
        cdef Matrix targets = self.layer_matrix(self.deltas, self.workspace.work.n_layers - 1)
        cdef const real* values
        cdef Py_ssize_t unit, k
        if wanted.labels != NULL:
            for unit in range(wanted.n_outputs):
                memset(targets.data + unit * targets.row, 0, n * sizeof(real))
            for k in range(n):
                targets.data[wanted.labels[rows[k]] * targets.row + k] = 1
            return
        for k in range(n):
            values = wanted.values + rows[k] * wanted.n_outputs
            for unit in range(wanted.n_outputs):
                targets.data[unit * targets.row + k] = values[unit]

    cdef void backward(self, Py_ssize_t n) noexcept nogil:
        cdef const Work* work = &self.workspace.work
        cdef Py_ssize_t n_columns = (n + LANES - 1) & -LANES, i, unit
        cdef Matrix a, zs, deltas, dx
        cdef const Layer* layer
        for i in range(work.n_layers - 1, -1, -1):
            layer = &work.layers[i]
            deltas, a = self.layer_matrix(self.deltas, i), self.layer_matrix(self.activations, i)
            zs = self.layer_matrix(self.zs, i)
            for unit in range(layer.fan_out):
                times_slope(
                    layer, zs.data + unit * zs.row, a.data + unit * a.row,
                    deltas.data + unit * deltas.row, n_columns,
                )
            if i > 0:
                dx = self.layer_matrix(self.deltas, i - 1)
                for unit in range(layer.fan_in):
                    memset(dx.data + unit * dx.row, 0, n_columns * sizeof(real))
                gemm(
                    weight_matrix(work.parameters, layer), deltas, dx,
                    layer.fan_in, layer.fan_out, n_columns,
                )

    cdef void add_gradient(self, real* to, Py_ssize_t n, double shrinkage) noexcept nogil:
        cdef const Work* work = &self.workspace.work
        cdef Py_ssize_t n_columns = (n + LANES - 1) & -LANES, i, unit
        cdef Matrix x = row_major(self.inputs, self.capacity), deltas
        cdef const Layer* layer
        for i in range(work.n_layers):
            layer = &work.layers[i]
            deltas = self.layer_matrix(self.deltas, i)
            if shrinkage != 1:
                shrink(to + layer.weights, shrinkage, layer.biases - layer.weights)
            for unit in range(layer.fan_out):
                to[layer.biases + unit] += vector_sum(deltas.data + unit * deltas.row, n_columns)
            add_dots(x, deltas, weight_matrix(to, layer), layer.fan_in, layer.fan_out, n_columns)
            x = self.layer_matrix(self.activations, i)

    cdef void copy_outputs(self, real* to, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t last = self.workspace.work.n_layers - 1, k, unit
        cdef Py_ssize_t n_outputs = self.workspace.work.layers[last].fan_out
        cdef Matrix a = self.layer_matrix(self.activations, last)
        for k in range(n):
            for unit in range(n_outputs):
                to[k * n_outputs + unit] = a.data[unit * a.row + k]


cdef void add_dots(
    Matrix x, Matrix deltas, Matrix w, Py_ssize_t n_rows, Py_ssize_t n_columns, Py_ssize_t n
) noexcept nogil:
    """W += x delta': x (n_rows, n), delta (n_columns, n), W (n_rows, n_columns).

    n_columns is rounded up to a multiple of four: rows of zeros follow the deltas, and W has
    padding.  W must not alias x or delta.
    """
    cdef real products[4]
    cdef FourRows d
    cdef Py_ssize_t i, k, j
    for i in range(n_rows):
        for k in range(0, n_columns, 4):
            d = four_rows(deltas.data, deltas.row, NULL, k)
            dot4(x.data + i * x.row, d.w0, d.w1, d.w2, d.w3, products, n)
            for j in range(4):
                w.data[i * w.row + (k + j) * w.column] += products[j]
