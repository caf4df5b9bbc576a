"""Texts as the ids of their characters or words, and back, in Python."""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from keras_seqzoo.errors import UserError

END_OF_LINE = 0  # Its id; also what a text begins after.
FIRST_TOKEN = 1  # The id of the vocabulary's first entry.
UNKNOWN_WORD, NUMBER = "<unk>", "N"  # as Penn Treebank's texts have them
_NUMBER = re.compile("[0-9]+([.,/][0-9]+)*")
_NAMED = 5  # Unknown tokens that an error names, at most.


class TextTokens:
    """The ids of a text's tokens.

    A word's case counts only if it is known as written. A number that is unknown is
    `N`, and any other unknown word `<unk>`, if the vocabulary has them.

    Args:
        vocabulary: The characters, or words, that are known, without the end of a line.
        unit: What a token is, "character" or "word".

    Attributes:
        never_drawn: Ids that a text which is drawn shall not have: that of `<unk>`.
    """

    def __init__(self, vocabulary: Sequence[str], unit: str) -> None:
        self._entries = ["\n", *vocabulary]
        self._ids = {entry: number for number, entry in enumerate(self._entries)}
        self.unit = unit
        self.never_drawn = [self._ids[w] for w in (UNKNOWN_WORD,) if w in self._ids]

    def encode(self, text: str) -> np.ndarray:
        """The ids of a text, int32 `(tokens,)`.

        Raises:
            UserError: It is no string, or has tokens that are not known.
        """
        if not isinstance(text, str):
            raise UserError(f"a text must be a string. Received: {text!r}")
        tokens = text if self.unit == "character" else _words(text)
        found = [self._id(token) for token in tokens]
        if None in found:
            unknown = {token for token, one in zip(tokens, found) if one is None}
            named = ", ".join(map(repr, sorted(unknown)[:_NAMED]))
            more = ", ..." if len(unknown) > _NAMED else ""
            raise UserError(
                f"a text must be of the model's {len(self._entries)} {self.unit}s. "
                f"Received: {named}{more}"
            )
        return np.array(found, np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some ids; words of a line are parted by a space."""
        tokens = [self._entries[one] for one in ids]
        if self.unit == "character":
            return "".join(tokens)
        return " ".join(tokens).replace(" \n", "\n").replace("\n ", "\n")

    def continued(self, text: str, ids: Iterable[int]) -> str:
        """The text as it is, and after it what some ids say."""
        added = self.decode(ids)
        parted = self.unit == "character" or not text or not added
        if parted or text[-1].isspace() or added[0] == "\n":
            return text + added
        return f"{text} {added}"

    def _id(self, token: str) -> int | None:
        if self.unit == "character" or token in self._ids:
            return self._ids.get(token)
        unknown = self._ids.get(UNKNOWN_WORD)
        if _NUMBER.fullmatch(token):
            unknown = self._ids.get(NUMBER, unknown)
        return self._ids.get(token.lower(), unknown)


def _words(text: str) -> list[str]:
    """The words, and "\\n" for each line's end."""
    return [word for line in text.split("\n") for word in (*line.split(), "\n")][:-1]
