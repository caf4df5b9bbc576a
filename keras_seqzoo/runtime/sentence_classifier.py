"""Sentence classifiers from words to a class."""

from collections.abc import Callable, Sequence

import numpy as np

from keras_seqzoo.arguments import positive_integer, strings
from keras_seqzoo.runtime.files import ModelFile
from keras_seqzoo.runtime.runner import Arrays, Runner
from keras_seqzoo.runtime.words import WordIds, split


class SentenceClassifierRunner(Runner):
    """An exported `SentenceClassifier`, with its front end and decoder.

    Attributes:
        vocabulary: the known words.
        characters: the known characters.
        labels: the classes' names, in the order of their ids.
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
    ) -> list[tuple[str, float]]:
        """Classify sentences, as `SentenceClassifier.predict_text` does.

        Raises:
            UserError: if `sentences` are not a list of strings, or `batch_size` is not
                a positive integer.
        """
        return [found[:2] for found in self.explain(sentences, batch_size)]

    def explain(
        self, sentences: Sequence[str], batch_size: int = 64
    ) -> list[tuple[str, float, list[tuple[str, float]]]]:
        """Classify sentences with each word's weight, as `SentenceClassifier.explain`.

        Raises:
            UserError: as `predict_text`.
        """
        sentences = strings("sentences", sentences)
        batch_size = positive_integer("batch_size", batch_size)
        explained = []
        for start in range(0, len(sentences), batch_size):
            batch = [split(one) for one in sentences[start : start + batch_size]]
            answer = self(self._ids(batch))
            for row, words in enumerate(batch):
                label = self.labels[answer["labels"][row]]
                chance = float(np.max(answer["probabilities"][row]))
                weights = map(float, answer["word_weights"][row])
                explained.append((label, chance, list(zip(words, weights))))
        return explained
