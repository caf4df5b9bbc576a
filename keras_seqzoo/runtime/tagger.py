"""Slot taggers from words to slots."""

from collections.abc import Sequence

from keras_seqzoo.runtime.word_runner import WordRunner
from keras_seqzoo.runtime.word_stream import Pairs, WordStream
from keras_seqzoo.runtime.words import split


class TaggerRunner(WordRunner):
    """An exported `SlotTagger`, with its front end and decoder."""

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
        tagged = []
        for batch, answer in self._answers(sentences, batch_size):
            tagged += [self._pairs(*row) for row in zip(batch, answer["labels"])]
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
