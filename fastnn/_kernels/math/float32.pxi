"""Types of the kernels for float32: the number, vectors of it, and pointers with C's restrict."""

from libc.stdint cimport int32_t

ctypedef float real

cdef extern from *:
    "typedef float *__restrict fastnn_restricted;"
    ctypedef real* restricted "fastnn_restricted"

cdef extern from "floats.h":
    ctypedef real vector "fastnn_floats"
    const vector fastnn_zero "((fastnn_floats){0})"
    int append_nonzeros "fastnn_append_nonzero_floats"(
        const real* x, int n, int32_t first, int32_t* index, real* values
    ) nogil

include "functions_float32.pxi"
