"""Words as they come, and their slots at once."""

from collections.abc import Callable, Sequence
from typing import Any

from keras_seqzoo.errors import UserError

Pairs = list[tuple[str, str]]


class WordStream:
    """The slots of a sentence word by word: `stream("oulu") -> [("oulu", "B-city")]`.

    Each call takes the next word or words of the sentence and returns their (word,
    slot) pairs. `reset()` starts a new sentence.

    Args:
        tag: Function `(text, states) -> (pairs, states)`, with states None to start.
    """

    def __init__(self, tag: Callable[[str, Any], tuple[Pairs, Any]]) -> None:
        self._tag = tag
        self._states = None

    def __call__(self, words: str | Sequence[str]) -> Pairs:
        """Tag the next words.

        Args:
            words: One string, split at white space, or several.

        Raises:
            UserError: if it is something else.
        """
        parts = [words] if isinstance(words, str) else words
        if not isinstance(parts, (list, tuple)) or not all(
            isinstance(part, str) for part in parts
        ):
            raise UserError(
                f"words must be a string, or a list of strings. Received: {words!r}"
            )
        text = " ".join(parts)
        if not text.split():
            return []
        pairs, self._states = self._tag(text, self._states)
        return pairs

    def reset(self) -> None:
        """Forget the sentence so far."""
        self._states = None
