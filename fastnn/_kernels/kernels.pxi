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
from libc.float cimport DBL_MAX, FLT_MAX
from libc.math cimport log as log_double, pow as pow_double
from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

cdef extern from "floats.h" nogil:
    ctypedef int fastnn_control
    void fastnn_fetch(const void* p)
    fastnn_control fastnn_flush_subnormals()
    void fastnn_restore_subnormals(fastnn_control saved)

cdef enum:
    IDENTITY
    SIGMOID
    TANH
    RELU
    LEAKY_RELU
    ELU
    SOFTPLUS
    SILU
    GELU
    EXP
    SOFTMAX

ACTIVATION_CODES = {
    "identity": IDENTITY,
    "sigmoid": SIGMOID,
    "tanh": TANH,
    "relu": RELU,
    "leaky_relu": LEAKY_RELU,
    "elu": ELU,
    "softplus": SOFTPLUS,
    "silu": SILU,
    "gelu": GELU,
    "exp": EXP,
    "softmax": SOFTMAX,
}

include "vectors.pxi"
include "products.pxi"
include "dropout.pxi"
include "network.pxi"
include "activations.pxi"
include "losses.pxi"
include "services.pxi"
include "layers.pxi"
include "updates.pxi"
include "examples.pxi"
include "one_by_one.pxi"
include "momentum.pxi"
include "batches.pxi"
include "side_by_side.pxi"
include "sparse_products.pxi"
include "blocks.pxi"
