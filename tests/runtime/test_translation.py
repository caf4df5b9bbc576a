"""Subwords of translations as words."""

import numpy as np

from keras_seqzoo.runtime.subwords import END, FIRST_SUBWORD
from keras_seqzoo.runtime.translation import TranslationPieces

VOCABULARY = [" dog", "s", ".", " Hund", "e", " ", "机", "器", "学习", "3", "-"]
PIECES = TranslationPieces(VOCABULARY)
ID = {piece: number for number, piece in enumerate(VOCABULARY, FIRST_SUBWORD)}


def run_of(words, length, weights):
    """A `serve` that answers every sentence with these pieces and weights."""

    def run(inputs):
        batch, source = inputs["source"].shape
        tokens = np.full((batch, length), END, "int32")
        tokens[:, : len(words)] = [ID[word] for word in words]
        attention = np.zeros((batch, length, source), "float32")
        attention[:, : len(words), : len(weights[0])] = weights
        return {"tokens": tokens, "attention": attention}

    return run


def test_sources_are_read_in_lower_case_and_end():
    ids = PIECES.source_ids(["DOGS.", "  dog "])
    assert ids.tolist() == [
        [ID[" dog"], ID["s"], ID["."], END],
        [ID[" dog"], END, 0, 0],
    ]
    assert PIECES.target_ids("Hunde") == [ID[" Hund"], ID["e"], END]


def test_words_attention_is_that_of_their_pieces():
    weights = [[0.1, 0.2, 0.3, 0.4], [0.5, 0.1, 0.1, 0.3], [0.0, 0.0, 1.0, 0.0]]
    run = run_of([" Hund", "e", "."], 5, weights)
    ((text, words, source, found),) = PIECES.attention(run, ["dogs."])
    assert (text, words, source) == (
        "Hunde.",
        ["Hunde", "."],
        ["dogs", ".", "(end)"],
    )
    # The mean of two pieces over the sum of two.
    np.testing.assert_allclose(found, [[0.45, 0.2, 0.35], [0.0, 1.0, 0.0]], atol=1e-6)


def test_scripts_without_spaces_stay_in_pieces():
    weights = np.full((3, 2), 0.5)
    run = run_of(["机", "器", "学习"], 4, weights)
    ((text, words, _, found),) = PIECES.attention(run, ["dog"])
    assert (text, words) == ("机器学习", ["机", "器", "学习"])
    assert found.shape == (3, 2)


def test_translations_keep_the_order_of_the_sentences():
    calls = []

    def run(inputs):
        calls.append(inputs["source"].shape)
        # As many pieces as the source has.
        lengths = np.count_nonzero(inputs["source"], axis=1) - 1
        place = np.arange(9)[None, :]
        return {"tokens": np.where(place < lengths[:, None], ID["s"], END)}

    sentences = ["dog dog dog", "", "dog", *["dog dog"] * 40]
    found = PIECES.translate(run, sentences)
    assert found == ["sss", "", "s", *["ss"] * 40]
    assert [batch for batch, _ in calls] == [32, 10]


def test_a_whole_length_without_an_end():
    run = run_of([" Hund"] * 4, 4, np.full((4, 2), 0.5))
    assert PIECES.translate(run, ["dog"]) == ["Hund Hund Hund Hund"]
    assert len(PIECES.attention(run, ["dog"])[0][1]) == 4
