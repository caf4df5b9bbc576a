"""Text as ids of subwords and back, in Python.

A text is cut from the left into the longest entries of a vocabulary. The ids are those
of `keras_seqzoo.preprocessing.subwords`, which is TensorFlow's; the tests hold this to
it.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from keras_seqzoo.runtime import words

PADDING, UNKNOWN, START, END = range(4)
FIRST_SUBWORD = 4  # the id of the vocabulary's first entry
REPLACEMENT = "\ufffd"  # what an unknown character is read back as

_BETWEEN_DIGITS = re.compile("[^0-9]+")


class SubwordIds:
    """Texts to ids and back, as `keras_seqzoo.preprocessing.subwords.Subwords`.

    Args:
        vocabulary: The known pieces of text; the first has id 4.
        lower_case: Whether texts are made lower case first.
    """

    def __init__(self, vocabulary: Sequence[str], lower_case: bool = False) -> None:
        self.lower_case = lower_case
        self._pieces = ["", REPLACEMENT, "", "", *vocabulary]
        self._ids = {entry: FIRST_SUBWORD + n for n, entry in enumerate(vocabulary)}
        self._longest = max(map(len, vocabulary), default=1)

    def __call__(
        self, texts: Sequence[str], start: bool = False, end: bool = False
    ) -> np.ndarray:
        """`encode` of several texts: ids `(batch, length)`, int32, 0 at padding.

        Length is that of the longest text and at least 1.
        """
        rows = [self.encode(text, start, end) for text in texts]
        ids = np.full((len(rows), max([1, *map(len, rows)])), PADDING, "int32")
        for row, found in zip(ids, rows):
            row[: len(found)] = found
        return ids

    def encode(self, text: str, start: bool = False, end: bool = False) -> list[int]:
        """The ids of a text; with the start's in front and the end's behind if asked.

        A character that no entry begins with is unknown, id 1.
        """
        ids = [START] if start else []
        ids += [number for number, _ in self._cut(text)]
        return [*ids, END] if end else ids

    def unknown(self, text: str) -> list[str]:
        """The characters of a text that `encode` gives the unknown id."""
        return [piece for number, piece in self._cut(text) if number == UNKNOWN]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids up to the first end; an unknown id's is U+FFFD."""
        pieces = []
        for number in ids:
            if number == END:
                break
            known = 0 <= number < len(self._pieces)
            pieces.append(self._pieces[number if known else UNKNOWN])
        return "".join(pieces).removeprefix(" ")

    def piece(self, number: int) -> str:
        """The text of an id, a space in front included."""
        return self._pieces[number]

    def _cut(self, text):
        """The id and the text of each piece."""
        # A word that begins the text is then written as anywhere else, " word".
        text = " " + normalized(text, self.lower_case)
        position = 0
        while position < len(text):
            number, length = self._longest_piece(text, position)
            # Where no word takes the space in, it is left out again.
            if position or length > 1 or text[1:2] == " ":
                yield number, text[position : position + length]
            position += length

    def _longest_piece(self, text, position):
        """The id of the longest entry that stands there, and its length."""
        for end in range(min(position + self._longest, len(text)), position, -1):
            if (piece := self._ids.get(text[position:end])) is not None:
                return piece, end - position
        return UNKNOWN, 1


def normalized(text: str, lower_case: bool = False) -> str:
    """A text as it is cut: what is no text, NUL too, is "?" or U+FFFD.

    No Unicode normal form is made: a letter and its accent are one character or two,
    as they are written.
    """
    text = text.encode("utf-8", "replace").decode().replace("\0", REPLACEMENT)
    if not lower_case:
        return text
    # TensorFlow's lower case, which `words` has, less its digits, all 0.
    return _BETWEEN_DIGITS.sub(lambda part: words.normalized(part[0]), text)
