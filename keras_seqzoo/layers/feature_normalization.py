"""Features with mean 0 and deviation 1, of a training set or of one utterance."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class FeatureNormalization(keras.layers.Layer):
    """Features less their mean, by their deviation: two weights that `fit` leaves.

    (Keras' `Normalization` has them too, but reads new ones only when it is built.)

    Call: `(..., features)`. Returns the same shape.
    """

    def build(self, input_shape: tuple) -> None:
        size = (input_shape[-1],)
        options = {"shape": size, "trainable": False}
        self.mean = self.add_weight(name="mean", initializer="zeros", **options)
        self.deviation = self.add_weight(
            name="deviation", initializer="ones", **options
        )

    def call(self, features: Any) -> Any:
        return (features - self.mean) / self.deviation

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape


def normalized_utterance(frames: Any, mask: Any) -> Any:
    """Features with mean 0 and deviation 1 over the steps that are there.

    Args:
        frames: `(batch, time, features)`.
        mask: Booleans `(batch, time)`, false at padding.

    Returns:
        The same shape.
    """
    there = ops.cast(mask, frames.dtype)[..., None]
    count = ops.maximum(ops.sum(there, axis=1, keepdims=True), 1.0)
    x = frames - ops.sum(frames * there, axis=1, keepdims=True) / count
    variance = ops.sum(ops.square(x) * there, axis=1, keepdims=True) / count
    return x / ops.sqrt(variance + 1e-5)
