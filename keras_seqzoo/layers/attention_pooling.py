"""A sequence as the mean of its steps, each weighed by attention."""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.arguments import positive_integer


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class AttentionPooling(keras.layers.Layer):
    """`sum_t w_t x_t` with `w = softmax(v . tanh(W x_t + b))` over the steps.

    Args:
        units: Positive integer, the size of the scores' hidden layer.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call: inputs `(batch, time, features)`; `mask`, booleans `(batch, time)`: steps
    that are not there have the weight 0. Returns the mean `(batch, features)` and the
    weights `(batch, time)`; of a row without a step both are 0.

    Source: Yang et al. 2016, Hierarchical Attention Networks for Document
    Classification, section 2.2.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = positive_integer("units", units)
        self.hidden = keras.layers.Dense(
            self.units, activation="tanh", name="hidden", dtype=self.dtype_policy
        )
        self.score = keras.layers.Dense(
            1, use_bias=False, name="score", dtype=self.dtype_policy
        )
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        self.hidden.build(input_shape)
        self.score.build((*input_shape[:-1], self.units))
        self.built = True

    def call(self, inputs: Any, mask: Any = None) -> tuple[Any, Any]:
        scores = ops.cast(self.score(self.hidden(inputs)), "float32")
        if mask is not None:
            scores = ops.where(mask[..., None], scores, -1e9)
        # (ops.softmax warns of sequences of one step.)
        shares = ops.exp(scores - ops.max(scores, axis=1, keepdims=True))
        if mask is not None:
            shares *= ops.cast(mask, "float32")[..., None]
        total = ops.maximum(ops.sum(shares, axis=1, keepdims=True), 1e-9)
        weights = ops.cast(shares / total, inputs.dtype)  # (batch, time, 1)
        return ops.sum(weights * inputs, axis=1), weights[..., 0]

    def compute_mask(self, inputs: Any, previous_mask: Any) -> tuple[None, None]:
        return None, None

    def compute_output_shape(self, input_shape: tuple) -> tuple[tuple, tuple]:
        return (input_shape[0], input_shape[-1]), tuple(input_shape[:2])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}
