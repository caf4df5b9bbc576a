"""Random rows of several lengths, from which models make their example inputs.

In each the first row has the full length, and the others end before or there.
"""

import numpy as np

from keras_seqzoo.runtime.words import FIRST_WORD, PADDING


def random_padding(rng: np.random.Generator, batch: int, length: int) -> np.ndarray:
    """Where rows have ended: booleans `(batch, length)`; each has a step or more."""
    lengths = rng.integers(1, length + 1, batch)
    lengths[0] = length
    return np.arange(length)[None, :] >= lengths[:, None]


def random_series(
    rng: np.random.Generator, batch: int, length: int, features: int
) -> np.ndarray:
    """Normal numbers `(batch, length, features)`, float32, zeros behind them."""
    series = rng.normal(size=(batch, length, features))
    series[random_padding(rng, batch, length)] = 0.0
    return series.astype("float32")


def random_words(
    rng: np.random.Generator,
    batch: int,
    length: int,
    *,
    vocabulary_size: int,
    number_of_characters: int,
    word_length: int,
) -> dict[str, np.ndarray]:
    """The inputs of `word_features`, some words and characters unknown."""
    words = rng.integers(1, vocabulary_size + FIRST_WORD, (batch, length))
    padding = random_padding(rng, batch, length)
    words[padding] = PADDING
    characters = rng.integers(
        0, number_of_characters + FIRST_WORD, (batch, length, word_length)
    )
    characters[padding] = PADDING
    return {"words": words.astype("int32"), "characters": characters.astype("int32")}


def random_sentences(
    rng: np.random.Generator, batch: int, length: int, words: range, end: int
) -> np.ndarray:
    """Ids `(batch, length)` among `words`, `end` as the last, -1 behind it."""
    ids = rng.integers(words.start, words.stop, (batch, length))
    padding = random_padding(rng, batch, length)
    ids[padding] = -1
    is_last = ~padding & np.pad(padding[:, 1:], [(0, 0), (0, 1)], constant_values=True)
    ids[is_last] = end
    return ids
