"""What the cells with a linear recurrence share."""

from typing import Any

import keras
from keras import ops

# Arguments of `RecurrentCell` that need weights which read the previous state.
STATE_READING = (
    "recurrent_initializer",
    "recurrent_regularizer",
    "recurrent_constraint",
    "recurrent_dropout",
)


def wide(x: Any) -> Any:
    """x in float32 at least: a long recurrence needs its digits."""
    return ops.cast(x, keras.backend.result_type(x.dtype, "float32"))


def positive(v: Any) -> Any:
    """g(v) = v + 1/2 where v >= 0, else σ(v): above zero, as logarithms need it.

    Source: Feng et al. 2024, Were RNNs All We Needed?, arXiv 2410.01201, appendix B.
    """
    return ops.where(v >= 0, v + 0.5, ops.sigmoid(v))
