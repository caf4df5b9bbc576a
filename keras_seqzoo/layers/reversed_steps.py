"""Sequences read from their end, with their padding still behind."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class ReversedSteps(keras.layers.Layer):
    """Each row's steps in the opposite order, padding not among them.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`.

    Call: x `(batch, steps, size)` and `mask`, floats `(batch, steps)`, 1 where there is
    a step, 0 at the padding behind. Returns x's shape; at padding what was there.

    Source: Sutskever et al. 2014, arXiv 1409.3215, section 3.3.
    """

    def call(self, x: Any, mask: Any) -> Any:
        batch, steps = ops.shape(mask)[:2]
        place = ops.arange(steps, dtype="int32")[None, :]
        lengths = ops.cast(ops.sum(mask, axis=1, keepdims=True), "int32")
        place = ops.where(place < lengths, lengths - 1 - place, place)
        row = ops.arange(batch, dtype="int32")[:, None] * steps
        flat = ops.reshape(x, (-1, x.shape[-1]))
        return ops.take(flat, row + place, axis=0)

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        return None

    def compute_output_shape(self, x_shape: tuple, *_: Any, **__: Any) -> tuple:
        return tuple(x_shape)
