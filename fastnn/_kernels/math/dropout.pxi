"""Dropout: which activations are left out, as a function of epoch, example, layer and unit.

Nothing is drawn in sequence, so the same units are left out for any number of threads and however
batches are divided.  regularization.py has the same formula in NumPy; the mixing of bits is Chris
Wellons's lowbias32 (https://nullprogram.com/blog/2018/07/31/).
"""


cdef inline uint32_t mixed(uint32_t x) noexcept nogil:
    x ^= x >> 16
    x *= <uint32_t>0x7FEB352D
    x ^= x >> 15
    x *= <uint32_t>0x846CA68B
    return x ^ (x >> 16)


cdef void draw_and_multiply(
    double rate, uint64_t key, Py_ssize_t place, Py_ssize_t layer,
    restricted factors, restricted a, Py_ssize_t n,
) noexcept nogil:
    """The outputs of n activations of a layer, for the example at that place of an epoch's order"""
    cdef uint32_t row = mixed(<uint32_t>(key >> 32) ^ mixed(<uint32_t>key ^ <uint32_t>place))
    cdef uint32_t least = <uint32_t>(rate * (1 << 24)) << 8  # of those that stay; 24 bits count
    cdef real scale = <real>(1 / (1 - rate)), zero = 0
    cdef Py_ssize_t j
    row = mixed(row ^ <uint32_t>layer)
    for j in range(n & -LANES):
        factors[j] = scale if mixed(row) >= least else zero
        a[j] *= factors[j]
        row += <uint32_t>0x9E3779B9


cdef inline void multiply(restricted a, const real* factors, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        a[i] *= factors[i]
