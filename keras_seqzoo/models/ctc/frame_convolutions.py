"""The convolutions over frames, with which a recogniser takes fewer steps."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

WIDTH = 5


def frame_convolutions(
    x: Any, mask: Any, filters: int, strides: Sequence[int], dropout: float
) -> tuple[Any, Any]:
    """A convolution of width 5 for each stride, normalised, with ReLU and dropout.

    Args:
        x: `(batch, time, features)`, symbolic, 0 at padding.
        mask: Booleans `(batch, time)`, symbolic, false at padding.
        filters: Of each convolution.
        strides: Of each convolution.
        dropout: Dropout rate of what each gives.

    Returns:
        `(batch, steps, filters)` and its mask `(batch, steps)`: of each stride's steps
        every so many-th.
    """
    for i, stride in enumerate(strides):
        # (What "same" adds depends on the length, and so would the answer.)
        x = keras.layers.ZeroPadding1D(WIDTH // 2, name=f"padding_{i}")(x)
        x = keras.layers.Conv1D(
            filters, WIDTH, strides=stride, name=f"convolution_{i}"
        )(x)
        x = keras.layers.LayerNormalization(name=f"scale_{i}")(x)
        x = keras.layers.Activation("relu", name=f"activation_{i}")(x)
        x = keras.layers.Dropout(dropout, name=f"convolution_dropout_{i}")(x)
        mask = mask[:, ::stride]
        x = x * ops.cast(mask, x.dtype)[..., None]
    return x, mask
