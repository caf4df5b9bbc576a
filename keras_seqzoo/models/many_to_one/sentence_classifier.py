"""Sentences to classes: a deep recurrent network, pooled by attention."""

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
    one_of,
    positive_integer,
    strings,
    text,
    truth,
)
from keras_seqzoo.cells.recurrent_cell import rate
from keras_seqzoo.layers.attention_pooling import AttentionPooling
from keras_seqzoo.models.compiled import compiled
from keras_seqzoo.models.example_rows import random_words
from keras_seqzoo.models.labels import label_names
from keras_seqzoo.models.recurrent_body import checked_cell_arguments, recurrent_body
from keras_seqzoo.models.word_features import LONGEST_WORD, word_features
from keras_seqzoo.models.zoo_model import ZooModel
from keras_seqzoo.preprocessing.words import WordFrontEnd
from keras_seqzoo.registry import register
from keras_seqzoo.runtime.word_splitting import SPLITTINGS


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class SentenceClassifier(ZooModel):
    """Word embeddings and a character CNN, a recurrent stack, attention, a class.

    Args:
        vocabulary: The known words, lower case, digits as 0; the first has id 2
            (0 is padding, 1 any other word).
        characters: The known characters; the first has id 2.
        labels: The classes' names, in the order of their ids.
        num_classes: Number of classes, instead of `labels` (they are then named
            label_0, label_1, ...).
        cell: Name of the recurrent cell, as in `layers.recurrent_layer`.
        units: Units of each recurrent layer and direction.
        num_layers: Number of recurrent layers.
        bidirectional: Whether the stack reads the sentence both ways.
        attention_units: Size of the attention's hidden layer.
        embedding_size: Size of the word embedding; 0 for one-hot words.
        character_size: Size of the character embedding; 0 for no characters.
        character_filters: Filters of the character CNN, of width 3.
        word_length: Characters read of each word, at most `LONGEST_WORD`.
        splitting: How a sentence is split into words: "white_space", or "penn" for a
            vocabulary of a text in which punctuation, 's and n't are words.
        dropout: Dropout rate of the embeddings, between the recurrent layers (both
            with one mask for all words of a sentence) and before the head.
        cell_arguments: Further arguments of the recurrent layers.
        name: The model's name.

    Inputs: `{"words": (batch, length), "characters": (batch, length,
    word_length)}`, int32; ids outside the vocabulary count as unknown. Output:
    logits `(batch, num_classes)`.

    Source: the word encoder and word attention of Yang et al. 2016, Hierarchical
    Attention Networks for Document Classification, with the character CNN of Ma & Hovy
    2016, arXiv 1603.01354.
    """

    asset_keys: ClassVar[tuple[str, ...]] = ("vocabulary", "characters", "labels")
    head_layers: ClassVar[tuple[str, ...]] = ("head",)
    task: ClassVar[str] = "sentiment"
    label_unit: ClassVar[str] = "sentences"

    def __init__(
        self,
        *,
        vocabulary: Sequence[str] = (),
        characters: Sequence[str] = (),
        labels: Sequence[str] | None = None,
        num_classes: int | None = None,
        cell: str = "peephole_lstm",
        units: int = 128,
        num_layers: int = 1,
        bidirectional: bool = True,
        attention_units: int = 64,
        embedding_size: int = 100,
        character_size: int = 16,
        character_filters: int = 32,
        word_length: int = 16,
        splitting: str = "white_space",
        dropout: float = 0.5,
        cell_arguments: dict | None = None,
        name: str | None = "sentence_classifier",
    ) -> None:
        vocabulary = different_words("vocabulary", vocabulary)
        characters = different_characters("characters", characters)
        labels = label_names(labels, num_classes)
        cell = text("cell", cell)
        units = positive_integer("units", units)
        num_layers = layer_count(num_layers)
        bidirectional = truth("bidirectional", bidirectional)
        attention_units = positive_integer("attention_units", attention_units)
        embedding_size = natural_number("embedding_size", embedding_size)
        character_size = natural_number("character_size", character_size)
        character_filters = positive_integer("character_filters", character_filters)
        word_length = positive_integer("word_length", word_length, LONGEST_WORD)
        splitting = one_of("splitting", splitting, SPLITTINGS)
        dropout = rate("dropout", dropout)
        cell_arguments = checked_cell_arguments(cell_arguments)

        preprocessor = WordFrontEnd(vocabulary, characters, word_length, splitting)
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
        attention = AttentionPooling(attention_units, name="attention")
        x, word_weights = attention(x, mask=mask)  # (batch, size), (batch, length)
        x = keras.layers.Dropout(dropout, name="head_dropout")(x)
        logits = keras.layers.Dense(len(labels), name="head")(x)
        super().__init__(inputs=inputs, outputs=logits, name=name)

        self.preprocessor = preprocessor
        self.labels = list(labels)
        self._with_weights = keras.Model(inputs, [logits, word_weights])
        self.config = {
            "vocabulary": vocabulary,
            "characters": characters,
            "labels": labels,
            "cell": cell,
            "units": units,
            "num_layers": num_layers,
            "bidirectional": bidirectional,
            "attention_units": attention_units,
            "embedding_size": embedding_size,
            "character_size": character_size,
            "character_filters": character_filters,
            "word_length": word_length,
            "splitting": splitting,
            "dropout": dropout,
            "cell_arguments": cell_arguments,
        }
        self._classify = compiled(self.serve_text, [tf.TensorSpec((None,), tf.string)])

    def predict_text(
        self, sentences: Sequence[str], batch_size: int = 64
    ) -> list[tuple[str, float]]:
        """Classify sentences.

        Args:
            sentences: Strings.
            batch_size: Sentences computed at a time.

        Returns:
            For each sentence its (label, probability). Of an empty sentence too: what
            the model holds without a word.

        Raises:
            UserError: if `sentences` are not a list of strings, or `batch_size` is not
                a positive integer.
        """
        return [
            (label, chance) for label, chance, _ in self.explain(sentences, batch_size)
        ]

    def explain(
        self, sentences: Sequence[str], batch_size: int = 64
    ) -> list[tuple[str, float, list[tuple[str, float]]]]:
        """Classify sentences, and say what each word weighs.

        Args:
            sentences: As of `predict_text`.
            batch_size: Sentences computed at a time.

        Returns:
            For each sentence (label, probability, [(word, weight), ...]); a sentence's
            weights are those of the attention and sum to 1.

        Raises:
            UserError: As `predict_text`.
        """
        sentences = strings("sentences", sentences)
        batch_size = positive_integer("batch_size", batch_size)
        explained = []
        for start in range(0, len(sentences), batch_size):
            batch = tf.constant(sentences[start : start + batch_size])
            result = {key: x.numpy() for key, x in self._classify(batch).items()}
            for row, label in enumerate(result["labels"]):
                words = [
                    (word.decode(errors="replace"), float(weight))
                    for word, weight in zip(
                        result["words"][row], result["word_weights"][row], strict=True
                    )
                    if word
                ]
                chance = float(result["probabilities"][row].max())
                explained.append((label.decode(), chance, words))
        return explained

    def runtime_task(self) -> dict[str, Any]:
        return {
            "kind": "sentence_classification",
            "word_length": self.config["word_length"],
            "splitting": self.config["splitting"],
        }

    def serve(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Ids to `labels` (batch,) int32, `probabilities`, `word_weights`, `scores`.

        Probabilities and scores, the logits, are `(batch, num_classes)`; the weights
        `(batch, length)` sum to 1, and are 0 at padding.
        """
        scores, word_weights = self._with_weights(inputs, training=False)
        return {
            "labels": ops.cast(ops.argmax(scores, axis=-1), "int32"),
            "probabilities": ops.softmax(scores),
            "scores": scores,
            "word_weights": word_weights,
        }

    def serve_text(self, sentences: Any) -> dict[str, Any]:
        """As `serve`, of strings `(batch,)`: labels by name; `words`, "" at padding."""
        words = self.preprocessor.split(sentences)
        result = self.serve(self.preprocessor(sentences))
        length = tf.shape(result["word_weights"])[1]
        dense = words.to_tensor("", shape=(None, None))
        dense = tf.pad(dense, [(0, 0), (0, length - tf.shape(dense)[1])])
        labels = tf.gather(self.labels, result["labels"])
        return {**result, "labels": labels, "words": dense}

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
        """The class that each sentence's first word of `example_inputs` tells."""
        words = self.example_inputs(batch, length, seed)["words"]
        return words[:, 0] % len(self.labels)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Arguments of a very small instance, for tests."""
        return {
            "vocabulary": ["apple", "bag", "cat", "dog", "elephant"],
            "characters": list("abcdefghijklmnopqrstuvwxyz"),
            "labels": ["bad", "good"],
            "units": 8,
            "attention_units": 4,
            "embedding_size": 6,
            "character_size": 4,
            "character_filters": 4,
            "word_length": 8,
        }


@register(pattern="many_to_one", cell="lstm")
def bi_lstm_sentiment(**overrides: Any) -> SentenceClassifier:
    """Sentence classifier of LSTMs (Hochreiter & Schmidhuber 1997), both directions."""
    return SentenceClassifier(**{"cell": "lstm", **overrides})


@register(pattern="many_to_one", cell="peephole_lstm")
def bi_peephole_sentiment(**overrides: Any) -> SentenceClassifier:
    """Sentence classifier of peephole LSTMs (Gers & Schmidhuber 2000), both ways."""
    return SentenceClassifier(**{"cell": "peephole_lstm", **overrides})


@register(pattern="many_to_one", cell="gru")
def bi_gru_sentiment(**overrides: Any) -> SentenceClassifier:
    """Sentence classifier of GRUs (Cho et al. 2014), both directions."""
    return SentenceClassifier(**{"cell": "gru", **overrides})
