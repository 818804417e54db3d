"""Types of the kernels for float64: the number, vectors of it, and pointers with C's restrict."""

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
