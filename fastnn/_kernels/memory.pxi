"""Memory of workspaces, which allocate their own: never in the loops, which run without the GIL."""


cdef enum:
    ALIGNMENT = 64  # bytes: the longest vector, and a cache line


@cython.final
cdef class Buffer:
    """Zeros, aligned to whole vectors, for as long as the object lives.

    Memory that is not used takes none: the operating system gives out pages as they are written.
    """
    cdef void* allocated
    cdef void* data

    def __cinit__(self, Py_ssize_t n_items, Py_ssize_t item_size, /):
        if n_items > (PY_SSIZE_T_MAX - ALIGNMENT) // item_size:
            raise MemoryError()
        self.allocated = calloc(n_items * item_size + ALIGNMENT, 1)
        if self.allocated == NULL:
            raise MemoryError()
        self.data = <void*>((<uintptr_t>self.allocated + ALIGNMENT - 1) & -ALIGNMENT)

    def __dealloc__(self):
        free(self.allocated)


cdef Buffer reals(Py_ssize_t n):
    return Buffer(n, sizeof(real))


cdef Buffer integers(Py_ssize_t n):
    return Buffer(n, sizeof(Py_ssize_t))
