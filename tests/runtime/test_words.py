"""The runtime's front end gives the ids of the one in the graph, whatever the text."""

import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.preprocessing import words as in_graph
from keras_seqzoo.runtime.words import (
    FIRST_WORD,
    OUT_OF_VOCABULARY,
    PADDING,
    WordIds,
    normalized,
    split,
)

VOCABULARY = ["apple", "cat", "0nd", "0:00", "äiti", "όδος", "naïve", "i\u0307", "ꟁ"]
CHARACTERS = list("abcdefghij0:äσς") + ["\u0307", "猫", "😀"]
ODD = [
    "",
    "   \t\n\v\f\r ",
    "Apple CAT\tcat\u00a0cat a\u2003b a\u3000b a\x1cb a\x85b",
    "2ND 7:30 ٣ ３ ² ½ 𝟗",
    "ÄITI A\u0308ITI naïve NAÏVE",
    "ΌΔΟΣ ΟΔΟΣ. ΟΔΟΣΑ Σ ΑΣ\u0301 'ΑΣ' ΑΣ'Α ⒶΣ ʰΣ ＡΣ ΑΣ\u00adΑ",
    "İstanbul ISTANBUL ıI ẞ ﬁ Ǆ ǅ",
    "ꟀΣ 𐕰 𐕰Σ ΑΣ𐕰 ⰯΑΣ",
    "猫 😀😀 👩\u200d👩\u200d👧 \ufeffcat \ufffe \U0010ffff \ue000",
    "nul\0cut \0 \0a \x01 \x7f",
    "supercalifragilisticexpialidocious" * 3,
    "cat " * 1000,
    "[UNK] [unk] \ue000",
]


@pytest.mark.parametrize(
    ("vocabulary", "characters"), [(VOCABULARY, CHARACTERS), ([], [])]
)
def test_ids_are_those_of_the_graph(vocabulary, characters):
    expected = in_graph.WordFrontEnd(vocabulary, characters, word_length=7)(ODD)
    found = WordIds(vocabulary, characters, 7)([split(one) for one in ODD])
    for name, ids in found.items():
        assert ids.dtype == np.int32
        np.testing.assert_array_equal(ids, expected[name], err_msg=name)


def test_no_words_at_all_are_one_step_of_padding():
    found = WordIds(VOCABULARY, CHARACTERS, 3)([[], []])
    assert found["words"].tolist() == [[PADDING], [PADDING]]
    assert found["characters"].shape == (2, 1, 3)


def test_words_are_split_as_in_the_graph():
    found = tf.strings.split(tf.constant(ODD)).to_list()
    assert [split(one) for one in ODD] == [[w.decode() for w in s] for s in found]


def test_every_character_is_normalized_as_in_the_graph():
    # Alone, and where it decides which of its two small letters a Σ gets. Beyond
    # these planes no character has a case.
    every = [chr(c) for c in range(1, 0x20000) if not 0xD800 <= c < 0xE000]
    words = [f"{c}Σ" for c in every] + [f"aΣ{c}" for c in every]
    expected = in_graph.normalize(tf.constant(words)).numpy()
    wrong = [
        word
        for word, lower in zip(words, expected, strict=True)
        if normalized(word) != lower.decode()
    ]
    assert wrong == []


def test_the_special_ids_are_the_same():
    ours = PADDING, OUT_OF_VOCABULARY, FIRST_WORD
    assert ours == (in_graph.PADDING, in_graph.OUT_OF_VOCABULARY, in_graph.FIRST_WORD)
