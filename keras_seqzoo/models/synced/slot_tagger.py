"""Slot filling: one label for each word, by a deep recurrent network."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_seqzoo.arguments import (
    different_characters,
    different_words,
    layer_count,
    natural_number,
    positive_integer,
    strings,
    text,
    truth,
)
from keras_seqzoo.cells.recurrent_cell import rate
from keras_seqzoo.errors import UserError
from keras_seqzoo.models.compiled import compiled
from keras_seqzoo.models.example_rows import random_words
from keras_seqzoo.models.labels import label_names
from keras_seqzoo.models.recurrent_body import checked_cell_arguments, recurrent_body
from keras_seqzoo.models.word_features import LONGEST_WORD, word_features
from keras_seqzoo.models.zoo_model import ZooModel
from keras_seqzoo.preprocessing.words import PADDING, WordFrontEnd
from keras_seqzoo.registry import register
from keras_seqzoo.runtime.word_stream import WordStream
from keras_seqzoo.streaming import NotStreamable, carried_states, streamed_layers


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class SlotTagger(ZooModel):
    """Word embeddings and a character CNN, a recurrent stack, a label a word.

    Args:
        vocabulary: The known words, lower case, digits as 0; the first has id 2
            (0 is padding, 1 any other word).
        characters: The known characters; the first has id 2.
        labels: The labels' names, in the order of their ids.
        num_classes: Number of labels, instead of `labels` (they are then named
            label_0, label_1, ...).
        cell: Name of the recurrent cell, as in `layers.recurrent_layer`.
        units: Units of each recurrent layer and direction.
        num_layers: Number of recurrent layers.
        bidirectional: Whether the stack reads the sentence both ways; if not, a
            label depends on the words up to its own, and words can be streamed.
        embedding_size: Size of the word embedding; 0 for one-hot words.
        character_size: Size of the character embedding; 0 for no characters.
        character_filters: Filters of the character CNN, of width 3.
        word_length: Characters read of each word, at most `LONGEST_WORD`.
        dropout: Dropout rate of the embeddings, between the recurrent layers (both
            with one mask for all words of a sentence) and before the head.
        cell_arguments: Further arguments of the recurrent layers.
        name: The model's name.

    Inputs: `{"words": (batch, length), "characters": (batch, length,
    word_length)}`, int32; ids outside the vocabulary count as unknown. Output:
    logits `(batch, length, num_classes)`.

    Source: the bidirectional tagger of Mesnil et al. 2015, Using Recurrent Neural
    Networks for Slot Filling in Spoken Language Understanding, with the character
    CNN of Ma & Hovy 2016, arXiv 1603.01354.
    """

    asset_keys: ClassVar[tuple[str, ...]] = ("vocabulary", "characters", "labels")
    head_layers: ClassVar[tuple[str, ...]] = ("head",)
    task: ClassVar[str] = "slot_filling"
    label_unit: ClassVar[str] = "words"
    no_label: ClassVar[int | None] = -1

    def __init__(
        self,
        *,
        vocabulary: Sequence[str] = (),
        characters: Sequence[str] = (),
        labels: Sequence[str] | None = None,
        num_classes: int | None = None,
        cell: str = "peephole_lstm",
        units: int = 100,
        num_layers: int = 2,
        bidirectional: bool = True,
        embedding_size: int = 100,
        character_size: int = 24,
        character_filters: int = 50,
        word_length: int = 16,
        dropout: float = 0.25,
        cell_arguments: dict | None = None,
        name: str | None = "slot_tagger",
    ) -> None:
        # Arguments
        vocabulary = different_words("vocabulary", vocabulary)
        characters = different_characters("characters", characters)
        labels = label_names(labels, num_classes)
        cell = text("cell", cell)
        units = positive_integer("units", units)
        num_layers = layer_count(num_layers)
        bidirectional = truth("bidirectional", bidirectional)
        embedding_size = natural_number("embedding_size", embedding_size)
        character_size = natural_number("character_size", character_size)
        character_filters = positive_integer("character_filters", character_filters)
        word_length = positive_integer("word_length", word_length, LONGEST_WORD)
        dropout = rate("dropout", dropout)
        cell_arguments = checked_cell_arguments(cell_arguments)

        # Layers
        preprocessor = WordFrontEnd(vocabulary, characters, word_length)
        head = keras.layers.Dense(len(labels), name="head")

        # Functional graph
        inputs, x, mask = word_features(
            vocabulary,
            characters,
            embedding_size,
            character_size,
            character_filters,
            word_length,
        )
        x = keras.layers.SpatialDropout1D(dropout, name="embedding_dropout")(x)
        x = recurrent_body(
            x,
            mask,
            cell=cell,
            units=units,
            num_layers=num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            cell_arguments=cell_arguments,
        )
        x = keras.layers.Dropout(dropout, name="head_dropout")(x)
        logits = head(x)
        super().__init__(inputs=inputs, outputs=logits, name=name)

        # Configuration
        self.preprocessor = preprocessor
        self.labels = list(labels)
        self.config = {
            "vocabulary": vocabulary,
            "characters": characters,
            "labels": labels,
            "cell": cell,
            "units": units,
            "num_layers": num_layers,
            "bidirectional": bidirectional,
            "embedding_size": embedding_size,
            "character_size": character_size,
            "character_filters": character_filters,
            "word_length": word_length,
            "dropout": dropout,
            "cell_arguments": cell_arguments,
        }
        self._tag = compiled(self.serve_text, [tf.TensorSpec((None,), tf.string)])

    def predict_text(
        self, sentences: Sequence[str], batch_size: int = 64
    ) -> list[list[tuple[str, str]]]:
        """Tag sentences.

        Args:
            sentences: Strings; each is split at white space.
            batch_size: Sentences computed at a time.

        Returns:
            For each sentence the list of its (word, label) pairs; an empty sentence
            gives an empty list.

        Raises:
            UserError: if `sentences` are not a list of strings, or `batch_size` is not
                a positive integer.
        """
        sentences = strings("sentences", sentences)
        batch_size = positive_integer("batch_size", batch_size)
        tagged = []
        for start in range(0, len(sentences), batch_size):
            batch = tf.constant(sentences[start : start + batch_size])
            result = self._tag(batch)
            for words, slots in zip(
                result["words"].numpy(), result["slots"].numpy(), strict=True
            ):
                tagged.append(_pairs(words, slots))
        return tagged

    def stream(self) -> WordStream:
        """The sentence word by word: each word's slot as it comes.

        Returns:
            A function of the next word or words of a sentence, which returns their
            (word, label) pairs; over a sentence they are those of `predict_text`.

        Raises:
            UserError: for a bidirectional tagger, whose labels depend on the words
                to come.
        """
        try:
            layers = streamed_layers(self)
        except NotStreamable as error:
            raise UserError(
                f"A tagger must read in one direction to stream: {error}. Use "
                "predict_text, or a tagger with bidirectional=False."
            ) from error
        with carried_states(layers) as calls:
            self.serve_text(tf.constant([""]))
        first = [state for call in calls for state in call.start]
        text = tf.TensorSpec((None,), tf.string)
        states = [tf.TensorSpec((None, *x.shape[1:]), x.dtype) for x in first]

        @tf.function(input_signature=[text, states])
        def step(text, states):
            with carried_states(layers, states) as calls:
                result = self.serve_text(text)
            return result, [state for call in calls for state in call.end]

        def tag(text, states):
            states = first if states is None else states
            result, states = step(tf.constant([text]), states)
            words, slots = result["words"][0].numpy(), result["slots"][0].numpy()
            return _pairs(words, slots), states

        return WordStream(tag)

    def runtime_task(self) -> dict[str, Any]:
        return {"kind": "slot_tagging", "word_length": self.config["word_length"]}

    def serve(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Ids to `labels` (batch, length) int32, -1 at padding, and `scores`.

        Scores are the logits, `(batch, length, num_classes)`.
        """
        scores = self(inputs, training=False)
        labels = ops.cast(ops.argmax(scores, axis=-1), "int32")
        padding = ops.equal(inputs["words"], PADDING)
        return {"labels": ops.where(padding, -1, labels), "scores": scores}

    def serve_text(self, sentences: Any) -> dict[str, Any]:
        """Strings `(batch,)` to `words`, `slots` (both "" at padding), `scores`."""
        words = self.preprocessor.split(sentences)
        ids = self.preprocessor.from_words(words)
        result = self.serve(ids)
        names = tf.gather(["", *self.labels], result["labels"] + 1)
        dense = words.to_tensor("", shape=(None, None))
        dense = tf.pad(
            dense, [(0, 0), (0, tf.shape(names)[1] - tf.shape(dense)[1])]
        )  # an all-empty batch has length 1
        return {"words": dense, "slots": names, "scores": result["scores"]}

    def example_inputs(
        self, batch: int, length: int, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """Random ids with rows of several lengths, as `inputs` expects them."""
        return random_words(
            np.random.default_rng(seed),
            batch,
            length,
            vocabulary_size=len(self.config["vocabulary"]),
            number_of_characters=len(self.config["characters"]),
            word_length=self.config["word_length"],
        )

    def example_targets(self, batch: int, length: int, seed: int = 0) -> np.ndarray:
        """Label ids that depend on the words of `example_inputs`, -1 at padding."""
        words = self.example_inputs(batch, length, seed)["words"]
        return np.where(words == PADDING, -1, words % len(self.labels))

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Arguments of a very small instance, for tests."""
        return {
            "vocabulary": ["apple", "bag", "cat", "dog", "elephant"],
            "characters": list("abcdefghijklmnopqrstuvwxyz"),
            "labels": ["O", "B-animal", "I-animal", "B-fruit"],
            "units": 8,
            "num_layers": 2,
            "embedding_size": 6,
            "character_size": 4,
            "character_filters": 4,
            "word_length": 8,
        }


def _pairs(words: Sequence[bytes], slots: Sequence[bytes]) -> list[tuple[str, str]]:
    """The (word, label) pairs of a sentence, without its padding."""
    return [
        (word.decode(errors="replace"), slot.decode())
        for word, slot in zip(words, slots, strict=True)
        if word
    ]


@register(pattern="synced", cell="simple_rnn")
def simple_rnn_tagger(**overrides: Any) -> SlotTagger:
    """Slot tagger of simple (Elman 1990) RNNs, one direction."""
    return SlotTagger(**{"cell": "simple_rnn", "bidirectional": False, **overrides})


@register(pattern="synced", cell="lstm")
def lstm_tagger(**overrides: Any) -> SlotTagger:
    """Slot tagger of LSTMs (Hochreiter & Schmidhuber 1997), one direction."""
    return SlotTagger(**{"cell": "lstm", "bidirectional": False, **overrides})


@register(pattern="synced", cell="peephole_lstm")
def peephole_lstm_tagger(**overrides: Any) -> SlotTagger:
    """Slot tagger of peephole LSTMs (Gers & Schmidhuber 2000), one direction."""
    return SlotTagger(**{"cell": "peephole_lstm", "bidirectional": False, **overrides})


@register(pattern="synced", cell="coupled_lstm")
def coupled_lstm_tagger(**overrides: Any) -> SlotTagger:
    """Slot tagger of coupled LSTMs (Greff et al. 2015), one direction."""
    return SlotTagger(**{"cell": "coupled_lstm", "bidirectional": False, **overrides})


@register(pattern="synced", cell="gru")
def gru_tagger(**overrides: Any) -> SlotTagger:
    """Slot tagger of GRUs (Cho et al. 2014), one direction."""
    return SlotTagger(**{"cell": "gru", "bidirectional": False, **overrides})


@register(pattern="synced", cell="clockwork_rnn")
def clockwork_rnn_tagger(**overrides: Any) -> SlotTagger:
    """Slot tagger of clockwork RNNs (Koutník et al. 2014), one direction."""
    return SlotTagger(**{"cell": "clockwork_rnn", "bidirectional": False, **overrides})


@register(pattern="synced", cell="scrn")
def scrn_tagger(**overrides: Any) -> SlotTagger:
    """Slot tagger of SCRNs (Mikolov et al. 2014), one direction."""
    return SlotTagger(**{"cell": "scrn", "bidirectional": False, **overrides})


@register(pattern="synced", cell="simple_rnn")
def bi_simple_rnn_tagger(**overrides: Any) -> SlotTagger:
    """Slot tagger of simple (Elman 1990) RNNs, both directions."""
    return SlotTagger(**{"cell": "simple_rnn", **overrides})


@register(pattern="synced", cell="lstm")
def bi_lstm_tagger(**overrides: Any) -> SlotTagger:
    """Slot tagger of LSTMs (Hochreiter & Schmidhuber 1997), both directions."""
    return SlotTagger(**{"cell": "lstm", **overrides})


@register(pattern="synced", cell="peephole_lstm")
def bi_peephole_tagger(**overrides: Any) -> SlotTagger:
    """Slot tagger of peephole LSTMs (Gers & Schmidhuber 2000), both directions."""
    return SlotTagger(**{"cell": "peephole_lstm", **overrides})


@register(pattern="synced", cell="coupled_lstm")
def bi_coupled_tagger(**overrides: Any) -> SlotTagger:
    """Slot tagger of coupled LSTMs (Greff et al. 2015), both directions."""
    return SlotTagger(**{"cell": "coupled_lstm", **overrides})


@register(pattern="synced", cell="gru")
def bi_gru_tagger(**overrides: Any) -> SlotTagger:
    """Slot tagger of GRUs (Cho et al. 2014), both directions."""
    return SlotTagger(**{"cell": "gru", **overrides})


@register(pattern="synced", cell="clockwork_rnn")
def bi_clockwork_tagger(**overrides: Any) -> SlotTagger:
    """Slot tagger of clockwork RNNs (Koutník et al. 2014), both directions."""
    return SlotTagger(**{"cell": "clockwork_rnn", **overrides})


@register(pattern="synced", cell="scrn")
def bi_scrn_tagger(**overrides: Any) -> SlotTagger:
    """Slot tagger of SCRNs (Mikolov et al. 2014), both directions."""
    return SlotTagger(**{"cell": "scrn", **overrides})
