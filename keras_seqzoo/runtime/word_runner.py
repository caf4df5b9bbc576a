"""What the exported models that read sentences as words have in common."""

from collections.abc import Callable, Iterator, Sequence

from keras_seqzoo.arguments import positive_integer, strings
from keras_seqzoo.runtime.files import ModelFile
from keras_seqzoo.runtime.runner import Arrays, Runner
from keras_seqzoo.runtime.word_splitting import SPLITTINGS
from keras_seqzoo.runtime.words import WordIds, split


class WordRunner(Runner):
    """An exported model of words and their characters, with its front end.

    Attributes:
        vocabulary: the known words.
        characters: the known characters.
        labels: the labels' names, in the order of their ids.
    """

    def __init__(self, file: ModelFile, signatures: dict[str, Callable]) -> None:
        super().__init__(file, signatures)
        self.vocabulary = file.lines("vocabulary.txt")
        self.characters = file.lines("characters.txt")
        self.labels = file.lines("labels.txt")
        task = file.description["task"]
        self._splitting = SPLITTINGS[task.get("splitting", "white_space")]
        self._ids = WordIds(self.vocabulary, self.characters, task["word_length"])

    def preprocessor(self, sentences: Sequence[str]) -> Arrays:
        """The model's inputs of some sentences, as the model's own front end's."""
        return self._ids([split(one, self._splitting.spelled) for one in sentences])

    def _answers(
        self, sentences: Sequence[str], batch_size: int
    ) -> Iterator[tuple[list[list[str]], Arrays]]:
        """The sentences' words, and the answers to them, a batch at a time."""
        sentences = strings("sentences", sentences)
        batch_size = positive_integer("batch_size", batch_size)
        for start in range(0, len(sentences), batch_size):
            batch = sentences[start : start + batch_size]
            words = [split(one, self._splitting.written) for one in batch]
            yield words, self(self.preprocessor(batch))
