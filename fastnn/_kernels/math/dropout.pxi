"""Dropout: the dropped units are a hash of epoch, example, layer and unit.

So they are the same for any number of threads and however batches are divided.  regularization.py
has the same formula in NumPy; the hash is Chris Wellons's lowbias32
(https://nullprogram.com/blog/2018/07/31/).
"""


cdef inline uint32_t hash32(uint32_t x) noexcept nogil:
    """Return a permutation of 32-bit integers that mixes all bits."""
    x ^= x >> 16
    x *= <uint32_t>0x7FEB352D
    x ^= x >> 15
    x *= <uint32_t>0x846CA68B
    return x ^ (x >> 16)


cdef void apply_dropout(
    double rate, uint64_t key, Py_ssize_t position, Py_ssize_t layer,
    restricted factors, restricted a, Py_ssize_t n,
) noexcept nogil:
    """Write the dropout factors of n units, 0 or 1 / (1 - rate), and multiply a by them.

    ``position`` is that of the example in the order of the epoch, which has this key.
    """
    cdef uint32_t hash = hash32(<uint32_t>(key >> 32) ^ hash32(<uint32_t>key ^ <uint32_t>position))
    cdef uint32_t threshold = <uint32_t>(rate * (1 << 24)) << 8  # a rate has 24 bits
    cdef real scale = <real>(1 / (1 - rate)), zero = 0
    cdef Py_ssize_t j
    hash = hash32(hash ^ <uint32_t>layer)
    for j in range(n & -LANES):
        factors[j] = scale if hash32(hash) >= threshold else zero
        a[j] *= factors[j]
        hash += <uint32_t>0x9E3779B9


cdef inline void multiply(restricted a, const real* factors, Py_ssize_t n) noexcept nogil:
    """a *= factors, element by element; n is whole vectors."""
    cdef Py_ssize_t i
    for i in range(n & -LANES):
        a[i] *= factors[i]
