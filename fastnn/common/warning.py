"""Warnings that name the caller's line."""

import sys
import warnings

# Top-level packages that are not the caller: scikit-learn, and its joblib, call estimators.
_INTERNAL = ("fastnn", "sklearn", "joblib")


class TrainingWarning(UserWarning):
    """Warning of data, or a result of training, that usually indicate a mistake."""


def warn(message: str, category: type[Warning] = TrainingWarning) -> None:
    """Issue a warning that names the nearest line outside fastnn and scikit-learn.

    Parameters
    ----------
    message : str
    category : type of Warning, default TrainingWarning
    """
    # warnings.warn(skip_file_prefixes=...) does this from Python 3.12 on.
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in _INTERNAL:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
