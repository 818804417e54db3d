"""One layer, one example.  Weights are taken four rows at a time."""


cdef inline Matrix weights(const real* parameters, const Layer* layer) noexcept nogil:
    """(fan_in, fan_out), however they are stored"""
    cdef Matrix stored = rows_of(parameters + layer.weights, layer.row_length)
    return transposed(stored) if layer.transposed else stored


cdef struct Four:
    Py_ssize_t row[4]


cdef inline Four four_rows(const int32_t* index, Py_ssize_t k) noexcept nogil:
    cdef Four four
    cdef Py_ssize_t i
    for i in range(4):
        four.row[i] = k + i if index == NULL else index[k + i]
    return four


cdef inline void add_four(
    const real* w, Py_ssize_t row_length, Four f, const real* x, real* z, Py_ssize_t n
) noexcept nogil:
    """z += x W"""
    axpy4(
        x,
        w + f.row[0] * row_length, w + f.row[1] * row_length,
        w + f.row[2] * row_length, w + f.row[3] * row_length,
        z, n,
    )


cdef inline void multiply_four(
    const real* w, Py_ssize_t row_length, Four f, const real* y, real* products, Py_ssize_t n
) noexcept nogil:
    """products[row] = y . W[row]"""
    cdef real totals[4]
    cdef Py_ssize_t i
    dot4(
        y,
        w + f.row[0] * row_length, w + f.row[1] * row_length,
        w + f.row[2] * row_length, w + f.row[3] * row_length,
        totals, n,
    )
    for i in range(4):
        products[f.row[i]] = totals[i]


cdef inline void step_four(
    real* w, Py_ssize_t row_length, Four f, const real* x, real scale, const real* y, Py_ssize_t n
) noexcept nogil:
    """W += scale x' y"""
    step4(
        scale, x, y,
        w + f.row[0] * row_length, w + f.row[1] * row_length,
        w + f.row[2] * row_length, w + f.row[3] * row_length,
        n,
    )


cdef inline void add_and_step_four(
    real* w, Py_ssize_t row_length, Four f, const real* x, real scale, const real* y,
    real* z, Py_ssize_t n,
) noexcept nogil:
    """z += x W, then W += scale x' y"""
    axpy_and_step4(
        x, scale, y,
        w + f.row[0] * row_length, w + f.row[1] * row_length,
        w + f.row[2] * row_length, w + f.row[3] * row_length,
        z, n,
    )


cdef inline void multiply_and_step_four(
    real* w, Py_ssize_t row_length, Four f, const real* x, real scale, const real* y,
    real* products, Py_ssize_t n,
) noexcept nogil:
    """products[row] = y . W[row], then W += scale x' y"""
    cdef real totals[4]
    cdef Py_ssize_t i
    dot_and_step4(
        y, scale, x,
        w + f.row[0] * row_length, w + f.row[1] * row_length,
        w + f.row[2] * row_length, w + f.row[3] * row_length,
        totals, n,
    )
    for i in range(4):
        products[f.row[i]] = totals[i]


cdef void add_inputs(
    const real* w, const Layer* layer, Inputs x, bint backwards, real* z
) noexcept nogil:
    """z += x W, row after row"""
    cdef Py_ssize_t k, at
    for k in range(0, x.n, 4):
        at = x.n - 4 - k if backwards else k
        add_four(w, layer.row_length, four_rows(x.index, at), x.values + at, z, layer.width)


cdef void forward_layer(
    const Work* work, const Layer* layer, Inputs x
) noexcept nogil:
    """Outputs f(x W + b), and zeros from fan_out to width"""
    cdef const real* w = work.parameters + layer.weights
    cdef const real* biases = work.parameters + layer.biases
    cdef real* a = work.activations + layer.outputs
    cdef Py_ssize_t k
    if layer.transposed:
        for k in range(0, layer.fan_out, 4):
            multiply_four(w, layer.row_length, four_rows(NULL, k), x.values, a, layer.row_length)
        axpy(1, biases, a, layer.width)
    else:
        memcpy(a, biases, layer.width * sizeof(real))
        add_inputs(w, layer, x, False, a)
    activate_layer(layer, a, work.zs + layer.outputs)


cdef void activate_layer(const Layer* layer, real* a, real* zs) noexcept nogil:
    """a becomes f(a); zs, if the layer keeps them, what it was."""
    cdef Py_ssize_t i
    if layer.keeps_z and zs != a:
        memcpy(zs, a, layer.width * sizeof(real))
    activate_example(layer, a)
    for i in range(layer.fan_out, layer.width):
        a[i] = 0
        if layer.keeps_z:  # where a weight is infinite, the zeros that fill rows up came to NaN
            zs[i] = 0


cdef void backward_layer(
    real* parameters, const Layer* layer, Inputs x, const real* delta, real scale, real* dx
) noexcept nogil:
    """dx = dL/dx = delta W', or 0 where not listed; then W += scale x' delta."""
    cdef real* w = parameters + layer.weights
    cdef Py_ssize_t k
    if x.index != NULL:
        memset(dx, 0, layer.fan_in * sizeof(real))
    if layer.transposed:
        # All of it, for if a delta is infinite, the zeros that fill rows up come to NaN below.
        memset(dx, 0, layer.row_length * sizeof(real))
        for k in range(0, layer.fan_out, 4):
            add_and_step_four(
                w, layer.row_length, four_rows(NULL, k), delta + k, scale, x.values,
                dx, layer.row_length,
            )
    else:
        for k in range(0, x.n, 4):
            multiply_and_step_four(
                w, layer.row_length, four_rows(x.index, k), x.values + k, scale, delta,
                dx, layer.width,
            )


cdef void propagate(
    const real* parameters, const Layer* layer, Inputs x, const real* delta, real* dx
) noexcept nogil:
    """dx = dL/dx = delta W', or 0 where not listed"""
    cdef const real* w = parameters + layer.weights
    cdef Py_ssize_t k
    if layer.transposed or x.index != NULL:
        memset(dx, 0, max(layer.fan_in, layer.row_length if layer.transposed else 0) * sizeof(real))
    if layer.transposed:
        for k in range(0, layer.fan_out, 4):
            add_four(w, layer.row_length, four_rows(NULL, k), delta + k, dx, layer.row_length)
    else:
        for k in range(0, x.n, 4):
            multiply_four(w, layer.row_length, four_rows(x.index, k), delta, dx, layer.width)


cdef void step_rows(
    real* w, Py_ssize_t row_length, Inputs x, const real* delta, real scale, Py_ssize_t n
) noexcept nogil:
    """W += scale x' delta, row after row"""
    cdef Py_ssize_t k
    for k in range(0, x.n, 4):
        step_four(w, row_length, four_rows(x.index, k), x.values + k, scale, delta, n)
