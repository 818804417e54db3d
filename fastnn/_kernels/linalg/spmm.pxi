"""spmm: products of a sparse and a dense matrix, with a part of a row of the result in registers.

The sparse matrix has a list of entries per row.  All lists go through one block of rows of the
dense matrix, which stays in a near cache, and then through the next.

The nonzeros of a batch are listed by example (CSR) and, for the gradient, by input (CSC): in
W += x' delta a row of W is loaded and stored a few times per batch instead of once per example.
"""

cdef enum:
    NEAR_BYTES = 48 * 1024  # of a block: of 16 to 64 KB, the fastest or nearly so
    MAX_VECTORS = 10        # in registers: fewer wait for their sums, and AVX has 16 registers
    MIN_ENTRIES = 8         # per list and block, on average: each block loads and stores the sums


cdef struct Entry:
    int32_t column  # of the sparse matrix, a row of the dense one
    real value


cdef struct SparseMatrix:
    const Entry* entries     # lists, columns ascending
    Py_ssize_t* next         # (n_rows,) where the rest of each list begins: its end after a product
    const Py_ssize_t* ends   # (n_rows,)


# One tile of a product: C = D + A B in n_vectors vectors of columns, for the entries of A that are
# left in columns before ``stop``.
cdef struct SparseTile:
    SparseMatrix a
    Py_ssize_t n_rows
    Py_ssize_t stop
    bint is_last         # the last tile up to this ``stop``, after which `next` moves there
    Matrix b
    Matrix d
    Matrix c


cdef inline inlined_void spmm_vectors "fastnn_spmm_vectors"(
    Py_ssize_t n_vectors, const SparseTile* tile
) noexcept nogil:
    """Compute a tile; n_vectors must be a constant at the call, so that sums are in registers.

    D may be C; neither may alias A or B.
    """
    cdef vector sums[MAX_VECTORS]
    cdef SparseMatrix a = tile.a
    cdef Matrix b = tile.b, d = tile.d, c = tile.c
    cdef Py_ssize_t n_rows = tile.n_rows, stop = tile.stop, row, i
    cdef bint is_last = tile.is_last
    cdef const vector* terms
    cdef const Entry* entry
    cdef const Entry* end
    for row in range(n_rows):
        entry, end = a.entries + a.next[row], a.entries + a.ends[row]
        if entry == end and c.data == d.data:
            continue
        for i in range(n_vectors):
            sums[i] = (<const vector*>(d.data + row * d.row))[i]
        while entry < end and entry.column < stop:
            terms = <const vector*>(b.data + entry.column * b.row)
            for i in range(n_vectors):
                sums[i] += entry.value * terms[i]
            entry += 1
        for i in range(n_vectors):
            (<vector*>(c.data + row * c.row))[i] = sums[i]
        if is_last:
            a.next[row] = entry - a.entries


cdef extern from *:
    """
    /* Call fastnn_spmm_vectors with a constant that equals n_vectors, from 1 to MAX_VECTORS. */
    #define FASTNN_SPMM(n, tile) case n: fastnn_spmm_vectors(n, tile); break;
    #define fastnn_spmm_tile(n_vectors, tile) switch (n_vectors) { \\
        FASTNN_SPMM(1, tile) FASTNN_SPMM(2, tile) FASTNN_SPMM(3, tile) FASTNN_SPMM(4, tile) \\
        FASTNN_SPMM(5, tile) FASTNN_SPMM(6, tile) FASTNN_SPMM(7, tile) FASTNN_SPMM(8, tile) \\
        FASTNN_SPMM(9, tile) FASTNN_SPMM(10, tile) }
    """
    void spmm_constant_vectors "fastnn_spmm_tile"(
        Py_ssize_t n_vectors, const SparseTile* tile
    ) nogil


cdef void spmm_tile(Py_ssize_t n_vectors, const SparseTile* tile) noexcept nogil:
    """Compute a tile of 1 to MAX_VECTORS vectors of columns."""
    spmm_constant_vectors(n_vectors, tile)


cdef void spmm(
    SparseMatrix a, Matrix b, Matrix d, Matrix c, Py_ssize_t n_rows, Py_ssize_t n_terms,
    Py_ssize_t n_columns,
) noexcept nogil:
    """C = D + A B: A (n_rows, n_terms), B (n_terms, n_columns), C and D (n_rows, n_columns).

    Rows of B, C and D are contiguous, aligned, and whole vectors long.  D may be C; neither may
    alias A or B.  Entries are added one by one, so that the bits are the same however rows are
    shared among threads.
    """
    cdef Py_ssize_t lanes = sizeof(vector) // sizeof(real), n_vectors = n_columns // lanes
    cdef Py_ssize_t n_tiles = (n_vectors + MAX_VECTORS - 1) // MAX_VECTORS
    cdef Py_ssize_t longest = (n_vectors + n_tiles - 1) // n_tiles
    cdef Py_ssize_t n_entries = 0, n_blocks, row, block, i, first, last
    cdef SparseTile tile
    for row in range(n_rows):
        n_entries += a.ends[row] - a.next[row]
    n_blocks = min(
        n_terms * longest * <Py_ssize_t>sizeof(vector) // NEAR_BYTES,
        n_entries // (MIN_ENTRIES * max(1, n_rows)),
    )
    n_blocks = max(1, n_blocks)
    for block in range(n_blocks):
        for i in range(n_tiles):
            first, last = n_vectors * i // n_tiles, n_vectors * (i + 1) // n_tiles
            tile = SparseTile(
                a, n_rows, n_terms * (block + 1) // n_blocks, i == n_tiles - 1,
                row_major(b.data + first * lanes, b.row),
                row_major(d.data + first * lanes, d.row),
                row_major(c.data + first * lanes, c.row),
            )
            spmm_tile(last - first, &tile)
        d = c


cdef inline const Entry* lower_bound(
    const Entry* entry, const Entry* end, Py_ssize_t column
) noexcept nogil:
    """Return the first entry of a list that is not before a column, or the list's end."""
    cdef Py_ssize_t half
    while entry < end:
        half = (end - entry) // 2
        if entry[half].column < column:
            entry += half + 1
        else:
            end = entry + half
    return entry


cdef struct Range:
    Py_ssize_t begin
    Py_ssize_t end


@cython.final
cdef class BatchNonzeros:
    """Hold the nonzeros of a batch as CSR and, if the gradient needs it, as CSC.

    Threads share the lists: each writes those of its examples and, when all have done that, those
    of its range of inputs.  The CSR entries of one thread follow each other without gaps.
    """
    cdef Buffer memory, csc_memory, offsets
    cdef Entry* entries
    cdef Entry* csc_entries    # NULL: no CSC
    # (capacity,) per example, where its list in `entries` starts, goes on and ends
    cdef Py_ssize_t* starts
    cdef Py_ssize_t* next
    cdef Py_ssize_t* ends
    # (n_inputs,) offsets of the lists of inputs
    cdef Py_ssize_t* csc_next
    cdef Py_ssize_t* csc_ends
    cdef Py_ssize_t* counts    # (n_threads, n_inputs) nonzeros of each input
    cdef Py_ssize_t n_inputs

    def __init__(
        self, Py_ssize_t n_inputs, Py_ssize_t capacity, Py_ssize_t n_threads, bint has_csc, /
    ):
        cdef Py_ssize_t* offsets
        self.n_inputs = n_inputs
        self.memory = Buffer(capacity * n_inputs, sizeof(Entry))
        self.entries, self.csc_entries = <Entry*>self.memory.data, NULL
        if has_csc:
            self.csc_memory = Buffer(capacity * n_inputs, sizeof(Entry))
            self.csc_entries = <Entry*>self.csc_memory.data
        self.offsets = index_buffer(3 * capacity + (2 + n_threads) * n_inputs)
        offsets = <Py_ssize_t*>self.offsets.data
        self.starts, self.next, self.ends = offsets, offsets + capacity, offsets + 2 * capacity
        self.csc_next = offsets + 3 * capacity
        self.csc_ends = self.csc_next + n_inputs
        self.counts = self.csc_ends + n_inputs

    cdef SparseMatrix csr(self, Py_ssize_t first) noexcept nogil:
        """Return the (n, n_inputs) matrix of the examples from ``first`` on."""
        return SparseMatrix(self.entries, self.next + first, self.ends + first)

    cdef SparseMatrix csc(self, Py_ssize_t first) noexcept nogil:
        """Return the nonzeros by input: a row per input from ``first`` on, a column per example."""
        return SparseMatrix(self.csc_entries, self.csc_next + first, self.csc_ends + first)

    cdef void begin(self, Py_ssize_t thread) noexcept nogil:
        """Reset a thread's counts before its first `append` of a batch."""
        if self.csc_entries != NULL:
            memset(
                self.counts + thread * self.n_inputs, 0, self.n_inputs * sizeof(Py_ssize_t)
            )

    cdef Py_ssize_t append(
        self, Py_ssize_t example, Py_ssize_t at, Inputs x, Py_ssize_t n, Py_ssize_t thread
    ) noexcept nogil:
        """Write the n nonzeros of an example at offset ``at``; return the offset after them."""
        cdef Entry* entry = self.entries + at
        cdef Py_ssize_t* counts = self.counts + thread * self.n_inputs
        cdef Py_ssize_t i
        for i in range(n):
            entry[i].column, entry[i].value = x.index[i], x.values[i]
        if self.csc_entries != NULL:
            for i in range(n):
                counts[x.index[i]] += 1
        self.starts[example] = self.next[example] = at
        self.ends[example] = at + n
        return at + n

    cdef Range build_csc(
        self, Py_ssize_t n, real scale, Py_ssize_t thread, Py_ssize_t n_threads
    ) noexcept nogil:
        """Write the CSC lists of this thread's inputs, for n examples, times scale.

        Return the range of these inputs; all ranges have about as many nonzeros.
        """
        cdef Py_ssize_t n_entries = 0, at = 0, start, stop, input, k, i
        cdef Range inputs = Range(0, 0)
        cdef Entry* csc_entries = self.csc_entries
        cdef const Entry* entry
        cdef const Entry* end
        for k in range(n):
            n_entries += self.ends[k] - self.starts[k]
        start, stop = n_entries * thread // n_threads, n_entries * (thread + 1) // n_threads
        if thread == n_threads - 1:
            stop = n_entries + 1  # the last inputs may have no nonzeros
        for input in range(self.n_inputs):
            inputs.begin += at < start
            inputs.end += at < stop
            if start <= at < stop:
                self.csc_next[input] = self.csc_ends[input] = at
            for i in range(n_threads):
                at += self.counts[i * self.n_inputs + input]
        for k in range(n):
            entry, end = self.entries + self.starts[k], self.entries + self.ends[k]
            if inputs.begin > 0:
                entry = lower_bound(entry, end, inputs.begin)
            while entry < end and entry.column < inputs.end:
                at = self.csc_ends[entry.column]
                csc_entries[at] = Entry(<int32_t>k, scale * entry.value)
                self.csc_ends[entry.column] = at + 1
                entry += 1
        return inputs
