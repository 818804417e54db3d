include "float64.pxi"
include "kernels.pxi"
