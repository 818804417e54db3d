"""Children of a fork: each runs in a process of its own, which is ended if it hangs."""

import subprocess
import sys
import textwrap

import pytest
from helpers import parametrize

PRELUDE = """
import os, signal, threading, warnings
import numpy as np
from fastnn import MLP

warnings.simplefilter("ignore")  # from Python 3.12 on, a fork beside threads is warned of
X = np.random.default_rng(0).random((600, 20))
y = np.arange(600) % 3

def new_network():
    return MLP([20, 64, 3], seed=1)

def in_child(function):
    child = os.fork()
    if not child:
        signal.alarm(20)  # ends a child that hangs
        try:
            function()
        finally:  # an error is shown, and ends the child with another status
            os._exit(1 if sys.exc_info()[0] else 0)
    return child

def check(child):
    status = os.waitpid(child, 0)[1]
    assert status == 0, f"the child hung or failed: {status}"
"""


def run(script: str) -> None:
    """Run a script in a new interpreter."""
    text = f"import sys\n{PRELUDE}\n{textwrap.dedent(script)}\nos._exit(0)\n"
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


@parametrize("kind", "MLP", "reference.MLP")
def test_a_child_trains_the_network_that_another_thread_trains(kind: str) -> None:
    run(f"""
        from fastnn import reference
        net = {kind}([20, 64, 3], seed=1)
        under_way = threading.Event()
        threading.Thread(
            target=net.train,
            args=(X, y),
            kwargs=dict(epochs=10**9, callback=lambda step: under_way.set()),
            daemon=True,
        ).start()
        under_way.wait()

        def train():
            for n_threads in (1, 2):
                net.train(X, y, batch_size=100, n_threads=n_threads)
            assert np.isfinite(net.predict(X)).all()

        for _ in range(10):
            check(in_child(train))
        try:
            net.train(X, y)
        except RuntimeError:  # not so in the parent
            os._exit(0)
        os._exit(1)
    """)


def test_a_child_predicts_while_another_thread_predicts() -> None:
    run("""
        X = np.random.default_rng(0).random((640, 200))
        net, other = (MLP([200, 64, 3], seed=1) for _ in range(2))
        started = threading.Event()

        def predict_on_and_on():
            while True:
                net.predict(X)
                started.set()

        threading.Thread(target=predict_on_and_on, daemon=True).start()
        started.wait()
        for _ in range(100):
            check(in_child(lambda: other.predict(X)))
    """)


def test_a_child_shows_its_progress_although_a_thread_held_the_lock_of_bars() -> None:
    run("""
        from tqdm import tqdm
        held = threading.Event()

        def hold():
            with tqdm.get_lock():
                held.set()
                threading.Event().wait()

        threading.Thread(target=hold, daemon=True).start()
        held.wait()
        check(in_child(lambda: new_network().train(X, y, epochs=2, progress=True)))
    """)


@pytest.mark.memory
def test_a_fork_in_a_callback_of_two_threads() -> None:
    run("""
        net, children = new_network(), []

        def fork(step):
            if step.epoch != 2:
                return
            child = os.fork()
            if child:
                children.append(child)
                return
            signal.alarm(20)
            for n_threads in (1, 2):
                new_network().train(X, y, batch_size=200, n_threads=n_threads)
                net.train(X, y, batch_size=200, n_threads=n_threads)
                net.predict(np.tile(X, (4, 1)), n_threads=n_threads)

        # The child goes on with the training, too.
        parent = os.getpid()
        history = net.train(X, y, epochs=4, batch_size=200, n_threads=2, callback=fork)
        assert len(history) == 4
        assert np.isfinite(net.predict(X)).all()
        if os.getpid() != parent:
            os._exit(0)
        check(*children)
        net.train(X, y, n_threads=2)
    """)


def test_a_child_draws_although_a_thread_held_the_generators_lock() -> None:
    run("""
        generator = np.random.default_rng(1)
        net, held = MLP([20, 64, 3], seed=generator), threading.Event()

        def hold():
            with generator.bit_generator.lock:
                held.set()
                threading.Event().wait()

        threading.Thread(target=hold, daemon=True).start()
        held.wait()
        check(in_child(lambda: net.train(X, y, epochs=2)))
    """)
