"""How many threads the libraries take."""

import os

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def environment(n_threads: int) -> dict[str, str]:
    """This process's, for another one with so many threads."""
    return {**os.environ, **dict.fromkeys(_VARIABLES, str(n_threads))}


def pin(n_threads: int) -> None:
    """Keep to so many cores, if the system can: not every library heeds the variables."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-n_threads:])
