"""Reports of training: a `Step` for each callback, and a `History` of all epochs."""

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from .common import hints
from .common.argument_checks import not_negative
from .common.call_errors import with_substitutes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIGNS = {"loss": -1, "validation_loss": -1, "validation_score": 1}
"""Attributes of a `Step` that can be monitored, and the sign of an improvement."""

_MAX_ROWS = 12  # of the table in a notebook


@with_substitutes(hints.OF_STEPS)
@dataclass(repr=False)
class Step:
    """The progress of a training, as callbacks get it.

    Attributes
    ----------
    epoch : int
        Number of the epoch in this call of ``train``, from 1. It is complete, unless the callback
        is called per batch.
    loss : float
        Mean loss per example of the epoch or batch; each loss is measured before its update.
    learning_rate : float
        The rate of the last update. A callback may assign the rate of all further updates: a
        finite number, not negative.
    validation_loss, validation_score : float or None
        Results of ``evaluate`` for the validation data after the epoch; None without such data.
    batch : int or None
        Number of the completed batch in the epoch, from 1; None in a callback per epoch.
    """

    epoch: int
    loss: float
    learning_rate: float
    validation_loss: float | None = None
    validation_score: float | None = None
    batch: int | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "learning_rate":
            value = not_negative(value, name)
        elif name in vars(self):
            raise AttributeError(f"{name} of a Step cannot be assigned, only learning_rate can")
        elif name not in _FIELDS_OF_STEP and (hint := hints.for_step(name)):
            raise AttributeError(f"Step has no attribute {name!r} to assign{hint}")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        known = (f"{name}={_brief(v)}" for name, v in values.items() if v is not None)
        return f"Step({', '.join(known)})"


_FIELDS_OF_STEP = frozenset(field.name for field in fields(Step))


@with_substitutes(hints.OF_HISTORIES)
@dataclass(repr=False)
class History:
    """The record of a training, as ``train`` returns it; its length is the number of epochs.

    Attributes
    ----------
    loss, learning_rate : list of float
        One value per epoch, as in `Step`.
    validation_loss, validation_score : list of float
        One value per epoch; empty without validation data.
    metric : str or None
        The kind of score, ``"accuracy"`` or ``"r2"``.
    best_epoch : int or None
        The best epoch according to early stopping, from 1.
    stopped : str or None
        The reason if training ended before the last epoch.
    """

    loss: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_score: list[float] = field(default_factory=list)
    metric: str | None = None
    best_epoch: int | None = None
    stopped: str | None = None

    def __len__(self) -> int:
        return len(self.loss)

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and values, for JSON or a data frame.

        Returns
        -------
        dict
            The attributes by name. All lists have the same length: those without values, such as
            ``validation_loss`` without validation data, are left out.

        Examples
        --------
        >>> import pandas
        >>> from fastnn import MLP
        >>> history = MLP([2, 1], seed=1).train([[0, 1], [1, 0]], [0, 1], epochs=3)
        >>> len(pandas.DataFrame(history.to_dict()))
        3
        """
        return {
            name: value
            for name, value in asdict(self).items()
            if not isinstance(value, list) or len(value) == len(self)
        }

    def plot(self, axes: "Axes | None" = None) -> "Axes":
        """Draw the losses over the epochs and, on an axis of its own, the validation score.

        Parameters
        ----------
        axes : matplotlib.axes.Axes, optional
            Where to draw; by default in a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            The axes of the losses.

        Raises
        ------
        ImportError
            If matplotlib is not installed; ``fastnn-mlp[plot]`` installs it.
        """
        if axes is None:
            axes = _new_axes()
        top_axes, epochs = axes, range(1, len(self) + 1)
        lines = axes.plot(epochs, self.loss, label="loss")
        if self.validation_loss:
            lines += axes.plot(epochs, self.validation_loss, label="validation loss")
        if self.best_epoch is not None:
            lines.append(axes.axvline(self.best_epoch, color="gray", ls=":", label="best epoch"))
        if self.validation_score:
            score, top_axes = f"validation {self.metric}", axes.twinx()
            lines += top_axes.plot(epochs, self.validation_score, color="C2", label=score)
            top_axes.set_ylabel(score)
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss")
        top_axes.legend(handles=lines)
        return axes

    def _columns(self) -> dict[str, list[float]]:
        """Return the lists that have values, by their titles."""
        columns = {
            "loss": self.loss,
            "learning_rate": self.learning_rate,
            "validation_loss": self.validation_loss,
            f"validation_score ({self.metric})": self.validation_score,
        }
        return {name: values for name, values in columns.items() if values}

    def __repr__(self) -> str:
        facts = [f"{len(self)} epoch{'' if len(self) == 1 else 's'}"]
        for name, values in self._columns().items():
            first, last = _brief(values[0]), _brief(values[-1])
            facts.append(f"{name} {first}" if first == last else f"{name} {first} -> {last}")
        facts += [] if self.best_epoch is None else [f"best epoch {self.best_epoch}"]
        facts += [] if self.stopped is None else [f"stopped: {self.stopped}"]
        return f"History({', '.join(facts)})"

    def _repr_html_(self) -> str:
        columns = self._columns()
        epochs: list[int | None] = list(range(1, len(self) + 1))
        if len(epochs) > _MAX_ROWS:
            half = _MAX_ROWS // 2
            epochs[half : 1 - half] = [None]
        rows = _row("th", ["epoch", *columns])
        for epoch in epochs:
            values = [_brief(values[epoch - 1]) if epoch else "…" for values in columns.values()]
            rows += _row("td", [str(epoch or "…"), *values])
        return f"<table><caption>{_escape(repr(self))}</caption>{rows}</table>"


def _new_axes() -> "Axes":
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            "History.plot needs matplotlib, which fastnn-mlp[plot] brings along"
        ) from error
    axes = pyplot.subplots()[1]
    axes.locator_params(axis="x", integer=True)
    return axes


def _row(tag: str, cells: list[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{_escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _escape(text: str) -> str:
    import html  # here, for its tables take a millisecond of each import of fastnn

    return html.escape(text)


def _brief(value: float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
