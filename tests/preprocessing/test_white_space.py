"""White space in the graph is that of Python."""

import sys

import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from keras_seqzoo.preprocessing.white_space import single_spaced, stripped


def test_every_character_is_white_space_or_not_as_in_python():
    signs = [chr(i) for i in range(sys.maxunicode + 1) if not 0xD800 <= i < 0xE000]
    found = stripped(tf.constant(signs)).numpy()
    wrong = [a for a, b in zip(signs, found) if a.strip() != b.decode()]
    assert wrong == []


texts = st.lists(st.text(st.sampled_from("ab\0\n \t\x85\u3000é猫")), min_size=1)


@given(texts=texts)
def test_texts_are_split_and_stripped_as_in_python(texts):
    found = [text.decode() for text in single_spaced(tf.constant(texts)).numpy()]
    assert found == [" ".join(text.split()) for text in texts]
    found = [text.decode() for text in stripped(tf.constant(texts)).numpy()]
    assert found == [text.strip() for text in texts]


def test_what_is_no_utf_8_stays():
    found = single_spaced(tf.constant([b" lo\xc3w  \xff\x85 "])).numpy()
    assert found == [b"lo\xc3w \xff\x85"]
