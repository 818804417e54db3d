"""Activations and losses, with the exponential they need."""

# Activations: z becomes f(z); a delta is multiplied by f'(z), computed from f(z).  Constants have a
# type: Cython writes a plain 1 beside a float as 1.0, which makes a double of all the rest.

cdef inline float exp_float(float x) noexcept nogil:
    """e**x to 2 ulp; at the bounds of the normal floats beyond them, NaN for NaN."""
    # e**x = 2**k e**r with k the integer next to x / ln 2, so |r| <= ln(2) / 2.  Adding 1.5 * 2**23
    # rounds to an integer and leaves it in the low bits.
    cdef uint32_t bits = fastnn_bits(x * <float>1.44269504088896341 + <float>12582912.0)
    cdef float k = <float><int>(bits - 0x4B400000)
    # ln 2 in two parts, the first short enough for k times it to be exact (Cody and Waite).  The
    # compiler may reassociate floats and would add the parts up again (GCC 12 does so even across
    # __builtin_assoc_barrier once it vectorises), so the difference passes through the integers,
    # xored with a sign bit that is 0, which the compiler cannot know.
    cdef float r = fastnn_float(fastnn_bits(x - k * <float>0.693145751953125) ^ (bits >> 31))
    r -= k * <float>1.42860682030941723e-6
    # Minimax for (e**r - 1 - r) / r**2: relative error of e**r below 2**-28.
    cdef float p = <float>0.0013814320470180981
    p = p * r + <float>0.008368851204686556
    p = p * r + <float>0.041668401095099374
    p = p * r + <float>0.16666519522901135
    p = p * r + <float>0.49999993373009827
    p = p * r * r + r + <float>1
    cdef float y = fastnn_float(fastnn_bits(p) + (bits << 23))  # k added to the exponent
    # The bounds come last: they blend finished vectors, where a branch would come of them before.
    y = <float>3.4027985e38 if x > <float>88.72283 else y
    y = <float>1.1754997e-38 if x < <float>-87.33654 else y
    return x if x != x else y


cdef inline float tanh_float(float x) noexcept nogil:
    cdef float square = x * x
    # Near 0 a minimax polynomial for (tanh(x) / x - 1) / x**2 keeps the relative error small.
    cdef float p = <float>-0.005704984159360825
    p = p * square + <float>0.020639084705865233
    p = p * square + <float>-0.05373971430084711
    p = p * square + <float>0.13331442188557258
    p = p * square + <float>-0.33333281941639287
    cdef float near = x + x * square * p
    cdef float far = <float>1 - <float>2 / (exp_float(x + x) + <float>1)
    return near if square < <float>0.390625 else far


cdef inline real exponential(real x) noexcept nogil:
    return <real>exp_float(<float>x) if sizeof(real) == sizeof(float) else <real>exp_double(x)


cdef inline real hyperbolic_tangent(real x) noexcept nogil:
    return <real>tanh_float(<float>x) if sizeof(real) == sizeof(float) else <real>tanh_double(x)


cdef void activate(Py_ssize_t activation, real* z, Py_ssize_t n) noexcept nogil:
    cdef real one = 1
    cdef Py_ssize_t i
    if activation == SIGMOID:
        for i in range(n & -LANES):
            z[i] = one / (one + exponential(-z[i]))
    elif activation == TANH:
        for i in range(n & -LANES):
            z[i] = hyperbolic_tangent(z[i])
    elif activation == RELU:
        for i in range(n & -LANES):
            z[i] = 0 if z[i] < 0 else z[i]  # so that NaN stays NaN


cdef void times_slope(
    Py_ssize_t activation, const real* a, real* delta, Py_ssize_t n
) noexcept nogil:
    cdef real one = 1
    cdef Py_ssize_t i
    if activation == SIGMOID:
        for i in range(n & -LANES):
            delta[i] *= a[i] * (one - a[i])
    elif activation == TANH:
        for i in range(n & -LANES):
            delta[i] *= one - a[i] * a[i]
    elif activation == RELU:
        for i in range(n & -LANES):
            delta[i] = delta[i] if a[i] > 0 else 0


# Loss

cdef real squared_error(
    const real* a, const real* target, Py_ssize_t label, real* delta, Py_ssize_t n,
    Py_ssize_t width,
) noexcept nogil:
    """Loss 1/2 |a - t|**2 of one example; delta becomes dL/da = a - t.

    t is ``target`` or, where that is NULL, 1 at ``label`` and 0 elsewhere.
    """
    cdef Py_ssize_t i
    if target != NULL:
        for i in range(n):
            delta[i] = a[i] - target[i]
    else:
        memcpy(delta, a, n * sizeof(real))
        delta[label] -= 1
    return dot(delta, delta, width) / 2
