"""A recurrent decoder that attends to the source before each of its steps."""

from typing import Any, ClassVar

import keras
from keras import ops

from keras_seqzoo.layers.attention import Attention
from keras_seqzoo.layers.recurrent_decoder import RecurrentDecoder


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class BahdanauDecoder(RecurrentDecoder):
    """Bahdanau attention before a stack of cells.

        c_t = attention(s_{t-1}, source)
        s_t = cells([y_{t-1}; c_t], s_{t-1})
        output = tanh(W [s_t; y_{t-1}; c_t] + b)

    s_{t-1} is the first state of the last layer. (The paper's output layer is maxout.)

    Args:
        *args: Those of `RecurrentDecoder`.
        score: As of `Attention`; in the paper "additive".
        attention_units: Size of the score's hidden layer; by default that of s.
        **kwargs: Those of `RecurrentDecoder`.

    Call: as of `RecurrentDecoder`.

    Source: Bahdanau et al. 2015, arXiv 1409.0473, section 3.1 and appendix A.2.2.
    """

    attends: ClassVar[bool] = True

    def __init__(
        self,
        *args: Any,
        score: str = "additive",
        attention_units: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        policy = {"dtype": self.dtype_policy}
        self.attention = Attention(score, attention_units, name="attention", **policy)
        self.combine = keras.layers.Dense(
            self.size, activation="tanh", name="combine", **policy
        )

    def read_size(self, word_size: int, source_size: int) -> int:
        return word_size + source_size

    def build_step(self, word_size: int, source_size: int) -> None:
        query_size = self.state_sizes[-1][0]
        self.attention.build((None, query_size), (None, None, source_size))
        self.combine.build((None, self.output_size + word_size + source_size))

    def begin_step(self, source: Any, mask: Any) -> tuple[list, list]:
        return [source, self.attention.keys(source), mask], []

    def dropped_sizes(self, source_size: int) -> list[int]:
        return [source_size]

    def step(
        self, word: Any, states: list, own: list, fixed: list, masks: list
    ) -> tuple:
        context, weights = self.attention.attend(states[-1][0], *fixed)
        seen = context * masks[-1] if masks else context
        s, states = self.through_cells(
            ops.concatenate([word, seen], axis=-1), states, masks
        )
        return ops.concatenate([s, context], axis=-1), states, own, weights

    def finished(self, outputs: Any, words: Any) -> Any:
        s, context = (
            outputs[..., : self.output_size],
            outputs[..., self.output_size :],
        )
        return self.combine(ops.concatenate([s, words, context], axis=-1))

    def get_config(self) -> dict[str, Any]:
        config = {
            "score": self.attention.score,
            "attention_units": self.attention.units,
        }
        return {**super().get_config(), **config}
