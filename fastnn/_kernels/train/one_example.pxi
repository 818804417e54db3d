"""All layers, one example."""


cdef inline bint has_dropout(const Work* work, Py_ssize_t layer) noexcept nogil:
    return work.dropout != NULL and work.dropout[layer] > 0


cdef inline void drop_out(const Work* work, Py_ssize_t i) noexcept nogil:
    """Leave units of a layer out, if it has dropout; zs keep what slopes are computed from."""
    cdef const Layer* layer = &work.layers[i]
    cdef real* a = work.activations + layer.outputs
    cdef real* factors = work.factors + layer.outputs
    if not has_dropout(work, i):
        return
    if not layer.keeps_z:
        memcpy(work.zs + layer.outputs, a, layer.width * sizeof(real))
    draw_and_multiply(work.dropout[i], work.key, work.place, i, factors, a, layer.width)


cdef inline void times_slope_of(const Work* work, Py_ssize_t i, real* delta) noexcept nogil:
    """delta, dL/da of a layer, becomes dL/dz."""
    cdef const Layer* layer = &work.layers[i]
    cdef const real* zs = work.zs + layer.outputs
    if has_dropout(work, i):
        times_slope(layer, zs, zs, delta, layer.width)
        multiply(delta, work.factors + layer.outputs, layer.width)
    else:
        times_slope(layer, zs, work.activations + layer.outputs, delta, layer.width)


cdef void forward(const Work* work, Py_ssize_t first) noexcept nogil:
    """Outputs of the layers from ``first`` on."""
    cdef const Layer* layer
    cdef Py_ssize_t i
    for i in range(first, work.n_layers):
        layer = &work.layers[i]
        if i > 0 and layer.lists_inputs:
            list_nonzeros(work, i, work.activations + work.layers[i - 1].outputs)
        forward_layer(work, layer, inputs(work, i))
        drop_out(work, i)


cdef void backward(
    const Work* work, real* first_delta, real scale, double shrinkage
) noexcept nogil:
    """Deltas of all layers, given the derivatives that the loss begins with.

    That of the first layer goes to ``first_delta``.
    ``scale`` times the gradient is added to the parameters of all layers but the first, once each
    has passed its delta on and its weights are multiplied by ``shrinkage``.
    """
    cdef const Layer* layer
    cdef real* delta
    cdef Py_ssize_t i
    for i in range(work.n_layers - 1, 0, -1):
        layer = &work.layers[i]
        delta = work.deltas + layer.outputs
        times_slope_of(work, i, delta)
        backward_layer(
            work.parameters, layer, inputs(work, i), delta, <real>(scale / shrinkage),
            first_delta if i == 1 else work.deltas + work.layers[i - 1].outputs,
        )
        if shrinkage != 1:
            shrink(work.parameters + layer.weights, shrinkage, layer.biases - layer.weights)
        axpy(scale, delta, work.parameters + layer.biases, layer.width)
    times_slope_of(work, 0, first_delta)


cdef inline const real* outputs(const Work* work) noexcept nogil:
    return work.activations + work.layers[work.n_layers - 1].outputs
