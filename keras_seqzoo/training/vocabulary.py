"""What a model learns its words and labels from: the training part alone."""

import collections
from collections.abc import Iterable, Sequence

from keras_seqzoo.datasets.tagged_sentence import TaggedSentence
from keras_seqzoo.preprocessing.words import normalized


def tagger_assets(
    sentences: Sequence[TaggedSentence], min_count: int = 1
) -> dict[str, list[str]]:
    """The `vocabulary`, `characters` and `labels` of a slot tagger.

    Args:
        sentences: The training part.
        min_count: Of `word_assets`.

    Returns:
        As `word_assets`, and the labels in alphabetical order after "O".
    """
    words = [word for sentence in sentences for word in sentence.words]
    slots = {slot for sentence in sentences for slot in sentence.slots}
    return {
        **word_assets(words, min_count),
        "labels": ["O", *sorted(slots - {"O"})],
    }


def word_assets(words: Iterable[str], min_count: int = 1) -> dict[str, list[str]]:
    """The `vocabulary` and `characters` of a model that reads words.

    Args:
        words: All words of the training part, as often as they occur.
        min_count: Rarer words are left out, and so seen as out-of-vocabulary.

    Returns:
        Words and characters as the front end looks them up, the most frequent first.
    """
    counts = collections.Counter(normalized(words))
    characters = collections.Counter()
    for word, count in counts.items():
        for character in word:
            characters[character] += count
    return {
        "vocabulary": [word for word, n in _by_frequency(counts) if n >= min_count],
        "characters": [character for character, _ in _by_frequency(characters)],
    }


def _by_frequency(counts: collections.Counter) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
