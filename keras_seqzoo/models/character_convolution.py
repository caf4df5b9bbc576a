"""The convolution along words' characters."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class CharacterConvolution(keras.layers.Conv2D):
    """A `keras.layers.Conv2D` with padding "same" that takes a batch of no row too.

    Call: `(batch, length, word_length, channels)`; returns `(batch, length,
    word_length, filters)`.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        outputs = super().convolution_op(inputs, kernel)
        # TensorFlow's convolution of nothing (oneDNN's, on CPUs) has the channels of
        # its input instead of its own.
        return ops.reshape(outputs, (*ops.shape(inputs)[:-1], self.filters))
