from array import array

import numpy as np
from numpy.typing import NDArray

FEATURE: int
TEXT: int
ANY_BLANKS: int

def parse_rows(
    block: bytes,
    start: int,
    stop: int,
    delimiter: int,
    roles: array[int],
    codes: dict[bytes, int],
    X: NDArray[np.float32],
    Y: NDArray[np.float64],
) -> tuple[int, int, int]: ...
