"""Captions: word ids to sentences, and the runner of an exported captioner."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from keras_seqzoo.runtime.files import ModelFile
from keras_seqzoo.runtime.pictures import pictures_of
from keras_seqzoo.runtime.runner import Runner

BEGIN = 0  # The id that begins and ends a caption.
FIRST_WORD = 1  # The id of the vocabulary's first word; the last but one is its last.

WordMaps = list[tuple[str, np.ndarray]]


class CaptionWords:
    """The words by their ids.

    Args:
        vocabulary: The known words; the first has id 1.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._words = [*vocabulary]
        self._ids = {word: i for i, word in enumerate(vocabulary, FIRST_WORD)}
        self.unknown = FIRST_WORD + len(self._words)

    def ids(self, words: Sequence[str]) -> list[int]:
        """The words' ids; `unknown` of one that is not known."""
        return [self._ids.get(word, self.unknown) for word in words]

    def words(self, ids: Iterable[int]) -> list[str]:
        """The words up to the end."""
        found = []
        for one in map(int, ids):
            if one == BEGIN:
                break
            found.append(self._words[one - FIRST_WORD])
        return found

    def sentence(self, ids: Iterable[int]) -> str:
        """The words up to the end, parted by spaces."""
        return " ".join(self.words(ids))

    def maps(self, answer: dict[str, np.ndarray]) -> tuple[str, WordMaps]:
        """The caption of one picture's answer, and each word's attention."""
        words = self.words(answer["tokens"])
        return " ".join(words), list(zip(words, answer["attention"]))


class CaptionRunner(Runner):
    """An exported captioner.

    Attributes:
        image_size: height and width at which it sees a picture.
        vocabulary: the words that it knows.
    """

    def __init__(self, file: ModelFile, signatures: dict[str, Callable]) -> None:
        super().__init__(file, signatures)
        self.image_size = file.description["task"]["image_size"]
        self.vocabulary = file.lines("vocabulary.txt")
        self.words = CaptionWords(self.vocabulary)

    def caption(self, images: Sequence[Any]) -> list[str]:
        """Describes pictures, as `Captioner.caption` does, by the file's own search.

        Raises:
            UserError: One is no picture.
        """
        return [self.words.sentence(one["tokens"]) for one in self._answers(images)]

    def attention(self, images: Sequence[Any]) -> list[tuple[str, WordMaps]]:
        """Captions with what each word looked at, as `ShowAttendAndTell.attention`.

        Raises:
            UserError: One is no picture, or the model does not attend.
        """
        return [self.words.maps(one) for one in self._answers(images)]

    @property
    def attends(self) -> bool:
        """Whether the model gives each word's attention."""
        return "attention" in self.description["signatures"]["serve"]["outputs"]

    def _answers(self, images):
        pictures = pictures_of(images, self.image_size)
        answers = [self({"images": one[None]}) for one in pictures]
        return [{name: x[0] for name, x in one.items()} for one in answers]
