"""Text as ids of subwords and back, in the TensorFlow graph.

Looking up is WordPiece's (Wu et al. 2016), the longest entry first, which needs the
list of entries and nothing else. Of a vocabulary learnt by byte-pair encoding it makes
no more pieces than the merges themselves do (Uzan et al. 2024, Greed is All You Need).
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_seqzoo.arguments import different_strings, strings, truth
from keras_seqzoo.errors import UserError
from keras_seqzoo.runtime.subwords import (
    END,
    FIRST_SUBWORD,
    PADDING,
    REPLACEMENT,
    START,
    UNKNOWN,
)

UNICODE = 0x110000  # the number of code points there can be


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class Subwords(keras.layers.Layer):
    """Texts to ids of subwords, and ids back to texts.

    A text, with a space in front, is cut from the left into the longest entries of the
    vocabulary. A character that no entry begins with has id 1, padding has id 0; 2 is
    the start's id and 3 the end's. If the first piece is the space alone it is left
    out, unless the text itself begins with a space. So `to_text` gives back the very
    text, spaces included, but for unknown characters (U+FFFD). No Unicode normal form
    is made.

    The graph has operators of TensorFlow's own alone, so that a SavedModel needs
    neither this package nor another.

    Args:
        vocabulary: The known pieces of text, as `learn_subwords` gives them; the first
            has id 4. None has a line feed or a NUL in it.
        lower_case: Whether texts are made lower case first.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        UserError: An argument is wrong.

    Call: strings `(batch,)`, UTF-8, and whether ids have a `start` in front and an
    `end` behind. Returns ids `(batch, length)`, int32, where length is that of the
    longest text and at least 1.

    Source: the longest match of Wu et al. 2016, Google's Neural Machine Translation
    System, section 4.1.
    """

    def __init__(
        self, vocabulary: Sequence[str], lower_case: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary = different_strings(
            "vocabulary", strings("vocabulary", vocabulary)
        )
        self.lower_case = truth("lower_case", lower_case)
        for entry in self.vocabulary:
            if "\n" in entry or "\0" in entry:
                raise UserError(
                    "`vocabulary` must be strings without line feed and NUL. "
                    f"Received: {entry!r}"
                )
        self._first_prefix = FIRST_SUBWORD + len(self.vocabulary)
        self._next = _transitions(self.vocabulary)

    def __call__(self, texts: Any, **kwargs: Any) -> tf.Tensor:
        # Keras takes tensors only, and people have lists of strings.
        return super().__call__(tf.convert_to_tensor(texts, tf.string), **kwargs)

    def call(self, texts: Any, start: bool = False, end: bool = False) -> tf.Tensor:
        if texts.shape.rank != 1:
            raise UserError(
                f"`texts` must be strings (batch,). Received: shape={texts.shape}"
            )
        characters = self._characters(texts)
        pieces = self._longest_pieces(characters.values)
        lengths = [1] * FIRST_SUBWORD + [*map(len, self.vocabulary)]
        lengths = tf.gather(lengths, pieces)
        cuts = self._cuts(characters, lengths)
        # The NUL behind each text becomes its end, or else is as good as padding.
        is_end = tf.equal(characters.values, 0)
        pieces = tf.where(is_end, END if end else PADDING, pieces)
        ids = tf.RaggedTensor.from_value_rowids(
            tf.gather(pieces, cuts),
            tf.gather(characters.value_rowids(), cuts),
            characters.nrows(),
            validate=False,
        )
        length = ids.bounding_shape(1) - (0 if end else 1)
        ids = ids.to_tensor(PADDING, shape=tf.stack([-1, tf.maximum(length, 1)]))
        if start:
            ids = tf.pad(ids, [(0, 0), (1, 0)], constant_values=START)
        return ids

    def to_text(self, ids: Any) -> tf.Tensor:
        """The texts of ids up to each row's first end.

        Args:
            ids: `(batch, length)`, integers, or lists of any lengths. Padding and start
                are no text; an unknown id, and one that there is not, is U+FFFD.

        Returns:
            Strings `(batch,)`.
        """
        if isinstance(ids, list | tuple):
            ids = tf.ragged.constant(ids, tf.int32, ragged_rank=1)
        if isinstance(ids, tf.RaggedTensor):
            ids = ids.to_tensor(PADDING)
        ids = tf.cast(ids, tf.int32)
        if ids.shape.rank != 2:
            raise UserError(
                f"`ids` must be ids (batch, length). Received: shape={ids.shape}"
            )
        texts = tf.constant(["", REPLACEMENT, "", "", *self.vocabulary])
        known = (ids >= 0) & (ids < self._first_prefix)
        ended = tf.cumsum(tf.cast(ids == END, tf.int32), axis=1) > 0
        ids = tf.where(ended, PADDING, tf.where(known, ids, UNKNOWN))
        joined = tf.strings.reduce_join(tf.gather(texts, ids), axis=1)
        return tf.strings.regex_replace(joined, r"\A ", "")

    def get_config(self) -> dict[str, Any]:
        # Keras keeps a list of its own kind.
        config = {"vocabulary": list(self.vocabulary), "lower_case": self.lower_case}
        return {**super().get_config(), **config}

    def _characters(self, texts):
        """Code points `(batch, None)` of each text, a space in front, a NUL behind."""
        texts = tf.strings.regex_replace(texts, r"\x00", REPLACEMENT)
        if self.lower_case:
            texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8")
            texts = tf.strings.lower(texts, "utf-8")
        texts = tf.strings.join([" ", texts, "\0"])
        characters = tf.strings.unicode_decode(texts, "UTF-8")
        return characters.with_values(tf.cast(characters.values, tf.int64))

    def _longest_pieces(self, characters):
        """For each position the id of the longest entry that begins there.

        Args:
            characters: of all texts in a row, (n,).

        Returns:
            Ids (n,), int32.
        """

        # From all positions at once another character is read, as long as what was
        # read begins an entry. No match goes on over the NUL behind a text.
        def follow(step, positions, prefixes, pieces):
            read = tf.gather(characters, positions + step)
            prefixes = self._next.lookup(prefixes * UNICODE + read)
            alive = tf.where(prefixes >= 0)[:, 0]
            positions = tf.gather(positions, alive)
            prefixes = tf.gather(prefixes, alive)
            found = tf.where(prefixes < self._first_prefix)[:, 0]
            pieces = tf.tensor_scatter_nd_update(
                pieces, tf.gather(positions, found)[:, None], tf.gather(prefixes, found)
            )
            return step + 1, positions, prefixes, pieces

        none = tf.zeros_like(characters)
        _, _, _, pieces = tf.while_loop(
            lambda step, positions, prefixes, pieces: tf.size(positions) > 0,
            follow,
            (0, tf.range(tf.size(characters)), none, none + UNKNOWN),
            shape_invariants=(tf.TensorShape([]), *[tf.TensorShape([None])] * 3),
        )
        return tf.cast(pieces, tf.int32)

    def _cuts(self, characters, lengths):
        """The positions (cuts,) in all texts in a row where a piece or an end is.

        Args:
            characters: `(batch, None)`.
            lengths: for each of the n positions, that of the piece which begins there.
        """
        n = tf.size(lengths)
        starts = tf.cast(characters.row_starts(), tf.int32)
        alone = tf.equal(tf.gather(lengths, starts), 1)
        spaced = tf.equal(tf.gather(characters.values, starts + 1), ord(" "))
        starts += tf.cast(alone & ~spaced, tf.int32)
        # From an end, and from nowhere, there is no going on.
        after = tf.where(tf.equal(characters.values, 0), n, tf.range(n) + lengths)
        after = tf.concat([after, [n]], axis=0)  # (n + 1,)

        # Known are the first 2 ** k cuts of each text, and for each position the one
        # that is 2 ** k pieces on.
        def double(known, reached, after):
            there = tf.gather(after, tf.where(reached)[:, 0])
            reached = tf.tensor_scatter_nd_update(
                reached, there[:, None], tf.ones_like(there, tf.bool)
            )
            return 2 * known, reached, tf.gather(after, after)

        reached = tf.scatter_nd(starts[:, None], tf.ones_like(starts), [n + 1]) > 0
        longest = tf.reduce_max(characters.row_lengths())
        _, reached, _ = tf.while_loop(
            lambda known, reached, after: known < longest,
            double,
            (tf.constant(1, tf.int64), reached, after),
        )
        return tf.where(reached[:n])[:, 0]


def _transitions(vocabulary: Sequence[str]) -> tf.lookup.StaticHashTable:
    """From an entry's prefix and the next character to the longer prefix, or to -1.

    A prefix that is an entry has its id for a number, the empty one 0; the others are
    numbered after the entries. A key is number * UNICODE + code point.
    """
    numbers = {entry: FIRST_SUBWORD + n for n, entry in enumerate(vocabulary)}
    numbers[""] = 0
    table = {-1: -1}  # TensorFlow refuses an empty one
    for entry in vocabulary:
        for end in range(1, len(entry) + 1):
            number = numbers.setdefault(entry[:end], len(numbers) + FIRST_SUBWORD - 1)
            table[numbers[entry[: end - 1]] * UNICODE + ord(entry[end - 1])] = number
    keys = tf.constant(list(table), tf.int64)
    values = tf.constant(list(table.values()), tf.int64)
    rows = tf.lookup.KeyValueTensorInitializer(keys, values)
    return tf.lookup.StaticHashTable(rows, default_value=-1)
