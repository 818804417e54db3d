include "float32.pxi"
include "kernels.pxi"
