"""Text as ids of subwords and back: learnt from texts, looked up in the graph.

Learning is byte-pair encoding's (Sennrich et al. 2016), over characters; looking up is
WordPiece's (Wu et al. 2016), the longest entry first, which needs the list of entries
and nothing else. Of a vocabulary learnt so it makes no more pieces than the merges
themselves do (Uzan et al. 2024, Greed is All You Need).
"""

import collections
import heapq
import itertools
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_seqzoo.arguments import different_strings, positive_integer, strings, truth
from keras_seqzoo.errors import UserError
from keras_seqzoo.runtime.subwords import (
    END,
    FIRST_SUBWORD,
    PADDING,
    REPLACEMENT,
    START,
    UNKNOWN,
    normalized,
)

LONGEST_LEARNT = 16  # characters: texts are read as many times as a match can be long
UNICODE = 0x110000  # the number of code points there can be

# Scripts without spaces between words, by how their characters' names begin.
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")


def learn_subwords(
    texts: Iterable[str], size: int, lower_case: bool = False, min_count: int = 1
) -> list[str]:
    """The pieces of text that occur most, from characters up to words.

    First come the characters; then, again and again, the two neighbouring pieces that
    are neighbours most often are joined to a new one. Pieces are of letters, of digits
    or of other signs, a space in front included: " word" is a word after a space, or
    at a text's start. The result depends on what the texts are, not on their order.

    Args:
        texts: The training part.
        size: Most entries of the vocabulary.
        lower_case: Whether texts are made lower case first.
        min_count: Characters and joined pieces that occur less often are left out (the
            latter also if they occur once only); such a character is unknown.

    Returns:
        The entries: characters, the most frequent first, then joined pieces in the
        order they were made.

    Raises:
        UserError: An argument is wrong.

    Source: Sennrich, Haddow & Birch 2016, Neural Machine Translation of Rare Words with
    Subword Units.
    """
    texts = strings("texts", texts)
    size = positive_integer("size", size)
    lower_case = truth("lower_case", lower_case)
    min_count = positive_integer("min_count", min_count)

    runs = _counted_runs(normalized(text, lower_case) for text in texts)
    characters = collections.Counter()
    for run, count in runs.items():
        for character in run:
            characters[character] += count
    by_frequency = sorted(characters.items(), key=lambda entry: (-entry[1], entry[0]))
    entries = [character for character, n in by_frequency if n >= min_count][:size]
    # A dict because two different joins can give one piece.
    entries = dict.fromkeys(entries)
    for piece in _joined_pieces(runs, max(2, min_count)):
        if len(entries) == size:
            break
        entries[piece] = None
    return list(entries)


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


def _counted_runs(texts: Iterable[str]) -> collections.Counter:
    """How often each run of letters, digits or other signs occurs in texts."""
    words = collections.Counter()
    for text in texts:
        words.update(text.split(" "))
    runs = collections.Counter()
    for word, count in words.items():
        kinds = [(k, "".join(run)) for k, run in itertools.groupby(word, _kind) if k]
        found = [run for _, run in kinds]
        if not kinds or kinds[0][0] == "unspaced letter":
            found = [" ", *found]
        else:
            found[0] = " " + found[0]
        for run in found:
            runs[run] += count
    return runs


def _kind(character: str) -> str | None:
    """What a character is joined with; None for what is never learnt."""
    if character in ("\n", REPLACEMENT):
        return None
    if unicodedata.name(character, "").startswith(_UNSPACED):
        return "unspaced letter"
    major = unicodedata.category(character)[0]
    return {"L": "letter", "M": "letter", "N": "digit"}.get(major, "other")


def _joined_pieces(runs: collections.Counter, min_count: int) -> Iterable[str]:
    """Joins the commonest pair of pieces in all runs, again and again; gives each."""
    pieces, counts = [list(run) for run in runs], list(runs.values())
    pairs, places = collections.Counter(), collections.defaultdict(set)
    for place, run in enumerate(pieces):
        for pair in itertools.pairwise(run):
            pairs[pair] += counts[place]
            places[pair].add(place)
    # Counts change, and what was pushed with another count is passed over. Of pairs
    # as common as each other the first in alphabetical order comes first.
    heap = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(heap)
    while heap:
        count, pair = heapq.heappop(heap)
        if -count < min_count:
            return
        if pairs[pair] != -count or len("".join(pair)) > LONGEST_LEARNT:
            continue
        changed = set()
        for place in places.pop(pair):
            before, after = pieces[place], _joined(pieces[place], pair)
            pieces[place] = after
            for old in itertools.pairwise(before):
                pairs[old] -= counts[place]
            for new in itertools.pairwise(after):
                pairs[new] += counts[place]
                places[new].add(place)
            changed.update(itertools.pairwise(before), itertools.pairwise(after))
        for other in changed:
            heapq.heappush(heap, (-pairs[other], other))
        yield "".join(pair)


def _joined(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    """The pieces of a run, each such pair of neighbours made one."""
    found, position = [], 0
    while position < len(pieces):
        length = 2 if tuple(pieces[position : position + 2]) == pair else 1
        found.append("".join(pieces[position : position + length]))
        position += length
    return found


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
