"""The kernels: one source, compiled per instruction set (isa.py) and for float and double.

What Python calls (``def``) takes C-contiguous views whose shapes the caller guarantees; debug
builds check bounds.  Arguments are positional-only: code that parses others is a tenth of a module.
Nothing here allocates, validates or raises: numeric trouble leaves as a value.

A network is one flat vector of parameters and a table of its layers, which layout.py lays
out.  The weights of a layer are a matrix of 64-byte-aligned rows: one row of fan_out weights per
input, or, if ``transposed``, one row of fan_in weights per output.  The delta of a layer is dL/dz,
z being its weighted input.

Loops over the outputs of a layer run to ``width``, in whole vectors.  What lies between fan_out
and width is 0 in weights, biases, outputs and deltas, and stays so.
"""

cimport cython
from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.pyport cimport PY_SSIZE_T_MAX
from libc.float cimport DBL_MAX, FLT_MAX
from libc.math cimport log as log_double, pow as pow_double
from libc.stdint cimport int32_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

cdef extern from "floats.h" nogil:
    ctypedef int fastnn_control
    void fastnn_fetch(const void* p)
    fastnn_control fastnn_flush_subnormals()
    void fastnn_restore_subnormals(fastnn_control saved)

include "math/vectors.pxi"
include "math/dropout.pxi"
include "memory.pxi"
include "network.pxi"
include "math/activations.pxi"
include "math/losses.pxi"
include "math/finite.pxi"
include "linalg/gemm.pxi"
include "linalg/spmm.pxi"
include "linalg/layers.pxi"
include "train/optimizers.pxi"
include "train/one_example.pxi"
include "train/per_example.pxi"
include "train/per_example_momentum.pxi"
include "train/batch_workspace.pxi"
include "train/feature_major.pxi"
include "train/example_major.pxi"
include "train/mini_batches.pxi"
include "predict/one_row.pxi"
include "predict/rows.pxi"
