include "math/float64.pxi"
include "kernels.pxi"
