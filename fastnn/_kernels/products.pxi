"""Products of matrices: a tile of the result in registers, and all that is added to it.

Terms are added up before the sum is added to what there was, which may be larger than they by far.
"""


cdef extern from "floats.h" nogil:
    const Py_ssize_t ROWS "FASTNN_TILE_ROWS"
    const Py_ssize_t VECTORS "FASTNN_TILE_VECTORS"
    ctypedef void inlined_void "FASTNN_INLINED void"

cdef enum:
    DEPTH = 128  # terms at a time, whose part of b stays in the L1 cache for all rows of c


cdef struct Matrix:
    real* data
    Py_ssize_t row     # elements from one row to the next
    Py_ssize_t column  # and from one column to the next


cdef inline Matrix rows_of(const real* data, Py_ssize_t row_length) noexcept nogil:
    return Matrix(<real*>data, row_length, 1)


cdef inline Matrix transposed(Matrix a) noexcept nogil:
    return Matrix(a.data, a.column, a.row)


cdef inline inlined_void add_tile(
    Py_ssize_t n_rows, const real* a, Py_ssize_t a_row, Py_ssize_t a_column,
    const real* b, Py_ssize_t b_row, real* c, Py_ssize_t c_row, Py_ssize_t n_terms,
) noexcept nogil:
    """c += a b for the rows, of which the compiler must know the number, and columns of a tile"""
    cdef vector sums[12]
    cdef const vector* terms
    cdef Py_ssize_t i, j, k
    for i in range(VECTORS * n_rows):
        sums[i] = fastnn_zero
    for k in range(n_terms):
        terms = <const vector*>(b + k * b_row)
        for i in range(n_rows):
            for j in range(VECTORS):
                sums[VECTORS * i + j] += a[i * a_row + k * a_column] * terms[j]
    for i in range(n_rows):
        for j in range(VECTORS):
            (<vector*>(c + i * c_row))[j] += sums[VECTORS * i + j]


cdef void add_row(
    const real* a, Py_ssize_t a_column, const real* b, Py_ssize_t b_row, real* c,
    Py_ssize_t n_terms,
) noexcept nogil:
    """The same for one row, in four sums at a time, for one would wait for itself"""
    cdef vector sums[8]
    cdef const vector* terms
    cdef Py_ssize_t i, j, k = 0
    for i in range(4 * VECTORS):
        sums[i] = fastnn_zero
    while k + 4 <= n_terms:
        for i in range(4):
            terms = <const vector*>(b + (k + i) * b_row)
            for j in range(VECTORS):
                sums[VECTORS * i + j] += a[(k + i) * a_column] * terms[j]
        k += 4
    while k < n_terms:
        terms = <const vector*>(b + k * b_row)
        for j in range(VECTORS):
            sums[j] += a[k * a_column] * terms[j]
        k += 1
    for j in range(VECTORS):
        (<vector*>c)[j] += (
            (sums[j] + sums[VECTORS + j]) + (sums[2 * VECTORS + j] + sums[3 * VECTORS + j])
        )


cdef void add_product(
    Matrix a, Matrix b, Matrix c, Py_ssize_t n_rows, Py_ssize_t n_terms, Py_ssize_t n_columns
) noexcept nogil:
    """c += a b, where rows of b and c are contiguous, aligned, and whole vectors long"""
    cdef Py_ssize_t start = 0, j, i, n
    cdef const real* p
    cdef const real* q
    cdef real* r
    while start < n_terms:
        n = min(n_terms - start, DEPTH)
        j = 0
        while j < n_columns:
            p = a.data + start * a.column
            q = b.data + start * b.row + j
            r = c.data + j
            i = n_rows
            while i >= ROWS:
                add_tile(ROWS, p, a.row, a.column, q, b.row, r, c.row, n)
                p += ROWS * a.row
                r += ROWS * c.row
                i -= ROWS
            if i >= 4:
                add_tile(4, p, a.row, a.column, q, b.row, r, c.row, n)
                p += 4 * a.row
                r += 4 * c.row
                i -= 4
            while i > 0:
                add_row(p, a.column, q, b.row, r, n)
                p += a.row
                r += c.row
                i -= 1
            j += VECTORS * sizeof(vector) // sizeof(real)
        start += n


cdef void transpose(
    const real* a, Py_ssize_t a_length, Py_ssize_t n_rows, Py_ssize_t n_columns,
    restricted b, Py_ssize_t b_length,
) noexcept nogil:
    """b = a', (n_columns, b_length), with zeros from n_rows on; b_length is whole vectors"""
    cdef Py_ssize_t start = 0, i, j
    while start < (n_rows & -LANES):  # few rows at a time, so that they stay near
        for j in range(n_columns):
            for i in range(LANES):
                b[j * b_length + start + i] = a[(start + i) * a_length + j]
        start += LANES
    for j in range(n_columns):
        for i in range(start, n_rows):
            b[j * b_length + i] = a[i * a_length + j]
        for i in range(n_rows, b_length):
            b[j * b_length + i] = 0
