"""Words and their characters as ids, in the TensorFlow graph."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from keras_seqzoo.runtime.word_splitting import SPLITTINGS, Rules

PADDING, OUT_OF_VOCABULARY = 0, 1
FIRST_WORD = 2  # the id of the vocabulary's first entry


class WordFrontEnd(keras.layers.Layer):
    """Sentences to word ids and character ids.

    For look-up a word is lower-cased and its digits all become `0`; a word or character
    outside the vocabulary has id 1, padding has id 0.

    Args:
        vocabulary: The known words, as `normalized` gives them; the first has id 2.
        characters: The known characters; the first has id 2.
        word_length: Characters kept of each word.
        splitting: How a sentence is split into words, one of `SPLITTINGS`: at
            "white_space", or as the "penn" treebank does, where punctuation, 's and
            n't are words too; what is split so already stays as it is.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call: strings `(batch,)`. Returns `{"words": (batch, length),
    "characters": (batch, length, word_length)}`, int32, where length is that of
    the longest sentence and at least 1.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        characters: Sequence[str],
        word_length: int = 16,
        splitting: str = "white_space",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.word_length = word_length
        self.splitting = SPLITTINGS[splitting]
        self.word_ids = _lookup(vocabulary, "word_ids")
        self.character_ids = _lookup(characters, "character_ids")

    def __call__(self, sentences: Any, **kwargs: Any) -> dict[str, tf.Tensor]:
        # Keras takes tensors only, and people have lists of strings.
        return super().__call__(tf.convert_to_tensor(sentences, tf.string), **kwargs)

    def split(self, sentences: Any) -> tf.RaggedTensor:
        """The words as written: strings `(batch, None)`."""
        return _split(sentences, self.splitting.written)

    def call(self, sentences: Any) -> dict[str, tf.Tensor]:
        return self.from_words(_split(sentences, self.splitting.spelled))

    def from_words(self, words: tf.RaggedTensor) -> dict[str, tf.Tensor]:
        """As `call`, of words `(batch, None)` that are spelled as in the vocabulary."""
        words = words.with_values(normalize(words.values))
        longest = tf.maximum(1, tf.cast(words.bounding_shape(1), tf.int32))
        words = words.to_tensor("", shape=(None, None))
        words = tf.pad(
            words, [(0, 0), (0, longest - tf.shape(words)[1])], constant_values=""
        )  # (batch, length)
        characters = tf.strings.unicode_split(tf.reshape(words, (-1,)), "UTF-8")
        characters = characters.to_tensor("", shape=(None, self.word_length))
        characters = tf.reshape(
            self.character_ids(characters), (-1, tf.shape(words)[1], self.word_length)
        )
        return {
            "words": tf.cast(self.word_ids(words), tf.int32),
            "characters": tf.cast(characters, tf.int32),
        }


def _split(sentences: Any, rules: Rules) -> tf.RaggedTensor:
    sentences = tf.convert_to_tensor(sentences, tf.string)
    for pattern, rewrite in rules:
        sentences = tf.strings.regex_replace(sentences, pattern, rewrite)
    return tf.strings.split(sentences)


def normalize(words: tf.Tensor) -> tf.Tensor:
    """Words as they are looked up: valid UTF-8, lower case, each digit a 0.

    What is no text, NUL too, is U+FFFD.
    """
    words = tf.strings.regex_replace(words, r"\x00", "\ufffd")  # lower() ends there
    words = tf.strings.unicode_transcode(words, "UTF-8", "UTF-8")
    return tf.strings.regex_replace(tf.strings.lower(words, "utf-8"), r"\d", "0")


def normalized(words: Iterable[str]) -> list[str]:
    """`normalize` for a list of Python strings."""
    return [word.decode() for word in normalize(tf.constant(list(words))).numpy()]


def _lookup(entries: Sequence[str], name: str) -> keras.layers.StringLookup:
    # Keras refuses an empty table; a private-use character stands in for one.
    return keras.layers.StringLookup(
        vocabulary=list(entries) or ["\ue000"], mask_token="", name=name
    )


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class KnownIds(keras.layers.Layer):
    """Ids with every one outside the vocabulary made `OUT_OF_VOCABULARY`.

    Args:
        vocabulary_size: Number of known entries; their ids start at `FIRST_WORD`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call: ids `(...)`, int32; returns the same shape.
    """

    def __init__(self, vocabulary_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size

    def call(self, ids: Any) -> Any:
        inside = ops.logical_and(ids >= 0, ids < self.vocabulary_size + FIRST_WORD)
        return ops.where(inside, ids, OUT_OF_VOCABULARY)

    def get_config(self) -> dict:
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size}


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class OneHotWords(keras.layers.Layer):
    """Word ids as one-hot vectors; padding and unknown words are zero vectors.

    For the lexicon apple, bag, cat, dog, elephant (ids 2 to 6) apple is
    [1 0 0 0 0].

    Args:
        vocabulary_size: Number of known words; their ids start at `FIRST_WORD`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call: ids `(...)`, int32; returns `(..., vocabulary_size)`.
    """

    def __init__(self, vocabulary_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size

    def call(self, ids: Any) -> Any:
        classes = FIRST_WORD + ops.arange(self.vocabulary_size, dtype="int32")
        return ops.cast(ops.equal(ids[..., None], classes), self.compute_dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size}
