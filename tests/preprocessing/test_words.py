import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.preprocessing.words import (
    KnownIds,
    OneHotWords,
    WordFrontEnd,
    normalized,
)

LEXICON = ["apple", "bag", "cat", "dog", "elephant"]


@pytest.fixture(scope="module")
def front_end():
    return WordFrontEnd(LEXICON, list("abcdefghijklmnopqrstuvwxyz0"), word_length=8)


def test_word_ids_padding_and_unknown_words(front_end):
    ids = front_end(["Apple  zebra\tdog", "elephant", ""])
    assert ids["words"].numpy().tolist() == [[2, 1, 5], [6, 0, 0], [0, 0, 0]]
    assert ids["words"].dtype == tf.int32


def test_character_ids(front_end):
    ids = front_end(["cab 42nd"])["characters"].numpy()
    assert ids.shape == (1, 2, 8)
    assert ids[0, 0].tolist() == [4, 2, 3, 0, 0, 0, 0, 0]
    assert ids[0, 1].tolist() == [28, 28, 15, 5, 0, 0, 0, 0]  # both digits are 0
    assert front_end(["é"])["characters"].numpy()[0, 0, 0] == 1


def test_words_longer_than_word_length_are_cut(front_end):
    assert front_end(["abcdefghijkl"])["characters"].shape == (1, 1, 8)


def test_an_empty_batch_of_sentences_has_one_step(front_end):
    assert front_end(["", "  "])["words"].numpy().tolist() == [[0], [0]]


def test_the_front_end_runs_in_a_graph(front_end):
    function = tf.function(
        lambda text: front_end(text),
        input_signature=[tf.TensorSpec((None,), tf.string)],
    )
    eager, graph = front_end(["bag of cats"]), function(tf.constant(["bag of cats"]))
    for key in eager:
        np.testing.assert_array_equal(eager[key], graph[key])


def test_normalized():
    assert normalized(["Oulu", "2ND", "ÄITI", "7:30"]) == [
        "oulu",
        "0nd",
        "äiti",
        "0:00",
    ]


def test_no_vocabulary_at_all():
    ids = WordFrontEnd([], [])(["any thing"])
    assert ids["words"].numpy().tolist() == [[1, 1]]


def test_a_nul_makes_a_word_unknown_and_ends_none(front_end):
    ids = front_end(["\0 cat\0 c\0at \0dog cat"])
    assert ids["words"].numpy().tolist() == [[1, 1, 1, 1, 4]]
    assert ids["characters"].numpy()[0, 2].tolist() == [4, 1, 2, 21, 0, 0, 0, 0]
    assert normalized(["A\0b"]) == ["a\ufffdb"]


def test_one_hot_words_of_the_lexicon():
    ids = WordFrontEnd(LEXICON, [])(["apple elephant zebra", "cat"])["words"]
    one_hot = OneHotWords(5)(ids).numpy()
    assert one_hot[0].tolist() == [[1, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]
    assert one_hot[1].tolist() == [[0, 0, 1, 0, 0], [0] * 5, [0] * 5]
    assert OneHotWords(5)(np.array([[-7, 7, 99]])).numpy().sum() == 0


def test_ids_outside_the_vocabulary_become_unknown():
    ids = KnownIds(5)(np.array([[0, 1, 2, 6, 7, 10**6, -1]], "int32"))
    assert np.asarray(ids).tolist() == [[0, 1, 2, 6, 1, 1, 1]]
