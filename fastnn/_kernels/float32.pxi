"""The number of the kernels, vectors of it, and C's restrict: a pointer to what no other
points to.
"""

ctypedef float real

cdef extern from *:
    "typedef float *__restrict fastnn_restricted;"
    ctypedef real* restricted "fastnn_restricted"

cdef extern from "floats.h":
    ctypedef real vector "fastnn_floats"
