"""Training that ends when it does not help any more."""

import math
from dataclasses import dataclass
from functools import partial

from .argument_checks import count, flag, number_between, one_of
from .call_errors import with_helpful_errors
from .history import SIGNS
from .parametrized import Settings


@with_helpful_errors
@dataclass(frozen=True)
class EarlyStopping(Settings):
    """Stop when nothing has got better for some epochs [1]_.

    Parameters
    ----------
    monitor : {"validation_loss", "validation_score", "loss"}, default "validation_loss"
        What has to get better: a loss lower, the score higher. "loss" is that of the training, as
        in `History.loss`.
    patience : int, default 10
        Training stops after this many epochs in a row without an improvement; at least 1. Each
        call of ``train`` counts anew, from a best value of its own.
    min_delta : float, default 0.0
        An epoch is an improvement if it betters the best one by more than this.
    restore_best : bool, default True
        Leave the network with the parameters, and the state of the optimizer, that were the best,
        not with the last ones.

    Notes
    -----
    ``restore_best`` restores parameters on which the best value was measured:

    - for "validation_loss" and "validation_score" those after the best epoch;
    - for "loss" those before the last step of the best epoch, because each loss is measured before
      the step it leads to. With the full batch, which makes one step per epoch, they have exactly
      the best of the losses. With smaller batches the loss of an epoch is the mean over its steps,
      and they are the last ones that it was measured on;
    - for "loss" and `LBFGS`, which measures the loss after each of its iterations, those after the
      best epoch.

    If the last epoch has the best "loss", its last step is not undone without need: the loss of all
    examples is measured once more, without dropout, and the last parameters are kept if it is lower
    than that of the epoch. This is left out where X are blocks.

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
            min_delta=partial(number_between, low=0, high=math.inf),
            restore_best=flag,
        )

    def watch(self) -> "Watch":
        """Watch one training.

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
        What was the best so far; None before any was.
    best_epoch : int or None
        When that was.
    n_epochs_since : int
        Epochs without an improvement since then.
    """

    stopping: EarlyStopping
    best: float | None = None
    best_epoch: int | None = None
    n_epochs_since: int = 0

    def see(self, epoch: int, value: float) -> bool:
        """Take note of an epoch.

        Parameters
        ----------
        epoch : int
        value : float
            What is monitored came to this; NaN is no improvement.

        Returns
        -------
        bool
            Whether the epoch is the best so far.
        """
        sign = SIGNS[self.stopping.monitor]
        least = -math.inf if self.best is None else sign * self.best + self.stopping.min_delta
        is_best = sign * value > least
        if is_best:
            self.best, self.best_epoch, self.n_epochs_since = float(value), epoch, 0
        else:
            self.n_epochs_since += 1
        return is_best

    @property
    def is_over(self) -> bool:
        """Whether training should stop."""
        return self.n_epochs_since >= self.stopping.patience
