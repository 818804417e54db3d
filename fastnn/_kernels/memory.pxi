"""Memory of workspaces, which their constructors allocate: loops without the GIL never do."""


cdef enum:
    ALIGNMENT = 64  # bytes: the longest vector, and a cache line


@cython.final
cdef class Buffer:
    """Own zeroed memory that is aligned to whole vectors and freed with the object.

    Pages that are never written take no memory: the operating system provides them on demand.
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


cdef Buffer real_buffer(Py_ssize_t n):
    """Return a buffer of n zeros of the kernels' dtype."""
    return Buffer(n, sizeof(real))


cdef Buffer index_buffer(Py_ssize_t n):
    """Return a buffer of n zeros of type Py_ssize_t."""
    return Buffer(n, sizeof(Py_ssize_t))
