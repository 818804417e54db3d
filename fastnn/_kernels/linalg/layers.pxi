"""One layer, one example: forward pass, backward pass and update, four rows of weights at a time.

Here W is the stored matrix.  Its rows belong to inputs and have fan_out weights, padded to the
layer's width; if the layer is transposed, they belong to outputs and have fan_in weights.
"""


cdef inline Matrix weight_matrix(const real* parameters, const Layer* layer) noexcept nogil:
    """Return the weights as a (fan_in, fan_out) matrix, however they are stored."""
    cdef Matrix stored = row_major(parameters + layer.weights, layer.row_length)
    return transposed(stored) if layer.transposed else stored


cdef struct FourRows:
    real* w0
    real* w1
    real* w2
    real* w3


cdef inline FourRows four_rows(
    const real* w, Py_ssize_t row_length, const int32_t* index, Py_ssize_t k
) noexcept nogil:
    """Return the rows index[k], ..., index[k + 3] of W, or k, ..., k + 3 if index is NULL."""
    cdef real* row = <real*>w
    if index == NULL:
        row += k * row_length
        return FourRows(row, row + row_length, row + 2 * row_length, row + 3 * row_length)
    return FourRows(
        row + index[k] * row_length, row + index[k + 1] * row_length,
        row + index[k + 2] * row_length, row + index[k + 3] * row_length,
    )


cdef inline void scatter_four(
    const real* values, const int32_t* index, Py_ssize_t k, real* to
) noexcept nogil:
    """Write four values to the elements of ``to`` that `four_rows` takes as rows."""
    cdef Py_ssize_t i
    for i in range(4):
        to[k + i if index == NULL else index[k + i]] = values[i]


cdef void add_rows(
    const real* w, const Layer* layer, Inputs x, bint backwards, real* z
) noexcept nogil:
    """z (width,) += x W, W not being transposed, from the first row on or from the last."""
    cdef Py_ssize_t k, at
    cdef FourRows f
    for k in range(0, x.n, 4):
        at = x.n - 4 - k if backwards else k
        f = four_rows(w, layer.row_length, x.index, at)
        axpy4(x.values + at, f.w0, f.w1, f.w2, f.w3, z, layer.width)


cdef void multiply_rows(
    const real* w, Py_ssize_t row_length, const int32_t* index, Py_ssize_t n_rows,
    const real* y, real* products, Py_ssize_t n,
) noexcept nogil:
    """products[row] = W[row] . y, of length n, for rows in index, or all n_rows if that is NULL."""
    cdef real totals[4]
    cdef Py_ssize_t k
    cdef FourRows f
    for k in range(0, n_rows, 4):
        f = four_rows(w, row_length, index, k)
        dot4(y, f.w0, f.w1, f.w2, f.w3, totals, n)
        scatter_four(totals, index, k, products)


cdef void forward_layer(
    const Work* work, const Layer* layer, Inputs x
) noexcept nogil:
    """Write the layer's outputs f(x W + b) and, if it keeps it, z; both are padded with zeros."""
    cdef const real* w = work.parameters + layer.weights
    cdef const real* biases = work.parameters + layer.biases
    cdef real* a = work.activations + layer.outputs
    if layer.transposed:
        multiply_rows(w, layer.row_length, NULL, layer.fan_out, x.values, a, layer.row_length)
        axpy(1, biases, a, layer.width)
    else:
        memcpy(a, biases, layer.width * sizeof(real))
        add_rows(w, layer, x, False, a)
    activate_layer(layer, a, work.zs + layer.outputs)


cdef void activate_layer(const Layer* layer, real* a, real* zs) noexcept nogil:
    """Replace z in a (width,) by f(z); first copy z to zs if the layer keeps it.

    zs may be a.  Both are padded with zeros.
    """
    cdef Py_ssize_t i
    if layer.keeps_z and zs != a:
        memcpy(zs, a, layer.width * sizeof(real))
    activate_example(layer, a)
    for i in range(layer.fan_out, layer.width):
        a[i] = 0
        if layer.keeps_z:  # NaN from an infinite weight times the zeros of the padding
            zs[i] = 0


cdef void backward_layer(
    real* parameters, const Layer* layer, Inputs x, const real* delta, real scale, real* dx
) noexcept nogil:
    """Write dL/dx = delta W' to dx, 0 for inputs that are skipped; then W += scale x' delta.

    x and delta (width,) must not alias dx (fan_in, padded).
    """
    cdef real* w = parameters + layer.weights
    cdef real totals[4]
    cdef Py_ssize_t k
    cdef FourRows f
    if x.index != NULL:
        memset(dx, 0, layer.fan_in * sizeof(real))
    if layer.transposed:
        # Also the padding: there an infinite delta times its zeros gave NaN.
        memset(dx, 0, layer.row_length * sizeof(real))
        for k in range(0, layer.fan_out, 4):
            f = four_rows(w, layer.row_length, NULL, k)
            axpy_and_step4(
                delta + k, scale, x.values, f.w0, f.w1, f.w2, f.w3, dx, layer.row_length
            )
    else:
        for k in range(0, x.n, 4):
            f = four_rows(w, layer.row_length, x.index, k)
            dot_and_step4(
                delta, scale, x.values + k, f.w0, f.w1, f.w2, f.w3, totals, layer.width
            )
            scatter_four(totals, x.index, k, dx)


cdef void propagate(
    const real* parameters, const Layer* layer, Inputs x, const real* delta, real* dx
) noexcept nogil:
    """Write dL/dx = delta W' to dx, 0 for inputs that are skipped.

    x and delta (width,) must not alias dx (fan_in, padded).
    """
    cdef const real* w = parameters + layer.weights
    cdef Py_ssize_t k
    cdef FourRows f
    if layer.transposed or x.index != NULL:
        memset(dx, 0, max(layer.fan_in, layer.row_length if layer.transposed else 0) * sizeof(real))
    if layer.transposed:
        for k in range(0, layer.fan_out, 4):
            f = four_rows(w, layer.row_length, NULL, k)
            axpy4(delta + k, f.w0, f.w1, f.w2, f.w3, dx, layer.row_length)
    else:
        multiply_rows(w, layer.row_length, x.index, x.n, delta, dx, layer.width)


cdef void step_rows(
    real* w, Py_ssize_t row_length, Inputs x, const real* delta, real scale, Py_ssize_t n
) noexcept nogil:
    """W += scale x' delta in n columns, W not being transposed; delta (n,) must not alias W."""
    cdef Py_ssize_t k
    cdef FourRows f
    for k in range(0, x.n, 4):
        f = four_rows(w, row_length, x.index, k)
        step4(scale, x.values + k, delta, f.w0, f.w1, f.w2, f.w3, n)
