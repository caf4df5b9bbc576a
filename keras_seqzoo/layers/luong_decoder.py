"""A recurrent decoder that attends to the source after each of its steps."""

from typing import Any, ClassVar

import keras
from keras import ops

from keras_seqzoo.arguments import truth
from keras_seqzoo.layers.attention import Attention
from keras_seqzoo.layers.recurrent_decoder import RecurrentDecoder


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class LuongDecoder(RecurrentDecoder):
    """Luong attention over a stack of cells.

        h_t  = cells([y_{t-1}; h~_{t-1}], h_{t-1})     without input feeding: cells(y)
        c_t  = attention(h_t, source)
        h~_t = tanh(W_c [c_t; h_t])

    Args:
        *args: Those of `RecurrentDecoder`.
        score: As of `Attention`; in the paper "dot", "general" and "concat".
        input_feeding: Whether the cells read h~ of the step before.
        **kwargs: Those of `RecurrentDecoder`.

    Call: as of `RecurrentDecoder`; returns h~.

    Source: Luong et al. 2015, arXiv 1508.04025, sections 3.1 and 3.3.
    """

    attends: ClassVar[bool] = True

    def __init__(
        self,
        *args: Any,
        score: str = "general",
        input_feeding: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.input_feeding = truth("input_feeding", input_feeding)
        policy = {"dtype": self.dtype_policy}
        self.attention = Attention(score, name="attention", **policy)
        self.combine = keras.layers.Dense(
            self.size, activation="tanh", use_bias=False, name="combine", **policy
        )

    def read_size(self, word_size: int, source_size: int) -> int:
        return word_size + (self.size if self.input_feeding else 0)

    def build_step(self, word_size: int, source_size: int) -> None:
        self.attention.build((None, self.output_size), (None, None, source_size))
        self.combine.build((None, source_size + self.output_size))

    def begin_step(self, source: Any, mask: Any) -> tuple[list, list]:
        none = ops.zeros_like(source[:, 0, :1])
        fed = none + ops.zeros((1, self.size), none.dtype)
        return [source, self.attention.keys(source), mask], [fed]

    def dropped_sizes(self, source_size: int) -> list[int]:
        return [self.size] if self.input_feeding else []

    def step(
        self, word: Any, states: list, own: list, fixed: list, masks: list
    ) -> tuple:
        if self.input_feeding:
            fed = own[0] * masks[-1] if masks else own[0]
            word = ops.concatenate([word, fed], axis=-1)
        h, states = self.through_cells(word, states, masks)
        context, weights = self.attention.attend(h, *fixed)  # (batch, source_size)
        output = self.combine(ops.concatenate([context, h], axis=-1))
        return output, states, [output], weights

    def get_config(self) -> dict[str, Any]:
        config = {"score": self.attention.score, "input_feeding": self.input_feeding}
        return {**super().get_config(), **config}
