"""The examples that are not trained on, but tell how good the network is."""

import numpy as np

from .arrays import Array


def split(
    n_examples: int, fraction: float, labels: Array | None, generator: "np.random.Generator"
) -> tuple[Array, Array]:
    """Rows to train on and rows to hold out, both ascending.

    If the examples have labels, each label has its part of both, to within one example.
    """
    n_held_out = round(fraction * n_examples)
    if not 0 < n_held_out < n_examples:
        raise ValueError(
            "validation_fraction must leave an example at least on both sides, got "
            f"{fraction} of {n_examples}"
        )
    drawn = generator.permutation(n_examples)
    if labels is not None:
        drawn = drawn[np.argsort(labels[drawn], kind="stable")]
        # Evenly spaced places in the order by labels.
        places = (np.arange(n_held_out) * 2 + 1) * n_examples // (2 * n_held_out)
    else:
        places = np.arange(n_held_out)
    is_held_out = np.zeros(n_examples, bool)
    is_held_out[drawn[places]] = True
    return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)
