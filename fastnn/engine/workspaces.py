"""Workspaces of the kernels for batches, and the threads that share a batch."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..common.arrays import Array, aligned_zeros
from .dispatch import lists_by_input
from .layout import Parameters
from .threads import call_together

Kernel = Callable[[Any, Array, Array], None]
"""Takes a workspace, sums of losses to add to, and counters of steps."""


class Workspaces:
    """Workspaces for batches of up to ``n_examples``, one per thread.

    Parameters
    ----------
    parameters : Parameters
    n_examples : int
        Examples of a batch, which is computed in parts if it is larger than the workspace.
    is_feature_major : bool
        Whether the layout is one row per unit (one thread, no dropout) or one per example.
    is_sparse : bool
        Whether zeros in X are skipped.
    trains : bool
        Whether there are deltas; without them a workspace only predicts.
    is_plain : bool
        Whether the gradient of a batch may be added to the parameters at once, without a vector of
        its own.
    dropout : sequence of float
        Rates of all layers, or none.
    n_threads : int
    density : float
        Fraction of non-zeros in the X to train on.

    Attributes
    ----------
    all : list of kernels' workspaces
    gradient : ndarray, like the parameters, or empty
        Sum of the gradients of a batch.
    capacity : int
        Examples that are computed at a time.
    """

    def __init__(
        self,
        parameters: Parameters,
        n_examples: int,
        is_feature_major: bool,
        is_sparse: bool,
        *,
        trains: bool,
        is_plain: bool = True,
        dropout: Sequence[float] = (),
        n_threads: int = 1,
        density: float = 0,
    ) -> None:
        kernels, tuning, network = parameters.kernels, parameters.tuning, parameters.network
        self._team: Any = None
        if is_feature_major:
            fits = n_examples <= tuning.max_columns
            self.gradient = _new_gradient(parameters, trains and not (fits and is_plain))
            workspace = kernels.FeatureMajor(
                network, n_examples, tuning.max_columns, trains, self.gradient
            )
            self.all = [workspace]
        else:
            capacity = min(n_examples, tuning.max_rows)
            by_input = lists_by_input(parameters, capacity, density)
            if is_sparse and not by_input:
                capacity = min(n_examples, tuning.max_sparse_rows)
            n_threads = min(n_threads, -(-capacity // tuning.min_rows_per_thread))
            fits = n_examples <= capacity
            self.gradient = _new_gradient(parameters, trains and not (fits and is_plain))
            batch = kernels.ExampleMajorBatch(
                network,
                capacity,
                n_threads,
                trains,
                is_sparse,
                is_sparse and parameters.n_inputs * capacity <= tuning.max_listed,
                by_input,
                dropout_rates(dropout),
                self.gradient,
            )
            self._team = batch.team
            self.all = [kernels.ExampleMajor(batch, thread) for thread in range(n_threads)]
        self.capacity: int = self.all[0].capacity

    def run(self, kernel: Kernel, losses: Array, n_done: Array) -> None:
        """Call a kernel for each workspace in a thread; only the first adds up losses."""
        first, *others = self.all
        if not others:
            kernel(first, losses, n_done)
            return
        calls = [partial(kernel, first, losses, n_done)]
        for workspace in others:
            calls.append(partial(kernel, workspace, np.zeros_like(losses), np.zeros_like(n_done)))
        call_together(calls, self._team.abandon)


def dropout_rates(rates: Sequence[float]) -> Array | None:
    """Return the rates of all layers as the kernels take them; None without dropout."""
    return np.array(rates, float) if any(rates) else None


def _new_gradient(parameters: Parameters, is_needed: bool) -> Array:
    return aligned_zeros(parameters.flat.size if is_needed else 0, parameters.flat.dtype)
