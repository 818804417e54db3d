"""The kinds of work that is timed."""

import math
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from .contenders import FASTNN, JAX, NUMPY, ONNX_RUNTIME, PYTORCH, SCIKIT_LEARN, Contender
from .peers import MOMENTUM, Descent, Outcome, Peer, Run
from .problems import Examples, Problem

_SEED = 0
_EPS = float(np.finfo(np.float32).eps)

# Rounding decides on which side of 0 an input of ReLU falls that is almost 0, as a few are in an
# epoch: the gradient of that unit and of those before it then misses one example. Where a gradient
# is almost 0, it decides which way Adam goes, for one of many steps. In trainings of NORMAL_DEEP
# with 30 other seeds, the part of all change was 1e-5, but 1e-3 to 2e-2 in one of ten.
_OF_CHANGES = 0.02


class Tolerance(NamedTuple):
    """How far right outcomes may be apart, in any array.

    Attributes
    ----------
    of_numbers : float
        As a part of the largest number.
    of_changes : float
        In addition, as a part of the largest change of a number by the work.
    """

    of_numbers: float
    of_changes: float


def _rounding(steps: int, longest_sum: int) -> float:
    # Every step rounds the parameters, and every term rounds its sum. Such errors are as good as
    # random, so they grow with the square root of their number. The factor is what orders of
    # summation and approximations of exp may differ by; training has its effect far above it.
    return 8 * _EPS * math.sqrt(steps + longest_sum)


@dataclass(frozen=True)
class Bar:
    """A goal of the project: how many times fastnn's time the fastest of some others takes.

    Attributes
    ----------
    opponents : Contender, ...
        The others.
    at_least, at_most : float
        The goal.
    on : Job, optional
        What the others' time is for, by default the job that the bar belongs to.
    """

    opponents: tuple[Contender, ...]
    at_least: float = 0
    at_most: float = math.inf
    on: "Job | None" = None


def at_least(times: float, *opponents: Contender, on: "Job | None" = None) -> Bar:
    """So many times fastnn's time, or more."""
    return Bar(opponents, at_least=times, on=on)


def at_most(times: float, *opponents: Contender) -> Bar:
    """So many times fastnn's time, or less."""
    return Bar(opponents, at_most=times)


@dataclass(frozen=True, kw_only=True)
class Job(ABC):
    """Work for a network on the data of a problem."""

    problem: Problem
    rows: int | None = None  # of the data, from the start; None: all
    threads: int = 1
    contenders: tuple[Contender, ...]
    bars: tuple[Bar, ...] = ()

    @property
    def name(self) -> str:
        """Unique."""
        threads = f", {self.threads} threads" if self.threads > 1 else ""
        return f"{self.problem}: {self._work}{threads}"

    @property
    @abstractmethod
    def _work(self) -> str:
        """In words."""

    @property
    @abstractmethod
    def per(self) -> str:
        """What `count` counts."""

    @abstractmethod
    def count(self, n_examples: int) -> int:
        """How many of them one run does."""

    @abstractmethod
    def prepare(self, peer_class: type[Peer], examples: Examples) -> Run:
        """Make ready to run: none of this is timed."""

    @abstractmethod
    def tolerance(self, examples: Examples) -> Tolerance:
        """How far right outcomes may be apart."""

    def load(self) -> Examples:
        """The data.

        Raises
        ------
        MissingDataError
            If they were not found.
        """
        return self.problem.load().first(self.rows)


@dataclass(frozen=True, kw_only=True)
class Training(Job):
    """Training by gradient descent, in shuffled order."""

    per: ClassVar[str] = "example"

    batch_size: int | None  # None: the full batch
    epochs: int = 1
    learning_rate: float
    rule: str = "sgd"
    dropout: float = 0.0
    contenders: tuple[Contender, ...] = (FASTNN, NUMPY, SCIKIT_LEARN, PYTORCH, JAX)

    @property
    def _work(self) -> str:
        sizes = {1: "per example", None: "full batch"}
        rules = {"sgd": "", "momentum": f", momentum {MOMENTUM}", "adam": ", Adam"}
        dropout = f", dropout {self.dropout}" if self.dropout else ""
        size = sizes.get(self.batch_size, f"batch {self.batch_size}")
        return f"train, {size}{rules[self.rule]}{dropout}"

    def count(self, n_examples: int) -> int:
        return n_examples * self.epochs

    def prepare(self, peer_class: type[Peer], examples: Examples) -> Run:
        descent = Descent(self.epochs, self.batch_size, self.learning_rate, self.rule, self.dropout)
        return peer_class(self.problem, _SEED, self.threads).training(examples, descent)

    def tolerance(self, examples: Examples) -> Tolerance:
        batch_size = self.batch_size or examples.n_examples
        steps = self.epochs * math.ceil(examples.n_examples / batch_size)
        X = examples.X
        terms = X.shape[1] if isinstance(X, np.ndarray) else X.nnz // X.shape[0]
        rounding = _rounding(steps, max(batch_size, terms, *self.problem.layer_sizes[1:]))
        return Tolerance(rounding, _OF_CHANGES if self.problem.activation == "relu" else 0)


@dataclass(frozen=True, kw_only=True)
class TwoTrainings(Training):
    """The training of two networks: with one thread one after the other, with two at once."""

    contenders: tuple[Contender, ...] = (FASTNN,)

    @property
    def _work(self) -> str:
        return f"{super()._work}, two networks"

    def count(self, n_examples: int) -> int:
        return 2 * super().count(n_examples)

    def prepare(self, peer_class: type[Peer], examples: Examples) -> Run:
        runs = [super(TwoTrainings, self).prepare(peer_class, examples) for _ in range(2)]

        def reset() -> None:
            for run in runs:
                run.reset()

        def work() -> None:
            with ThreadPoolExecutor(self.threads) as pool:
                for done in [pool.submit(run.work) for run in runs]:
                    done.result()

        def outcome() -> Outcome:
            return {
                f"network {number}: {name}": array
                for number, run in enumerate(runs)
                for name, array in run.outcome().items()
            }

        return Run(reset, work, outcome)


@dataclass(frozen=True, kw_only=True)
class Prediction(Job):
    """Prediction of all rows in one call, or of each in a call of its own."""

    one_by_one: bool = False
    passes: int = 1  # over the data: small data are soon done
    contenders: tuple[Contender, ...] = (
        FASTNN,
        NUMPY,
        SCIKIT_LEARN,
        PYTORCH,
        JAX,
        ONNX_RUNTIME,
    )

    @property
    def _work(self) -> str:
        rows = "one row" if self.one_by_one else f"{self.rows:,} rows" if self.rows else "all rows"
        return f"predict, {rows}"

    @property
    def per(self) -> str:
        return "call" if self.one_by_one else "example"

    def count(self, n_examples: int) -> int:
        return n_examples * self.passes

    def prepare(self, peer_class: type[Peer], examples: Examples) -> Run:
        peer = peer_class(self.problem, _SEED, self.threads)
        X = examples.X
        blocks = [X[row : row + 1] for row in range(len(X))] if self.one_by_one else [X]
        inputs = [peer.own(block) for block in blocks]
        predict = peer.predictor()

        def work() -> None:
            for _ in range(self.passes):
                for own in inputs:
                    predict(own)

        def outcome() -> Outcome:
            outputs = np.concatenate([np.asarray(predict(own)) for own in inputs])
            return {"predictions": outputs.reshape(len(X), -1)}

        return Run(lambda: None, work, outcome)

    def tolerance(self, examples: Examples) -> Tolerance:
        return Tolerance(_rounding(0, max(self.problem.layer_sizes)), 0)
