"""gemm: products of dense matrices, with a tile of the result in registers.

The terms of an element are summed before the sum is added to the element, which may be larger by
far.
"""


cdef extern from "floats.h" nogil:
    const Py_ssize_t ROWS "FASTNN_TILE_ROWS"
    const Py_ssize_t VECTORS "FASTNN_TILE_VECTORS"

cdef enum:
    DEPTH = 128  # terms per pass: their rows of B stay in the L1 cache for all rows of C


cdef struct Matrix:
    real* data
    Py_ssize_t row     # elements from one row to the next
    Py_ssize_t column  # elements from one column to the next


cdef inline Matrix row_major(const real* data, Py_ssize_t row_length) noexcept nogil:
    """Return a matrix with contiguous rows."""
    return Matrix(<real*>data, row_length, 1)


cdef inline Matrix transposed(Matrix a) noexcept nogil:
    """Return A', a view."""
    return Matrix(a.data, a.column, a.row)


cdef inline inlined_void gemm_tile(
    Py_ssize_t n_rows, Py_ssize_t n_vectors, const real* a, Py_ssize_t a_row, Py_ssize_t a_column,
    const real* b, Py_ssize_t b_row, real* c, Py_ssize_t c_row, Py_ssize_t n_terms,
) noexcept nogil:
    """C += A B for one tile: A (n_rows, n_terms), B (n_terms, columns), C (n_rows, columns).

    The columns are n_vectors vectors.  n_rows and n_vectors must be constants at the call, so that
    the tile stays in registers.  C must not alias A or B.
    """
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


cdef inline inlined_void gemm_row(
    Py_ssize_t n_vectors, const real* a, Py_ssize_t a_column, const real* b, Py_ssize_t b_row,
    real* c, Py_ssize_t n_terms,
) noexcept nogil:
    """Do the same as `gemm_tile` for a single row: A (n_terms,), C (columns,).

    Each element has four partial sums: the additions to a single one would wait for each other.
    """
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


cdef inline inlined_void gemm_strides(
    Py_ssize_t n_vectors, const real* a, Py_ssize_t a_row, Py_ssize_t a_column, Matrix b, Matrix c,
    Py_ssize_t n_rows, Py_ssize_t n_terms,
) noexcept nogil:
    """C += A B for all rows of C in the columns of one tile.

    The caller passes the stride of A that is 1 as a constant: the loads are faster then.
    """
    cdef real* to = c.data
    while n_rows >= ROWS:
        gemm_tile(ROWS, n_vectors, a, a_row, a_column, b.data, b.row, to, c.row, n_terms)
        a += ROWS * a_row
        to += ROWS * c.row
        n_rows -= ROWS
    if n_rows >= 4:
        gemm_tile(4, n_vectors, a, a_row, a_column, b.data, b.row, to, c.row, n_terms)
        a += 4 * a_row
        to += 4 * c.row
        n_rows -= 4
    while n_rows > 0:
        gemm_row(n_vectors, a, a_column, b.data, b.row, to, n_terms)
        a += a_row
        to += c.row
        n_rows -= 1


cdef inline inlined_void gemm_columns(
    Py_ssize_t n_vectors, Matrix a, Matrix b, Matrix c, Py_ssize_t n_rows, Py_ssize_t n_terms
) noexcept nogil:
    """C += A B for all rows of C in the columns of one tile."""
    if a.column == 1:
        gemm_strides(n_vectors, a.data, a.row, 1, b, c, n_rows, n_terms)
    else:
        gemm_strides(n_vectors, a.data, 1, a.column, b, c, n_rows, n_terms)


cdef void gemm(
    Matrix a, Matrix b, Matrix c, Py_ssize_t n_rows, Py_ssize_t n_terms, Py_ssize_t n_columns
) noexcept nogil:
    """C += A B: A (n_rows, n_terms), B (n_terms, n_columns), C (n_rows, n_columns).

    Rows or columns of A are contiguous.  Rows of B and C are contiguous, aligned, and whole 64-byte
    vectors long.  C must not alias A or B.
    """
    cdef Py_ssize_t lanes = <Py_ssize_t>(sizeof(vector) // sizeof(real)), start = 0, j, n
    cdef Matrix p, q, r
    while start < n_terms:
        n = min(n_terms - start, DEPTH)
        p = Matrix(a.data + start * a.column, a.row, a.column)
        j = 0
        while j < n_columns:
            q, r = row_major(b.data + start * b.row + j, b.row), row_major(c.data + j, c.row)
            if VECTORS * lanes > LANES and j + VECTORS * lanes > n_columns:
                gemm_columns(1, p, q, r, n_rows, n)
            else:
                gemm_columns(VECTORS, p, q, r, n_rows, n)
            j += VECTORS * lanes
        start += n


cdef void transpose(
    const real* a, Py_ssize_t a_length, Py_ssize_t n_rows, Py_ssize_t n_columns,
    restricted b, Py_ssize_t b_length,
) noexcept nogil:
    """Write A', A being (n_rows, n_columns), to B (n_columns, b_length), padded with zeros.

    a_length and b_length are elements from one row to the next; b_length is whole vectors.
    """
    cdef Py_ssize_t start = 0, i, j
    while start < (n_rows & -LANES):  # few rows of A per pass, so that they stay in a cache
        for j in range(n_columns):
            for i in range(LANES):
                b[j * b_length + start + i] = a[(start + i) * a_length + j]
        start += LANES
    for j in range(n_columns):
        for i in range(start, n_rows):
            b[j * b_length + i] = a[i * a_length + j]
        for i in range(n_rows, b_length):
            b[j * b_length + i] = 0
