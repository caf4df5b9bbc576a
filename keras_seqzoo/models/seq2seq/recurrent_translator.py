"""Translation by a recurrent encoder and a recurrent decoder."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_seqzoo.arguments import (
    layer_count,
    named_values,
    positive_integer,
    text,
    truth,
)
from keras_seqzoo.errors import UserError
from keras_seqzoo.layers.attention import OF_EQUAL_SIZES, SCORES
from keras_seqzoo.layers.bahdanau_decoder import BahdanauDecoder
from keras_seqzoo.layers.luong_decoder import LuongDecoder
from keras_seqzoo.layers.plain_decoder import PlainDecoder
from keras_seqzoo.layers.reversed_steps import ReversedSteps
from keras_seqzoo.layers.rnn_stack import RNNStack
from keras_seqzoo.models.recurrent_body import checked_cell_arguments
from keras_seqzoo.models.seq2seq.network import Network
from keras_seqzoo.models.seq2seq.translator import Translator, translator_arguments

DECODERS = {
    "plain": PlainDecoder,
    "luong": LuongDecoder,
    "bahdanau": BahdanauDecoder,
}


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class RecurrentTranslator(Translator):
    """An encoder that reads the sentence, and a decoder that writes another.

    Args:
        vocabulary, embedding_size, dropout, max_length, beams,
            length_penalty: As of `translator_arguments`.
        cell: Name of the decoder's cell, as in `layers.recurrent_layer`.
        encoder_cell: Of the encoder's; by default the decoder's.
        units: Units of each layer of the decoder.
        encoder_units: Of the encoder, of each direction; by default the decoder's.
        num_layers: Layers of both.
        bidirectional: Whether the encoder reads both ways.
        reverse_source: Whether the encoder reads the sentence from its end.
        decoder: "plain" (no attention), "luong" or "bahdanau".
        decoder_arguments: Further arguments of the decoder's layer: see
            `LuongDecoder` and `BahdanauDecoder`.
        cell_arguments: Further arguments of the decoder's recurrent layers, and of the
            encoder's if it has no cell of its own.
        encoder_cell_arguments: Those of an encoder with a cell of its own.
        name: The model's name.

    Input and output: those of `Translator`.

    Source: Sutskever et al. 2014, arXiv 1409.3215; Bahdanau et al. 2015, arXiv
    1409.0473; Luong et al. 2015, arXiv 1508.04025.
    """

    def __init__(
        self,
        *,
        vocabulary: Sequence[str] = (),
        cell: str = "lstm",
        encoder_cell: str | None = None,
        units: int = 384,
        encoder_units: int | None = None,
        num_layers: int = 1,
        embedding_size: int = 256,
        bidirectional: bool = True,
        reverse_source: bool = False,
        decoder: str = "luong",
        decoder_arguments: dict | None = None,
        dropout: float = 0.3,
        cell_arguments: dict | None = None,
        encoder_cell_arguments: dict | None = None,
        max_length: int = 80,
        beams: int = 4,
        length_penalty: float = 1.0,
        name: str | None = "recurrent_translator",
    ) -> None:
        if decoder not in DECODERS:
            raise UserError(
                f"`decoder` must be one of {', '.join(DECODERS)}. "
                f"Received: decoder={decoder!r}"
            )
        units = positive_integer("units", units)
        config = {
            **translator_arguments(
                vocabulary=vocabulary,
                embedding_size=embedding_size,
                dropout=dropout,
                max_length=max_length,
                beams=beams,
                length_penalty=length_penalty,
            ),
            "cell": text("cell", cell),
            "encoder_cell": None
            if encoder_cell is None
            else text("encoder_cell", encoder_cell),
            "units": units,
            "encoder_units": units
            if encoder_units is None
            else positive_integer("encoder_units", encoder_units),
            "num_layers": layer_count(num_layers),
            "bidirectional": truth("bidirectional", bidirectional),
            "reverse_source": truth("reverse_source", reverse_source),
            "decoder": decoder,
            "decoder_arguments": named_values(
                "decoder_arguments", decoder_arguments or {}
            ),
            "cell_arguments": checked_cell_arguments(cell_arguments),
            "encoder_cell_arguments": checked_cell_arguments(encoder_cell_arguments),
        }
        _check_score(config)
        super().__init__(RecurrentNetwork(config), config, name)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Arguments of a very small instance, for tests."""
        return {
            "vocabulary": [" a", " dog", " ein", " Hund", "s", "."],
            "units": 6,
            "encoder_units": 5,
            "embedding_size": 4,
            "max_length": 5,
            "beams": 2,
        }


def _check_score(config: dict[str, Any]) -> None:
    """UserError for a score that cannot be kept, or not be computed of these sizes."""
    score = config["decoder_arguments"].get("score")
    if score is not None and not isinstance(score, str):
        raise UserError(
            f"`decoder_arguments` must have as score one of {', '.join(SCORES)}: a "
            f"function cannot be kept with a translator. Received: score={score!r}"
        )
    own = config["cell_arguments"] or config["encoder_cell_arguments"]
    directions = 2 if config["bidirectional"] else 1
    size = directions * config["encoder_units"]
    # (Arguments of cells can give another size; then the decoder says so.)
    if score in OF_EQUAL_SIZES and config["units"] != size and not own:
        raise UserError(
            f"`units` must be {directions} x `encoder_units` for the score {score}. "
            f"Received: units={config['units']}, encoder_units="
            f"{config['encoder_units']}, bidirectional={config['bidirectional']}"
        )


class RecurrentNetwork(Network):
    """The layers of a `RecurrentTranslator`.

    Args:
        config: Its arguments.
    """

    # After half an epoch of Multi30k the loss was 5.0 with 0.3, 5.4 with 0.06.
    initializer = keras.initializers.RandomNormal(stddev=0.25)

    def __init__(self, config: dict[str, Any]) -> None:
        own_cell = config["encoder_cell"] is not None
        arguments = "encoder_cell_arguments" if own_cell else "cell_arguments"
        self.reverse = None
        if config["reverse_source"]:
            self.reverse = ReversedSteps(name="reverse")
        self.encoder = RNNStack(
            config["encoder_cell"] or config["cell"],
            config["embedding_size"],
            config["encoder_units"],
            config["num_layers"],
            dropout=config["dropout"],
            bidirectional=config["bidirectional"],
            variational_dropout=True,
            cell_arguments=config[arguments],
            return_state=True,
            name="encoder",
        )
        self.decoder = DECODERS[config["decoder"]](
            config["cell"],
            config["units"],
            config["embedding_size"],
            config["num_layers"],
            config["dropout"],
            cell_arguments=config["cell_arguments"],
            **config["decoder_arguments"],
            name="decoder",
        )
        self.directions = 2 if config["bidirectional"] else 1
        self.drop = keras.layers.Dropout(config["dropout"], name="source_dropout")
        self.attends = self.decoder.attends

    def encode(self, source: Any, mask: Any) -> list:
        if self.reverse is not None:
            source = self.reverse(source, mask)
        outputs, states = self.encoder(source, mask=ops.greater(mask, 0.5))
        by_direction = [_cut(layer, self.directions) for layer in states]
        return [self.drop(outputs), mask, by_direction]

    def decode(self, encoded: list, words: Any) -> Any:
        return self.decoder(words, *encoded)

    def begin(self, encoded: list, max_length: int) -> tuple[list, list]:
        return self.decoder.begin(*encoded)

    def follow(self, word: Any, states: list, fixed: list) -> tuple[Any, list, Any]:
        return self.decoder.follow(word, states, fixed)


def _cut(states: list, parts: int) -> list[list]:
    """A list as so many lists of the same length."""
    size = len(states) // parts
    return [list(states[i * size : (i + 1) * size]) for i in range(parts)]
