"""Elementary functions of a double: polynomials, which compilers vectorize.

functions_float32.pxi has the same for float.  All instruction sets add and shift vectors of 64-bit
integers, but only AVX-512 converts them to and from double: no function here does.
"""

from libc.stdint cimport uint64_t

cdef extern from "floats.h" nogil:
    uint64_t bits_of "fastnn_bits_of_double"(double x)
    double with_bits "fastnn_double_with_bits"(uint64_t bits)


cdef inline uint64_t scaled_bits(double x) noexcept nogil:
    """Return the bits of 1.5 * 2**52 + k, k being the integer next to x / ln 2.

    Then e**x = 2**k e**r with |r| <= ln(2) / 2, and k is in the low bits.
    """
    return bits_of(x * 1.44269504088896341 + 6755399441055744.0)


cdef inline double expm1_of_remainder(double x, uint64_t bits) noexcept nogil:
    """Return e**r - 1 for r = x - k ln 2, given the `scaled_bits` of x."""
    # ln 2 in two parts (Cody and Waite); k times the first is exact.  The compiler may reassociate
    # doubles: it would cancel the 1.5 * 2**52 that was added, and add up the two parts.  So both
    # pass through integers: a shift drops the sign bit of k's, which is 0, and r is xored with it.
    # The compiler cannot know that this changes nothing.
    cdef double k = with_bits(bits << 1 >> 1) - 6755399441055744.0
    cdef double r = with_bits(bits_of(x - k * 0.6931471805598903) ^ (bits >> 63))
    r -= k * 5.497923018708371e-14
    # Minimax for (e**r - 1 - r) / r**2: relative error of e**r - 1 below 2**-55.
    cdef double p = 2.5046854704341538e-08
    p = p * r + 2.76253864517544e-07
    p = p * r + 2.7557416213822764e-06
    p = p * r + 2.4801507082140463e-05
    p = p * r + 0.00019841269733127077
    p = p * r + 0.0013888888930005398
    p = p * r + 0.008333333333364796
    p = p * r + 0.041666666666580365
    p = p * r + 0.16666666666666677
    p = p * r + 0.5000000000000006
    return p * r * r + r


cdef inline double exponential(double x) noexcept nogil:
    """Return e**x to 2 ulp, clipped to the range of normal doubles; NaN for NaN."""
    cdef uint64_t bits = scaled_bits(x)
    # Adds k to the exponent.
    cdef double y = with_bits(bits_of(1 + expm1_of_remainder(x, bits)) + (bits << 52))
    # The bounds come last, where compilers blend vectors; earlier, they write a branch.
    y = 1.7976931348622732e308 if x > 709.782712893384 else y
    y = 2.2250738585072014e-308 if x < -708.3964185322641 else y
    return x if x != x else y


cdef inline double exponential_minus_1(double x) noexcept nogil:
    """Return e**x - 1 to 2 ulp, also near 0; e**709 for x > 709."""
    cdef uint64_t bits = scaled_bits(x)
    cdef double power = with_bits((bits + 1023) << 52)  # 2**k
    # 2**k (e**r - 1) + (2**k - 1); integers keep the compiler from reassociating, as above.
    cdef double offset = with_bits(bits_of(power - 1) ^ (bits >> 63))
    cdef double y = power * expm1_of_remainder(x, bits) + offset
    y = 8.218407461554972e307 if x > 709 else y
    return -1.0 if x < -708 else y


cdef inline double log1p_exp(double x) noexcept nogil:
    """Return log(1 + e**x) for x <= 0."""
    # log(1 + u) = 2 artanh(s); minimax for it in s**2, relative error below 2**-59.
    cdef double u = exponential(x)
    cdef double s = u / (2 + u)
    cdef double square = s * s
    cdef double p = 0.1701511594330811
    p = p * square + 0.08342158511332973
    p = p * square + 0.12105569808335565
    p = p * square + 0.1330104490792421
    p = p * square + 0.15386554012054116
    p = p * square + 0.18181744225642243
    p = p * square + 0.2222222396052133
    p = p * square + 0.2857142854801296
    p = p * square + 0.400000000001559
    p = p * square + 0.6666666666666631
    return p * square * s + 2 * s


cdef inline double hyperbolic_tangent(double x) noexcept nogil:
    """Return tanh x to a few ulp."""
    cdef double y = exponential_minus_1(x + x)
    return y / (y + 2)


cdef inline double normal_tail(double x) noexcept nogil:
    """Return the upper tail of the normal distribution at x >= 0: erfc(x / sqrt(2)) / 2."""
    # The tail is e**(-x**2 / 2) t times a polynomial in t = 1 / (1 + x / 5), here in s = t - 5/8,
    # which keeps the terms small: relative error below 2**-53 where the tail is a normal double.
    cdef double t = 1 / (1 + 0.2 * x)
    cdef double s = (0.375 - 0.125 * x) * t
    cdef double p = -0.0008604621436422614
    p = p * s - 0.0007339498057097376
    p = p * s + 0.002064458552453066
    p = p * s + 0.0014092231444042644
    p = p * s - 0.0038646252688971454
    p = p * s - 0.0016651451978970321
    p = p * s + 0.00721804613399083
    p = p * s + 0.002189618073065317
    p = p * s - 0.01397099542488721
    p = p * s - 0.005772988303323068
    p = p * s + 0.02787377066786142
    p = p * s + 0.024454816511471106
    p = p * s - 0.04923215987992946
    p = p * s - 0.10430258686825832
    p = p * s + 0.003459524816243458
    p = p * s + 0.3059071789927178
    p = p * s + 0.6608987329125856
    p = p * s + 0.8712444730990562
    p = p * s + 0.8457684416972744
    p = p * s + 0.64352886063915
    p = p * s + 0.39344520786536247
    p = p * s + 0.19442231736889948
    # Far from 0 the rounding of x**2 is many ulp of e**(-x**2 / 2).  So x**2 = head**2 - 2 d, where
    # head has half the digits, so that its square is exact, and d is small.
    cdef double head = with_bits(bits_of(x) >> 27 << 27)
    cdef double d = (head - x) * (head + x) * 0.5
    p *= t * exponential(head * head * -0.5) * (1 + d * (1 + d * (0.5 + d / 6)))
    return 0 if x > 38 else p
