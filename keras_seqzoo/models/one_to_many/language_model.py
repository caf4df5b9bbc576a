"""Language models: from the characters or words of a text the next one."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from keras_seqzoo.arguments import (
    different_characters,
    different_words,
    layer_count,
    positive_integer,
    text,
)
from keras_seqzoo.cells.recurrent_cell import rate
from keras_seqzoo.errors import UserError
from keras_seqzoo.models.example_rows import random_padding
from keras_seqzoo.models.recurrent_body import checked_cell_arguments, recurrent_body
from keras_seqzoo.models.streamed_step import SteppedModel
from keras_seqzoo.registry import register
from keras_seqzoo.runtime.language_model import TextGenerator
from keras_seqzoo.runtime.text_tokens import END_OF_LINE, FIRST_TOKEN, TextTokens


class LanguageModel(TextGenerator, SteppedModel):
    """A token embedding, a recurrent stack, and each token's chance to come next.

    Args:
        vocabulary: The known tokens; the first has id 1 (0 is the end of a line, and
            what a text begins after).
        cell: Name of the recurrent cell, as in `layers.recurrent_layer`.
        units: Units of each recurrent layer.
        num_layers: Number of recurrent layers.
        embedding_size: Size of the token embedding.
        dropout: Dropout rate of the embeddings, between the recurrent layers (both with
            one mask for all tokens of a text) and before the head: of the links that
            are not recurrent.
        cell_arguments: Further arguments of the recurrent layers.
        name: The model's name.

    Input: `{"tokens": (batch, length)}`, int32; an id outside the vocabulary counts as
    the end of a line. Output: logits `(batch, length, len(vocabulary) + 1)` of the
    token that follows each.

    Source: Zaremba et al. 2014, Recurrent Neural Network Regularization, arXiv
    1409.2329.
    """

    asset_keys: ClassVar[tuple[str, ...]] = ("vocabulary",)
    head_layers: ClassVar[tuple[str, ...]] = ("head",)
    head_arguments: ClassVar[tuple[str, ...]] = ()
    unit: ClassVar[str]

    def __init__(
        self,
        *,
        vocabulary: Sequence[str] = (),
        cell: str = "lstm",
        units: int = 200,
        num_layers: int = 1,
        embedding_size: int = 200,
        dropout: float = 0.2,
        cell_arguments: dict | None = None,
        name: str | None = "language_model",
    ) -> None:
        vocabulary = self.checked_vocabulary(vocabulary)
        cell = text("cell", cell)
        units = positive_integer("units", units)
        num_layers = layer_count(num_layers)
        embedding_size = positive_integer("embedding_size", embedding_size)
        dropout = rate("dropout", dropout)
        cell_arguments = checked_cell_arguments(cell_arguments)

        size = len(vocabulary) + FIRST_TOKEN
        tokens = keras.Input((None,), dtype="int32", name="tokens")
        known = ops.logical_and(tokens >= 0, tokens < size)
        x = keras.layers.Embedding(
            size,
            embedding_size,
            embeddings_initializer=keras.initializers.RandomUniform(-0.1, 0.1),
            name="token_embedding",
        )(ops.where(known, tokens, END_OF_LINE))
        x = keras.layers.SpatialDropout1D(dropout, name="embedding_dropout")(x)
        x = recurrent_body(
            x,
            cell=cell,
            units=units,
            num_layers=num_layers,
            bidirectional=False,
            dropout=dropout,
            cell_arguments=cell_arguments,
        )
        x = keras.layers.Dropout(dropout, name="head_dropout")(x)
        logits = keras.layers.Dense(size, name="head")(x)
        super().__init__(inputs=[tokens], outputs=logits, name=name)

        self.tokens = TextTokens(vocabulary, self.unit)
        self.config = {
            "vocabulary": vocabulary,
            "cell": cell,
            "units": units,
            "num_layers": num_layers,
            "embedding_size": embedding_size,
            "dropout": dropout,
            "cell_arguments": cell_arguments,
        }

    @classmethod
    def checked_vocabulary(cls, vocabulary: Sequence[str]) -> list[str]:
        """The tokens as a list; an error unless they are different tokens."""
        raise TypeError(f"{cls.__name__} must define `checked_vocabulary`.")

    def serve(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """`scores`, the logits of the token that follows each."""
        return {"scores": self(inputs, training=False)}

    def runtime_task(self) -> dict[str, Any]:
        return {"kind": "language_model", "unit": self.unit}

    def example_inputs(
        self, batch: int, length: int, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """Random ids with rows of several lengths, some outside the vocabulary."""
        rng = np.random.default_rng(seed)
        size = len(self.config["vocabulary"]) + FIRST_TOKEN
        tokens = rng.integers(FIRST_TOKEN, size + 1, (batch, length))
        tokens[random_padding(rng, batch, length)] = END_OF_LINE
        return {"tokens": tokens.astype("int32")}

    def example_targets(self, batch: int, length: int, seed: int = 0) -> np.ndarray:
        """The ids of `example_inputs` once more, and -1 at its padding."""
        tokens = self.example_inputs(batch, length, seed)["tokens"]
        known = tokens % (len(self.config["vocabulary"]) + FIRST_TOKEN)
        return np.where(tokens == END_OF_LINE, -1, known)


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class CharacterModel(LanguageModel):
    """A `LanguageModel` of characters.

    Source: the text prediction of Graves 2013, Generating Sequences With Recurrent
    Neural Networks, arXiv 1308.0850.
    """

    task: ClassVar[str] = "character_language_modelling"
    unit: ClassVar[str] = "character"

    @classmethod
    def checked_vocabulary(cls, vocabulary: Sequence[str]) -> list[str]:
        """Characters but for the end of a line."""
        characters = different_characters("vocabulary", vocabulary)
        if "\n" in characters:
            raise UserError(
                "`vocabulary` must be characters but for the end of a line, which has "
                "an id of its own. Received: '\\n'"
            )
        return characters

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Arguments of a very small instance, for tests."""
        return {**_TINY, "vocabulary": list(" |:ABCDEFGXK2")}


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class WordModel(LanguageModel):
    """A `LanguageModel` of words parted by spaces.

    Source: Zaremba et al. 2014, Recurrent Neural Network Regularization, arXiv
    1409.2329.
    """

    task: ClassVar[str] = "word_language_modelling"
    unit: ClassVar[str] = "word"

    @classmethod
    def checked_vocabulary(cls, vocabulary: Sequence[str]) -> list[str]:
        """Words without white space."""
        return different_words("vocabulary", vocabulary)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Arguments of a very small instance, for tests."""
        words = ["the", "market", "fell", "rose", "<unk>", "N"]
        return {**_TINY, "vocabulary": words}


_TINY = {"units": 8, "num_layers": 2, "embedding_size": 6}


@register(pattern="one_to_many", cell="simple_rnn")
def simple_rnn_character_model(**overrides: Any) -> CharacterModel:
    """Characters of a text by simple RNNs (Elman 1990)."""
    return CharacterModel(**{"cell": "simple_rnn", **overrides})


@register(pattern="one_to_many", cell="lstm")
def lstm_character_model(**overrides: Any) -> CharacterModel:
    """Characters of a text by LSTMs (Hochreiter & Schmidhuber 1997)."""
    return CharacterModel(**{"cell": "lstm", **overrides})


@register(pattern="one_to_many", cell="peephole_lstm")
def peephole_lstm_character_model(**overrides: Any) -> CharacterModel:
    """Characters of a text by peephole LSTMs (Gers & Schmidhuber 2000)."""
    return CharacterModel(**{"cell": "peephole_lstm", **overrides})


@register(pattern="one_to_many", cell="coupled_lstm")
def coupled_lstm_character_model(**overrides: Any) -> CharacterModel:
    """Characters of a text by coupled LSTMs (Greff et al. 2015)."""
    return CharacterModel(**{"cell": "coupled_lstm", **overrides})


@register(pattern="one_to_many", cell="gru")
def gru_character_model(**overrides: Any) -> CharacterModel:
    """Characters of a text by GRUs (Cho et al. 2014)."""
    return CharacterModel(**{"cell": "gru", **overrides})


@register(pattern="one_to_many", cell="clockwork_rnn")
def clockwork_rnn_character_model(**overrides: Any) -> CharacterModel:
    """Characters of a text by clockwork RNNs (Koutník et al. 2014)."""
    return CharacterModel(**{"cell": "clockwork_rnn", **overrides})


@register(pattern="one_to_many", cell="scrn")
def scrn_character_model(**overrides: Any) -> CharacterModel:
    """Characters of a text by SCRNs (Mikolov et al. 2014)."""
    return CharacterModel(**{"cell": "scrn", **overrides})


@register(pattern="one_to_many", cell="simple_rnn")
def simple_rnn_word_model(**overrides: Any) -> WordModel:
    """Words of a text by simple RNNs (Elman 1990)."""
    return WordModel(**{"cell": "simple_rnn", **overrides})


@register(pattern="one_to_many", cell="lstm")
def lstm_word_model(**overrides: Any) -> WordModel:
    """Words of a text by LSTMs (Hochreiter & Schmidhuber 1997)."""
    return WordModel(**{"cell": "lstm", **overrides})


@register(pattern="one_to_many", cell="peephole_lstm")
def peephole_lstm_word_model(**overrides: Any) -> WordModel:
    """Words of a text by peephole LSTMs (Gers & Schmidhuber 2000)."""
    return WordModel(**{"cell": "peephole_lstm", **overrides})


@register(pattern="one_to_many", cell="coupled_lstm")
def coupled_lstm_word_model(**overrides: Any) -> WordModel:
    """Words of a text by coupled LSTMs (Greff et al. 2015)."""
    return WordModel(**{"cell": "coupled_lstm", **overrides})


@register(pattern="one_to_many", cell="gru")
def gru_word_model(**overrides: Any) -> WordModel:
    """Words of a text by GRUs (Cho et al. 2014)."""
    return WordModel(**{"cell": "gru", **overrides})


@register(pattern="one_to_many", cell="clockwork_rnn")
def clockwork_rnn_word_model(**overrides: Any) -> WordModel:
    """Words of a text by clockwork RNNs (Koutník et al. 2014)."""
    return WordModel(**{"cell": "clockwork_rnn", **overrides})


@register(pattern="one_to_many", cell="scrn")
def scrn_word_model(**overrides: Any) -> WordModel:
    """Words of a text by SCRNs (Mikolov et al. 2014)."""
    return WordModel(**{"cell": "scrn", **overrides})
