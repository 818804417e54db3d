"""Blocks of examples of small networks: side by side, one per lane of the vectors.

Inputs, outputs and deltas are matrices (units, capacity), one column per example. Columns without an
example have deltas of 0.
"""


@cython.final
cdef class FeatureMajor(BatchWorkspace):
    cdef real* inputs      # (n_inputs, capacity)
    cdef real* activations  # of each layer (fan_out, capacity), from its offset times capacity on
    cdef real* deltas
    cdef real* zs

    def __init__(
        self,
        Network network,
        Py_ssize_t n_examples,  # of a batch, which is computed in parts if it is larger
        Py_ssize_t max_columns,
        bint trains,
        real[::1] gradient,     # like the parameters, zero at first, or empty
        /,
    ):
        cdef Py_ssize_t n_vectors = (min(n_examples, max_columns) + LANES - 1) // LANES
        # Rows of an even number of vectors would share few cache sets.
        cdef Py_ssize_t capacity = (n_vectors | 1) * LANES, n = network.n_units * capacity
        self.set_up(Workspace(network), capacity, gradient, Team(1), 0)
        self.memory = reals(network.layers[0].fan_in * capacity + 3 * n)
        self.inputs = <real*>self.memory.data
        self.activations = self.inputs + network.layers[0].fan_in * capacity
        self.deltas = self.activations + n if trains else self.activations
        self.zs = self.activations + 2 * n if trains and network.keeps_z else self.activations

    cdef inline Matrix of_layer(self, real* activations, Py_ssize_t layer) noexcept nogil:
        cdef const Layer* of = &self.workspace.work.layers[layer]
        return rows_of(activations + of.outputs * self.capacity, self.capacity)

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
                list_example(work, rows, row)
                for i in range(rows.n_inputs):
                    self.inputs[i * capacity + k] = 0
                for i in range(work.n_listed[0]):
                    self.inputs[work.index[i] * capacity + k] = work.values[i]

    cdef void forward(self, Py_ssize_t n) noexcept nogil:
        cdef const Work* work = &self.workspace.work
        cdef Py_ssize_t lanes = (n + LANES - 1) & -LANES, i, unit, k
        cdef Matrix x = rows_of(self.inputs, self.capacity), a
        cdef const Layer* layer
        cdef real* z
        for i in range(work.n_layers):
            layer = &work.layers[i]
            a = self.of_layer(self.activations, i)
            for unit in range(layer.fan_out):
                z = a.data + unit * a.row
                for k in range(lanes):
                    z[k] = work.parameters[layer.biases + unit]
            add_product(
                transposed(weights(work.parameters, layer)), x, a,
                layer.fan_out, layer.fan_in, lanes,
            )
            self.activate(i, lanes)
            x = a

    cdef void activate(self, Py_ssize_t i, Py_ssize_t lanes) noexcept nogil:
        cdef const Layer* layer = &self.workspace.work.layers[i]
        cdef Matrix a = self.of_layer(self.activations, i), zs = self.of_layer(self.zs, i)
        cdef Py_ssize_t unit
        if layer.keeps_z and zs.data != a.data:
            for unit in range(layer.fan_out):
                memcpy(zs.data + unit * zs.row, a.data + unit * a.row, lanes * sizeof(real))
        activate_columns(layer, a, lanes)

    cdef double losses(
        self, const Wanted* wanted, const Py_ssize_t* rows, Py_ssize_t n, real scale
    ) noexcept nogil:
        cdef Py_ssize_t lanes = (n + LANES - 1) & -LANES, unit, k
        cdef Py_ssize_t last = self.workspace.work.n_layers - 1
        cdef Matrix a = self.of_layer(self.activations, last), zs = self.of_layer(self.zs, last)
        cdef Matrix deltas = self.of_layer(self.deltas, last)
        # A sum over several examples, unless each has a weight.
        cdef Py_ssize_t n_at_once = n if wanted.weights == NULL else 1
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
                    Target(delta + k, 0), delta + k, n_at_once,
                )
                k += n_at_once
            if wanted.weights != NULL:
                for k in range(n):
                    delta[k] *= wanted.weights[rows[k]]
            for k in range(n):
                delta[k] *= scale
            for k in range(n, lanes):
                delta[k] = 0
        return loss

    cdef void copy_targets(
        self, const Wanted* wanted, const Py_ssize_t* rows, Py_ssize_t n
    ) noexcept nogil:
        """Into the deltas of the last layer"""
        cdef Matrix targets = self.of_layer(self.deltas, self.workspace.work.n_layers - 1)
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
        cdef Py_ssize_t lanes = (n + LANES - 1) & -LANES, i, unit
        cdef Matrix a, zs, deltas, dx
        cdef const Layer* layer
        for i in range(work.n_layers - 1, -1, -1):
            layer = &work.layers[i]
            deltas, a = self.of_layer(self.deltas, i), self.of_layer(self.activations, i)
            zs = self.of_layer(self.zs, i)
            for unit in range(layer.fan_out):
                times_slope(
                    layer, zs.data + unit * zs.row, a.data + unit * a.row,
                    deltas.data + unit * deltas.row, lanes,
                )
            if i > 0:
                dx = self.of_layer(self.deltas, i - 1)
                for unit in range(layer.fan_in):
                    memset(dx.data + unit * dx.row, 0, lanes * sizeof(real))
                add_product(
                    weights(work.parameters, layer), deltas, dx,
                    layer.fan_in, layer.fan_out, lanes,
                )

    cdef void add_gradient(self, real* to, Py_ssize_t n, double shrinkage) noexcept nogil:
        cdef const Work* work = &self.workspace.work
        cdef Py_ssize_t lanes = (n + LANES - 1) & -LANES, i, unit
        cdef Matrix x = rows_of(self.inputs, self.capacity), deltas
        cdef const Layer* layer
        for i in range(work.n_layers):
            layer = &work.layers[i]
            deltas = self.of_layer(self.deltas, i)
            if shrinkage != 1:
                shrink(to + layer.weights, shrinkage, layer.biases - layer.weights)
            for unit in range(layer.fan_out):
                to[layer.biases + unit] += total(deltas.data + unit * deltas.row, lanes)
            add_dots(x, deltas, weights(to, layer), layer.fan_in, layer.fan_out, lanes)
            x = self.of_layer(self.activations, i)

    cdef void copy_outputs(self, real* to, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t last = self.workspace.work.n_layers - 1, k, unit
        cdef Py_ssize_t n_outputs = self.workspace.work.layers[last].fan_out
        cdef Matrix a = self.of_layer(self.activations, last)
        for k in range(n):
            for unit in range(n_outputs):
                to[k * n_outputs + unit] = a.data[unit * a.row + k]


cdef void add_dots(
    Matrix x, Matrix deltas, Matrix w, Py_ssize_t n_rows, Py_ssize_t n_columns, Py_ssize_t n
) noexcept nogil:
    """W += x delta', where rows of zeros follow the deltas and may be added beyond the columns"""
    cdef real products[4]
    cdef const real* d
    cdef Py_ssize_t i, k, j
    for i in range(n_rows):
        for k in range(0, n_columns, 4):
            d = deltas.data + k * deltas.row
            dot4(
                x.data + i * x.row,
                d, d + deltas.row, d + 2 * deltas.row, d + 3 * deltas.row,
                products, n,
            )
            for j in range(4):
                w.data[i * w.row + (k + j) * w.column] += products[j]
