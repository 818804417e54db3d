"""A progress bar over the epochs."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import TextIO

from ..history import Step

_process = os.getpid()


@contextmanager
def bar(
    epochs: int,
    *,
    leave: bool = True,
    only_on_terminal: bool = False,
    file: TextIO | None = None,
) -> Iterator[Callable[[Step], None]]:
    """Show the number of epochs done, the time left, and the loss of the last epoch.

    Parameters
    ----------
    epochs : int
        Total number of epochs.
    leave : bool, default True
        Whether the finished bar stays on the screen.
    only_on_terminal : bool, default False
        Whether to show nothing if the file is not a terminal.
    file : text file, optional
        Where to show the bar. By default standard error, if the program has one.

    Yields
    ------
    callable
        Call it with the `Step` of each epoch.
    """
    from tqdm import tqdm  # optional

    global _process
    if _process != os.getpid():  # a fork may have copied tqdm's lock while a thread held it
        tqdm.set_lock(RLock())
        _process = os.getpid()
    has_place = file is not None or sys.stderr is not None  # None in a program without a console
    with tqdm(
        total=epochs,
        unit="epoch",
        leave=leave,
        disable=(None if only_on_terminal else False) if has_place else True,
        file=file,
    ) as shown:

        def show(step: Step) -> None:
            values = {"loss": step.loss, "learning_rate": step.learning_rate}
            if step.validation_loss is not None:
                values["validation_loss"] = step.validation_loss
            formatted = {name: f"{value:.4g}" for name, value in values.items()}
            shown.set_postfix(formatted, refresh=False)
            shown.update()

        yield show
