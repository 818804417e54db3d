"""Steps by the gradient of a batch: penalties, the optimizer's rule, limits of norms.

optimizers.py has the formulas, and regularization.py those of penalties and limits.  A step is one
pass over the flat vectors of parameters, gradient and slots, and leaves zeros in the gradient.
"""

from libc.math cimport sqrt as sqrt_double, sqrtf as sqrt_float

cdef enum:  # limits of all rules, which layout.py checks
    _MAX_CONSTANTS = 4
    _MAX_SLOTS = 2

MAX_CONSTANTS, MAX_SLOTS = _MAX_CONSTANTS, _MAX_SLOTS

cdef enum:
    KEEP  # the gradient is what is wanted, and stays
    SGD
    MOMENTUM
    NESTEROV
    ADAM
    ADAM_EPSILON_HAT  # adds epsilon before the bias correction
    RMSPROP
    ADAGRAD
    RPROP

RULE_CODES = {
    "keep": KEEP,
    "sgd": SGD,
    "momentum": MOMENTUM,
    "nesterov": NESTEROV,
    "adam": ADAM,
    "adam_epsilon_hat": ADAM_EPSILON_HAT,
    "rmsprop": RMSPROP,
    "adagrad": ADAGRAD,
    "rprop": RPROP,
}


cdef struct Rule:
    Py_ssize_t code
    double constants[_MAX_CONSTANTS]  # of the optimizer, in the order of its formula
    double weight_decay
    double l1
    double l2
    double clip_norm     # 0: none
    double max_norm      # 0: none
    real* slot_0         # kept by the optimizer, laid out like the parameters; NULL: none
    real* slot_1
    bint is_plain        # a step along the gradient alone, maybe after weights have shrunk
    bint by_weight       # sums over a batch, and l2, are divided by the weights of its examples


cdef class Update:
    """A rule, and the memory it works on."""
    cdef object memory
    cdef Rule rule

    def __init__(
        self,
        Py_ssize_t code,
        const double[::1] constants,  # IN  (MAX_CONSTANTS,)
        double weight_decay,
        double l1,
        double l2,
        double clip_norm,
        double max_norm,
        bint by_weight,
        real[::1] slot_0,             # IN, OUT (n_parameters,), or None
        real[::1] slot_1,             # likewise
        /,
    ):
        cdef Py_ssize_t i
        self.memory = (slot_0, slot_1)
        self.rule.code, self.rule.weight_decay = code, weight_decay
        self.rule.l1, self.rule.l2 = l1, l2
        self.rule.clip_norm, self.rule.max_norm = clip_norm, max_norm
        self.rule.by_weight = by_weight
        for i in range(_MAX_CONSTANTS):
            self.rule.constants[i] = constants[i]
        self.rule.slot_0 = self.rule.slot_1 = NULL
        if slot_0 is not None:
            self.rule.slot_0 = &slot_0[0]
        if slot_1 is not None:
            self.rule.slot_1 = &slot_1[0]
        self.rule.is_plain = code == SGD and l1 == 0 and clip_norm == 0 and max_norm == 0

    @property
    def is_plain(self):
        """Whether gradients may be added to the parameters as they come up."""
        return self.rule.is_plain

    @property
    def is_by_rows(self):
        """Whether a step for one example is made row by row, by pending_steps.pxi."""
        return (
            self.rule.code in (MOMENTUM, NESTEROV)
            and self.rule.weight_decay == self.rule.l1 == 0
            and self.rule.clip_norm == self.rule.max_norm == 0
        )

    @property
    def shrinks(self):
        """Whether weights shrink at every step, by an L2 penalty."""
        return self.rule.l2 > 0


cdef inline real square_root(real x) noexcept nogil:
    return <real>(sqrt_float(x) if sizeof(real) == sizeof(float) else sqrt_double(x))


cdef inline real sign(real x) noexcept nogil:
    cdef real one = 1, zero = 0
    return one if x > zero else (-one if x < zero else x)


cdef inline double l2_of(const Rule* rule, double divisor) noexcept nogil:
    """The penalty's factor for a batch whose sums are divided by this"""
    return rule.l2 / divisor if rule.by_weight else rule.l2


cdef double squares(const real* x, Py_ssize_t n) noexcept nogil:
    """Sum of squares, in double: those of floats may overflow in float"""
    cdef double total = 0
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        total += <double>x[i] * <double>x[i]
    return total


def squared_norm(Network network, /) -> float:
    """Return the sum of the squares of all weights, without the biases"""
    cdef double total = 0
    cdef const Layer* layer
    cdef Py_ssize_t i
    with nogil:
        for i in range(network.layers.shape[0]):
            layer = &network.layers[i]
            total += squares(
                &network.parameters[0] + layer.weights, layer.biases - layer.weights
            )
    return total


cdef inline double norm(const real* x, Py_ssize_t n) noexcept nogil:
    return sqrt_double(squares(x, n))


cdef double clipping(const Rule* rule, const real* gradient, Py_ssize_t n) noexcept nogil:
    """Return the factor of the gradient by which its norm is no longer than allowed"""
    cdef double factor
    if rule.clip_norm == 0:
        return 1
    factor = rule.clip_norm / (norm(gradient, n) + 1e-6)
    return factor if factor < 1 else 1


# What a rule is given for each run of parameters of one kind.
cdef struct Terms:
    real clip          # multiplies the gradient
    real l1
    real l2
    real shrink        # multiplies the parameters
    double rate
    Py_ssize_t number  # of the step, from 1


cdef inline real take(Terms terms, real w, real* g) noexcept nogil:
    """Return g[0], clipped and with the penalties of w; set g[0] to 0."""
    cdef real taken = terms.clip * g[0] + terms.l2 * w + terms.l1 * sign(w)
    g[0] = 0
    return taken


cdef void step_sgd(Terms terms, restricted w, restricted g, Py_ssize_t n) noexcept nogil:
    cdef real rate = <real>terms.rate
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        w[i] = terms.shrink * w[i] - rate * take(terms, w[i], &g[i])


cdef void step_momentum(
    const Rule* rule, Terms terms, restricted w, restricted g, restricted velocity, Py_ssize_t n
) noexcept nogil:
    cdef real rate = <real>terms.rate, momentum = <real>rule.constants[0], v
    # Of Nesterov's, a step looks ahead: it is along g + momentum * v
    cdef real ahead = momentum if rule.code == NESTEROV else <real>1
    cdef real direct = <real>1 if rule.code == NESTEROV else <real>0, x
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        x = take(terms, w[i], &g[i])
        v = momentum * velocity[i] + x
        velocity[i] = v
        w[i] = terms.shrink * w[i] - rate * (direct * x + ahead * v)


cdef void step_adam(
    const Rule* rule, Terms terms, restricted w, restricted g, restricted mean,
    restricted square, Py_ssize_t n,
) noexcept nogil:
    cdef double beta_1 = rule.constants[0], beta_2 = rule.constants[1]
    cdef real rate = <real>(terms.rate / (1 - pow_double(beta_1, terms.number)))
    cdef real root = <real>(1 / sqrt_double(1 - pow_double(beta_2, terms.number)))
    cdef bint is_hat = rule.code == ADAM_EPSILON_HAT
    cdef real epsilon = <real>(rule.constants[2] * (root if is_hat else 1)), x, m, v
    cdef real new_1 = <real>(1 - beta_1), old_2 = <real>beta_2, new_2 = <real>(1 - beta_2)
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        x = take(terms, w[i], &g[i])
        m = mean[i] + new_1 * (x - mean[i])
        v = old_2 * square[i] + new_2 * x * x
        mean[i] = m
        square[i] = v
        w[i] = terms.shrink * w[i] - rate * m / (root * square_root(v) + epsilon)


cdef void step_rmsprop(
    const Rule* rule, Terms terms, restricted w, restricted g, restricted square, Py_ssize_t n
) noexcept nogil:
    cdef real rate = <real>terms.rate, rho = <real>rule.constants[0], x, v
    cdef real new = <real>(1 - rule.constants[0]), epsilon = <real>rule.constants[1]
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        x = take(terms, w[i], &g[i])
        v = rho * square[i] + new * x * x
        square[i] = v
        w[i] = terms.shrink * w[i] - rate * x / (square_root(v) + epsilon)


cdef void step_adagrad(
    const Rule* rule, Terms terms, restricted w, restricted g, restricted squares, Py_ssize_t n
) noexcept nogil:
    cdef real rate = <real>terms.rate, epsilon = <real>rule.constants[0], x, v
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        x = take(terms, w[i], &g[i])
        v = squares[i] + x * x
        squares[i] = v
        w[i] = terms.shrink * w[i] - rate * x / (square_root(v) + epsilon)


cdef void step_rprop(
    const Rule* rule, Terms terms, restricted w, restricted g, restricted last,
    restricted sizes, Py_ssize_t n,
) noexcept nogil:
    cdef real shorter = <real>rule.constants[0], longer = <real>rule.constants[1]
    cdef real shortest = <real>rule.constants[2], longest = <real>rule.constants[3]
    cdef real zero = 0, one = 1, size, agreement, x
    cdef bint is_first = terms.number == 1
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        x = take(terms, w[i], &g[i])
        agreement = sign(x) * sign(last[i])
        size = <real>terms.rate if is_first else sizes[i]
        size *= longer if agreement > zero else (shorter if agreement < zero else one)
        size = shortest if size < shortest else (longest if size > longest else size)
        x = zero if agreement < zero else x
        sizes[i] = size
        last[i] = x
        w[i] = terms.shrink * w[i] - size * sign(x)


cdef void step_run(
    const Rule* rule, Terms terms, real* w, real* g, Py_ssize_t at, Py_ssize_t n
) noexcept nogil:
    """Step the n parameters from ``at`` on"""
    cdef real* slot_0 = rule.slot_0 + at
    cdef real* slot_1 = rule.slot_1 + at
    if rule.code == SGD:
        step_sgd(terms, w + at, g + at, n)
    elif rule.code == MOMENTUM or rule.code == NESTEROV:
        step_momentum(rule, terms, w + at, g + at, slot_0, n)
    elif rule.code == ADAM or rule.code == ADAM_EPSILON_HAT:
        step_adam(rule, terms, w + at, g + at, slot_0, slot_1, n)
    elif rule.code == RMSPROP:
        step_rmsprop(rule, terms, w + at, g + at, slot_0, n)
    elif rule.code == ADAGRAD:
        step_adagrad(rule, terms, w + at, g + at, slot_0, n)
    elif rule.code == RPROP:
        step_rprop(rule, terms, w + at, g + at, slot_0, slot_1, n)


cdef void step_parameters(
    const Rule* rule, const Work* work, real* gradient, double clip, double rate, double l2,
    Py_ssize_t number, Py_ssize_t begin, Py_ssize_t end,
) noexcept nogil:
    """Step the parameters from ``begin`` to ``end``; penalties are on weights alone."""
    cdef Terms of_weights = Terms(
        <real>clip, <real>rule.l1, <real>l2, <real>(1 - rate * rule.weight_decay),
        rate, number,
    )
    cdef Terms of_biases = Terms(<real>clip, 0, 0, 1, rate, number)
    cdef const Layer* layer
    cdef Py_ssize_t i, start, stop
    for i in range(work.n_layers):
        layer = &work.layers[i]
        start, stop = max(begin, layer.weights), min(end, layer.biases)
        if start < stop:
            step_run(rule, of_weights, work.parameters, gradient, start, stop - start)
        start, stop = max(begin, layer.biases), min(end, layer.biases + layer.width)
        if start < stop:
            step_run(rule, of_biases, work.parameters, gradient, start, stop - start)


cdef void limit_norms(
    const Rule* rule, real* w, const Layer* layer, real* norms, Py_ssize_t begin, Py_ssize_t end
) noexcept nogil:
    """Shorten the weights of each unit to the largest norm.

    The units are columns ``begin`` to ``end`` of the stored matrix or, if it is transposed, rows.
    ``norms`` is scratch for all columns.
    """
    cdef real one = 1
    cdef real* row
    cdef double factor
    cdef Py_ssize_t i, j
    if layer.transposed:
        for i in range(begin, min(end, layer.fan_out)):
            row = w + i * layer.row_length
            factor = rule.max_norm / norm(row, layer.row_length)
            for j in range(layer.row_length & -LANES):
                row[j] *= <real>factor if factor < 1 else one
        return
    memset(norms + begin, 0, (end - begin) * sizeof(real))
    for i in range(layer.fan_in):
        row = w + i * layer.row_length
        for j in range(begin, end):
            norms[j] += row[j] * row[j]
    for j in range(begin, end):
        factor = rule.max_norm / square_root(norms[j])
        norms[j] = <real>factor if factor < 1 else one
    for i in range(layer.fan_in):
        row = w + i * layer.row_length
        for j in range(begin, end):
            row[j] *= norms[j]


cdef void shrink(real* w, double factor, Py_ssize_t n) noexcept nogil:
    cdef real by = <real>factor
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        w[i] *= by
