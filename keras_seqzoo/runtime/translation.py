"""Translation: sentences to subwords and back, and the runner of an exported model."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from keras_seqzoo.arguments import strings
from keras_seqzoo.errors import UserError
from keras_seqzoo.runtime.files import ModelFile
from keras_seqzoo.runtime.runner import Runner
from keras_seqzoo.runtime.subwords import END, PADDING, SubwordIds

SENTENCES_AT_ONCE = 32
FIRST_UNSPACED = 0x2E80  # From here on scripts have no spaces between words, mostly.
END_OF_SOURCE = "(end)"

Run = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
Seen = tuple[str, list[str], list[str], np.ndarray]


class TranslationPieces:
    """Sentences as subwords, and subwords as words.

    Args:
        vocabulary: The subwords of both languages; the first has id 4.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.source = SubwordIds(vocabulary, lower_case=True)
        self.target = SubwordIds(vocabulary)

    def source_ids(self, sentences: Sequence[str]) -> np.ndarray:
        """`(batch, length)`, int32: subwords, END behind, 0 at padding."""
        return self.source([" ".join(one.split()) for one in sentences], end=True)

    def target_ids(self, sentence: str) -> list[int]:
        """The subwords of a translation, and END."""
        return self.target.encode(" ".join(sentence.split()), end=True)

    def text(self, tokens: Iterable[int]) -> str:
        """The translation that these subwords are."""
        return self.target.decode(map(int, tokens)).strip()

    def translate(self, run: Run, sentences: Sequence[str]) -> list[str]:
        """The translations that `run` makes of sentences; of an empty one "".

        Args:
            run: What computes a translator's `serve`.
            sentences: Any number of them.

        Raises:
            UserError: One is no string.
        """
        return [
            "" if answer is None else self.text(answer["tokens"])
            for answer in self._answers(run, sentences)
        ]

    def attention(self, run: Run, sentences: Sequence[str]) -> list[Seen]:
        """Each translation with its words, the source's, and weights between them.

        Args: as of `translate`; `run` gives attention.

        Raises:
            UserError: One is no string.
        """
        found = []
        for sentence, answer in zip(sentences, self._answers(run, sentences)):
            if answer is None:
                found.append(("", [], [], np.zeros((0, 0), "float32")))
                continue
            tokens = answer["tokens"][: _length(answer["tokens"])]
            source = self.source_ids([sentence])[0]
            source_words, columns = self._words(source)
            words, rows = self._words(tokens)
            weights = answer["attention"][: len(tokens), : len(source)]
            # A word saw what its subwords saw in the mean; it was seen as they were in
            # sum. What its end saw is no word's.
            weights = _summed(weights[: len(rows)], columns, axis=1)
            weights = _summed(weights, rows, axis=0)
            weights /= np.bincount(rows, minlength=len(words))[:, None]
            found.append((self.text(tokens), words, source_words, weights))
        return found

    def _words(self, ids: np.ndarray) -> tuple[list[str], list[int]]:
        """Subwords joined to words, and for each subword the number of its word."""
        words, places = [], []
        for one in map(int, ids):
            piece = END_OF_SOURCE if one == END else self.target.decode([one])
            begins = self.target.piece(one).startswith(" ") or not words
            unspaced = [w for w in (piece, words[-1] if words else "") if _unspaced(w)]
            if begins or one == END or unspaced or not piece[:1].isalnum():
                words.append("")
            words[-1] += piece.strip()
            places.append(len(words) - 1)
        return words, places

    def _answers(self, run, sentences):
        """For each sentence its arrays without the batch, or None if it is empty."""
        sentences = strings("sentences", sentences)
        order = sorted(
            (i for i, one in enumerate(sentences) if one.split()),
            key=lambda i: len(sentences[i]),
        )
        answers = [None] * len(sentences)
        for start in range(0, len(order), SENTENCES_AT_ONCE):
            some = order[start : start + SENTENCES_AT_ONCE]
            found = run({"source": self.source_ids([sentences[i] for i in some])})
            for row, i in enumerate(some):
                answers[i] = {name: value[row] for name, value in found.items()}
        return answers


class TranslationRunner(Runner):
    """An exported translator.

    Attributes:
        vocabulary: the subwords of both languages.
    """

    def __init__(self, file: ModelFile, signatures: dict[str, Callable]) -> None:
        super().__init__(file, signatures)
        self.vocabulary = file.lines("vocabulary.txt")
        self.pieces = TranslationPieces(self.vocabulary)

    def translate(self, sentences: Sequence[str]) -> list[str]:
        """Translates, as `Translator.translate` does, by the file's own search.

        Raises:
            UserError: One is no string.
        """
        return self.pieces.translate(self, sentences)

    def attention(self, sentences: Sequence[str]) -> list[Seen]:
        """Translations with what each word saw, as `Translator.attention`.

        Raises:
            UserError: One is no string, or the model does not attend.
        """
        if not self.attends:
            raise UserError("the model does not attend to the words of the source")
        return self.pieces.attention(self, sentences)

    @property
    def attends(self) -> bool:
        """Whether the model gives each subword's attention."""
        return "attention" in self.description["signatures"]["serve"]["outputs"]


def _length(tokens: np.ndarray) -> int:
    """Subwords before the end."""
    ends = np.flatnonzero((tokens == END) | (tokens == PADDING))
    return int(ends[0]) if len(ends) else len(tokens)


def _summed(values: np.ndarray, groups: list[int], axis: int) -> np.ndarray:
    """Rows (axis 0) or columns (1) of the same group summed."""
    values = np.moveaxis(values, axis, 0)
    sums = np.zeros((max(groups, default=-1) + 1, *values.shape[1:]), values.dtype)
    np.add.at(sums, groups, values)
    return np.moveaxis(sums, 0, axis)


def _unspaced(text: str) -> bool:
    return bool(text) and ord(text[0]) >= FIRST_UNSPACED
