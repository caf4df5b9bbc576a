"""Attention: from scores of source steps to their weighted mean."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_seqzoo.arguments import positive_integer
from keras_seqzoo.layers.call_arguments import fits

SCORES = ("dot", "scaled_dot", "general", "concat", "additive")
OF_EQUAL_SIZES = ("dot", "scaled_dot")


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class Attention(keras.layers.Layer):
    """What each target step sees of the source.

        e_ts = score(h_t, h_s)
        a_t  = softmax(e_t) over the source steps that are there
        c_t  = Σ_s a_ts h_s

    Scores by name, h_t the query and h_s the value:

        dot         h_t . h_s
        scaled_dot  h_t . h_s / √size
        general     h_t . W h_s
        concat      v . tanh(W h_t + U h_s), which is v . tanh([W U] [h_t; h_s])
        additive    v . tanh(W h_t + U h_s + b)

    Args:
        score: One of these names, or a function of query `(batch, steps, size)` and
            values `(batch, source_steps, size)` whose scores are `(batch, steps,
            source_steps)`.
        units: Size of the hidden layer of "concat" and "additive"; by default the
            query's size. Other scores have none.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: There is no such score; or a score of equal sizes has unequal ones;
            or query, values, mask or a function's scores have other shapes.

    Call: query `(batch, steps, size)`, or of one step `(batch, size)`; values
    `(batch, source_steps, size)`; `mask`, booleans `(batch, source_steps)`, by default
    the one that Keras keeps with the values. Returns the context
    `(batch, steps, size)` and the weights `(batch, steps, source_steps)`, without
    steps if the query has none; both are 0 in a row without a source step.

    Source: Luong et al. 2015, Effective Approaches to Attention-based Neural Machine
    Translation, arXiv 1508.04025, section 3.1; additive: Bahdanau et al. 2015, arXiv
    1409.0473; scaled: Vaswani et al. 2017, arXiv 1706.03762.
    """

    def __init__(
        self, score: str | Callable = "dot", units: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not callable(score) and score not in SCORES:
            raise ValueError(
                f"`score` must be one of {', '.join(SCORES)}, or a function. "
                f"Received: score={score!r}"
            )
        self.score = score
        self.has_hidden = score in ("concat", "additive")
        if units is not None:
            units = positive_integer("units", units)
            if not self.has_hidden:
                raise ValueError(
                    "`units` must be left out: only concat and additive have a hidden "
                    f"layer. Received: units={units}, score={score!r}"
                )
        self.units = units

    def build(self, query_shape: tuple, values_shape: tuple) -> None:
        query_size, size = query_shape[-1], values_shape[-1]
        if self.score in OF_EQUAL_SIZES and query_size != size:
            raise ValueError(
                f"The {self.score} score needs a query of the values' size, {size}. "
                f"Received: query size {query_size}"
            )
        if self.score == "general":
            self.key_kernel = self._kernel("key_kernel", (size, query_size))
        if self.has_hidden:
            units = self.units or query_size
            self.query_kernel = self._kernel("query_kernel", (query_size, units))
            self.key_kernel = self._kernel("key_kernel", (size, units))
            self.score_kernel = self._kernel("score_kernel", (units, 1))
        if self.score == "additive":
            self.bias = self.add_weight(
                name="bias", shape=(units,), initializer="zeros"
            )
        self.built = True

    def _kernel(self, name: str, shape: tuple) -> keras.Variable:
        return self.add_weight(name=name, shape=shape, initializer="glorot_uniform")

    def keys(self, values: Any) -> Any:
        """What the scores read of the values, the same for all queries."""
        if self.score == "general" or self.has_hidden:
            keys = ops.matmul(values, self.key_kernel)
            return keys + self.bias if self.score == "additive" else keys
        return values

    def attend(self, query: Any, values: Any, keys: Any, mask: Any = None) -> tuple:
        """As the call, with the `keys` of these values computed beforehand."""
        if self.has_hidden:
            query = ops.matmul(query, self.query_kernel)
        one_step = len(query.shape) == 2
        query = ops.expand_dims(query, 1) if one_step else query
        scores = self._scores(query, keys)  # (batch, steps, source_steps)
        mask = None if mask is None else ops.expand_dims(mask, 1)
        weights = attention_weights(scores, mask)
        context = ops.matmul(weights, values)
        if one_step:
            return ops.squeeze(context, 1), ops.squeeze(weights, 1)
        return context, weights

    def _scores(self, query: Any, keys: Any) -> Any:
        if callable(self.score):
            scores = self.score(query, keys)
            _check_shape(
                "The scores of `score`", scores, (*query.shape[:2], keys.shape[1])
            )
            return scores
        if not self.has_hidden:
            if self.score == "scaled_dot":
                query = query / query.shape[-1] ** 0.5
            return ops.matmul(query, ops.swapaxes(keys, 1, 2))
        hidden = ops.tanh(ops.expand_dims(query, 2) + ops.expand_dims(keys, 1))
        # (A product of rank 4 has a gradient that XLA cannot compile in a loop.)
        return ops.sum(hidden * self.score_kernel[:, 0], axis=-1)

    def call(
        self, query: Any, values: Any, mask: Any = None, values_mask: Any = None
    ) -> tuple[Any, Any]:
        # (Of two tensors Keras fills in `values_mask`, never `mask`.)
        mask = values_mask if mask is None else mask
        if len(query.shape) != 2:
            _check_shape("`query`", query, (None, None, None))
        _check_shape("`values`", values, (None, None, None))
        if mask is not None:
            _check_shape("`mask`", mask, (None, values.shape[1]))
        return self.attend(query, values, self.keys(values), mask)

    def compute_mask(self, *args: Any, **kwargs: Any) -> tuple[None, None]:
        return None, None

    def compute_output_shape(self, query_shape: tuple, values_shape: tuple) -> tuple:
        steps = tuple(query_shape[:-1])
        return (*steps, values_shape[-1]), (*steps, values_shape[1])

    def get_config(self) -> dict[str, Any]:
        score = self.score
        if callable(score):
            score = keras.saving.serialize_keras_object(score)
        return {**super().get_config(), "score": score, "units": self.units}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Attention":
        if not isinstance(config["score"], str):
            score = keras.saving.deserialize_keras_object(config["score"])
            config = {**config, "score": score}
        return cls(**config)


def _check_shape(name: str, tensor: Any, wanted: tuple) -> None:
    """ValueError unless the shapes are the same where both are known."""
    if not fits(tuple(tensor.shape), wanted):
        raise ValueError(
            f"{name} must have the shape {wanted}. Received: {tuple(tensor.shape)}"
        )


def attention_weights(scores: Any, mask: Any = None) -> Any:
    """Softmax of scores `(..., source_steps)` over the steps that are there.

    Args:
        scores: Of any dtype; computed with in float32.
        mask: Of a shape that broadcasts to that of the scores, true (or 1) where a step
            counts.

    Returns:
        Weights of the scores' shape and dtype; where no step counts all are 0.
    """
    x = ops.cast(scores, "float32")
    if mask is not None:
        mask = ops.cast(mask, "float32")
        x = x * mask - 1e9 * (1.0 - mask)
    # (ops.softmax warns of sequences of one step.)
    shares = ops.exp(x - ops.max(x, axis=-1, keepdims=True))
    if mask is not None:
        shares = shares * mask
    total = ops.maximum(ops.sum(shares, axis=-1, keepdims=True), 1e-9)
    return ops.cast(shares / total, scores.dtype)
