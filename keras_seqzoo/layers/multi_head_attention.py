"""Scaled dot-product attention of several heads, whole or against stored steps."""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.arguments import positive_integer
from keras_seqzoo.layers.attention import attention_weights


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class MultiHeadAttention(keras.layers.Layer):
    """`concat_i(softmax(q_i k_i^T / √d) v_i) W_o + b_o` of query and memory.

    As `keras.layers.MultiHeadAttention`, with keys and values that can be kept: a
    search computes those of each word once.

    Args:
        heads: Number of heads i.
        size: Of the output, a multiple of heads; d = size / heads.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call: query `(batch, steps, size)`, memory `(batch, memory_steps, size)` and `mask`
    that broadcasts to `(batch, heads, steps, memory_steps)`, true (or 1) where a step
    may look. Returns `(batch, steps, size)` and weights
    `(batch, heads, steps, memory_steps)`.

    Source: Vaswani et al. 2017, Attention Is All You Need, arXiv 1706.03762, section
    3.2.
    """

    def __init__(self, heads: int, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = positive_integer("heads", heads)
        self.size = positive_integer("size", size)
        if size % heads:
            raise ValueError(
                f"`size` must be a multiple of the {heads} heads. Received: size={size}"
            )
        self.query, self.key, self.value, self.output_projection = (
            keras.layers.Dense(size, name=name, dtype=self.dtype_policy)
            for name in ("query", "key", "value", "output")
        )

    def build(self, query_shape: tuple, memory_shape: tuple) -> None:
        self.query.build(query_shape)
        self.key.build(memory_shape)
        self.value.build(memory_shape)
        self.output_projection.build((None, None, self.size))
        self.built = True

    def keys_values(self, memory: Any) -> tuple[Any, Any]:
        """Of `(batch, memory_steps, size)`, each `(batch, heads, memory_steps, d)`.

        The memory of one step may be `(batch, size)`.
        """
        return self._heads(self.key(memory)), self._heads(self.value(memory))

    def attend(self, query: Any, keys: Any, values: Any, mask: Any) -> tuple[Any, Any]:
        """As the call, of keys and values as `keys_values` gives them.

        Of a query of one step, `(batch, size)`, what is returned has no steps either.
        """
        q = self._heads(self.query(query)) / (self.size // self.heads) ** 0.5
        scores = ops.matmul(q, ops.swapaxes(keys, 2, 3))
        weights = attention_weights(scores, mask)  # (batch, heads, steps, memory_steps)
        seen = ops.matmul(weights, values)  # (batch, heads, steps, d)
        if len(query.shape) == 2:
            seen = ops.reshape(seen, (-1, self.size))
            return self.output_projection(seen), ops.squeeze(weights, 2)
        seen = ops.transpose(seen, (0, 2, 1, 3))
        seen = ops.reshape(seen, (-1, ops.shape(query)[1], self.size))
        return self.output_projection(seen), weights

    def call(self, query: Any, memory: Any, mask: Any = None) -> tuple[Any, Any]:
        return self.attend(query, *self.keys_values(memory), mask)

    def _heads(self, x: Any) -> Any:
        """`(batch, heads, steps, d)`."""
        d = self.size // self.heads
        if len(x.shape) == 2:
            return ops.reshape(x, (-1, self.heads, 1, d))
        x = ops.reshape(x, (-1, ops.shape(x)[1], self.heads, d))
        return ops.transpose(x, (0, 2, 1, 3))

    def compute_mask(self, *args: Any, **kwargs: Any) -> tuple[None, None]:
        return None, None

    def compute_output_shape(self, query_shape: tuple, memory_shape: tuple) -> tuple:
        batch, steps = query_shape[:2]
        weights = batch, self.heads, steps, memory_shape[1]
        return (batch, steps, self.size), weights

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "heads": self.heads, "size": self.size}
