"""Check and convert what users pass to a network; no other place does.

Every message has the form "NAME must be EXPECTED, got VALUE".
"""

from ..common.argument_checks import (
    answer,
    callback,
    check_takes_one,
    count,
    dropout,
    flag,
    is_integer,
    not_negative,
    number_between,
    one_of,
    path,
    positive,
)
from .arrays import check_unmasked, examples, finite_vector, one_or_more_examples, order
from .layers import GivenLayers, layers_of_arrays, layers_of_state_dict
from .learnable import check_reachable, warn_of_few_odd_rows, warn_of_one_class
from .names import Names, class_names, feature_names, target_names
from .networks import (
    Seed,
    activations,
    check_size,
    float_dtype,
    generator,
    kernel_dtype,
    layer_sizes,
    loss,
    too_large,
    with_defaults,
)
from .targets import (
    check_not_collapsed,
    check_range,
    check_weights,
    check_weights_of_parts,
    examples_and_targets,
    weights,
)
