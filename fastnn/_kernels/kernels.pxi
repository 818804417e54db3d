"""The kernels: one source for float and double, compiled once per instruction set (isa.py).

Entry points (``def``) take C-contiguous views whose shapes the caller guarantees; debug builds
check bounds.  Nothing here allocates, validates or raises: numeric trouble leaves as a value.

A network is one flat vector of parameters and a table of its layers, which parameters.py lays
out.  The weights of a layer are a matrix of 64-byte-aligned rows: one row of fan_out weights per
input, or, if ``transposed``, one row of fan_in weights per output.  ``outputs`` is the layer's
place among the units, of which a scratch vector holds the outputs and, in training, the deltas;
the delta of a layer is dL/dz, z being its weighted input.

Loops over the outputs of a layer run to ``width``, in whole vectors.  What lies between fan_out
and width is 0 in weights, biases and deltas, and stays so: only deltas below fan_out are set.
"""

from libc.float cimport DBL_MAX, FLT_MAX
from libc.math cimport exp as exp_double, fabs, fabsf, tanh as tanh_double
from libc.stdint cimport uint32_t
from libc.string cimport memcpy, memset

cdef extern from "floats.h" nogil:
    ctypedef int fastnn_control
    uint32_t fastnn_bits(float x)
    float fastnn_float(uint32_t bits)
    fastnn_control fastnn_flush_subnormals()
    void fastnn_restore_subnormals(fastnn_control saved)

ctypedef fused floating:
    float
    double

cdef struct Layer:
    Py_ssize_t fan_in
    Py_ssize_t fan_out
    Py_ssize_t width       # fan_out, rounded up to whole 64-byte vectors
    Py_ssize_t row_length  # elements from one row of weights to the next
    Py_ssize_t transposed
    Py_ssize_t weights     # offsets into the parameters
    Py_ssize_t biases
    Py_ssize_t outputs     # offset into the units
    Py_ssize_t activation

cdef enum:
    IDENTITY
    SIGMOID
    TANH
    RELU

ACTIVATION_CODES = {"identity": IDENTITY, "sigmoid": SIGMOID, "tanh": TANH, "relu": RELU}
LOSSES = ["squared_error"]


# Vectors

cdef inline floating dot(const floating* x, const floating* y, Py_ssize_t n) noexcept nogil:
    cdef floating total = 0
    cdef Py_ssize_t i
    for i in range(n):
        total += x[i] * y[i]
    return total


cdef inline void axpy(floating a, const floating* x, floating* y, Py_ssize_t n) noexcept nogil:
    """y += a x"""
    cdef Py_ssize_t i
    for i in range(n):
        y[i] += a * x[i]


cdef inline void axpy4(
    const floating* a, const floating** x, floating* y, Py_ssize_t n
) noexcept nogil:
    """y += a[0] x[0] + ... + a[3] x[3], in one pass over y"""
    cdef floating a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3]
    cdef const floating* x0 = x[0]
    cdef const floating* x1 = x[1]
    cdef const floating* x2 = x[2]
    cdef const floating* x3 = x[3]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] += a0 * x0[i] + a1 * x1[i] + a2 * x2[i] + a3 * x3[i]


cdef void add_rows(
    const floating* x, const floating* w, Py_ssize_t n_rows, Py_ssize_t row_length,
    floating* z, Py_ssize_t n,
) noexcept nogil:
    """z += x W, skipping the rows of zeros in x"""
    cdef floating a[4]
    cdef const floating* rows[4]
    cdef Py_ssize_t i, waiting = 0
    for i in range(n_rows):
        if x[i] != 0:
            a[waiting] = x[i]
            rows[waiting] = w + i * row_length
            waiting += 1
            if waiting == 4:
                axpy4(a, rows, z, n)
                waiting = 0
    for i in range(waiting):
        axpy(a[i], rows[i], z, n)


# Activations: z becomes f(z); a delta is multiplied by f'(z), computed from f(z)

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
    p = p * r * r + r + 1
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
    cdef float far = 1 - 2 / (exp_float(2 * x) + 1)
    return near if square < <float>0.390625 else far


cdef inline floating exponential(floating x) noexcept nogil:
    if floating is float:
        return exp_float(x)
    else:
        return exp_double(x)


cdef inline floating hyperbolic_tangent(floating x) noexcept nogil:
    if floating is float:
        return tanh_float(x)
    else:
        return tanh_double(x)


cdef void activate(Py_ssize_t activation, floating* z, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if activation == SIGMOID:
        for i in range(n):
            z[i] = 1 / (1 + exponential(-z[i]))
    elif activation == TANH:
        for i in range(n):
            z[i] = hyperbolic_tangent(z[i])
    elif activation == RELU:
        for i in range(n):
            z[i] = 0 if z[i] < 0 else z[i]  # so that NaN stays NaN


cdef void times_slope(
    Py_ssize_t activation, const floating* a, floating* delta, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    if activation == SIGMOID:
        for i in range(n):
            delta[i] *= a[i] * (1 - a[i])
    elif activation == TANH:
        for i in range(n):
            delta[i] *= 1 - a[i] * a[i]
    elif activation == RELU:
        for i in range(n):
            delta[i] = delta[i] if a[i] > 0 else 0


# Loss

cdef floating squared_error(
    const floating* a, const floating* target, Py_ssize_t label, floating* delta, Py_ssize_t n
) noexcept nogil:
    """Loss 1/2 |a - t|**2 of one example; delta becomes dL/da = a - t.

    t is ``target`` or, where that is NULL, 1 at ``label`` and 0 elsewhere.
    """
    cdef Py_ssize_t i
    if target != NULL:
        for i in range(n):
            delta[i] = a[i] - target[i]
    else:
        memcpy(delta, a, n * sizeof(floating))
        delta[label] -= 1
    return dot(delta, delta, n) / 2


# One layer, one example

cdef void forward_layer(
    const floating* parameters, const Layer* layer, const floating* x, floating* a
) noexcept nogil:
    """a = f(x W + b)"""
    cdef const floating* w = parameters + layer.weights
    cdef Py_ssize_t i
    memcpy(a, parameters + layer.biases, layer.width * sizeof(floating))
    if layer.transposed:
        for i in range(layer.fan_out):
            a[i] += dot(x, w + i * layer.row_length, layer.fan_in)
    else:
        add_rows(x, w, layer.fan_in, layer.row_length, a, layer.width)
    activate(layer.activation, a, layer.width)


cdef void backward_layer(
    const floating* parameters, const Layer* layer, const floating* delta, floating* dx
) noexcept nogil:
    """dx = dL/dx = delta W'"""
    cdef const floating* w = parameters + layer.weights
    cdef Py_ssize_t i
    if layer.transposed:
        memset(dx, 0, layer.fan_in * sizeof(floating))
        for i in range(layer.fan_out):
            axpy(delta[i], w + i * layer.row_length, dx, layer.fan_in)
    else:
        for i in range(layer.fan_in):
            dx[i] = dot(delta, w + i * layer.row_length, layer.width)


cdef void add_gradient(
    floating scale, const floating* x, const floating* delta, const Layer* layer, floating* to
) noexcept nogil:
    """Add ``scale`` times dL/dW = x' delta and dL/db = delta to the parameter-shaped ``to``."""
    cdef floating* w = to + layer.weights
    cdef Py_ssize_t i
    axpy(scale, delta, to + layer.biases, layer.width)
    if layer.transposed:
        for i in range(layer.fan_out):
            axpy(scale * delta[i], x, w + i * layer.row_length, layer.fan_in)
    else:
        # From the last row back: the forward pass has left the last ones in the cache.
        for i in range(layer.fan_in - 1, -1, -1):
            if x[i] != 0:
                axpy(scale * x[i], delta, w + i * layer.row_length, layer.width)


# The whole network, one example

cdef const floating* forward(
    const floating* parameters, const Layer* layers, Py_ssize_t n_layers,
    const floating* x, floating* units,
) noexcept nogil:
    """Fill ``units`` with every layer's outputs; return those of the last."""
    cdef Py_ssize_t i
    for i in range(n_layers):
        forward_layer(parameters, &layers[i], x, units + layers[i].outputs)
        x = units + layers[i].outputs
    return x


cdef void backward(
    const floating* parameters, const Layer* layers, Py_ssize_t n_layers,
    const floating* x, const floating* units, floating* deltas, floating scale, floating* to,
) noexcept nogil:
    """Add ``scale`` times the gradient to ``to``, given dL/da of the last layer in ``deltas``.

    ``to`` may be the parameters: each layer passes its delta on before its own are touched.
    """
    cdef Py_ssize_t i
    cdef const Layer* layer
    cdef floating* delta
    for i in range(n_layers - 1, -1, -1):
        layer = &layers[i]
        delta = deltas + layer.outputs
        times_slope(layer.activation, units + layer.outputs, delta, layer.width)
        if i > 0:
            backward_layer(parameters, layer, delta, deltas + layers[i - 1].outputs)
            add_gradient(scale, units + layers[i - 1].outputs, delta, layer, to)
        else:
            add_gradient(scale, x, delta, layer, to)


# Entry points: many examples

def train(
    floating[::1] parameters,        # IN, OUT
    const Layer[::1] layers,         # IN
    floating[::1] scratch,           # SCRATCH (2 * n_units,), zero at first: outputs, then deltas
    floating[::1] gradient,          # IN, OUT  shaped like parameters: the sum over the batch so
                                     #   far, zero between batches; None for batch_size 1
    const floating[:, ::1] X,        # IN  (n_examples, n_inputs)
    const floating[:, ::1] targets,  # IN  (n_examples, n_outputs), or None
    const Py_ssize_t[::1] labels,    # IN  (n_examples,), or None
    const Py_ssize_t[::1] order,     # IN  (n,) rows of X in the order of training
    Py_ssize_t start,                # the part of the order to train on
    Py_ssize_t stop,
    Py_ssize_t batch_size,
    double learning_rate,
):
    """Descend along the mean gradient of each batch of ``order``; return the sum of the losses.

    Batches begin at multiples of ``batch_size`` and the last may be smaller; a batch may be
    spread over several calls.
    """
    cdef Py_ssize_t n_layers = layers.shape[0], n_outputs = layers[layers.shape[0] - 1].fan_out
    cdef Py_ssize_t n = order.shape[0], size = parameters.shape[0]
    cdef floating* p = &parameters[0]
    cdef floating* units = &scratch[0]
    cdef floating* deltas = units + scratch.shape[0] // 2
    cdef floating* delta = deltas + layers[n_layers - 1].outputs
    cdef floating* sums = NULL if batch_size == 1 else &gradient[0]
    cdef const floating* a
    cdef const floating* x
    cdef const floating* target = NULL
    cdef floating rate = <floating>learning_rate
    cdef Py_ssize_t t, i, row, label = 0
    cdef double loss = 0
    cdef bint has_labels = labels is not None
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        for t in range(start, stop):
            row = order[t]
            x = &X[row, 0]
            if has_labels:
                label = labels[row]
            else:
                target = &targets[row, 0]
            a = forward(p, &layers[0], n_layers, x, units)
            loss += squared_error(a, target, label, delta, n_outputs)
            if batch_size == 1:
                backward(p, &layers[0], n_layers, x, units, deltas, -rate, p)
                continue
            backward(p, &layers[0], n_layers, x, units, deltas, <floating>1, sums)
            if (t + 1) % batch_size == 0 or t + 1 == n:
                rate = <floating>(learning_rate / (t % batch_size + 1))
                for i in range(size):
                    p[i] -= rate * sums[i]
                    sums[i] = 0
        fastnn_restore_subnormals(control)
    return loss


def predict(
    const floating[::1] parameters,  # IN
    const Layer[::1] layers,         # IN
    floating[::1] scratch,           # SCRATCH (n_units,)
    const floating[:, ::1] X,        # IN  (n_examples, n_inputs)
    floating[:, ::1] outputs,        # OUT (n_examples, n_outputs)
):
    cdef Py_ssize_t n_examples = X.shape[0], n_layers = layers.shape[0]
    cdef Py_ssize_t n_outputs = outputs.shape[1], t
    cdef const floating* a
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        for t in range(n_examples):
            a = forward(&parameters[0], &layers[0], n_layers, &X[t, 0], &scratch[0])
            memcpy(&outputs[t, 0], a, n_outputs * sizeof(floating))
        fastnn_restore_subnormals(control)


# Entry points: what lies between two matrix products

def add_biases_and_activate(
    floating[:, ::1] Z,            # IN, OUT (n_examples, fan_out)
    const floating[::1] biases,    # IN  (fan_out,)
    Py_ssize_t activation,
):
    """Z = f(Z + b)"""
    cdef Py_ssize_t n_examples = Z.shape[0], fan_out = Z.shape[1], t
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        for t in range(n_examples):
            axpy(<floating>1, &biases[0], &Z[t, 0], fan_out)
        activate(activation, &Z[0, 0], n_examples * fan_out)
        fastnn_restore_subnormals(control)


def multiply_by_slope(
    floating[:, ::1] deltas,         # IN, OUT (n_examples, fan_out)
    const floating[:, ::1] outputs,  # IN  (n_examples, fan_out)
    Py_ssize_t activation,
):
    """delta *= f'(z), computed from the outputs f(z)"""
    cdef Py_ssize_t n = outputs.shape[0] * outputs.shape[1]
    cdef fastnn_control control
    with nogil:
        control = fastnn_flush_subnormals()
        times_slope(activation, &outputs[0, 0], &deltas[0, 0], n)
        fastnn_restore_subnormals(control)


def output_deltas(
    const floating[:, ::1] outputs,  # IN  (n, n_outputs)
    const floating[:, ::1] targets,  # IN  (n_examples, n_outputs), or None
    const Py_ssize_t[::1] labels,    # IN  (n_examples,), or None
    const Py_ssize_t[::1] rows,      # IN  (n,) the examples
    floating[:, ::1] deltas,         # OUT (n, n_outputs)
):
    """deltas = dL/da of each example; return the sum of the losses."""
    cdef Py_ssize_t n = outputs.shape[0], n_outputs = outputs.shape[1], t, label = 0
    cdef const floating* target = NULL
    cdef bint has_labels = labels is not None
    cdef double loss = 0
    with nogil:
        for t in range(n):
            if has_labels:
                label = labels[rows[t]]
            else:
                target = &targets[rows[t], 0]
            loss += squared_error(&outputs[t, 0], target, label, &deltas[t, 0], n_outputs)
    return loss


def add_scaled(
    floating[::1] y,        # IN, OUT (n,)
    const floating[::1] x,  # IN  (n,)
    double a,
):
    """y += a x"""
    with nogil:
        axpy(<floating>a, &x[0], &y[0], y.shape[0])


# Entry points: services

cdef inline bint is_finite(floating x) noexcept nogil:
    if floating is float:
        return fabsf(x) <= FLT_MAX
    else:
        return fabs(x) <= DBL_MAX


cdef Py_ssize_t nonfinite_index(const floating* x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t start, stop, i
    cdef int n_finite
    for start in range(0, n, 4096):
        stop = min(start + 4096, n)
        # Counting is a reduction, which vectorises; leaving the loop at the first would not.  (A
        # sum of x * 0 would be as good, but GCC 12 folds it to 0, NaN or not, once vectorised.)
        n_finite = 0
        for i in range(start, stop):
            n_finite += is_finite(x[i])
        if n_finite < stop - start:
            for i in range(start, stop):
                if not is_finite(x[i]):
                    return i
    return -1


def first_nonfinite(const floating[::1] x):
    """Index of the first NaN or infinity in x, -1 if there is none."""
    cdef Py_ssize_t index
    with nogil:
        index = nonfinite_index(&x[0], x.shape[0])
    return index


def exp(
    const floating[::1] x,  # IN  (n,)
    floating[::1] y,        # OUT (n,)
):
    """y = e**x"""
    cdef Py_ssize_t n = x.shape[0], i
    with nogil:
        for i in range(n):
            y[i] = exponential(x[i])
