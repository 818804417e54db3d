"""Products of a sparse matrix and a dense one: part of a row of the result in registers, and all
that is added to it.

The sparse matrix is a list of entries per row.  All lists go through a block of the dense one,
which stays in a near cache, and then on to the next.

The inputs of a batch are listed by example, and by input for its gradient: W += x' delta takes a
list of examples per row of W, which is loaded and stored a few times per batch, and not per example.
"""

cdef enum:
    NEAR_BYTES = 48 * 1024  # of a block: of 16 to 64 KB, the fastest or nearly so
    MAX_VECTORS = 10       # in registers: fewer wait for their sums, and AVX has 16 registers
    MIN_ENTRIES = 8       # of a list per block, on average: each costs a load and store of sums


cdef struct Entry:
    int32_t place  # column in the sparse matrix, row in the dense one
    real value


cdef struct SparseMatrix:
    const Entry* entries  # lists, places ascending
    Py_ssize_t* next      # per row, where its list goes on: it is at its end after the product
    const Py_ssize_t* ends


cdef inline inlined_void add_columns(
    Py_ssize_t n_vectors, SparseMatrix a, Py_ssize_t n_rows, Py_ssize_t stop, bint is_last,
    const real* b, Py_ssize_t b_row, const real* d, Py_ssize_t d_row, real* c, Py_ssize_t c_row,
) noexcept nogil:
    """c = d + a b for rows of b up to ``stop``, in columns of a number the compiler must know"""
    cdef vector sums[MAX_VECTORS]
    cdef const vector* terms
    cdef const Entry* entry
    cdef const Entry* end
    cdef Py_ssize_t row, i
    for row in range(n_rows):
        entry, end = a.entries + a.next[row], a.entries + a.ends[row]
        if entry == end and c == d:
            continue
        for i in range(n_vectors):
            sums[i] = (<const vector*>(d + row * d_row))[i]
        while entry < end and entry.place < stop:
            terms = <const vector*>(b + entry.place * b_row)
            for i in range(n_vectors):
                sums[i] += entry.value * terms[i]
            entry += 1
        for i in range(n_vectors):
            (<vector*>(c + row * c_row))[i] = sums[i]
        if is_last:
            a.next[row] = entry - a.entries


cdef void add_block(
    Py_ssize_t n_vectors, SparseMatrix a, Py_ssize_t n_rows, Py_ssize_t stop, bint is_last,
    const real* b, Py_ssize_t b_row, const real* d, Py_ssize_t d_row, real* c, Py_ssize_t c_row,
) noexcept nogil:
    if n_vectors == 10:
        add_columns(10, a, n_rows, stop, is_last, b, b_row, d, d_row, c, c_row)
    elif n_vectors == 9:
        add_columns(9, a, n_rows, stop, is_last, b, b_row, d, d_row, c, c_row)
    elif n_vectors == 8:
        add_columns(8, a, n_rows, stop, is_last, b, b_row, d, d_row, c, c_row)
    elif n_vectors == 7:
        add_columns(7, a, n_rows, stop, is_last, b, b_row, d, d_row, c, c_row)
    elif n_vectors == 6:
        add_columns(6, a, n_rows, stop, is_last, b, b_row, d, d_row, c, c_row)
    elif n_vectors == 5:
        add_columns(5, a, n_rows, stop, is_last, b, b_row, d, d_row, c, c_row)
    elif n_vectors == 4:
        add_columns(4, a, n_rows, stop, is_last, b, b_row, d, d_row, c, c_row)
    elif n_vectors == 3:
        add_columns(3, a, n_rows, stop, is_last, b, b_row, d, d_row, c, c_row)
    elif n_vectors == 2:
        add_columns(2, a, n_rows, stop, is_last, b, b_row, d, d_row, c, c_row)
    else:
        add_columns(1, a, n_rows, stop, is_last, b, b_row, d, d_row, c, c_row)


cdef void add_sparse_product(
    SparseMatrix a, Matrix b, Matrix d, Matrix c, Py_ssize_t n_rows, Py_ssize_t n_terms,
    Py_ssize_t n_columns,
) noexcept nogil:
    """c = d + a b, where rows of b, c and d are contiguous, aligned, and whole vectors long

    The entries of a list are added one by one: the same bits however rows are shared among threads.
    """
    cdef Py_ssize_t lanes = sizeof(vector) // sizeof(real), n_vectors = n_columns // lanes
    cdef Py_ssize_t n_tiles = (n_vectors + MAX_VECTORS - 1) // MAX_VECTORS
    cdef Py_ssize_t longest = (n_vectors + n_tiles - 1) // n_tiles
    cdef Py_ssize_t n_entries = 0, n_blocks, row, block, tile, first, last, stop
    for row in range(n_rows):
        n_entries += a.ends[row] - a.next[row]
    n_blocks = min(
        n_terms * longest * <Py_ssize_t>sizeof(vector) // NEAR_BYTES,
        n_entries // (MIN_ENTRIES * max(1, n_rows)),
    )
    n_blocks = max(1, n_blocks)
    for block in range(n_blocks):
        stop = n_terms * (block + 1) // n_blocks
        for tile in range(n_tiles):
            first, last = n_vectors * tile // n_tiles, n_vectors * (tile + 1) // n_tiles
            add_block(
                last - first, a, n_rows, stop, tile == n_tiles - 1,
                b.data + first * lanes, b.row, d.data + first * lanes, d.row,
                c.data + first * lanes, c.row,
            )
        d = c


cdef inline const Entry* first_from(
    const Entry* entry, const Entry* end, Py_ssize_t place
) noexcept nogil:
    """Return the first entry of a list that is not before that place, or its end"""
    cdef Py_ssize_t half
    while entry < end:
        half = (end - entry) // 2
        if entry[half].place < place:
            entry += half + 1
        else:
            end = entry + half
    return entry


cdef struct Part:
    Py_ssize_t begin
    Py_ssize_t end


# Threads share the lists of a block.  Each makes those of its examples; when all have, each makes
# those of its part of the inputs.

@cython.final
cdef class Lists:
    """Lists of the inputs of each example of a block that are not 0, and of each input's examples.

    Examples have room for all inputs, but those of one thread follow each other closely.
    """
    cdef Buffer memory, memory_by_input, memory_of_places
    cdef Entry* entries
    cdef Entry* entries_by_input            # NULL: lists of inputs are not wanted
    # Where the lists are, of examples
    cdef Py_ssize_t* starts
    cdef Py_ssize_t* next
    cdef Py_ssize_t* ends
    # and of inputs, and how many examples they have, by thread
    cdef Py_ssize_t* next_of_input
    cdef Py_ssize_t* ends_of_input
    cdef Py_ssize_t* counts
    cdef Py_ssize_t n_inputs

    def __init__(
        self, Py_ssize_t n_inputs, Py_ssize_t capacity, Py_ssize_t n_threads, bint by_input, /
    ):
        cdef Py_ssize_t* places
        self.n_inputs = n_inputs
        self.memory = Buffer(capacity * n_inputs, sizeof(Entry))
        self.entries, self.entries_by_input = <Entry*>self.memory.data, NULL
        if by_input:
            self.memory_by_input = Buffer(capacity * n_inputs, sizeof(Entry))
            self.entries_by_input = <Entry*>self.memory_by_input.data
        self.memory_of_places = integers(3 * capacity + (2 + n_threads) * n_inputs)
        places = <Py_ssize_t*>self.memory_of_places.data
        self.starts, self.next, self.ends = places, places + capacity, places + 2 * capacity
        self.next_of_input = places + 3 * capacity
        self.ends_of_input = self.next_of_input + n_inputs
        self.counts = self.ends_of_input + n_inputs

    cdef SparseMatrix by_example(self, Py_ssize_t first) noexcept nogil:
        """(examples from there on, n_inputs)"""
        return SparseMatrix(self.entries, self.next + first, self.ends + first)

    cdef SparseMatrix by_input(self, Py_ssize_t first) noexcept nogil:
        """(inputs from there on, examples)"""
        return SparseMatrix(
            self.entries_by_input, self.next_of_input + first, self.ends_of_input + first
        )

    cdef void begin(self, Py_ssize_t thread) noexcept nogil:
        if self.entries_by_input != NULL:
            memset(
                self.counts + thread * self.n_inputs, 0, self.n_inputs * sizeof(Py_ssize_t)
            )

    cdef Py_ssize_t append(
        self, Py_ssize_t example, Py_ssize_t at, Inputs x, Py_ssize_t n, Py_ssize_t thread
    ) noexcept nogil:
        """List the example's n inputs, from ``at`` on; where the next list may begin."""
        cdef Entry* entry = self.entries + at
        cdef Py_ssize_t* counts = self.counts + thread * self.n_inputs
        cdef Py_ssize_t i
        for i in range(n):
            entry[i].place, entry[i].value = x.index[i], x.values[i]
        if self.entries_by_input != NULL:
            for i in range(n):
                counts[x.index[i]] += 1
        self.starts[example] = self.next[example] = at
        self.ends[example] = at + n
        return at + n

    cdef Part list_by_input(
        self, Py_ssize_t n, real scale, Py_ssize_t thread, Py_ssize_t n_threads
    ) noexcept nogil:
        """List the examples, of n, of each input of this thread's part; values times scale.

        A part of the inputs has a fair share of the entries.
        """
        cdef Py_ssize_t n_entries = 0, at = 0, start, stop, input, k, i
        cdef Part part = Part(0, 0)
        cdef Entry* entries_by_input = self.entries_by_input
        cdef const Entry* entry
        cdef const Entry* end
        for k in range(n):
            n_entries += self.ends[k] - self.starts[k]
        start, stop = n_entries * thread // n_threads, n_entries * (thread + 1) // n_threads
        if thread == n_threads - 1:
            stop = n_entries + 1  # and all the inputs that follow
        for input in range(self.n_inputs):
            part.begin += at < start
            part.end += at < stop
            if start <= at < stop:
                self.next_of_input[input] = self.ends_of_input[input] = at
            for i in range(n_threads):
                at += self.counts[i * self.n_inputs + input]
        for k in range(n):
            entry, end = self.entries + self.starts[k], self.entries + self.ends[k]
            if part.begin > 0:
                entry = first_from(entry, end, part.begin)
            while entry < end and entry.place < part.end:
                at = self.ends_of_input[entry.place]
                entries_by_input[at] = Entry(<int32_t>k, scale * entry.value)
                self.ends_of_input[entry.place] = at + 1
                entry += 1
        return part
