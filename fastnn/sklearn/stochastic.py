"""Fitting by "sgd" and "adam": the training of the core, with the rules of scikit-learn.

What is drawn, when it stops and what is reported is as in scikit-learn: of its code, the learning
rates of the optimizers and the count of epochs without improvement go on to be used.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.utils import _safe_indexing

from .. import internals
from ..arrays import Array, copy_arrays
from ..evaluation import Evaluation
from ..history import Step
from ..mlp import MLP
from ..optimizers import Optimizer
from ..training.config import TrainingConfig
from ..training.loop import TrainingDiverged
from ..warning import warn
from . import losses, settings, solvers


class Tasks:
    """The epochs of a fit, or its iterations, as scikit-learn's callbacks see them.

    Parameters
    ----------
    data : dict
        What their hooks are told of every epoch.

    Attributes
    ----------
    are_watched : bool
        Whether there are callbacks.
    """

    def __init__(self, data: dict[str, Any], context: Any) -> None:
        self._data, self._context = data, context
        self._current: Any = None
        # To make a context takes longer than a short epoch.
        self.are_watched = bool(context._callbacks)

    def begin(self) -> None:
        """Tell the callbacks that an epoch begins."""
        if self.are_watched:
            self._current = self._context.subcontext(task_name="epoch")
            self._current.call_on_fit_task_begin(**self._data)

    def end(self) -> bool:
        """Tell the callbacks that it ends; return whether one wants to stop."""
        current, self._current = self._current, None
        if current is None:
            return False
        return current.call_on_fit_task_end(**self._data, reconstruction_attributes=dict)


class Training:
    """One call of ``fit`` or ``partial_fit``.

    Parameters
    ----------
    estimator : Perceptron
        Its ``_random_state`` draws.
    network : MLP
        The estimator's own.
    y : ndarray, (n_samples, n_outputs)
        Numbers, or whether an example has a label.
    """

    def __init__(
        self,
        estimator: Any,
        network: MLP,
        X: Any,
        y: Array,
        sample_weight: Array | None,
        incremental: bool,
    ) -> None:
        self._estimator, self._network, self._incremental = estimator, network, incremental
        self._X, self._y, self._sample_weight = X, y, sample_weight
        self._tasks: Tasks | None = estimator._tasks

    def run(self) -> None:
        """Train, from where the network stands."""
        estimator = self._estimator
        if not self._incremental or not hasattr(estimator, "_optimizer"):
            estimator._optimizer = self._scikit_learn_optimizer()
            internals.set_training_state(self._network, None)
        rows = self._split()
        if np.any(estimator.dropout):  # without it, no more is drawn than in scikit-learn
            seed = estimator._random_state.randint(2**31, size=4)
            internals.set_generator(self._network, np.random.default_rng(seed))
        X = self._X
        if isinstance(X, np.ndarray) and not self._incremental:
            X = np.ascontiguousarray(X)  # once, instead of some rows at a time in every epoch
        inputs, targets = internals.checked_examples(
            self._network, X, estimator._targets(self._y), self._sample_weight
        )
        targets = replace(targets, most_loss=losses.most(self._network.dtype))
        self._losses = losses.Reported(estimator, self._y[rows], targets.weights, rows)
        self._n_samples, self._batch_size = len(rows), self._clipped_batch_size(len(rows))
        config = self._config(targets.weights)
        self._resume_monitoring()
        estimator.n_iter_ = 0
        evaluate = self._evaluation if _monitors_validation(config.optimizer) else None
        try:
            self._begin_epoch()
            internals.train(self._network, (inputs, targets), rows, config, evaluate)
        except KeyboardInterrupt:
            warn("Training interrupted by user.", UserWarning)
        except TrainingDiverged as error:
            self._diverged(error)
        if estimator.early_stopping:
            best = (*estimator._best_coefs, *estimator._best_intercepts)
            copy_arrays(best, (*self._network.weights, *self._network.biases))

    def _scikit_learn_optimizer(self) -> Any:
        """Make scikit-learn's optimizer, for its learning rate: it has no parameters to step."""
        given = self._estimator
        if given.solver == "adam":
            return AdamOptimizer(
                [], given.learning_rate_init, given.beta_1, given.beta_2, given.epsilon
            )
        return SGDOptimizer(
            [],
            given.learning_rate_init,
            given.learning_rate,
            given.momentum,
            given.nesterovs_momentum,
            given.power_t,
        )

    def _split(self) -> Array:
        """Return the rows to train on; the others, or what is given for it, are to validate on."""
        estimator = self._estimator
        n_samples = self._X.shape[0]
        self._held_out = estimator._validation
        rows = np.arange(n_samples)
        if self._held_out[0] is not None:
            self._held_out = estimator._validation_data(*self._held_out)
        elif estimator.early_stopping:
            rows, others = train_test_split(
                rows,
                random_state=estimator._random_state,
                test_size=estimator.validation_fraction,
                stratify=estimator._strata(self._y),
            )
            if len(others) < 2:
                raise ValueError(
                    "The validation set is too small. Increase 'validation_fraction' "
                    "or the size of your dataset."
                )
            weights = self._sample_weight
            self._held_out = (
                _safe_indexing(self._X, others),
                estimator._labels(self._y[others]),
                None if weights is None else weights[others],
            )
        return rows

    def _clipped_batch_size(self, n_samples: int) -> int:
        size = self._estimator.batch_size
        if size == "auto":
            return min(200, n_samples) if self._takes_batches() else n_samples
        if size > n_samples:
            warn(
                "Got `batch_size` less than 1 or larger than "
                "sample size. It is going to be clipped",
                UserWarning,
            )
        return int(min(size, n_samples))

    def _takes_batches(self) -> bool:
        given = self._estimator.optimizer
        return given is None or settings.optimizer_class(given).takes_batches

    def _config(self, weights: Array | None) -> TrainingConfig:
        estimator, given = self._estimator, self._estimator.optimizer
        config = TrainingConfig.checked(
            len(self._network.weights),
            epochs=1 if self._incremental else estimator.max_iter,
            batch_size=self._batch_size if self._takes_batches() else None,
            optimizer=given or "sgd",
            learning_rate=None if isinstance(given, Optimizer) else estimator.learning_rate_init,
            shuffle=self._order() if estimator.shuffle else False,
            l1=estimator.l1,
            l2=estimator.alpha,
            dropout=estimator.dropout,
            clip_norm=estimator.clip_norm,
            max_norm=estimator.max_norm,
            early_stopping=None,
            callback=self._after_epoch,
            batch_callback=None,
            progress=estimator.progress,
            n_threads=estimator._n_threads(),
            has_validation=self._held_out[0] is not None,
        )
        regularization = replace(
            config.regularization, by_weight=True, counted_l2=float(self._losses.n_averaged)
        )
        # Checked without scikit-learn's optimizers, which users of the engine cannot give.
        least = 1.0 if weights is None else float(weights[weights > 0].min())
        optimizer = solvers.steady(
            self._solver() if given is None else config.optimizer, estimator.alpha / least
        )
        return replace(config, regularization=regularization, optimizer=optimizer)

    def _solver(self) -> Optimizer:
        """scikit-learn's, which are not all among the engine's own.

        `partial_fit` goes on with the one it has, whatever parameters have been set since.
        """
        theirs = self._estimator._optimizer
        if isinstance(theirs, AdamOptimizer):
            return solvers.Adam(
                theirs.learning_rate_init, theirs.beta_1, theirs.beta_2, theirs.epsilon
            )
        return solvers.sgd(float(theirs.learning_rate), theirs.momentum, theirs.nesterov)

    def _order(self) -> Callable[[int], Array]:
        """Shuffles what it has shuffled before, as in scikit-learn."""
        order = np.arange(self._n_samples)
        random_state = self._estimator._random_state

        def shuffled(n_samples: int) -> Array:
            nonlocal order
            places = np.arange(n_samples)
            random_state.shuffle(places)
            order = order[places]
            self._losses.order = order
            return order

        return shuffled

    def _resume_monitoring(self) -> None:
        """Initialize what the previous fit did not keep for the present stopping criterion.

        L-BFGS keeps nothing, and `early_stopping` may have been set since.
        """
        estimator = self._estimator
        kept = vars(estimator)
        kept.setdefault("loss_curve_", [])
        kept.setdefault("validation_scores_", None)
        criterion = "best_validation_score_" if estimator.early_stopping else "best_loss_"
        if kept.get(criterion) is not None:
            return
        estimator._no_improvement_count = 0
        estimator.best_validation_score_, estimator.best_loss_ = None, np.inf
        if estimator.early_stopping:
            estimator.best_validation_score_, estimator.best_loss_ = -np.inf, None
            estimator.validation_scores_ = estimator.validation_scores_ or []
            estimator._best_coefs = [w.copy() for w in estimator.coefs_]
            estimator._best_intercepts = [b.copy() for b in estimator.intercepts_]

    def _evaluation(self) -> Evaluation:
        """Return the loss and the score of the validation data, for schedules that monitor one."""
        estimator, (X, y, weights) = self._estimator, self._held_out
        loss = estimator._validation_loss(X, y, weights)
        return Evaluation(loss, estimator._score(X, y, sample_weight=weights), "score")

    def _begin_epoch(self) -> None:
        if self._tasks is not None:
            self._tasks.begin()

    def _after_epoch(self, step: Step) -> bool:
        """Keep the books, in scikit-learn's order; whether to stop."""
        estimator = self._estimator
        estimator.n_iter_ += 1
        estimator.loss_ = self._losses.of_epoch(step.loss, self._batch_size)
        estimator.t_ += self._n_samples
        estimator.loss_curve_.append(estimator.loss_)
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
        is_over = self._has_converged()
        if estimator.optimizer is None and isinstance(estimator._optimizer, SGDOptimizer):
            self._change_rate(step)
        if self._tasks is not None:
            is_over |= self._tasks.end()
        if is_over or self._incremental:
            return is_over
        if estimator.n_iter_ < estimator.max_iter:
            self._begin_epoch()
        else:
            warn(
                f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) "
                "reached and the optimization hasn't converged yet.",
                ConvergenceWarning,
            )
        return False

    def _has_converged(self) -> bool:
        estimator, (X, y, weights) = self._estimator, self._held_out
        estimator._update_no_improvement_count(estimator.early_stopping, X, y, weights)
        if X is not None and not estimator.early_stopping:
            estimator.validation_scores_ = estimator.validation_scores_ or []
            estimator.validation_scores_.append(estimator._score(X, y, sample_weight=weights))
        estimator._optimizer.iteration_ends(estimator.t_)
        if estimator._no_improvement_count <= estimator.n_iter_no_change:
            return False
        what = "Validation score" if estimator.early_stopping else "Training loss"
        if estimator._optimizer.trigger_stopping(
            f"{what} did not improve more than tol={estimator.tol:f} for "
            f"{estimator.n_iter_no_change} consecutive epochs.",
            estimator.verbose,
        ):
            return True
        estimator._no_improvement_count = 0
        return False

    def _diverged(self, error: TrainingDiverged) -> None:
        """With early stopping there is a best epoch to return to, without one it is an error."""
        estimator = self._estimator
        if not estimator.early_stopping:
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may"
                " contain large values and need to be preprocessed."
            ) from error
        # scikit-learn goes on like this for all epochs that are left.
        estimator.n_iter_ += 1
        estimator.loss_ = np.nan
        estimator.loss_curve_.append(np.nan)
        estimator.validation_scores_.append(np.nan)
        warn(
            f"Stochastic Optimizer: the loss or a parameter became NaN or infinite in epoch "
            f"{estimator.n_iter_}; the best epoch before it is kept.",
            ConvergenceWarning,
        )

    def _change_rate(self, step: Step) -> None:
        before, rate = step.learning_rate, float(self._estimator._optimizer.learning_rate)
        if rate == before:
            return
        step.learning_rate = rate
        # scikit-learn's velocity includes the rate that it was made with.
        for velocity in internals.slots(self._network):
            velocity *= before / rate


def _monitors_validation(optimizer: Optimizer) -> bool:
    return getattr(optimizer.learning_rate, "monitor", "loss") != "loss"
