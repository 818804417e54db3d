"""Early stopping: end training when the monitored value no longer improves."""

import math
from dataclasses import dataclass
from functools import partial

from .common.argument_checks import count, flag, not_negative, one_of
from .common.call_errors import with_helpful_errors
from .common.parametrized import Settings
from .history import SIGNS


@with_helpful_errors
@dataclass(frozen=True)
class EarlyStopping(Settings):
    """Stop training when the monitored value has not improved for some epochs [1]_.

    Parameters
    ----------
    monitor : {"validation_loss", "validation_score", "loss"}, default "validation_loss"
        The value that has to improve: a loss decreases, the score increases. "loss" is the training
        loss, as in `History.loss`.
    patience : int, default 10
        Number of consecutive epochs without an improvement after which training stops; at least 1.
        Each call of ``train`` starts a new count, and its own best value.
    min_delta : float, default 0.0
        An epoch is an improvement if its value is better than the best one by more than this.
    restore_best : bool, default True
        Whether to leave the network with the parameters and the optimizer's state of the best
        epoch, instead of the last one.

    Notes
    -----
    ``restore_best`` restores parameters on which the best value was measured:

    - "validation_loss", "validation_score": the parameters after the best epoch.
    - "loss": the parameters before the last step of the best epoch, because the loss of a batch is
      measured before its step. With the full batch, these parameters have exactly the best loss.
      With smaller batches, the loss of an epoch is the mean over its steps, and these parameters
      are the last of those it was measured on.
    - "loss" with `LBFGS`, which measures the loss after each iteration: the parameters after the
      best epoch.

    If the last epoch has the best "loss", the loss of all examples is measured once more, without
    dropout. If it is lower than the loss of the epoch, the last step is not undone. This does not
    happen for streamed data.

    References
    ----------
    .. [1] L. Prechelt, "Early Stopping - But When?", in "Neural Networks: Tricks of the Trade",
       Springer (1998).
    """

    monitor: str = "validation_loss"
    patience: int = 10
    min_delta: float = 0.0
    restore_best: bool = True

    name = "early_stopping"

    def __post_init__(self) -> None:
        self._check(
            monitor=partial(one_of, known=SIGNS),
            patience=partial(count, minimum=1),
            min_delta=not_negative,
            restore_best=flag,
        )

    def watch(self) -> "Watch":
        """Start to monitor a training.

        Returns
        -------
        Watch
        """
        return Watch(self)


@dataclass
class Watch:
    """The best epoch so far of one training.

    Attributes
    ----------
    stopping : EarlyStopping
    best : float or None
        The best value; None before the first epoch.
    best_epoch : int or None
        The epoch with the best value.
    n_epochs_since : int
        Number of epochs since the best one.
    """

    stopping: EarlyStopping
    best: float | None = None
    best_epoch: int | None = None
    n_epochs_since: int = 0

    def update(self, epoch: int, value: float) -> bool:
        """Record an epoch.

        Parameters
        ----------
        epoch : int
        value : float
            The monitored value; NaN is no improvement.

        Returns
        -------
        bool
            Whether the epoch is the best so far.
        """
        sign = SIGNS[self.stopping.monitor]
        bound = -math.inf if self.best is None else sign * self.best + self.stopping.min_delta
        is_best = sign * value > bound
        if is_best:
            self.best, self.best_epoch, self.n_epochs_since = float(value), epoch, 0
        else:
            self.n_epochs_since += 1
        return is_best

    @property
    def is_over(self) -> bool:
        """Whether training should stop."""
        return self.n_epochs_since >= self.stopping.patience
