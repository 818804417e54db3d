"""Elementary functions of a float: polynomials, which compilers vectorize.

functions_float64.pxi has the same for double.  Constants have a type: Cython writes a plain 1
beside a float as 1.0, which converts the whole expression to double.
"""

from libc.stdint cimport uint32_t

cdef extern from "floats.h" nogil:
    uint32_t bits_of "fastnn_bits_of_float"(float x)
    float with_bits "fastnn_float_with_bits"(uint32_t bits)


cdef inline float exponential(float x) noexcept nogil:
    """Return e**x to 2 ulp, clipped to the range of normal floats; NaN for NaN."""
    # e**x = 2**k e**r with k the integer next to x / ln 2, so |r| <= ln(2) / 2.  Adding 1.5 * 2**23
    # rounds to an integer and leaves it in the low bits.
    cdef uint32_t bits = bits_of(x * <float>1.44269504088896341 + <float>12582912.0)
    cdef float k = <float><int>(bits - 0x4B400000)
    # ln 2 in two parts (Cody and Waite); k times the first is exact.  The compiler may reassociate
    # floats and would add up the two parts; GCC 12 does so even across __builtin_assoc_barrier when
    # it vectorizes.  So the difference passes through an integer, xored with a sign bit that is 0,
    # which the compiler cannot know.
    cdef float r = with_bits(bits_of(x - k * <float>0.693145751953125) ^ (bits >> 31))
    r -= k * <float>1.42860682030941723e-6
    # Minimax for (e**r - 1 - r) / r**2: relative error of e**r below 2**-28.
    cdef float p = <float>0.0013814320470180981
    p = p * r + <float>0.008368851204686556
    p = p * r + <float>0.041668401095099374
    p = p * r + <float>0.16666519522901135
    p = p * r + <float>0.49999993373009827
    p = p * r * r + r + <float>1
    cdef float y = with_bits(bits_of(p) + (bits << 23))  # k added to the exponent
    # Clipped last: compilers blend vectors here, and write a branch if x is clipped first.
    y = <float>3.4027985e38 if x > <float>88.72283 else y
    y = <float>1.1754997e-38 if x < <float>-87.33654 else y
    return x if x != x else y


cdef inline float exponential_minus_1(float x) noexcept nogil:
    """Return e**x - 1 to a few ulp, also near 0."""
    # Minimax for (e**x - 1 - x) / x**2 over half of ln 2 to either side of 0, as above.
    cdef float p = <float>0.0013814320470180981
    p = p * x + <float>0.008368851204686556
    p = p * x + <float>0.041668401095099374
    p = p * x + <float>0.16666519522901135
    p = p * x + <float>0.49999993373009827
    cdef float near = p * x * x + x
    cdef float far = exponential(x) - <float>1
    return near if x * x < <float>0.12 else far


cdef inline float log1p_exp(float x) noexcept nogil:
    """Return log(1 + e**x) for x <= 0."""
    # log(1 + u) = 2 artanh(s); minimax for it in s**2, relative error below 4e-9.
    cdef float u = exponential(x)
    cdef float s = u / (<float>2 + u)
    cdef float square = s * s
    cdef float p = <float>0.28178258263413647
    p = p * square + <float>0.27960622336110724
    p = p * square + <float>0.40024908614935417
    p = p * square + <float>0.6666631473454085
    p = p * square + <float>2.0000000079165705
    return p * s


cdef inline float normal_tail(float x) noexcept nogil:
    """Return the upper tail of the normal distribution at x >= 0: erfc(x / sqrt(2)) / 2."""
    # erfc(u) e**(u**2) / t is a polynomial in t = 1 / (1 + 0.4 u), to a relative error of 2e-7.
    cdef float t = <float>1 / (<float>1 + x * <float>0.28284271247461901)
    cdef float p = <float>0.0502545092
    p = p * t - <float>0.182874595
    p = p * t + <float>0.169047376
    p = p * t - <float>0.00557986406
    p = p * t + <float>0.141420469
    p = p * t + <float>0.168544292
    p = p * t + <float>0.207842464
    p = p * t + <float>0.225669607
    p = p * t + <float>0.225675862
    return <float>0.5 * p * t * exponential(<float>-0.5 * x * x)


cdef inline float hyperbolic_tangent(float x) noexcept nogil:
    """Return tanh x to a few ulp."""
    cdef float square = x * x
    # Near 0 a minimax polynomial for (tanh(x) / x - 1) / x**2 keeps the relative error small.
    cdef float p = <float>-0.005704984159360825
    p = p * square + <float>0.020639084705865233
    p = p * square + <float>-0.05373971430084711
    p = p * square + <float>0.13331442188557258
    p = p * square + <float>-0.33333281941639287
    cdef float near = x + x * square * p
    cdef float far = <float>1 - <float>2 / (exponential(x + x) + <float>1)
    return near if square < <float>0.390625 else far
