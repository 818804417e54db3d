"""All layers, one example: forward and backward pass."""


cdef inline bint has_dropout(const Work* work, Py_ssize_t layer) noexcept nogil:
    """Return whether units of a layer are dropped."""
    return work.dropout_rates != NULL and work.dropout_rates[layer] > 0


cdef inline void drop_units(const Work* work, Py_ssize_t i) noexcept nogil:
    """Apply dropout to the activations of layer i, if it has any.

    zs then has what the derivative of the activation is computed from.
    """
    cdef const Layer* layer = &work.layers[i]
    cdef real* a = work.activations + layer.outputs
    if not has_dropout(work, i):
        return
    if not layer.keeps_z:
        memcpy(work.zs + layer.outputs, a, layer.width * sizeof(real))
    apply_dropout(
        work.dropout_rates[i], work.dropout_key, work.position, i,
        work.dropout_factors + layer.outputs, a, layer.width,
    )


cdef inline void multiply_by_slope(const Work* work, Py_ssize_t i, real* delta) noexcept nogil:
    """Turn dL/da of layer i in ``delta`` (width,) into dL/dz."""
    cdef const Layer* layer = &work.layers[i]
    cdef const real* zs = work.zs + layer.outputs
    if has_dropout(work, i):
        times_slope(layer, zs, zs, delta, layer.width)
        multiply(delta, work.dropout_factors + layer.outputs, layer.width)
    else:
        times_slope(layer, zs, work.activations + layer.outputs, delta, layer.width)


cdef void forward(const Work* work, Py_ssize_t first) noexcept nogil:
    """Write the activations of the layers from ``first`` on."""
    cdef const Layer* layer
    cdef Py_ssize_t i
    for i in range(first, work.n_layers):
        layer = &work.layers[i]
        if i > 0 and layer.lists_inputs:
            gather_nonzeros(work, i, work.activations + work.layers[i - 1].outputs)
        forward_layer(work, layer, layer_inputs(work, i))
        drop_units(work, i)


cdef void backward(
    const Work* work, real* first_delta, real scale, double shrinkage
) noexcept nogil:
    """Write the deltas of all layers, and update all layers but the first.

    The delta of the last layer has the derivatives of the loss; that of the first is written to
    ``first_delta``, which is the last one's, too, if there is one layer.  Once a layer has passed
    on its delta, its weights are multiplied by ``shrinkage``, and ``scale`` times the gradient is
    added to its parameters.
    """
    cdef const Layer* layer
    cdef real* delta
    cdef Py_ssize_t i
    for i in range(work.n_layers - 1, 0, -1):
        layer = &work.layers[i]
        delta = work.deltas + layer.outputs
        multiply_by_slope(work, i, delta)
        backward_layer(
            work.parameters, layer, layer_inputs(work, i), delta, <real>(scale / shrinkage),
            first_delta if i == 1 else work.deltas + work.layers[i - 1].outputs,
        )
        if shrinkage != 1:
            shrink(work.parameters + layer.weights, shrinkage, layer.biases - layer.weights)
        axpy(scale, delta, work.parameters + layer.biases, layer.width)
    multiply_by_slope(work, 0, first_delta)


cdef inline const real* outputs(const Work* work) noexcept nogil:
    """Return the activations of the last layer."""
    return work.activations + work.layers[work.n_layers - 1].outputs
