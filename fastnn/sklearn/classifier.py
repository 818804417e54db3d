"""scikit-learn's classifier on fastnn."""

from typing import Any, ClassVar

import numpy as np
import sklearn.neural_network
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import unique_labels

from .. import validation
from ..common.arrays import Array
from ..common.call_errors import with_helpful_errors
from .perceptron import Perceptron


@with_helpful_errors
class MLPClassifier(Perceptron, sklearn.neural_network.MLPClassifier):
    """scikit-learn's `MLPClassifier`, computed by fastnn, with additional parameters.

    The parameters up to ``max_fun``, the attributes and the methods are those of
    `sklearn.neural_network.MLPClassifier`, with their meaning and defaults. `coefs_` and
    `intercepts_` are live views of the parameters of a `fastnn.MLP`.

    Parameters
    ----------
    activation : str, Activation or sequence of them, default="relu"
        Also the other names that `fastnn.MLP` knows, such as "elu" and "gelu", or a
        `fastnn.Activation`: one for all hidden layers, or a list with one for each. For a list,
        initial weights are drawn as for "relu".
    optimizer : str or Optimizer, default=None
        An optimizer of `fastnn.MLP.train` that replaces ``solver``, which must be "sgd" or "adam":
        "adamw", "rmsprop", "adagrad", ..., with ``learning_rate_init``, or an object such as
        ``AdamW(Cosine(1e-3))``, with a learning rate of its own. ``momentum``, ``beta_1`` and the
        other parameters of solvers are refused beside it: ``SGD(0.1, momentum=0.5)`` is "sgd" with
        momentum. For "rprop", ``batch_size="auto"`` is the full batch. For ``partial_fit``, a
        schedule must have its ``n_steps``. L-BFGS is ``solver="lbfgs"``.
    class_weight : dict or "balanced", default=None
        Weights of classes, as elsewhere in scikit-learn. ``partial_fit`` refuses "balanced".
    dropout : float or sequence of float, default=0.0
        Fraction of hidden units dropped during training: of all hidden layers, or of each.
    l1 : float, default=0.0
        Strength of an L1 penalty on the weights, not divided by the sample size.
    clip_norm, max_norm : float, default=None
        See `fastnn.MLP.train`.
    scoring : str or callable, default=None
        The validation score that replaces the accuracy: a scorer of scikit-learn, or "loss".
    progress : bool, default=False
        Whether to show a bar, with loss and learning rate, on standard error.
    n_jobs : int, default=None
        Threads for large batches and predictions; None is 1, -1 is one per processor.

    Notes
    -----
    With both ``warm_start`` and ``early_stopping``, a fit ends with the parameters of the best
    epoch of all fits. In scikit-learn it ends with those of the last epoch, if an earlier fit had
    the best epoch.

    See Also
    --------
    fastnn.MLP : The network, and the meaning of each additional parameter.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastnn.sklearn import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier(learning_rate_init=0.01, random_state=1).fit(X, y)
    >>> clf.predict(X[:2]), clf.score(X, y) > 0.95
    (array([0, 0]), True)
    """

    _sklearn_class = sklearn.neural_network.MLPClassifier
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **sklearn.neural_network.MLPClassifier._parameter_constraints,
        **Perceptron._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    # scikit-learn reads the parameters from this signature; a test compares it with theirs.
    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: Any = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: Any = 0.001,
        power_t: Any = 0.5,
        max_iter: Any = 200,
        shuffle: Any = True,
        random_state: Any = None,
        tol: Any = 1e-4,
        verbose: Any = False,
        warm_start: Any = False,
        momentum: Any = 0.9,
        nesterovs_momentum: Any = True,
        early_stopping: Any = False,
        validation_fraction: Any = 0.1,
        beta_1: Any = 0.9,
        beta_2: Any = 0.999,
        epsilon: Any = 1e-8,
        n_iter_no_change: Any = 10,
        max_fun: Any = 15000,
        optimizer: Any = None,
        class_weight: Any = None,
        dropout: Any = 0.0,
        l1: Any = 0.0,
        clip_norm: Any = None,
        max_norm: Any = None,
        scoring: Any = None,
        progress: Any = False,
        n_jobs: Any = None,
    ) -> None:
        self._set_parameters(locals())

    def predict(self, X: Any) -> Array:
        """Predict classes, as scikit-learn's classifier does."""
        if (outputs := self._quick_outputs(X)) is None or len(self.classes_) == 1:
            return super().predict(X)
        if self.out_activation_ == "softmax":
            return self.classes_[outputs.argmax(axis=1)]
        if self.n_outputs_ > 1:
            return self._labels(outputs)
        return self.classes_[(outputs[:, 0] > 0.5).astype(np.intp)]

    def _training_weights(self, y: Array, sample_weight: Array | None) -> Array | None:
        if self.class_weight is None:
            return sample_weight
        weights = compute_sample_weight(self.class_weight, self._labels(y))
        argument = "class_weight"
        if sample_weight is not None:
            weights, argument = weights * sample_weight, "sample_weight times class_weight"
        validation.check_weights(weights, argument, self.coefs_[0].dtype)
        return weights

    def _targets(self, y: Array) -> Array:
        return y.argmax(axis=1) if self.out_activation_ == "softmax" else y.astype(float)

    def _labels(self, y: Array) -> Array:
        return self._label_binarizer.inverse_transform(y)

    def _checked_y_val(self, y: Any) -> Array:
        y = np.asarray(y.toarray() if hasattr(y, "toarray") else y)
        unknown = np.setdiff1d(unique_labels(y), self.classes_)
        if len(unknown):
            raise ValueError(f"y_val must have no other classes than y, got {unknown}")
        return y

    def _encoded(self, y: Any) -> Array:
        return self._label_binarizer.transform(y)

    def _strata(self, y: Array) -> Array | None:
        return y if self.n_outputs_ == 1 else None
