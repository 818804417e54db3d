"""Steps with momentum as linear maps of a weight w and its velocity v.

A step, or several, take (w, v) to M (w, v) + q g, g being the gradient of the first of them.  M and
q are the same for all weights of a layer.
"""


# The elements of a map, M and q: what an element of (w, v, g) adds to w or v
cdef enum:
    W_FROM_W
    V_FROM_W
    W_FROM_V
    V_FROM_V
    W_FROM_G
    V_FROM_G
    _MAP_SIZE


cdef struct Map:
    double elements[_MAP_SIZE]


cdef inline Map map_of_step(const Rule* rule, double rate, double l2) noexcept nogil:
    """Return the map of v' = momentum v + g + l2 w; w' = w - rate v'.

    With Nesterov's momentum it is w' = w - rate (g + l2 w + momentum v').
    """
    cdef double momentum = rule.constants[0]
    cdef double ahead = momentum if rule.code == NESTEROV else 1
    cdef double direct = 1 if rule.code == NESTEROV else 0
    cdef Map step
    step.elements[W_FROM_W], step.elements[V_FROM_W] = 1 - rate * l2 * (direct + ahead), l2
    step.elements[W_FROM_V], step.elements[V_FROM_V] = -rate * ahead * momentum, momentum
    step.elements[W_FROM_G], step.elements[V_FROM_G] = -rate * (direct + ahead), 1
    return step


# A map for one row of weights, in the kernels' dtype, with gradients c delta.  It has W_FROM_W - 1:
# a float next to 1 has too few digits left for what a penalty takes.
cdef struct RowMap:
    real ww
    real vw
    real wv
    real vv
    real wg
    real vg


cdef inline RowMap row_map(const double* elements, Py_ssize_t stride, real c) noexcept nogil:
    """Return the map whose elements are ``stride`` apart, for gradients that are c delta."""
    return RowMap(
        <real>(elements[W_FROM_W * stride] - 1), <real>elements[V_FROM_W * stride],
        <real>elements[W_FROM_V * stride], <real>elements[V_FROM_V * stride],
        c * <real>elements[W_FROM_G * stride], c * <real>elements[V_FROM_G * stride],
    )


cdef inline void map_row(
    RowMap m, const real* delta, restricted w, restricted v, Py_ssize_t n
) noexcept nogil:
    """Apply a map to a row of weights w (n,) and velocities v (n,); n is whole vectors."""
    cdef real before
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        before = w[i]
        w[i] = before + (m.ww * before + m.wv * v[i] + m.wg * delta[i])
        v[i] = m.vw * before + m.vv * v[i] + m.vg * delta[i]


cdef inline void map_row_and_add(
    RowMap m, const real* delta, real x, restricted w, restricted v, restricted z, Py_ssize_t n
) noexcept nogil:
    """Do the same as `map_row`; then z += x w."""
    cdef real before, u
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        before = w[i]
        u = before + (m.ww * before + m.wv * v[i] + m.wg * delta[i])
        v[i] = m.vw * before + m.vv * v[i] + m.vg * delta[i]
        w[i] = u
        z[i] += x * u


cdef inline void step_row(
    const Rule* rule, double rate, real l2, real x, const real* delta,
    restricted w, restricted velocity, Py_ssize_t n,
) noexcept nogil:
    """Take a step for a row of weights w (n,) and velocities (n,) with the gradient x delta.

    n is whole vectors.
    """
    cdef real momentum = <real>rule.constants[0], g, v
    # As in map_of_step
    cdef real along_v = <real>(-rate * (rule.constants[0] if rule.code == NESTEROV else 1))
    cdef real along_g = <real>(-rate if rule.code == NESTEROV else 0)
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        g = x * delta[i] + l2 * w[i]
        v = momentum * velocity[i] + g
        velocity[i] = v
        w[i] = w[i] + along_g * g + along_v * v
