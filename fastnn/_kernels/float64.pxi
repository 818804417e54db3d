"""The number of the kernels, and C's restrict: a pointer to what no other points to."""

ctypedef double real

cdef extern from *:
    "typedef double *__restrict fastnn_restricted;"
    ctypedef real* restricted "fastnn_restricted"
