"""Losses, and the derivatives that a descent begins with.

That is dL/da or, of a loss that has an output activation of its own, dL/dz: then the table of
layers says that no slope is to follow.  Such losses take the weighted inputs z, in which they stay
finite where outputs are rounded to 0 or 1.
"""

cdef enum:
    SQUARED_ERROR
    ABSOLUTE_ERROR
    HUBER
    QUANTILE
    CROSS_ENTROPY
    BINARY_CROSS_ENTROPY
    POISSON

LOSS_CODES = {
    "squared_error": SQUARED_ERROR,
    "absolute_error": ABSOLUTE_ERROR,
    "huber": HUBER,
    "quantile": QUANTILE,
    "cross_entropy": CROSS_ENTROPY,
    "binary_cross_entropy": BINARY_CROSS_ENTROPY,
    "poisson": POISSON,
}


cdef struct Wanted:
    const real* values          # NULL: labels
    const Py_ssize_t* labels
    const real* weights         # of the examples; NULL: all 1
    Py_ssize_t n_outputs
    Py_ssize_t loss
    double parameter
    # The most that a logarithm counts as.  If that is finite, losses are scikit-learn's, which
    # takes logarithms of outputs.
    double most


cdef class Targets:
    """The wanted outputs of examples, and the loss if they are others."""
    cdef object memory
    cdef Wanted wanted

    def __init__(
        self,
        const real[:, ::1] values,         # IN  (n_examples, n_outputs), or None
        const Py_ssize_t[::1] labels,      # IN  (n_examples,), or None
        const real[::1] weights,           # IN  (n_examples,), or None
        Py_ssize_t n_outputs,
        Py_ssize_t loss,
        double parameter,
        double most,
        /,
    ):
        self.memory = (values, labels, weights)
        self.wanted = Wanted(NULL, NULL, NULL, n_outputs, loss, parameter, most)
        if weights is not None:
            self.wanted.weights = &weights[0]
        if labels is not None:
            self.wanted.labels = &labels[0]
        else:
            self.wanted.values = &values[0, 0]


cdef struct Target:
    const real* values  # NULL: 1 for the label, 0 for the others
    int label


cdef inline Target target_of(const Wanted* wanted, Py_ssize_t row) noexcept nogil:
    if wanted.labels == NULL:
        return Target(wanted.values + row * wanted.n_outputs, -1)
    return Target(wanted.values, <int>wanted.labels[row])


cdef inline real at(Target target, Py_ssize_t i) noexcept nogil:
    return <real>(<int>i == target.label) if target.values == NULL else target.values[i]


cdef inline real weight_of(const Wanted* wanted, Py_ssize_t row) noexcept nogil:
    cdef real one = 1
    return one if wanted.weights == NULL else wanted.weights[row]


cdef double divisor_of(
    const Wanted* wanted, bint by_weight, const Py_ssize_t* order, Py_ssize_t start, Py_ssize_t stop
) noexcept nogil:
    """Return what sums over a batch are divided by: the number of its examples, or the sum of their

    weights, unless that is 0: then all that is divided is 0, too.
    """
    cdef double total = 0
    cdef Py_ssize_t t
    if not by_weight or wanted.weights == NULL:
        return stop - start
    for t in range(start, stop):
        total += wanted.weights[order[t]]
    return total if total > 0 else stop - start


cdef double rounding_of_complements(
    double most, const real* z, const real* a, Target target, Py_ssize_t n
) noexcept nogil:
    """Return the rounding error of -log(1 - a) that comes of an a rounded to a number next to 1.

    It is summed over the outputs that should be 0.  Of sums z up to 4 it hardly shows.
    """
    cdef real one = 1, zero = 0, limit = 4
    cdef double difference = 0
    cdef Py_ssize_t i
    for i in range(n):
        if z[i] > limit and at(target, i) == zero:
            difference += min(-log_double(one - a[i]), most) - min(<double>softplus(z[i]), most)
    return difference


cdef double sum_losses(
    const Wanted* wanted, const real* z, const real* a, Target target, real* delta, Py_ssize_t n
) noexcept nogil:
    """Sum of the losses of n outputs; delta becomes the derivatives, and may be the target."""
    cdef real one = 1, zero = 0, half = <real>0.5, parameter = <real>wanted.parameter
    cdef real error, size, inner, positive, negative, t, most = <real>wanted.most
    cdef double loss = 0
    cdef Py_ssize_t i
    if wanted.loss == SQUARED_ERROR:
        for i in range(n):
            error = a[i] - at(target, i)
            loss += half * error * error
            delta[i] = error
    elif wanted.loss == ABSOLUTE_ERROR:
        for i in range(n):
            error = a[i] - at(target, i)
            loss += -error if error < zero else error
            # So that NaN stays NaN.
            delta[i] = -one if error < zero else (one if error > zero else error)
    elif wanted.loss == HUBER:
        for i in range(n):
            error = a[i] - at(target, i)
            size = -error if error < zero else error
            inner = parameter if size > parameter else size
            loss += inner * (size - half * inner)
            delta[i] = -inner if error < zero else inner
    elif wanted.loss == QUANTILE:
        for i in range(n):
            error = a[i] - at(target, i)
            inner = -parameter if error < zero else (one - parameter if error > zero else error)
            loss += error * inner
            delta[i] = inner
    elif wanted.loss == BINARY_CROSS_ENTROPY:
        if wanted.most <= DBL_MAX:
            loss = rounding_of_complements(wanted.most, z, a, target, n)
        for i in range(n):
            t = at(target, i)
            positive = z[i] if z[i] > zero else zero
            negative = z[i] - positive - positive  # -|z|
            size = softplus(negative) + (positive - z[i] * t)
            loss += most if size > most else size
            delta[i] = a[i] - t
    elif wanted.loss == POISSON:
        for i in range(n):
            t = at(target, i)
            loss += a[i] - t * z[i]
            delta[i] = a[i] - t
    return loss


cdef double cross_entropy(
    const real* z, const real* a, Target target, real* delta, Py_ssize_t n, Py_ssize_t stride,
    double most,
) noexcept nogil:
    """Do the same for one example of n outputs of a softmax, which are ``stride`` apart."""
    cdef real highest = z[0], top = a[0], total = 0, t
    cdef double loss = 0, log_top, size
    cdef Py_ssize_t i
    for i in range(n):
        highest = max(highest, z[i * stride])
        top = max(top, a[i * stride])
        total += at(target, i)
    # log a = z - highest + log of the largest a, for whose z - highest is 0
    log_top = log_double(top)
    for i in range(n):
        t = at(target, i)
        if t != 0:
            size = <double>(highest - z[i * stride]) - log_top
            loss += t * (most if size > most else size)  # NaN stays NaN
        delta[i * stride] = a[i * stride] * total - t
    return loss


cdef inline bint is_elementwise(const Wanted* wanted) noexcept nogil:
    """Whether the loss is a sum over the outputs, each with its own target"""
    return wanted.loss != CROSS_ENTROPY


cdef double output_loss(
    const Wanted* wanted, const real* z, const real* a, Py_ssize_t row, real* delta
) noexcept nogil:
    """Loss of one example with these outputs, by its weight; delta becomes its derivatives."""
    cdef Target target = target_of(wanted, row)
    cdef double loss
    cdef Py_ssize_t i
    if is_elementwise(wanted):
        loss = sum_losses(wanted, z, a, target, delta, wanted.n_outputs)
    else:
        loss = cross_entropy(z, a, target, delta, wanted.n_outputs, 1, wanted.most)
    if wanted.weights != NULL:
        loss *= wanted.weights[row]
        for i in range(wanted.n_outputs):
            delta[i] *= wanted.weights[row]
    return loss
