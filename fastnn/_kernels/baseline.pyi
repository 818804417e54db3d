from collections.abc import Callable
from typing import Any

# Fused functions: indexed by the C type ("float", "double"), then called as kernels.pxi says.
_Fused = dict[str, Callable[..., Any]]

ACTIVATION_CODES: dict[str, int]
LOSSES: list[str]
train: _Fused
predict: _Fused
add_biases_and_activate: _Fused
multiply_by_slope: _Fused
output_deltas: _Fused
add_scaled: _Fused
first_nonfinite: _Fused
exp: _Fused
