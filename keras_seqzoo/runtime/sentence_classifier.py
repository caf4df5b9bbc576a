"""Sentence classifiers from words to a class."""

from collections.abc import Sequence

import numpy as np

from keras_seqzoo.runtime.word_runner import WordRunner


class SentenceClassifierRunner(WordRunner):
    """An exported `SentenceClassifier`, with its front end and decoder."""

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
        explained = []
        for batch, answer in self._answers(sentences, batch_size):
            for row, words in enumerate(batch):
                label = self.labels[answer["labels"][row]]
                chance = float(np.max(answer["probabilities"][row]))
                weights = map(float, answer["word_weights"][row])
                explained.append((label, chance, list(zip(words, weights))))
        return explained
