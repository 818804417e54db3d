"""Fitting by "sgd" and "adam": the training of the core, by the rules of scikit-learn.

Random draws, stopping and reports are those of scikit-learn. Two parts of its code remain in use:
the learning rates of its optimizers, and the count of epochs without improvement.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.utils import _safe_indexing

from .. import internals
from ..common.arrays import Array, copy_arrays
from ..common.warning import warn
from ..evaluation import Evaluation
from ..history import Step
from ..mlp import MLP
from ..optimizers import SGD, Optimizer
from ..training.config import TrainingConfig
from ..training.loop import TrainingDiverged
from . import losses, settings, solvers


class Tasks:
    """Reports the epochs or iterations of a fit to scikit-learn's callbacks.

    Parameters
    ----------
    data : dict
        Arguments of the callbacks.
    context : CallbackContext
        The context of the fit.

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
        """Report the begin of an epoch."""
        if self.are_watched:
            self._current = self._context.subcontext(task_name="epoch")
            self._current.call_on_fit_task_begin(**self._data)

    def end(self) -> bool:
        """Report the end of the epoch; return whether a callback stops the fit."""
        current, self._current = self._current, None
        if current is None:
            return False
        return current.call_on_fit_task_end(**self._data, reconstruction_attributes=dict)


class Training:
    """One call of ``fit`` or ``partial_fit``.

    Parameters
    ----------
    estimator : Perceptron
        Its ``_random_state`` is the source of all draws.
    network : MLP
        The estimator's own network.
    X : ndarray or sparse matrix, (n_samples, n_features)
    y : ndarray, (n_samples, n_outputs)
        Numbers, or binary indicators of the labels.
    sample_weight : ndarray or None
    incremental : bool
        Whether the call is ``partial_fit``.
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
        """Train, starting from the parameters of the network."""
        estimator, network = self._estimator, self._network
        if not self._incremental or not hasattr(estimator, "_optimizer"):
            estimator._optimizer = self._sklearn_optimizer()
            internals.set_training_state(network, None)
        rows = self._split()
        if np.any(estimator.dropout):  # without dropout, draw no more than scikit-learn does
            seed = estimator._random_state.randint(2**31, size=4)
            internals.set_generator(network, np.random.default_rng(seed))
        X = self._X
        if isinstance(X, np.ndarray) and not self._incremental:
            X = np.ascontiguousarray(X)  # once, instead of some rows at a time in every epoch
        inputs, targets = internals.checked_examples(
            network, X, estimator._targets(self._y), self._sample_weight
        )
        targets = replace(targets, max_log_loss=losses.max_log_loss(network.dtype))
        self._n_samples, self._batch_size = len(rows), self._clipped_batch_size(len(rows))
        self._reported = losses.ReportedLoss(
            estimator,
            self._y[rows],
            None if targets.weights is None else targets.weights[rows],
            self._batch_size,
        )
        squared_norm = partial(internals.squared_norm, network)
        self._penalty = losses.ReportedPenalty(
            estimator, self._reported, squared_norm, inputs.density
        )
        config = self._config(targets.weights)
        self._resume_monitoring()
        estimator.n_iter_ = 0
        monitored = getattr(config.optimizer.learning_rate, "monitor", "loss")
        evaluate = None if monitored == "loss" else self._evaluate
        try:
            self._begin_epoch()
            internals.train(network, (inputs, targets), rows, config, evaluate)
        except KeyboardInterrupt:
            warn("Training interrupted by user.", UserWarning)
        except TrainingDiverged as error:
            self._diverged(error)
        if estimator.early_stopping:
            best = (*estimator._best_coefs, *estimator._best_intercepts)
            copy_arrays(best, (*network.weights, *network.biases))

    def _sklearn_optimizer(self) -> Any:
        """Return scikit-learn's optimizer, without parameters: only its rate is used."""
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
        """Return the rows to train on; set the validation data."""
        estimator, rows = self._estimator, np.arange(self._X.shape[0])
        self._validation = (None, None, None)
        if estimator._validation[0] is not None:
            self._validation = estimator._checked_validation()
        elif estimator.early_stopping:
            rows, held_out = train_test_split(
                rows,
                random_state=estimator._random_state,
                test_size=estimator.validation_fraction,
                stratify=estimator._strata(self._y),
            )
            if len(held_out) < 2:
                raise ValueError(
                    "The validation set is too small. Increase 'validation_fraction' "
                    "or the size of your dataset."
                )
            weights = self._sample_weight
            self._validation = (
                _safe_indexing(self._X, held_out),
                estimator._labels(self._y[held_out]),
                None if weights is None else weights[held_out],
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
            callback=self._after_epoch,
            progress=estimator.progress,
            n_threads=estimator._n_threads(),
            has_validation=self._validation[0] is not None,
        )
        regularization = replace(config.regularization, by_weight=True)
        # scikit-learn's own optimizers replace the checked one, which stands for a name or object.
        min_weight = 1.0 if weights is None else float(weights[weights > 0].min())
        optimizer = solvers.steady(
            self._solver() if given is None else config.optimizer, estimator.alpha / min_weight
        )
        return replace(
            config,
            regularization=regularization,
            optimizer=optimizer,
            observer=self._penalty.observer,
        )

    def _solver(self) -> Optimizer:
        """Return an optimizer that steps as scikit-learn's.

        `partial_fit` keeps its first optimizer, whatever parameters have been set since.
        """
        given = self._estimator._optimizer
        if isinstance(given, AdamOptimizer):
            return solvers.Adam(given.learning_rate_init, given.beta_1, given.beta_2, given.epsilon)
        rate = float(given.learning_rate)
        if given.momentum:
            return solvers.Momentum(rate, given.momentum, given.nesterov)
        return SGD(rate)

    def _order(self) -> Callable[[int], Array]:
        """Return a function that shuffles the order of the previous epoch, as in scikit-learn."""
        order = np.arange(self._n_samples)
        random_state = self._estimator._random_state

        def shuffled(n_samples: int) -> Array:
            nonlocal order
            places = np.arange(n_samples)
            random_state.shuffle(places)
            order = order[places]
            self._reported.order = order
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

    def _evaluate(self) -> Evaluation:
        """Return the loss and the score of the validation data, which a schedule monitors."""
        estimator, (X, y, weights) = self._estimator, self._validation
        loss = estimator._validation_loss(X, y, weights)
        return Evaluation(loss, estimator._score(X, y, sample_weight=weights), "score")

    def _begin_epoch(self) -> None:
        if self._tasks is not None:
            self._tasks.begin()

    def _after_epoch(self, step: Step) -> bool:
        """Update the estimator's attributes in scikit-learn's order; return whether to stop."""
        estimator = self._estimator
        estimator.n_iter_ += 1
        loss = self._reported.without_penalty(step.loss)
        estimator.loss_ = loss + self._penalty.of_epoch()
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
        estimator, (X, y, weights) = self._estimator, self._validation
        estimator._update_no_improvement_count(estimator.early_stopping, X, y, weights)
        if X is not None and not estimator.early_stopping:
            estimator.validation_scores_ = estimator.validation_scores_ or []
            estimator.validation_scores_.append(estimator._score(X, y, sample_weight=weights))
        estimator._optimizer.iteration_ends(estimator.t_)
        if estimator._no_improvement_count <= estimator.n_iter_no_change:
            return False
        monitored = "Validation score" if estimator.early_stopping else "Training loss"
        if estimator._optimizer.trigger_stopping(
            f"{monitored} did not improve more than tol={estimator.tol:f} for "
            f"{estimator.n_iter_no_change} consecutive epochs.",
            estimator.verbose,
        ):
            return True
        estimator._no_improvement_count = 0
        return False

    def _diverged(self, error: TrainingDiverged) -> None:
        """Warn with early stopping, which restores the best epoch; else raise an error."""
        estimator = self._estimator
        if not estimator.early_stopping:
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may"
                " contain large values and need to be preprocessed."
            ) from error
        # scikit-learn repeats this for all epochs that are left.
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
        # scikit-learn's velocity includes the rate at the time of each step.
        for velocity in internals.slots(self._network):
            velocity *= before / rate
