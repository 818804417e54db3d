"""Suggestions for error messages: the names that users of other libraries, or typists, meant.

The tables map names of fastnn to the names of other libraries for the same thing. Names are
compared without case, underscores and hyphens.
"""

from collections.abc import Iterable, Mapping
from typing import Any

ARGUMENTS = {
    "activation": "act hidden_activation activation_function activations nonlinearity",
    "batch_size": "bs batch mini_batch_size minibatch_size",
    "beta_1": "b1",
    "beta_1=..., beta_2=...": "betas",
    "beta_2": "b2",
    "buffer_size": "shuffle_buffer",
    "callback": "callbacks on_epoch_end",
    "class_weight": "class_weights",
    "clip_norm": "max_grad_norm global_clipnorm gradient_clipping grad_clip gradient_clip_val clip "
    "clip_value",
    "delimiter": "sep separator",
    "dropout": "dropout_rate drop_rate p_dropout",
    "early_stopping": "callbacks",
    "early_stopping=EarlyStopping(...)": "patience n_iter_no_change tol",
    "end": "eta_min min_lr end_learning_rate final_learning_rate",
    "epochs": "epoch n_epochs num_epochs nb_epoch max_epochs max_iter n_iter iterations",
    "epsilon": "eps",
    "every": "step_size",
    "factor": "gamma decay_rate",
    "l1": "l1_regularization l1_reg",
    "l2": "alpha l2_regularization l2_reg reg reg_lambda",
    "layer_sizes": "layers sizes dims widths units hidden_sizes hidden_layers arch architecture",
    "layer_sizes=[n_inputs, ..., n_outputs]": "hidden_layer_sizes hidden_size input_shape",
    "learning_rate": "lr eta step_size learning_rate_init initial_lr",
    "learning_rate_init": "lr eta initial_lr",
    "loss": "loss_function loss_fn criterion objective cost",
    "lowest": "min_lr",
    "memory": "history_size maxcor m",
    "momentum": "beta mu",
    "n_classes": "num_classes n_labels classes depth",
    "n_steps": "t_max total_steps decay_steps num_steps",
    "n_threads": "n_jobs num_threads threads workers num_workers n_workers",
    "negative_slope": "alpha slope",
    "optimizer": "solver optim optimiser algorithm",
    "optimizer=AdamW(weight_decay=...)": "weight_decay decoupled_weight_decay",
    "optimizer=SGD(momentum=...)": "momentum",
    "optimizer=SGD(momentum=..., nesterov=True)": "nesterov nesterovs_momentum",
    "output_activation": "out_activation last_activation final_activation output_function",
    "path": "file filename filepath file_path file_name",
    "patience": "n_iter_no_change",
    "peak": "max_lr",
    "progress": "verbose verbosity progress_bar show_progress disp",
    "restore_best": "restore_best_weights",
    "rho": "alpha decay",
    "sample_weight": "sample_weights weights weight",
    "scale": "std sigma",
    "seed": "random_state random_seed rng rng_key generator",
    "shift": "mean loc offset",
    "shuffle": "shuffled",
    "start": "lr learning_rate initial_learning_rate max_lr",
    "targets": "target label labels target_column usecols",
    "tolerance": "tol gtol ftol tolerance_grad pgtol",
    "validation_data": "val_data val_set eval_set eval_data valid_data test_data",
    "validation_fraction": "validation_split val_split val_fraction valid_fraction test_size",
    "warm_up": "pct_start warmup warmup_fraction",
    "X_val=..., y_val=...": "validation_data val_data eval_set validation_set",
    "X": "inputs data features X_train training_data",
    "y": "targets target labels y_train y_true",
}

NOTES = {
    "device": "fastnn computes on the CPU",
    "metrics": "evaluate gives the loss and, by the task, the accuracy or R²",
    "use_bias": "every layer has biases",
    "bias": "every layer has biases",
    "warm_start": "train always goes on from where the network stands",
    **dict.fromkeys(
        ["init", "initializer", "kernel_initializer", "weight_init"],
        "weights are drawn to fit the activation; write others into them: net.weights[0][...] = W",
    ),
}
"""Notes on arguments that have no counterpart."""

VALUES = {
    "absolute_error": "mae l1 l1_loss mean_absolute_error",
    "binary_cross_entropy": "bce bce_loss bce_with_logits_loss binary_crossentropy log_loss",
    "cross_entropy": "ce nll nll_loss log_loss cross_entropy_loss softmax_cross_entropy "
    "categorical_crossentropy sparse_categorical_crossentropy",
    "exp": "exponential",
    "huber": "huber_loss smooth_l1 smooth_l1_loss",
    "identity": "linear none nonetype",
    "lbfgs": "bfgs l_bfgs_b",
    "leaky_relu": "lrelu",
    "loss": "train_loss training_loss",
    "poisson": "poisson_loss poisson_nll_loss",
    "quantile": "pinball pinball_loss",
    "relu": "rectifier rectified_linear",
    "sgd": "gd gradient_descent",
    "sigmoid": "logistic expit",
    "silu": "swish",
    "squared_error": "mse mse_loss l2 l2_loss mean_squared_error",
    "validation_loss": "val_loss",
    "validation_score": "val_score val_acc val_accuracy accuracy",
}

SCHEDULES = {
    "Cosine": "cosine_annealing cosine_decay",
    "InverseScaling": "invscaling",
    "OneCycle": "one_cycle_lr",
    "ReduceOnPlateau": "adaptive plateau reduce_lr_on_plateau",
    "StepDecay": "step step_lr",
}

_ESTIMATORS = "MLPClassifier and MLPRegressor of fastnn.sklearn"

OF_NETWORKS = {
    **dict.fromkeys(["fit", "partial_fit"], f"use train or train_batch, or {_ESTIMATORS}"),
    **dict.fromkeys(["get_params", "set_params"], f"the estimators are {_ESTIMATORS}"),
    **dict.fromkeys(["predict_proba", "forward"], "use predict, which gives the outputs"),
    **dict.fromkeys(["coefs_", "get_weights", "parameters"], "use weights and biases"),
    **dict.fromkeys(["set_weights", "load_state_dict"], "use MLP.from_arrays or from_state_dict"),
    **dict.fromkeys(
        ["history", "loss_", "loss_curve_", "n_iter_"], "use the History that train returns"
    ),
    **dict.fromkeys(["save_weights", "save_model"], "use save"),
    **dict.fromkeys(["load_weights", "load_model"], "use MLP.load"),
    "score": "use evaluate, whose result has the score",
    "intercepts_": "use biases",
    "eval": "predict leaves dropout out",
    "compile": "the loss is an argument of MLP, the optimizer one of train",
    "train_on_batch": "use train_batch",
}
"""Substitutes for methods and attributes of networks in other libraries."""

OF_HISTORIES = {
    "history": "use its lists, such as loss, or to_dict",
    "history_": "use its lists, such as loss, or to_dict",
    **dict.fromkeys(["val_loss", "val_accuracy"], "use validation_loss and validation_score"),
    "epoch": "epochs are counted from 1; its length is their number",
}
"""Substitutes for attributes of training histories in other libraries."""

OF_EVALUATIONS = dict.fromkeys(["accuracy", "r2"], "use score; metric tells which of the two it is")

_STOP = "return True from the callback to stop"

OF_STEPS = {
    "val_loss": "use validation_loss",
    **dict.fromkeys(["val_accuracy", "val_score", "accuracy"], "use validation_score"),
    **dict.fromkeys(["lr", "rate"], "use learning_rate"),
    **dict.fromkeys(["stop", "stop_training"], _STOP),
}

SETTINGS = {
    "class_names": "classes class_labels label_names",
    "input_scaling": "scaling scaler input_scaler normalization standardization preprocessing",
}
"""Attributes of networks that can be assigned to, and their names in other libraries."""

NO_SETTINGS = {
    **dict.fromkeys(["coefs_", "intercepts_"], "write into weights and biases"),
    "stop_training": _STOP,
}
"""Attributes that cannot be assigned to networks, and what to do instead."""


def for_value(value: Any, known: Iterable[str]) -> str:
    """Suggest, at the end of a message, which of the known names a value may mean."""
    return _did_you_mean(map(repr, _similar(value, known, VALUES)))


def for_schedule(value: Any) -> str:
    """Suggest a schedule for a learning rate that is neither a number nor a schedule."""
    return _did_you_mean(f"{name}(...)" for name in _similar(value, SCHEDULES, SCHEDULES))


def for_argument(given: str, taken: Iterable[str], others: Mapping[str, Iterable[str]]) -> str:
    """Suggest an argument for one that a function does not take.

    Parameters
    ----------
    given : str
        The unknown argument.
    taken : iterable of str
        The arguments of the function.
    others : dict of str to iterable of str
        The arguments of other functions, by their names.
    """
    taken = list(taken)
    if similar := _similar_arguments(given, taken):
        return _did_you_mean(similar)
    for function, arguments in others.items():
        if given in arguments:
            return f": it is an argument of {function}()"
        if similar := _similar_arguments(given, arguments):
            return f": {function}() takes {' and '.join(similar)}"
    return f": {NOTES[given]}" if given in NOTES else _did_you_mean(_close(given, taken))


def for_setting(given: str, others: Mapping[str, Iterable[str]]) -> str:
    """Suggest what to do instead of assigning an unknown attribute to a network.

    The result is empty for a name that is similar to no setting and to no argument.

    Parameters
    ----------
    given : str
        The attribute.
    others : dict of str to iterable of str
        The arguments of functions, by their names.
    """
    if names := _names_here(given, SETTINGS):
        return _did_you_mean(names)
    if given in NO_SETTINGS:
        return f": {NO_SETTINGS[given]}"
    return for_argument(given, (*SETTINGS, "threshold"), others)


def for_misspelled_setting(given: str) -> str:
    """Suggest a setting of networks, but only for a name that is nearly that of the setting."""
    equal = [name for name in SETTINGS if _plain(name) == _plain(given)]
    return _did_you_mean(equal or _close(given, SETTINGS, cutoff=0.92))


def for_step(given: str) -> str:
    """Suggest what to do instead of assigning an unknown attribute to a `Step`."""
    if given in OF_STEPS:
        return f": {OF_STEPS[given]}"
    return _did_you_mean(_similar(given, ["learning_rate"], ARGUMENTS))


def _similar_arguments(given: str, taken: Iterable[str]) -> list[str]:
    taken = list(taken)
    here = _names_here(given, ARGUMENTS)
    return (
        [name for name in taken if _plain(name) == _plain(given)]
        or [name for name in here if name.partition("=")[0] in taken]
        # A function may use another library's name, and be given fastnn's or a third library's.
        or [name for name in taken if {given, *here} & set(_names_here(name, ARGUMENTS))]
    )


def _similar(value: Any, known: Iterable[str], table: Mapping[str, str]) -> list[str]:
    """Return the known names that are similar to a string, or to the name of an object or type."""
    known = list(known)
    is_name = isinstance(value, str)
    name = value if is_name else getattr(value, "__name__", type(value).__name__)
    return (
        [k for k in known if _plain(k) == _plain(name)]
        or [k for k in _names_here(name, table) if k in known]
        or (_close(name, known) if is_name else [])
    )


def _names_here(name: str, table: Mapping[str, str]) -> list[str]:
    """Return fastnn's names for what other libraries call ``name``."""
    return [here for here, there in table.items() if _plain(name) in map(_plain, there.split())]


def _close(name: str, known: Iterable[str], cutoff: float = 0.7) -> list[str]:
    from difflib import get_close_matches  # seldom needed

    return get_close_matches(name.lower(), list(known), n=1, cutoff=cutoff)


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def _did_you_mean(names: Iterable[str]) -> str:
    text = " or ".join(names)
    return f": did you mean {text}?" if text else ""
