"""Calls in threads of their own."""

import subprocess
import sys
import threading

import pytest

from fastnn.engine.threads import call_together

pytestmark = pytest.mark.memory


def nothing() -> None:
    pass


@pytest.mark.parametrize("n_calls", [1, 2, 5])
def test_each_call_is_made_once_and_the_first_here(n_calls: int) -> None:
    made: list[tuple[int, bool]] = []

    def record(number: int) -> None:
        made.append((number, threading.get_ident() == here))

    here = threading.get_ident()
    for _ in range(50):
        made.clear()
        call_together([lambda n=n: record(n) for n in range(n_calls)], nothing)  # type: ignore[misc]
        assert sorted(number for number, _ in made) == list(range(n_calls))
        assert dict(made)[0]


def test_calls_that_wait_for_each_other() -> None:
    barrier = threading.Barrier(4, timeout=30)

    def meet() -> None:
        barrier.wait()

    call_together([meet] * 4, nothing)
    assert not barrier.broken


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_in_one_call_ends_the_others_and_is_raised(failing: int) -> None:
    abandoned, n_ended = threading.Event(), []

    def call(number: int) -> None:
        if number == failing:
            raise ZeroDivisionError
        assert abandoned.wait(timeout=30)
        n_ended.append(number)

    with pytest.raises(ZeroDivisionError):
        call_together([lambda n=n: call(n) for n in range(3)], abandoned.set)  # type: ignore[misc]
    assert set(n_ended) <= {0, 1, 2} - {failing}


def test_a_background_thread_goes_on_when_the_main_thread_has_ended() -> None:
    script = """
import threading
import numpy as np
from fastnn import MLP

X, y = np.random.default_rng(0).random((2000, 20)), np.arange(2000) % 3

def work():
    threading.main_thread().join()
    net = MLP([20, 64, 3], seed=1)
    net.train(X, y, batch_size=200, epochs=3, n_threads=2)
    print(net.predict(X, n_threads=2).shape)

threading.Thread(target=work).start()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("(2000, 3)\n", "")
