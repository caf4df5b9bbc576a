"""Slot taggers from words to slots."""

from collections.abc import Callable, Sequence

from keras_seqzoo.arguments import positive_integer, strings
from keras_seqzoo.runtime.files import ModelFile
from keras_seqzoo.runtime.runner import Arrays, Runner
from keras_seqzoo.runtime.word_stream import Pairs, WordStream
from keras_seqzoo.runtime.words import WordIds, split


class TaggerRunner(Runner):
    """An exported `SlotTagger`, with its front end and decoder.

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
        word_length = file.description["task"]["word_length"]
        self._ids = WordIds(self.vocabulary, self.characters, word_length)

    def preprocessor(self, sentences: Sequence[str]) -> Arrays:
        """The model's inputs of some sentences, as the model's own front end's."""
        return self._ids([split(one) for one in sentences])

    def predict_text(
        self, sentences: Sequence[str], batch_size: int = 64
    ) -> list[list[tuple[str, str]]]:
        """Tag sentences, as `SlotTagger.predict_text` does.

        Args:
            sentences: Strings; each is split at white space.
            batch_size: Sentences computed at a time.

        Returns:
            For each sentence the list of its (word, label) pairs; an empty sentence
            gives an empty list.

        Raises:
            UserError: if `sentences` are not a list of strings, or `batch_size` is not
                a positive integer.
        """
        sentences = strings("sentences", sentences)
        batch_size = positive_integer("batch_size", batch_size)
        tagged = []
        for start in range(0, len(sentences), batch_size):
            batch = [split(one) for one in sentences[start : start + batch_size]]
            labels = self(self._ids(batch))["labels"]
            tagged += [self._pairs(*row) for row in zip(batch, labels)]
        return tagged

    def stream(self) -> WordStream:
        """The sentence word by word: each word's slot as it comes.

        Raises:
            UserError: if the tagger cannot stream, as one of both directions cannot.
        """
        self._check_streams()

        def tag(text, states):
            words = split(text)
            answer, states = self.step(self._ids([words]), states)
            return self._pairs(words, answer["labels"][0]), states

        return WordStream(tag)

    def _pairs(self, words, labels) -> Pairs:
        return [(word, self.labels[label]) for word, label in zip(words, labels)]
