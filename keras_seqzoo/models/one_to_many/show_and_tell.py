"""Show and Tell: a picture starts the decoder."""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.layers.picture_start_decoder import PictureStartDecoder
from keras_seqzoo.models.one_to_many.captioner import Captioner
from keras_seqzoo.registry import register


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class ShowAndTell(Captioner):
    """A `Captioner` whose decoder reads the picture as the word before the first.

    Args, input and output: those of `Captioner`. The picture is the mean of the
    encoder's grid.

    Source: Vinyals et al. 2015, Show and Tell: A Neural Image Caption Generator, arXiv
    1411.4555.
    """

    @classmethod
    def make_decoder(cls, config: dict[str, Any]) -> keras.layers.Layer:
        return PictureStartDecoder(
            config["cell"],
            config["units"],
            config["cell_arguments"],
            **config["decoder_arguments"],
            name="decoder",
        )

    @classmethod
    def pooled(cls, grid: Any) -> Any:
        return ops.mean(grid, axis=(1, 2))

    @classmethod
    def decode(cls, decoder: Any, picture: Any, words: Any, mask: Any) -> Any:
        return decoder(picture, words)

    @classmethod
    def begin(cls, decoder: Any, picture: Any, max_length: int) -> tuple[Any, list]:
        return [], decoder.begin(picture)

    @classmethod
    def follow(cls, decoder: Any, fixed: Any, word: Any, states: list) -> tuple:
        return decoder.step(word, states)


@register(pattern="one_to_many", cell="lstm")
def lstm_show_and_tell(**overrides: Any) -> ShowAndTell:
    """Captions by an LSTM that the picture starts (Vinyals et al. 2015)."""
    return ShowAndTell(**{"cell": "lstm", **overrides})


@register(pattern="one_to_many", cell="gru")
def gru_show_and_tell(**overrides: Any) -> ShowAndTell:
    """Captions by a GRU that the picture starts (Vinyals et al. 2015)."""
    return ShowAndTell(**{"cell": "gru", **overrides})


@register(pattern="one_to_many", cell="peephole_lstm")
def peephole_lstm_show_and_tell(**overrides: Any) -> ShowAndTell:
    """Captions by a peephole LSTM that the picture starts (Vinyals et al. 2015)."""
    return ShowAndTell(**{"cell": "peephole_lstm", **overrides})


@register(pattern="one_to_many", cell="coupled_lstm")
def coupled_lstm_show_and_tell(**overrides: Any) -> ShowAndTell:
    """Captions by a coupled LSTM that the picture starts (Vinyals et al. 2015)."""
    return ShowAndTell(**{"cell": "coupled_lstm", **overrides})
