"""The number of the kernels, vectors of it, its functions, and C's restrict: a pointer to what no
other points to.
"""

from libc.stdint cimport int32_t

ctypedef double real

cdef extern from *:
    "typedef double *__restrict fastnn_restricted;"
    ctypedef real* restricted "fastnn_restricted"

cdef extern from "floats.h":
    ctypedef real vector "fastnn_doubles"
    const vector fastnn_zero "((fastnn_doubles){0})"
    int append_nonzeros "fastnn_append_nonzero_doubles"(
        const real* x, int n, int32_t first, int32_t* index, real* values
    ) nogil

include "functions_float64.pxi"
