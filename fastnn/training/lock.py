"""One training of a network at a time, also in the child of a fork."""

import copy
import os
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from .memory import Memory

T = TypeVar("T")


class TrainingLock:
    """Refuse to train a network while another call trains it.

    The lock is held per process: in the child of a fork, no thread goes on with a training of the
    parent.
    """

    def __init__(self) -> None:
        self._holders: dict[int, object] = {}  # a token of the call that holds it, by process
        self._process = os.getpid()

    def run(self, train: Callable[[], T], memory: Memory) -> T:
        """Call the function while holding the lock; raise RuntimeError if another call holds it.

        In the child of a fork, the random generator of the memory is replaced if it is locked.
        """
        token, process = object(), os.getpid()
        try:
            try:
                if self._holders.setdefault(process, token) is not token:
                    raise RuntimeError("this network is being trained already; train a copy of it")
                if self._process != process:
                    memory.generator = _usable_after_fork(memory.generator)
                    self._process = process
                return train()
            finally:
                self._release(token, process)
        finally:  # again: an interruption may come before the first release, or during it
            self._release(token, process)

    @property
    def is_held(self) -> bool:
        """Whether a call in this process trains the network."""
        return os.getpid() in self._holders

    def _release(self, token: object, process: int) -> None:
        if self._holders.get(process) is token:
            del self._holders[process]


def _usable_after_fork(generator: "np.random.Generator") -> "np.random.Generator":
    """Return the generator, or a copy if its lock is held by a thread that the fork left behind."""
    lock = generator.bit_generator.lock
    if lock.acquire(blocking=False):
        lock.release()
        return generator
    return copy.deepcopy(generator)
