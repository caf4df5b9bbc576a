"""Gradients that have none of their own, and say so."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

# XLA knows no error of ours, but names the operator that it cannot compile.
_NAME_UNDER_XLA = "gradients_of_the_first_order_only.build_the_layer_with_unroll_True"


def first_order(
    gradients: Callable, upstream: Sequence[Any], arguments: Sequence[Any]
) -> Any:
    """`gradients(upstream, arguments)`, which refuse gradients of their own."""

    @ops.custom_gradient
    def first(*values):
        frozen = [ops.stop_gradient(value) for value in values]
        found = gradients(frozen[: len(upstream)], frozen[len(upstream) :])

        def second(*_, **__):
            return tuple(map(_no_second_order, values))

        return found, second

    return first(*upstream, *arguments)


def _no_second_order(like):
    """In place of a second derivative: an error, once it is computed."""
    message = (
        "the layer's compiled loops have gradients of the first order only; for "
        "gradients of gradients build the layer with unroll=True"
    )
    if keras.backend.backend() != "tensorflow":
        raise ValueError(message)
    import tensorflow as tf

    def fail():
        raise ValueError(message)

    # Not now: a persistent tape asks for it and then never runs it.
    found = tf.numpy_function(
        fail, [], like.dtype, stateful=False, name=_NAME_UNDER_XLA
    )
    return tf.ensure_shape(found, like.shape)
