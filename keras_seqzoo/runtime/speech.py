"""What a speech recogniser says: the numbers of its labels, and its text."""

from collections.abc import Iterable, Sequence

import numpy as np


class Transcripts:
    """Texts as numbers of labels, and back.

    Args:
        labels: The labels, words or characters, in the order of their numbers.
        separator: What stands between two labels of a text: " " of words, "" of
            characters.
    """

    def __init__(self, labels: Sequence[str], separator: str) -> None:
        self.labels = list(labels)
        self.separator = separator
        self._numbers = {label: i for i, label in enumerate(self.labels)}

    def parts(self, text: str) -> list[str]:
        """The labels of a text."""
        return text.split(self.separator) if self.separator and text else list(text)

    def numbers(self, text: str) -> list[int]:
        """Their numbers; what is no label of the model is left out."""
        parts = self.parts(text)
        return [self._numbers[part] for part in parts if part in self._numbers]

    def text(self, numbers: Iterable[int]) -> str:
        """The text of labels by their numbers, of which those below 0 are none."""
        said = self.separator.join(self.labels[i] for i in numbers if i >= 0)
        return " ".join(said.split())


def collapsed(ids: np.ndarray, blank: int = 0) -> list[int]:
    """The numbers of the labels in one best id a step: repeats, then blanks, go.

    Args:
        ids: `(time,)`, 0 for the blank and i + 1 for label i.
        blank: The blank's id.
    """
    ids = np.asarray(ids)
    first = np.concatenate([[True], ids[1:] != ids[:-1]])
    return [int(one) - 1 for one in ids[first & (ids != blank)]]
