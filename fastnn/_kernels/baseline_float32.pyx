include "math/float32.pxi"
include "kernels.pxi"
