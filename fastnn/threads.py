"""Calls at the same time, each in a thread of its own."""

from _thread import allocate_lock, start_new_thread
from collections.abc import Callable, Sequence


def call_together(calls: Sequence[Callable[[], None]], abandon: Callable[[], None]) -> None:
    """Make all calls at once, the first in this thread; raise an error that one of them raises.

    The threads are new ones, and only locks of C join them. The executors of `concurrent.futures`
    take no work once the main thread has ended, wait in the child of a fork for threads that are
    not there, and can be left broken by a KeyboardInterrupt.

    Parameters
    ----------
    calls : sequence of callable
        This thread also makes those that no other has begun by the time the first is over.
    abandon : callable
        Make calls that are under way end soon, because one failed or was interrupted.
    """
    others = range(1, len(calls))
    begun: dict[int, object] = {}  # a token of the thread that makes the call; None: this one
    ended = {number: allocate_lock() for number in others}
    errors: list[BaseException] = []

    def make(number: int) -> None:
        token = object()
        if begun.setdefault(number, token) is not token:
            return
        try:
            calls[number]()
        except BaseException as error:
            errors.append(error)
            abandon()
        finally:
            ended.pop(number).release()

    def join() -> None:
        for number in others:
            lock = ended.get(number)
            if begun.setdefault(number, None) is not None and lock is not None:
                lock.acquire()

    for lock in ended.values():
        lock.acquire()
    try:
        for number in others:
            start_new_thread(make, (number,))
        calls[0]()
        for number in others:
            if begun.setdefault(number, None) is None:
                calls[number]()
        join()
    except BaseException:
        abandon()
        join()  # which may be what was interrupted
        raise
    if errors:
        raise errors.pop(0)
