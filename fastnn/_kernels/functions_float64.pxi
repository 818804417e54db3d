"""The functions of one number, in double: libm's.

functions_float32.pxi has the same in float.
"""

from libc.math cimport erfc, exp as exp_double, expm1, log1p, tanh


cdef inline double exponential(double x) noexcept nogil:
    """e**x; the largest number instead of infinity, of which NaN comes where it meets 0."""
    return exp_double(min(x, 709.782712893384) if x == x else x)


cdef inline double exponential_minus_1(double x) noexcept nogil:
    return expm1(x)


cdef inline double log1p_exp(double x) noexcept nogil:
    """log(1 + e**x) for x <= 0"""
    return log1p(exp_double(x))


cdef inline double normal_tail(double x) noexcept nogil:
    """The part of the normal distribution beyond x >= 0: erfc(x / sqrt(2)) / 2"""
    return erfc(x * 0.70710678118654752440) / 2


cdef inline double hyperbolic_tangent(double x) noexcept nogil:
    return tanh(x)
