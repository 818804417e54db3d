"""Operations on a vector, and on four rows of a matrix, which read the vector they share once.

All vectors have n elements, n being whole 64-byte vectors: the bound n & -LANES says so to the
compiler, which then writes no code for a remainder.  Operands that are written are ``restricted``,
C's restrict, and must not alias any other: the compiler then writes no code to check for that.
"""


cdef extern from "floats.h" nogil:
    ctypedef void inlined_void "FASTNN_INLINED void"

cdef enum:
    LANES = 64 // sizeof(real)


cdef inline void axpy(
    real a, const real* x, restricted y, Py_ssize_t n
) noexcept nogil:
    """y += a x."""
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        y[i] += a * x[i]


cdef inline real vector_sum(const real* x, Py_ssize_t n) noexcept nogil:
    """Return the sum of the elements of x."""
    cdef real total = 0
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        total += x[i]
    return total


cdef inline void dot4(
    const real* x,
    const real* w0, const real* w1, const real* w2, const real* w3,
    real* totals, Py_ssize_t n,
) noexcept nogil:
    """totals[k] = x . wk, for the four k."""
    cdef real t0 = 0, t1 = 0, t2 = 0, t3 = 0
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        t0 += x[i] * w0[i]
        t1 += x[i] * w1[i]
        t2 += x[i] * w2[i]
        t3 += x[i] * w3[i]
    totals[0] = t0
    totals[1] = t1
    totals[2] = t2
    totals[3] = t3


cdef inline void axpy4(
    const real* a,
    const real* w0, const real* w1, const real* w2, const real* w3,
    restricted z, Py_ssize_t n,
) noexcept nogil:
    """z += sum over k of a[k] wk."""
    cdef real a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3]
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        z[i] += a0 * w0[i] + a1 * w1[i] + a2 * w2[i] + a3 * w3[i]


cdef inline void step4(
    real scale, const real* a, const real* d,
    restricted w0, restricted w1, restricted w2, restricted w3, Py_ssize_t n,
) noexcept nogil:
    """wk += scale a[k] d, for the four k."""
    cdef real c0 = scale * a[0], c1 = scale * a[1], c2 = scale * a[2], c3 = scale * a[3]
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        w0[i] += c0 * d[i]
        w1[i] += c1 * d[i]
        w2[i] += c2 * d[i]
        w3[i] += c3 * d[i]


cdef inline void axpy_and_step4(
    const real* a, real scale, const real* d,
    restricted w0, restricted w1, restricted w2, restricted w3,
    restricted z, Py_ssize_t n,
) noexcept nogil:
    """z += sum over k of a[k] wk; then wk += scale a[k] d."""
    cdef real c0 = scale * a[0], c1 = scale * a[1], c2 = scale * a[2], c3 = scale * a[3]
    cdef real a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3], u, v, p, q
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        u = w0[i]
        v = w1[i]
        p = w2[i]
        q = w3[i]
        z[i] += a0 * u + a1 * v + a2 * p + a3 * q
        w0[i] = u + c0 * d[i]
        w1[i] = v + c1 * d[i]
        w2[i] = p + c2 * d[i]
        w3[i] = q + c3 * d[i]


cdef inline void dot_and_step4(
    const real* x, real scale, const real* a,
    restricted w0, restricted w1, restricted w2, restricted w3,
    real* totals, Py_ssize_t n,
) noexcept nogil:
    """totals[k] = x . wk; then wk += scale a[k] x."""
    cdef real c0 = scale * a[0], c1 = scale * a[1], c2 = scale * a[2], c3 = scale * a[3]
    cdef real t0 = 0, t1 = 0, t2 = 0, t3 = 0, u, v, p, q
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        u = w0[i]
        v = w1[i]
        p = w2[i]
        q = w3[i]
        t0 += x[i] * u
        t1 += x[i] * v
        t2 += x[i] * p
        t3 += x[i] * q
        w0[i] = u + c0 * x[i]
        w1[i] = v + c1 * x[i]
        w2[i] = p + c2 * x[i]
        w3[i] = q + c3 * x[i]
    totals[0] = t0
    totals[1] = t1
    totals[2] = t2
    totals[3] = t3


cdef inline void step_and_axpy4(
    const real* c, const real* d, const real* a,
    restricted w0, restricted w1, restricted w2, restricted w3,
    restricted z, Py_ssize_t n,
) noexcept nogil:
    """wk += c[k] d; then z += sum over k of a[k] wk."""
    cdef real c0 = c[0], c1 = c[1], c2 = c[2], c3 = c[3]
    cdef real a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3], u, v, p, q
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        u = w0[i] + c0 * d[i]
        v = w1[i] + c1 * d[i]
        p = w2[i] + c2 * d[i]
        q = w3[i] + c3 * d[i]
        w0[i] = u
        w1[i] = v
        w2[i] = p
        w3[i] = q
        z[i] += a0 * u + a1 * v + a2 * p + a3 * q


cdef inline void steps_and_axpy4(
    const real* c,
    const real* d0, const real* d1, const real* d2, const real* d3,
    const real* a,
    restricted w0, restricted w1, restricted w2, restricted w3,
    restricted z, Py_ssize_t n,
) noexcept nogil:
    """wk += c[k] dk; then z += sum over k of a[k] wk."""
    cdef real c0 = c[0], c1 = c[1], c2 = c[2], c3 = c[3]
    cdef real a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3], u, v, p, q
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        u = w0[i] + c0 * d0[i]
        v = w1[i] + c1 * d1[i]
        p = w2[i] + c2 * d2[i]
        q = w3[i] + c3 * d3[i]
        w0[i] = u
        w1[i] = v
        w2[i] = p
        w3[i] = q
        z[i] += a0 * u + a1 * v + a2 * p + a3 * q
