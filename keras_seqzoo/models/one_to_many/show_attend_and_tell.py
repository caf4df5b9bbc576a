"""Show, Attend and Tell: each word looks at another part of the picture."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from keras_seqzoo.layers.attention_decoder import AttentionDecoder
from keras_seqzoo.models.one_to_many.captioner import Captioner
from keras_seqzoo.registry import register


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class ShowAttendAndTell(Captioner):
    """A `Captioner` whose decoder attends to the places of the encoder's grid.

    Args, input and output: those of `Captioner`; of the decoder's arguments
    `attention_units` and `doubly_stochastic` see `AttentionDecoder`.

    Source: Xu et al. 2015, Show, Attend and Tell: Neural Image Caption Generation with
    Visual Attention, arXiv 1502.03044 (soft attention).
    """

    searched_outputs: ClassVar[tuple[str, ...]] = ("tokens", "attention")
    projection_activation: ClassVar[str | None] = "relu"
    decoder_defaults: ClassVar[dict[str, Any]] = {
        "attention_units": 192,
        "doubly_stochastic": 0.5,
    }

    @classmethod
    def make_decoder(cls, config: dict[str, Any]) -> keras.layers.Layer:
        return AttentionDecoder(
            config["cell"],
            config["units"],
            cell_arguments=config["cell_arguments"],
            **config["decoder_arguments"],
            name="decoder",
        )

    @classmethod
    def pooled(cls, grid: Any) -> Any:
        _, rows, columns, channels = grid.shape
        return ops.reshape(grid, (-1, rows * columns, channels))

    @classmethod
    def decode(cls, decoder: Any, picture: Any, words: Any, mask: Any) -> Any:
        return decoder(picture, words, mask=mask)[0]

    @classmethod
    def begin(cls, decoder: Any, picture: Any, max_length: int) -> tuple[Any, list]:
        # What each word saw is gathered beside the decoder's own states.
        first = ops.zeros_like(picture[:, :, :1])  # (batch, places, 1)
        seen = ops.zeros((1, 1, max_length)) + first  # (batch, places, max_length)
        time = ops.zeros_like(picture[:, 0, :1])  # (batch, 1)
        states = [*decoder.begin(picture), seen, time]
        return [picture, decoder.key(picture)], states

    @classmethod
    def follow(cls, decoder: Any, fixed: Any, word: Any, states: list) -> tuple:
        *states, seen, time = states
        output, states, weights = decoder.step(word, states, *fixed)
        place = ops.arange(seen.shape[-1], dtype="float32")[None, :]
        now = ops.cast(ops.equal(place, time), "float32")  # (rows, max_length)
        seen = seen + ops.expand_dims(weights, -1) * ops.expand_dims(now, 1)
        return output, [*states, seen, time + 1.0]

    def further_outputs(self, states: list) -> dict[str, Any]:
        """`attention` (batch, max_length, rows, columns): what each word looked at."""
        seen = ops.transpose(states[-2], (0, 2, 1))
        side = self.parts["network"].output.shape[1]
        return {"attention": ops.reshape(seen, (-1, seen.shape[1], side, side))}

    def attention(
        self, images: Sequence[Any]
    ) -> list[tuple[str, list[tuple[str, np.ndarray]]]]:
        """Captions with what each word looked at.

        Args:
            images: As of `caption`.

        Returns:
            For each picture its caption, and each word with its weights
            `(rows, columns)`, float32, which sum to 1.

        Raises:
            UserError: One is no picture.
        """
        return [self.words.maps(one) for one in self._answers(images)]

    @property
    def attends(self) -> bool:
        """Whether `attention` can be asked for."""
        return True


@register(pattern="one_to_many", cell="lstm")
def lstm_show_attend_and_tell(**overrides: Any) -> ShowAttendAndTell:
    """Captions by an LSTM that attends to the picture (Xu et al. 2015)."""
    return ShowAttendAndTell(**{"cell": "lstm", **overrides})


@register(pattern="one_to_many", cell="gru")
def gru_show_attend_and_tell(**overrides: Any) -> ShowAttendAndTell:
    """Captions by a GRU that attends to the picture (Xu et al. 2015)."""
    return ShowAttendAndTell(**{"cell": "gru", **overrides})


@register(pattern="one_to_many", cell="peephole_lstm")
def peephole_lstm_show_attend_and_tell(**overrides: Any) -> ShowAttendAndTell:
    """Captions by a peephole LSTM that attends to the picture (Xu et al. 2015)."""
    return ShowAttendAndTell(**{"cell": "peephole_lstm", **overrides})


@register(pattern="one_to_many", cell="coupled_lstm")
def coupled_lstm_show_attend_and_tell(**overrides: Any) -> ShowAttendAndTell:
    """Captions by a coupled LSTM that attends to the picture (Xu et al. 2015)."""
    return ShowAttendAndTell(**{"cell": "coupled_lstm", **overrides})
