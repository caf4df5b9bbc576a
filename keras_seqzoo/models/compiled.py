"""A model's own functions as graphs."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf


def compiled(call: Callable, signature: Sequence[Any]) -> Callable:
    """`tf.function` of what one model computes, traced once.

    TensorFlow counts how often it traces the same Python code, and warns. Models of a
    class share their methods' code, so five of them would be one function that is
    traced again and again; a partial has none to be counted by.
    """
    return tf.function(
        functools.partial(call), input_signature=signature, autograph=False
    )
