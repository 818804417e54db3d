"""scikit-learn's regressor on fastnn."""

from typing import Any, ClassVar

import numpy as np
import sklearn.neural_network
from sklearn.utils._param_validation import StrOptions

from ..common.arrays import Array
from ..common.call_errors import with_helpful_errors
from ..losses import Loss
from . import losses
from .perceptron import Perceptron


@with_helpful_errors
class MLPRegressor(Perceptron, sklearn.neural_network.MLPRegressor):
    """scikit-learn's `MLPRegressor`, computed by fastnn, with additional parameters.

    The parameters up to ``max_fun``, the attributes and the methods are those of
    `sklearn.neural_network.MLPRegressor`, with their meaning and defaults. `coefs_` and
    `intercepts_` are live views of the parameters of a `fastnn.MLP`.

    Parameters
    ----------
    loss : str or Loss, default="squared_error"
        Also the other names that `fastnn.MLP` knows for outputs of any activation, such as "huber"
        and "quantile" (the median), and "poisson", or a `fastnn.Loss` such as ``Quantile(0.9)``.
        ``loss_`` is a mean over the outputs, except for "poisson" and a `Loss`.
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
    dropout : float or sequence of float, default=0.0
        Fraction of hidden units dropped during training: of all hidden layers, or of each.
    l1 : float, default=0.0
        Strength of an L1 penalty on the weights, not divided by the sample size.
    clip_norm, max_norm : float, default=None
        See `fastnn.MLP.train`.
    scoring : str or callable, default=None
        The validation score that replaces R²: a scorer of scikit-learn, or "loss".
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
    >>> from sklearn.datasets import load_diabetes
    >>> from fastnn.sklearn import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> reg = MLPRegressor(solver="lbfgs", alpha=1.0, max_iter=1000, random_state=1).fit(X, y)
    >>> reg.score(X, y) > 0.5
    True
    """

    _sklearn_class = sklearn.neural_network.MLPRegressor
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **sklearn.neural_network.MLPRegressor._parameter_constraints,
        **Perceptron._parameter_constraints,
        "loss": [StrOptions({"poisson", *losses.MEANS}), Loss],
    }

    # scikit-learn reads the parameters from this signature; a test compares it with theirs.
    def __init__(
        self,
        loss: Any = "squared_error",
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
        dropout: Any = 0.0,
        l1: Any = 0.0,
        clip_norm: Any = None,
        max_norm: Any = None,
        scoring: Any = None,
        progress: Any = False,
        n_jobs: Any = None,
    ) -> None:
        self._set_parameters(locals())

    def _targets(self, y: Array) -> Array:
        return y

    def _labels(self, y: Array) -> Array:
        return y

    def _encoded(self, y: Any) -> Array:
        return np.asarray(y)

    def _strata(self, y: Array) -> Array | None:
        return None
