import numpy as np

from keras_seqzoo.models.example_rows import (
    random_padding,
    random_sentences,
    random_series,
    random_words,
)

BATCH, LENGTH = 200, 6


def rng():
    return np.random.default_rng(3)


def test_the_first_row_is_whole_and_every_length_comes():
    padding = random_padding(rng(), BATCH, LENGTH)
    lengths = (~padding).sum(axis=1)
    assert padding.shape == (BATCH, LENGTH) and lengths[0] == LENGTH
    assert set(lengths) == set(range(1, LENGTH + 1))
    assert (np.diff(padding.astype(int), axis=1) >= 0).all()  # behind, never between


def test_a_series_ends_in_zeros():
    series = random_series(rng(), BATCH, LENGTH, 3)
    there = (series != 0).all(axis=-1)
    assert series.dtype == np.float32 and there[0].all() and there[:, 0].all()
    assert ((series == 0).all(axis=-1) == ~there).all() and not there.all()


def test_words_and_their_characters_end_together():
    found = random_words(
        rng(),
        BATCH,
        LENGTH,
        vocabulary_size=3,
        number_of_characters=2,
        word_length=4,
    )
    words, characters = found["words"], found["characters"]
    assert words.dtype == characters.dtype == np.int32
    assert characters.shape == (BATCH, LENGTH, 4)
    assert set(words.flat) == {0, 1, 2, 3, 4}  # padding, unknown, the vocabulary
    assert set(characters.flat) == {0, 1, 2, 3}
    assert not characters[words == 0].any() and words[0].all()


def test_a_sentence_has_its_end_and_nothing_behind():
    for row in random_sentences(rng(), BATCH, LENGTH, range(5, 8), end=2).tolist():
        end = row.index(2)
        assert set(row[:end]) <= {5, 6, 7} and set(row[end + 1 :]) <= {-1}
    first = random_sentences(rng(), BATCH, LENGTH, range(5, 8), end=2)[0]
    assert first[-1] == 2 and (first[:-1] >= 5).all()
