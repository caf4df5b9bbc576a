"""Words and their characters as ids, in Python.

The ids are those of `keras_seqzoo.preprocessing.words`, which is TensorFlow's; the
tests hold this to it for every character there is.
"""

import re
from collections.abc import Sequence

import numpy as np

from keras_seqzoo.runtime.word_splitting import Rules

PADDING, OUT_OF_VOCABULARY, FIRST_WORD = 0, 1, 2

# TensorFlow's Unicode is version 13: letters that are younger have no case to it, so
# for Python they must stand apart from their neighbours.
_YOUNGER_LETTERS = re.compile(
    "([\u2c2f\u2c5f\ua7c0\ua7c1\ua7d0-\ua7d9\ua7f2-\ua7f4"
    "\U00010570-\U000105bc\U00010780-\U000107ba\U0001df00-\U0001df2a"
    "\U0001e030-\U0001e06d])"
)
_DIGITS = re.compile("[0-9]")


class WordIds:
    """Sentences to word ids and character ids.

    Args:
        vocabulary: The known words, as `normalized` gives them; the first has id 2.
        characters: The known characters; the first has id 2.
        word_length: Characters kept of each word.
    """

    def __init__(
        self, vocabulary: Sequence[str], characters: Sequence[str], word_length: int
    ) -> None:
        self.word_length = word_length
        self._words = _ids(vocabulary)
        self._characters = _ids(characters)

    def __call__(self, sentences: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
        """Ids of sentences that are split already.

        Returns:
            `{"words": (batch, length), "characters": (batch, length, word_length)}`,
            int32, where length is that of the longest sentence and at least 1.
        """
        length = max([1, *map(len, sentences)])
        words = np.full((len(sentences), length), PADDING, "int32")
        characters = np.full((*words.shape, self.word_length), PADDING, "int32")
        for row, sentence in enumerate(sentences):
            for position, word in enumerate(map(normalized, sentence)):
                known = self._words, self._characters
                words[row, position] = _id(known[0], word)
                kept = [_id(known[1], one) for one in word[: self.word_length]]
                characters[row, position, : len(kept)] = kept
        return {"words": words, "characters": characters}


def split(sentence: str, rules: Rules = ()) -> list[str]:
    """The words of a sentence: it is split at ASCII white space, after the rules.

    Args:
        sentence: The text.
        rules: Those of a `Splitting`.
    """
    for pattern, rewrite in rules:
        sentence = re.sub(pattern, rewrite, sentence)
    # Bytes, because strings are split at other Unicode's white space too.
    words = sentence.encode("utf-8", "replace").split()
    return [word.decode() for word in words]


def normalized(word: str) -> str:
    """A word as it is looked up: lower case, each digit a 0, a NUL U+FFFD."""
    parts = _YOUNGER_LETTERS.split(word.replace("\0", "\ufffd"))
    lower = "".join(
        part if number % 2 else part.lower() for number, part in enumerate(parts)
    )
    return _DIGITS.sub("0", lower)


def _ids(entries):
    # As in the front end in the graph, something stands for an empty list.
    return {
        entry: FIRST_WORD + number
        for number, entry in enumerate(list(entries) or ["\ue000"])
    }


def _id(known, entry):
    return known.get(entry, OUT_OF_VOCABULARY) if entry else PADDING
