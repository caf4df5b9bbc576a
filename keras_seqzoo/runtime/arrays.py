"""Users' arrays of numbers."""

from typing import Any

import numpy as np

from keras_seqzoo.arguments import received
from keras_seqzoo.errors import UserError


def real_array(values: Any, name: str) -> np.ndarray:
    """Values as a float32 array; an empty one `(0,)` of what is no array of numbers.

    Args:
        values: A user's.
        name: Of the values, for the message.

    Raises:
        UserError: They are complex: NumPy would drop their imaginary part.
    """
    try:
        if not np.iscomplexobj(np.asarray(values)):
            return np.asarray(values, np.float32)
    except (TypeError, ValueError):
        return np.empty(0, np.float32)
    raise UserError(f"{name} must be real numbers. Received: complex ones")


def shape_of(value: Any) -> str:
    """What was given, for the end of a message: an array's shape, or all of it."""
    shape = getattr(value, "shape", None)
    return received(value) if shape is None else f"Received: shape {shape}"
