"""Activations, and the functions of one number that they and the losses are made of.

Those in float are polynomials, which compilers vectorise; those in double are libm's.  Constants
have a type: Cython writes a plain 1 beside a float as 1.0, which makes a double of all the rest.
"""


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


cdef inline float expm1_float(float x) noexcept nogil:
    """e**x - 1 to a few ulp, next to 0 too"""
    # Minimax for (e**x - 1 - x) / x**2 over half of ln 2 to either side of 0, as above.
    cdef float p = <float>0.0013814320470180981
    p = p * x + <float>0.008368851204686556
    p = p * x + <float>0.041668401095099374
    p = p * x + <float>0.16666519522901135
    p = p * x + <float>0.49999993373009827
    cdef float near = p * x * x + x
    cdef float far = exp_float(x) - <float>1
    return near if x * x < <float>0.12 else far


cdef inline float log1p_exp_float(float x) noexcept nogil:
    """log(1 + e**x) for x <= 0"""
    # log(1 + u) = 2 artanh(s), of which this is a minimax in s**2 with a relative error of 4e-9.
    cdef float u = exp_float(x)
    cdef float s = u / (<float>2 + u)
    cdef float square = s * s
    cdef float p = <float>0.28178258263413647
    p = p * square + <float>0.27960622336110724
    p = p * square + <float>0.40024908614935417
    p = p * square + <float>0.6666631473454085
    p = p * square + <float>2.0000000079165705
    return p * s


cdef inline float normal_tail_float(float x) noexcept nogil:
    """The part of the normal distribution beyond x >= 0: erfc(x / sqrt(2)) / 2"""
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
    return <float>0.5 * p * t * exp_float(<float>-0.5 * x * x)


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
    # Of a double too: the largest number instead of infinity, of which NaN comes where it meets 0.
    if sizeof(real) == sizeof(float):
        return <real>exp_float(<float>x)
    return <real>exp_double(min(<double>x, 709.782712893384) if x == x else x)


cdef inline real exponential_minus_1(real x) noexcept nogil:
    return <real>(expm1_float(<float>x) if sizeof(real) == sizeof(float) else expm1_double(x))


cdef inline real softplus(real x) noexcept nogil:
    """log(1 + e**x)"""
    cdef real zero = 0, negative = -x if x > zero else x
    if sizeof(real) == sizeof(float):
        return (x if x > zero else zero) + <real>log1p_exp_float(<float>negative)
    return (x if x > zero else zero) + <real>log1p_double(exp_double(negative))


cdef inline real sigmoid(real x) noexcept nogil:
    cdef real one = 1
    return one / (one + exponential(-x))


cdef inline real normal_cdf(real x) noexcept nogil:
    """The part of the normal distribution up to x"""
    cdef real zero = 0, one = 1, positive = -x if x < zero else x, tail
    if sizeof(real) == sizeof(float):
        tail = <real>normal_tail_float(<float>positive)
    else:
        tail = <real>(erfc_double(positive * 0.70710678118654752440) / 2)
    return tail if x < zero else one - tail


cdef inline real normal_density(real x) noexcept nogil:
    cdef real root = <real>0.39894228040143267794, minus_half = <real>-0.5
    return root * exponential(minus_half * x * x)


cdef inline real hyperbolic_tangent(real x) noexcept nogil:
    return <real>tanh_float(<float>x) if sizeof(real) == sizeof(float) else <real>tanh_double(x)


cdef void activate(const Layer* layer, real* z, Py_ssize_t n) noexcept nogil:
    """z becomes f(z), element by element"""
    cdef real zero = 0, parameter = <real>layer.parameter
    cdef Py_ssize_t i
    # NaN fails comparisons, and must stay NaN.
    if layer.activation == SIGMOID:
        for i in range(n & -LANES):
            z[i] = sigmoid(z[i])
    elif layer.activation == TANH:
        for i in range(n & -LANES):
            z[i] = hyperbolic_tangent(z[i])
    elif layer.activation == RELU:
        for i in range(n & -LANES):
            z[i] = zero if z[i] < zero else z[i]
    elif layer.activation == LEAKY_RELU:
        for i in range(n & -LANES):
            z[i] = parameter * z[i] if z[i] < zero else z[i]
    elif layer.activation == ELU:
        for i in range(n & -LANES):
            z[i] = z[i] if z[i] > zero else parameter * exponential_minus_1(z[i])
    elif layer.activation == SOFTPLUS:
        for i in range(n & -LANES):
            z[i] = softplus(z[i])
    elif layer.activation == SILU:
        for i in range(n & -LANES):
            z[i] = z[i] * sigmoid(z[i])
    elif layer.activation == GELU:
        for i in range(n & -LANES):
            z[i] = z[i] * normal_cdf(z[i])
    elif layer.activation == EXP:
        for i in range(n & -LANES):
            z[i] = exponential(z[i])


cdef void softmax(real* z, Py_ssize_t n) noexcept nogil:
    """z becomes e**z over their sum"""
    cdef real highest = z[0], total = 0, one = 1
    cdef Py_ssize_t i
    for i in range(n):
        highest = max(highest, z[i])
    for i in range(n):
        z[i] = exponential(z[i] - highest)
        total += z[i]
    total = one / total
    for i in range(n):
        z[i] *= total


cdef void softmax_of_columns(Matrix z, Py_ssize_t n_rows, Py_ssize_t n_columns) noexcept nogil:
    """The same for each column, of which there are whole vectors."""
    cdef real highest[LANES]
    cdef real total[LANES]
    cdef real one = 1
    cdef real* row
    cdef Py_ssize_t start = 0, i, k
    while start < n_columns:
        memcpy(highest, z.data + start, sizeof(highest))
        memset(total, 0, sizeof(total))
        for i in range(1, n_rows):
            row = z.data + i * z.row + start
            for k in range(LANES):
                highest[k] = max(highest[k], row[k])
        for i in range(n_rows):
            row = z.data + i * z.row + start
            for k in range(LANES):
                row[k] = exponential(row[k] - highest[k])
                total[k] += row[k]
        for i in range(n_rows):
            row = z.data + i * z.row + start
            for k in range(LANES):
                row[k] *= one / total[k]
        start += LANES


cdef void times_slope(
    const Layer* layer, const real* z, const real* a, real* delta, Py_ssize_t n
) noexcept nogil:
    """delta becomes delta f'(z), given a = f(z) and, if the layer keeps it, z"""
    cdef real one = 1, zero = 0, parameter = <real>layer.parameter, s
    cdef Py_ssize_t i
    if layer.slope == SIGMOID:
        for i in range(n & -LANES):
            delta[i] *= a[i] * (one - a[i])
    elif layer.slope == TANH:
        for i in range(n & -LANES):
            delta[i] *= one - a[i] * a[i]
    elif layer.slope == RELU:
        for i in range(n & -LANES):
            delta[i] = delta[i] if a[i] > zero else zero
    elif layer.slope == LEAKY_RELU:
        for i in range(n & -LANES):
            delta[i] = delta[i] if a[i] > zero else parameter * delta[i]
    elif layer.slope == ELU:
        for i in range(n & -LANES):
            delta[i] *= one if a[i] > zero else a[i] + parameter
    elif layer.slope == SOFTPLUS:
        for i in range(n & -LANES):
            delta[i] *= sigmoid(z[i])
    elif layer.slope == SILU:
        for i in range(n & -LANES):
            s = sigmoid(z[i])
            delta[i] *= s * (one + z[i] * (one - s))
    elif layer.slope == GELU:
        for i in range(n & -LANES):
            delta[i] *= normal_cdf(z[i]) + z[i] * normal_density(z[i])
    elif layer.slope == EXP:
        for i in range(n & -LANES):
            delta[i] *= a[i]
