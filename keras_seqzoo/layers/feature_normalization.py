"""Features with mean 0 and deviation 1, by what was seen of a training set."""

from typing import Any

import keras


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
