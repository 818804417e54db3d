"""The number of the kernels, and C's restrict: a pointer to what no other points to."""

ctypedef float real

cdef extern from *:
    "typedef float *__restrict fastnn_restricted;"
    ctypedef real* restricted "fastnn_restricted"
