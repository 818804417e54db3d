"""The instruction sets the kernels are compiled for: one table for the build and for dispatch.

``setup.py`` runs this file before anything is compiled, so it imports nothing of fastnn.
"""

import platform
from typing import NamedTuple


class Variant(NamedTuple):
    """One compilation of ``kernels.pxi``."""

    name: str
    flags: tuple[str, ...]  # for GCC and Clang
    features: tuple[str, ...]  # what the CPU and the OS must support, as cpu.features() spells it


_V2 = ("sse3", "ssse3", "sse4.1", "sse4.2", "popcnt")
_AVX2 = (*_V2, "avx", "avx2", "fma")
_AVX512 = (*_AVX2, "avx512f", "avx512vl", "avx512bw", "avx512dq")


def _flags(features: tuple[str, ...]) -> tuple[str, ...]:
    # The flags name exactly the features that dispatch tests for: nothing else may be emitted.
    return tuple(f"-m{feature}" for feature in features)


# Vectors of 512 bits, as compilers would not choose by themselves for every CPU: on Intel's loops
# take 0.8 to 1 of the time with 256.  Zen 4, which halves them, gains from the registers alone.
_X86_64 = (
    Variant("avx512", (*_flags(_AVX512), "-mprefer-vector-width=512"), _AVX512),
    Variant("avx2", _flags(_AVX2), _AVX2),
    Variant("baseline", _flags(_V2), _V2),  # x86-64-v2, which NumPy 2 needs too
)
_ELSEWHERE = (Variant("baseline", (), ()),)

# Best first.  On macOS for x86-64 the baseline alone is built: Apple's translation layer runs
# x86-64 code without AVX.
VARIANTS: tuple[Variant, ...] = (
    _X86_64
    if platform.machine() in ("x86_64", "AMD64") and platform.system() != "Darwin"
    else _ELSEWHERE
)

DTYPES = ("float32", "float64")  # and once for each of these
