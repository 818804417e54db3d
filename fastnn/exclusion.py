"""One training of a network at a time."""

import copy
import os
from collections.abc import Callable
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Exclusion:
    """Refuses a call that trains a network while another one does.

    Calls are marked by process: one that was under way in the process that a fork copied bars none
    in the copy, where its thread does not go on.
    """

    def __init__(self) -> None:
        self._calls: dict[int, object] = {}

    def run(self, train: Callable[[], T]) -> T:
        """Call the function, unless another call is under way."""
        call, process = object(), os.getpid()
        try:
            try:
                if self._calls.setdefault(process, call) is not call:
                    raise RuntimeError("this network is being trained already; train a copy of it")
                return train()
            finally:
                self._end(call, process)
        finally:  # once more: an interruption may come before the first, or in it
            self._end(call, process)

    @property
    def is_on(self) -> bool:
        """Whether a call is under way in this process."""
        return os.getpid() in self._calls

    def _end(self, call: object, process: int) -> None:
        if self._calls.get(process) is call:
            del self._calls[process]


def usable_after_fork(generator: "np.random.Generator") -> "np.random.Generator":
    """Return the generator, or a copy if a thread that the fork did not copy holds its lock."""
    lock = generator.bit_generator.lock
    if lock.acquire(blocking=False):
        lock.release()
        return generator
    return copy.deepcopy(generator)
