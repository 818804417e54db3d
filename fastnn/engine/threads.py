"""Run several calls at the same time, each in a thread of its own."""

from _thread import allocate_lock, start_new_thread
from collections.abc import Callable, Sequence


def call_together(calls: Sequence[Callable[[], None]], abandon: Callable[[], None]) -> None:
    """Run all calls at the same time, the first in this thread; raise the first error.

    Each call but the first gets a new thread; a lock tells when it has ended. The executors of
    `concurrent.futures` accept no work after the main thread has ended, wait in the child of a fork
    for threads that do not exist there, and can be left broken by a KeyboardInterrupt.

    Parameters
    ----------
    calls : sequence of callable
        If a thread has not begun its call when the first one is complete, this thread makes it.
    abandon : callable
        Makes running calls end soon, after an error or an interruption.
    """
    others = range(1, len(calls))
    begun: dict[int, object] = {}  # token of the thread that runs the call; None: this thread
    ended = {number: allocate_lock() for number in others}
    errors: list[BaseException] = []

    def run(number: int) -> None:
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
            start_new_thread(run, (number,))
        calls[0]()
        for number in others:
            if begun.setdefault(number, None) is None:
                calls[number]()
        join()
    except BaseException:
        abandon()
        join()  # the interrupted statement may be the first join
        raise
    if errors:
        raise errors.pop(0)
