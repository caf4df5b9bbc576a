"""What a tagger learns its words and labels from: the training sentences alone."""

import collections
from collections.abc import Sequence

from keras_seqzoo.datasets.tagged_sentence import TaggedSentence
from keras_seqzoo.preprocessing.words import normalized


def tagger_assets(
    sentences: Sequence[TaggedSentence], min_count: int = 1
) -> dict[str, list[str]]:
    """The `vocabulary`, `characters` and `labels` of a slot tagger.

    Args:
        sentences: The training part.
        min_count: Rarer words are left out, and so seen as out-of-vocabulary.

    Returns:
        Words and characters as the front end looks them up, the most frequent first;
        labels in alphabetical order after "O".
    """
    words = [word for sentence in sentences for word in sentence.words]
    words = collections.Counter(normalized(words))
    characters = collections.Counter()
    for word, count in words.items():
        for character in word:
            characters[character] += count
    slots = {slot for sentence in sentences for slot in sentence.slots}
    return {
        "vocabulary": [word for word, n in _by_frequency(words) if n >= min_count],
        "characters": [character for character, _ in _by_frequency(characters)],
        "labels": ["O", *sorted(slots - {"O"})],
    }


def _by_frequency(counts: collections.Counter) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
