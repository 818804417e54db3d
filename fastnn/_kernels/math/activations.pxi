"""Activations, their slopes, and what they are made of besides the functions of one number in

functions_float32.pxi and functions_float64.pxi.
"""

cdef enum:
    IDENTITY
    SIGMOID
    TANH
    RELU
    LEAKY_RELU
    ELU
    SOFTPLUS
    SILU
    GELU
    EXP
    SOFTMAX

ACTIVATION_CODES = {
    "identity": IDENTITY,
    "sigmoid": SIGMOID,
    "tanh": TANH,
    "relu": RELU,
    "leaky_relu": LEAKY_RELU,
    "elu": ELU,
    "softplus": SOFTPLUS,
    "silu": SILU,
    "gelu": GELU,
    "exp": EXP,
    "softmax": SOFTMAX,
}

cdef inline real softplus(real x) noexcept nogil:
    """log(1 + e**x)"""
    cdef real zero = 0
    return (x if x > zero else zero) + log1p_exp(-x if x > zero else x)


cdef inline real sigmoid(real x) noexcept nogil:
    cdef real one = 1
    return one / (one + exponential(-x))


cdef inline real normal_cdf(real x) noexcept nogil:
    """The part of the normal distribution up to x"""
    cdef real zero = 0, one = 1, tail = normal_tail(-x if x < zero else x)
    return tail if x < zero else one - tail


cdef inline real normal_density(real x) noexcept nogil:
    cdef real root = <real>0.39894228040143267794, minus_half = <real>-0.5
    return root * exponential(minus_half * x * x)


# The compiler may reassociate z * sigmoid(z) and the like, and the result is unreliable where one
# factor is subnormal.  There the functions return their limits instead.

cdef inline bint is_float() noexcept nogil:
    return sizeof(real) == sizeof(float)


cdef inline real silu(real x) noexcept nogil:
    """x sigmoid(x)"""
    cdef real zero = 0, lowest = <real>(-87.33654 if is_float() else -708.3964)
    cdef real y = x * sigmoid(x)
    return zero if x < lowest else y


cdef inline real slope_of_silu(real x) noexcept nogil:
    cdef real zero = 0, one = 1, lowest = <real>(-87.33654 if is_float() else -708.3964)
    cdef real s = sigmoid(x)
    cdef real y = s * (one + x * (one - s))
    return zero if x < lowest else y


cdef inline real gelu(real x) noexcept nogil:
    """x normal_cdf(x)"""
    cdef real zero = 0, lowest = <real>(-13.2 if is_float() else -37.6)
    cdef real y = x * normal_cdf(x)
    return zero if x < lowest else y


cdef inline real slope_of_gelu(real x) noexcept nogil:
    cdef real zero = 0, one = 1, lowest = <real>(-13.2 if is_float() else -37.6)
    cdef real y = normal_cdf(x) + x * normal_density(x)
    y = one if x > -lowest else y
    return zero if x < lowest else y


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
            z[i] = silu(z[i])
    elif layer.activation == GELU:
        for i in range(n & -LANES):
            z[i] = gelu(z[i])
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
    """Do the same for each column, of which there are whole vectors."""
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


cdef inline void activate_example(const Layer* layer, real* z) noexcept nogil:
    """z (fan_out,) becomes f(z), for one example"""
    if layer.activation == SOFTMAX:
        softmax(z, layer.fan_out)
    else:
        activate(layer, z, layer.width)


cdef inline void activate_columns(
    const Layer* layer, Matrix z, Py_ssize_t n_columns
) noexcept nogil:
    """z (fan_out, n_columns) becomes f(z), for one example in each column"""
    cdef Py_ssize_t unit
    if layer.activation == SOFTMAX:
        softmax_of_columns(z, layer.fan_out, n_columns)
        return
    for unit in range(layer.fan_out):
        activate(layer, z.data + unit * z.row, n_columns)


cdef void times_slope(
    const Layer* layer, const real* z, const real* a, real* delta, Py_ssize_t n
) noexcept nogil:
    """delta becomes delta f'(z), given a = f(z) and, if the layer keeps it, z"""
    cdef real one = 1, zero = 0, parameter = <real>layer.parameter
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
            delta[i] *= slope_of_silu(z[i])
    elif layer.slope == GELU:
        for i in range(n & -LANES):
            delta[i] *= slope_of_gelu(z[i])
    elif layer.slope == EXP:
        for i in range(n & -LANES):
            delta[i] *= a[i]
