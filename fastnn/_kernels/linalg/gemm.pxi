"""Products of matrices: a tile of the result in registers, and all that is added to it.

Terms are added up before the sum is added to what there was, which may be larger than they by far.
"""


cdef extern from "floats.h" nogil:
    const Py_ssize_t ROWS "FASTNN_TILE_ROWS"
    const Py_ssize_t VECTORS "FASTNN_TILE_VECTORS"

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
    Py_ssize_t n_rows, Py_ssize_t n_vectors, const real* a, Py_ssize_t a_row, Py_ssize_t a_column,
    const real* b, Py_ssize_t b_row, real* c, Py_ssize_t c_row, Py_ssize_t n_terms,
) noexcept nogil:
    """c += a b for a tile, of which the compiler must know the rows and vectors"""
    cdef vector sums[16]
    cdef const vector* terms
    cdef Py_ssize_t i, j, k
    for i in range(n_vectors * n_rows):
        sums[i] = fastnn_zero
    for k in range(n_terms):
        terms = <const vector*>(b + k * b_row)
        for i in range(n_rows):
            for j in range(n_vectors):
                sums[n_vectors * i + j] += a[i * a_row + k * a_column] * terms[j]
    for i in range(n_rows):
        for j in range(n_vectors):
            (<vector*>(c + i * c_row))[j] += sums[n_vectors * i + j]


cdef inline inlined_void add_row(
    Py_ssize_t n_vectors, const real* a, Py_ssize_t a_column, const real* b, Py_ssize_t b_row,
    real* c, Py_ssize_t n_terms,
) noexcept nogil:
    """Do the same for one row, in four sums at a time, for one would wait for itself"""
    cdef vector sums[8]
    cdef const vector* terms
    cdef Py_ssize_t i, j, k = 0
    for i in range(4 * n_vectors):
        sums[i] = fastnn_zero
    while k + 4 <= n_terms:
        for i in range(4):
            terms = <const vector*>(b + (k + i) * b_row)
            for j in range(n_vectors):
                sums[n_vectors * i + j] += a[(k + i) * a_column] * terms[j]
        k += 4
    while k < n_terms:
        terms = <const vector*>(b + k * b_row)
        for j in range(n_vectors):
            sums[j] += a[k * a_column] * terms[j]
        k += 1
    for j in range(n_vectors):
        (<vector*>c)[j] += (
            (sums[j] + sums[n_vectors + j])
            + (sums[2 * n_vectors + j] + sums[3 * n_vectors + j])
        )


cdef inline inlined_void add_tiles(
    Py_ssize_t n_vectors, const real* a, Py_ssize_t a_row, Py_ssize_t a_column, Matrix b, Matrix c,
    Py_ssize_t n_rows, Py_ssize_t n_terms,
) noexcept nogil:
    """c += a b for columns of a tile; where a is contiguous, the compiler had better know it"""
    cdef real* to = c.data
    while n_rows >= ROWS:
        add_tile(ROWS, n_vectors, a, a_row, a_column, b.data, b.row, to, c.row, n_terms)
        a += ROWS * a_row
        to += ROWS * c.row
        n_rows -= ROWS
    if n_rows >= 4:
        add_tile(4, n_vectors, a, a_row, a_column, b.data, b.row, to, c.row, n_terms)
        a += 4 * a_row
        to += 4 * c.row
        n_rows -= 4
    while n_rows > 0:
        add_row(n_vectors, a, a_column, b.data, b.row, to, n_terms)
        a += a_row
        to += c.row
        n_rows -= 1


cdef inline inlined_void add_columns_of_tile(
    Py_ssize_t n_vectors, Matrix a, Matrix b, Matrix c, Py_ssize_t n_rows, Py_ssize_t n_terms
) noexcept nogil:
    if a.column == 1:
        add_tiles(n_vectors, a.data, a.row, 1, b, c, n_rows, n_terms)
    else:
        add_tiles(n_vectors, a.data, 1, a.column, b, c, n_rows, n_terms)


cdef void add_product(
    Matrix a, Matrix b, Matrix c, Py_ssize_t n_rows, Py_ssize_t n_terms, Py_ssize_t n_columns
) noexcept nogil:
    """c += a b

    Rows or columns of a are contiguous; rows of b and c too, aligned, and whole 64-byte vectors.
    """
    cdef Py_ssize_t lanes = <Py_ssize_t>(sizeof(vector) // sizeof(real)), start = 0, j, n
    cdef Matrix p, q, r
    while start < n_terms:
        n = min(n_terms - start, DEPTH)
        p = Matrix(a.data + start * a.column, a.row, a.column)
        j = 0
        while j < n_columns:
            q, r = rows_of(b.data + start * b.row + j, b.row), rows_of(c.data + j, c.row)
            if VECTORS * lanes > LANES and j + VECTORS * lanes > n_columns:
                add_columns_of_tile(1, p, q, r, n_rows, n)
            else:
                add_columns_of_tile(VECTORS, p, q, r, n_rows, n)
            j += VECTORS * lanes
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
