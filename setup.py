"""The extension modules: cpu detection, and the kernels once per instruction set.

FASTNN_DEBUG=1                     bounds checks, no optimization
FASTNN_SANITIZE=address,undefined  GCC's or Clang's sanitizers
"""

import os
import runpy
import shlex
import shutil
import subprocess
import sys
import sysconfig
from glob import glob

from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup

DEBUG = os.environ.get("FASTNN_DEBUG", "0") not in ("", "0")
SANITIZE = os.environ.get("FASTNN_SANITIZE", "")
KERNELS = "fastnn/_kernels"
SHARED = "fastnn._kernels._cyutility"  # Cython's memoryview code, once instead of per variant
ISA_TABLE = f"{KERNELS}/isa.py"
ISA = runpy.run_path(ISA_TABLE)
VARIANTS, DTYPES = ISA["VARIANTS"], ISA["DTYPES"]

COMPILER = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
if not shutil.which(COMPILER[0]):
    sys.exit(
        f"fastnn compiles C code, and the C compiler {COMPILER[0]!r} was not found. Install GCC or "
        "Clang (Debian, Ubuntu: apt install gcc python3-dev; Fedora: dnf install gcc "
        "python3-devel; macOS: xcode-select --install), or name yours in CC."
    )


def accepted(*flags):
    """Return those of the flags that the compiler knows: Clang has not all of GCC's."""
    empty = [*COMPILER, "-Werror", "-c", "-x", "c", os.devnull, "-o", os.devnull]
    return [
        flag for flag in flags if not subprocess.run([*empty, flag], capture_output=True).returncode
    ]


# Vectorises reductions and keeps NaN and infinity.  Never -ffast-math and its kin, which at link
# time make the whole process flush subnormals; the link flags undo them if CFLAGS brings them.
MATH = ["-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-fassociative-math"]
# Functions that are called once stay functions: with all in one, loops run out of registers.
INLINE = accepted("-fno-inline-functions-called-once")
EXACT = ["-fno-associative-math", "-fsigned-zeros"]  # where numbers are parsed: no such liberties
COMPILE = ["-O0" if DEBUG else "-O3", "-fno-fast-math", *MATH, *INLINE]
LINK = ["-O2", "-fno-fast-math"]
if SANITIZE:
    COMPILE += [f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all", "-g"]
    LINK += [f"-fsanitize={SANITIZE}"]
elif not DEBUG:  # small: no tables for debuggers to unwind the stack, no copies of functions
    COMPILE += accepted("-fno-asynchronous-unwind-tables", "-fno-ipa-cp-clone")
    LINK += ["-Wl,--strip-all"] if sys.platform != "darwin" else []

DIRECTIVES = {
    "language_level": 3,
    "cdivision": True,
    **dict.fromkeys(["boundscheck", "initializedcheck"], DEBUG),
    # Without code to pickle them, kernels' objects refuse that, too.  Functions are built-in ones,
    # without attributes such as annotations, which takes 45 KB off the wheel.
    **dict.fromkeys(["wraparound", "autotestdict", "auto_pickle", "binding"], False),
}


Options.docstrings = False  # of kernels, which users do not call: for a smaller wheel


def extension(name, source, flags=()):
    return Extension(
        name,
        [source],
        depends=[*glob(f"{KERNELS}/**/*.pxi", recursive=True), *glob(f"{KERNELS}/*.h"), ISA_TABLE],
        include_dirs=[KERNELS],
        extra_compile_args=[*COMPILE, *flags],
        extra_link_args=LINK,
    )


# What the variants need, as a list for C.
FEATURES = dict.fromkeys(feature for variant in VARIANTS for feature in variant.features)
FEATURES = "".join(f'FASTNN_FEATURE("{feature}"),' for feature in FEATURES)

extensions = [
    extension("fastnn._kernels.cpu", f"{KERNELS}/cpu.pyx", [f"-DFASTNN_FEATURES={FEATURES}"]),
    extension("fastnn._kernels.csv_rows", f"{KERNELS}/csv_rows.pyx", EXACT),
    extension(SHARED, f"{KERNELS}/_cyutility.c", [] if DEBUG else ["-Os"]),  # no loops to be fast
    *(
        extension(f"fastnn._kernels.{v.name}_{dtype}", f"{KERNELS}/{v.name}_{dtype}.pyx", v.flags)
        for v in VARIANTS
        for dtype in DTYPES
    ),
]
setup(
    ext_modules=cythonize(
        extensions,
        build_dir="build/cython",
        compiler_directives=DIRECTIVES,
        shared_utility_qualified_name=SHARED,
    ),
    options={"build_ext": {"parallel": os.cpu_count()}},
)
