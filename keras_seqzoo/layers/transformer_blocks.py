"""The Transformer's blocks, for whole sequences and, of the decoder, word by word."""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_seqzoo.arguments import positive_integer, truth
from keras_seqzoo.layers.multi_head_attention import MultiHeadAttention


def positions(place: Any, size: int) -> Any:
    """The sinusoids of places.

        p(place)_i = sin(place / 10000^(2i / size)),  i < size / 2
        p(place)_{size/2 + i} = cos of the same

    (The paper takes sine and cosine in turn; that is another order of the features.)

    Args:
        place: Floats `(...)`, from 0.
        size: Even, that of the vectors.

    Returns:
        `(..., size)`, float32.

    Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.5.
    """
    i = ops.arange(size // 2, dtype="float32")
    angle = ops.expand_dims(place, -1) * ops.exp(-math.log(10000.0) * 2.0 * i / size)
    return ops.concatenate([ops.sin(angle), ops.cos(angle)], axis=-1)


class _Block(keras.layers.Layer):
    """What both blocks have: sub-layers with norm, dropout and a way around them.

    Pre-norm is `x + drop(f(norm(x)))`, post-norm `norm(x + drop(f(x)))`.
    """

    def __init__(
        self,
        size: int,
        heads: int,
        hidden_size: int,
        dropout: float = 0.0,
        pre_norm: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.size = positive_integer("size", size)
        self.heads = positive_integer("heads", heads)
        self.hidden_size = positive_integer("hidden_size", hidden_size)
        self.pre_norm = truth("pre_norm", pre_norm)
        policy = {"dtype": self.dtype_policy}
        self.drop = keras.layers.Dropout(dropout, **policy)
        self.self_attention = MultiHeadAttention(
            heads, size, name="self_attention", **policy
        )
        self.hidden = keras.layers.Dense(
            hidden_size, activation="relu", name="hidden", **policy
        )
        self.back = keras.layers.Dense(size, name="back", **policy)
        self.norms = [self._norm(name) for name in ("self_norm", "feed_norm")]

    def _norm(self, name: str) -> keras.layers.Layer:
        return keras.layers.LayerNormalization(
            epsilon=1e-5, name=name, dtype=self.dtype_policy
        )

    def build(self, x_shape: tuple, *_: Any, **__: Any) -> None:
        shape = (None, None, self.size)
        if x_shape[-1] != self.size:
            raise ValueError(
                f"A block of size {self.size} must read vectors of that size. "
                f"Received: shape {tuple(x_shape)}"
            )
        self.self_attention.build(shape, shape)
        self.hidden.build(shape)
        self.back.build((None, None, self.hidden_size))
        for norm in self.norms:
            norm.build(shape)
        self.built = True

    def _before(self, norm: keras.layers.Layer, x: Any) -> Any:
        return norm(x) if self.pre_norm else x

    def _around(
        self, norm: keras.layers.Layer, x: Any, f: Callable, training: bool
    ) -> Any:
        y = x + self.drop(f(self._before(norm, x)), training=training)
        return y if self.pre_norm else norm(y)

    def _feed_forward(self, x: Any) -> Any:
        return self.back(self.hidden(x))

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        return None

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "size": self.size,
            "heads": self.heads,
            "hidden_size": self.hidden_size,
            "dropout": self.drop.rate,
            "pre_norm": self.pre_norm,
        }


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class TransformerEncoderBlock(_Block):
    """Self-attention, then two dense layers.

    Args:
        size: Of the vectors.
        heads: Of the attention.
        hidden_size: Of the first dense layer, with ReLU.
        dropout: Dropout rate of what each sub-layer adds.
        pre_norm: Whether the norms stand before the sub-layers, or after the sums.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call: x `(batch, steps, size)`, `mask`, floats `(batch, steps)`, 1 where there is a
    step. Returns `(batch, steps, size)`.

    Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.1; pre-norm: Xiong et al.
    2020, arXiv 2002.04745.
    """

    def call(self, x: Any, mask: Any, training: bool = False) -> Any:
        mask = mask[:, None, None, :]

        def attend(x: Any) -> Any:
            return self.self_attention(x, x, mask=mask)[0]

        x = self._around(self.norms[0], x, attend, training)
        return self._around(self.norms[1], x, self._feed_forward, training)

    def compute_output_shape(self, x_shape: tuple, *_: Any, **__: Any) -> tuple:
        return tuple(x_shape)


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class TransformerDecoderBlock(_Block):
    """Self-attention to the words before, attention to the source, two dense layers.

    Args: as of `TransformerEncoderBlock`.

    Call: x `(batch, length, size)`, source `(batch, source_steps, size)` and `mask`,
    floats `(batch, source_steps)`. Returns `(batch, length, size)`.

    Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.1; pre-norm: Xiong et al.
    2020, arXiv 2002.04745.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.source_attention = MultiHeadAttention(
            self.heads, self.size, name="source_attention", dtype=self.dtype_policy
        )
        self.norms.append(self._norm("source_norm"))

    def build(self, x_shape: tuple, *_: Any, **__: Any) -> None:
        shape = (None, None, self.size)
        self.source_attention.build(shape, shape)
        super().build(x_shape)

    def call(self, x: Any, source: Any, mask: Any, training: bool = False) -> Any:
        place = ops.arange(ops.shape(x)[1])
        before = ops.cast(place[:, None] >= place[None, :], "float32")[None, None]
        own = *self.keys_values(x), before
        of_source = *self.source_keys_values(source), mask[:, None, None, :]
        return self.attend(x, own, of_source, training)[0]

    def keys_values(self, x: Any) -> tuple[Any, Any]:
        """Of words `(batch, length, size)`, or one, for the self-attention."""
        return self.self_attention.keys_values(self._before(self.norms[0], x))

    def source_keys_values(self, source: Any) -> tuple[Any, Any]:
        """Of the source `(batch, source_steps, size)`."""
        return self.source_attention.keys_values(source)

    def attend(
        self, x: Any, own: tuple, of_source: tuple, training: bool = False
    ) -> tuple[Any, Any]:
        """The block, of keys, values and mask of the words and of the source.

        Returns:
            `(batch, length, size)` and the weights of the source
            `(batch, heads, length, source_steps)`; of one word `x` `(batch, size)`
            both without the length.
        """
        weights = []

        def attend_to_words(x: Any) -> Any:
            return self.self_attention.attend(x, *own)[0]

        def attend_to_source(x: Any) -> Any:
            seen, found = self.source_attention.attend(x, *of_source)
            weights.append(found)
            return seen

        x = self._around(self.norms[0], x, attend_to_words, training)
        x = self._around(self.norms[2], x, attend_to_source, training)
        x = self._around(self.norms[1], x, self._feed_forward, training)
        return x, weights[0]

    def compute_output_shape(self, x_shape: tuple, *_: Any, **__: Any) -> tuple:
        return tuple(x_shape)
