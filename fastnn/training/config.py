"""The arguments of one call of ``train``, checked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.typing import ArrayLike

from .. import validation
from ..early_stopping import EarlyStopping
from ..history import Step
from ..optimizers import LBFGS, OPTIMIZERS, LearningRate, Optimizer, checked_rate
from ..regularization import Regularization
from ..schedules import check_has_length

Callback = Callable[[Step], Any]

Order = Callable[[int], ArrayLike]
"""Returns the order of an epoch, given the number of examples: each row number once."""


class Observer(NamedTuple):
    """Called before each ``n_rows`` examples of an epoch, when the parameters are up to date.

    Attributes
    ----------
    n_rows : int
        A multiple of the batch size.
    call : callable
    """

    n_rows: int
    call: Callable[[], None]


@dataclass(frozen=True)
class TrainingConfig:
    """The checked arguments of one call of ``train``, apart from the data."""

    epochs: int
    batch_size: int | None  # None: the full batch
    optimizer: Optimizer
    shuffle: bool | Order
    regularization: Regularization
    early_stopping: EarlyStopping | None = None
    callback: Callback | None = None
    batch_callback: Callback | None = None
    progress: bool = False
    n_threads: int = 1
    observer: Observer | None = None

    @classmethod
    def checked(
        cls,
        n_layers: int,
        *,
        epochs: int,
        batch_size: int | None,
        optimizer: str | Optimizer,
        learning_rate: LearningRate | None,
        shuffle: bool | Order = True,
        l1: float,
        l2: float,
        dropout: float | Sequence[float],
        clip_norm: float | None,
        max_norm: float | None,
        early_stopping: EarlyStopping | None = None,
        callback: Callback | None = None,
        batch_callback: Callback | None = None,
        progress: bool = False,
        n_threads: int = 1,
        has_validation: bool = False,
    ) -> "TrainingConfig":
        """Check the arguments of ``train`` and return them as a config.

        Parameters
        ----------
        n_layers : int
            Layers of the network, for ``dropout``.
        has_validation : bool, default False
            Whether there are validation data to monitor.

        Raises
        ------
        TypeError, ValueError
            If an argument is invalid alone, or with another one.
        """
        if early_stopping is not None and not isinstance(early_stopping, EarlyStopping):
            hint = ": did you mean EarlyStopping()?" if early_stopping is True else ""
            raise TypeError(
                f"early_stopping must be None or an EarlyStopping, got {early_stopping!r}{hint}"
            )
        config = cls(
            validation.count(epochs, "epochs", minimum=0),
            None if batch_size is None else validation.count(batch_size, "batch_size", minimum=1),
            _optimizer(optimizer, learning_rate),
            _shuffle(shuffle),
            Regularization(
                validation.not_negative(l1, "l1"),
                validation.not_negative(l2, "l2"),
                validation.dropout(dropout, n_layers),
                0.0 if clip_norm is None else validation.positive(clip_norm, "clip_norm"),
                0.0 if max_norm is None else validation.positive(max_norm, "max_norm"),
            ),
            early_stopping,
            validation.callback(callback, "callback"),
            validation.callback(batch_callback, "batch_callback"),
            validation.flag(progress, "progress"),
            validation.count(n_threads, "n_threads", minimum=1),
        )
        config._check_optimizer()
        if not has_validation:
            config._check_monitors_training_loss()
        return config

    def check_for_blocks(
        self, sample_weight: Any, class_weight: Any, validation_fraction: Any
    ) -> None:
        """Reject arguments that need all examples at once."""
        if self.batch_size is None:
            raise ValueError("batch_size must be an integer where X are blocks, got None")
        if sample_weight is not None:
            raise ValueError(
                "sample_weight must be None where X are blocks, which may bring their own: "
                "(X, y, sample_weight)"
            )
        if isinstance(class_weight, str):
            raise ValueError(
                f"class_weight must be a dict or None where X are blocks, got {class_weight!r}"
            )
        if validation_fraction is not None:
            raise ValueError(
                "validation_fraction must be None where X are blocks; pass validation_data, got "
                f"{validation_fraction!r}"
            )
        why = " where X are blocks, whose number of steps is unknown"
        check_has_length(self.optimizer.learning_rate, "learning_rate", why)

    def _check_monitors_training_loss(self) -> None:
        monitors = {
            "early_stopping": self.early_stopping,
            "learning_rate": self.optimizer.learning_rate,
        }
        for argument, given in monitors.items():
            monitored = getattr(given, "monitor", "loss")
            if monitored != "loss":
                raise ValueError(
                    f"{argument} monitors {monitored!r}, for which validation_data or "
                    "validation_fraction must be given"
                )

    def _check_optimizer(self) -> None:
        """Reject arguments that the optimizer does not support."""
        name, given = self.optimizer.name, self.regularization
        if not self.optimizer.takes_batches and self.batch_size is not None:
            raise ValueError(
                f"batch_size must be None, the full batch, for the optimizer {name!r}, got "
                f"{self.batch_size}"
            )
        if isinstance(self.optimizer, LBFGS):
            unsupported = {
                "l1": given.l1,
                "dropout": any(given.dropout),
                "clip_norm": given.clip_norm,
                "max_norm": given.max_norm,
                "batch_callback": self.batch_callback,
            }
            for argument, value in unsupported.items():
                if value:
                    raise ValueError(f"{argument} must be left out for the optimizer {name!r}")

    def rows_per_batch(self, n_examples: int) -> int:
        """Return the batch size, at most all examples."""
        return n_examples if self.batch_size is None else min(self.batch_size, n_examples)

    def n_batches(self, n_examples: int) -> int:
        """Return the number of steps for so many examples."""
        return -(-n_examples // self.rows_per_batch(n_examples))


def _shuffle(given: bool | Order) -> bool | Order:
    if not callable(given):
        return validation.flag(given, "shuffle")
    expected = "shuffle must be True, False or a function of the number of examples"
    validation.check_takes_one(given, expected)
    return given


def _optimizer(given: str | Optimizer, learning_rate: LearningRate | None) -> Optimizer:
    if type(given) in OPTIMIZERS.values():  # the kernels know no subclasses
        assert isinstance(given, Optimizer)
        if learning_rate is not None:
            raise ValueError(
                "learning_rate must be left out where the optimizer is an object, which has one of "
                f"its own, got {learning_rate!r} and {given!r}"
            )
        return given
    kind = OPTIMIZERS[
        validation.one_of(given, "optimizer", OPTIMIZERS, " or an object such as SGD()")
    ]
    if learning_rate is None:
        return kind()
    if kind is LBFGS:
        raise ValueError(
            f"learning_rate must be left out for the optimizer 'lbfgs', got {learning_rate!r}"
        )
    checked_rate(learning_rate, "learning_rate")
    return kind(learning_rate=learning_rate)  # type: ignore[call-arg]
