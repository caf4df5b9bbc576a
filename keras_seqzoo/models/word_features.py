"""Sentences as vectors: word embeddings, and a character CNN over each word."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_seqzoo.models.character_convolution import CharacterConvolution
from keras_seqzoo.preprocessing.words import (
    FIRST_WORD,
    PADDING,
    KnownIds,
    OneHotWords,
)

LONGEST_WORD = 1000  # No weight depends on word_length, and memory does.


def word_features(
    vocabulary: Sequence[str],
    characters: Sequence[str],
    embedding_size: int,
    character_size: int,
    character_filters: int,
    word_length: int,
) -> tuple[dict[str, Any], Any, Any]:
    """The inputs of a model that reads sentences, and a vector for each word.

    Args:
        vocabulary: The known words.
        characters: The known characters.
        embedding_size: Size of the word embedding; 0 for one-hot words.
        character_size: Size of the character embedding; 0 for no characters.
        character_filters: Filters of the character CNN, of width 3.
        word_length: Characters read of each word.

    Returns:
        The inputs `words` (batch, length) and `characters` (batch, length,
        word_length), int32; the vectors (batch, length, size); and the mask (batch,
        length), false at padding. All symbolic.

    Source: Ma & Hovy 2016, arXiv 1603.01354.
    """
    words = keras.Input((None,), dtype="int32", name="words")
    character_ids = keras.Input((None, word_length), dtype="int32", name="characters")
    mask = ops.not_equal(words, PADDING)  # (batch, length)
    if embedding_size:
        x = KnownIds(len(vocabulary), name="known_words")(words)
        x = keras.layers.Embedding(
            len(vocabulary) + FIRST_WORD,
            embedding_size,
            embeddings_initializer=_small(),
            name="word_embedding",
        )(x)
    else:
        x = OneHotWords(len(vocabulary), name="word_one_hot")(words)
    if character_size:
        y = KnownIds(len(characters), name="known_characters")(character_ids)
        y = keras.layers.Embedding(
            len(characters) + FIRST_WORD,
            character_size,
            embeddings_initializer=_small(),
            name="character_embedding",
        )(y)
        # One convolution along each word's characters, none across words.
        y = CharacterConvolution(
            character_filters,
            (1, 3),
            padding="same",
            activation="relu",
            name="character_convolution",
        )(y)  # (batch, length, word_length, character_filters)
        x = ops.concatenate([x, ops.max(y, axis=2)], axis=-1)
    return {"words": words, "characters": character_ids}, x, mask


def _small() -> keras.initializers.Initializer:
    return keras.initializers.RandomUniform(-0.1, 0.1)
