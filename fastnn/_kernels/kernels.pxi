"""The kernels: one source, compiled per instruction set (isa.py) and for float and double.

Functions for Python (``def``) take C-contiguous views whose shapes the caller guarantees; debug
builds check bounds.  Their arguments are positional-only: the code that parses keywords would be a
tenth of a module.  Only constructors allocate, and no kernel validates: numeric trouble is found by
the caller in the values.

A network is one flat vector of parameters and a table of its layers, which engine/layout.py lays
out.  The weights of a layer are a matrix of 64-byte-aligned rows: one row of fan_out weights per
input, or, if ``transposed``, one row of fan_in weights per output.  z is the weighted input of a
layer, and its delta is dL/dz.

Loops over the outputs of a layer run to its padded width, in whole vectors.  The padding, from
fan_out to width, is 0 in weights, biases, activations and deltas, and stays 0.
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
    void fastnn_prefetch(const void* p)
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
include "one_example.pxi"
include "train/per_example.pxi"
include "train/pending_updates.pxi"
include "train/momentum_maps.pxi"
include "train/pending_steps.pxi"
include "batch/batch_workspace.pxi"
include "batch/feature_major.pxi"
include "batch/example_major.pxi"
include "train/mini_batches.pxi"
include "predict/one_row.pxi"
include "predict/rows.pxi"
