"""Kernels for arrays of any kind: the search for NaN and infinity, and exp."""


cdef inline bint is_finite(real x) noexcept nogil:
    """Return whether x is neither NaN nor infinite."""
    cdef real largest = <real>(FLT_MAX if sizeof(real) == sizeof(float) else DBL_MAX)
    return -largest <= x and x <= largest


cdef Py_ssize_t nonfinite_index(const real* x, Py_ssize_t n) noexcept nogil:
    """Return the index of the first NaN or infinity in x (n,), -1 if there is none."""
    cdef Py_ssize_t start, stop, i
    cdef int n_finite
    for start in range(0, n, 4096):
        stop = min(start + 4096, n)
        # To count is a reduction, which compilers vectorize, unlike a loop with an exit.  A sum of
        # x * 0 does not do: GCC 12 folds it to 0, NaN or not, once it is vectorized.
        n_finite = 0
        for i in range(start, stop):
            n_finite += is_finite(x[i])
        if n_finite < stop - start:
            for i in range(start, stop):
                if not is_finite(x[i]):
                    return i
    return -1


def first_nonfinite(const real[::1] x, /):
    """Return the index of the first NaN or infinity in x, -1 if there is none."""
    cdef Py_ssize_t index
    with nogil:
        index = nonfinite_index(&x[0], x.shape[0])
    return index


def exp(
    const real[::1] x,  # IN  (n,)
    real[::1] y,        # OUT (n,)
    /,
):
    """Write e**x to y."""
    cdef Py_ssize_t n = x.shape[0], i
    with nogil:
        for i in range(n):
            y[i] = exponential(x[i])
