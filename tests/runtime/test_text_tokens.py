import numpy as np
import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.runtime.text_tokens import TextTokens

WORDS = ["the", "market", "N", "<unk>"]


@pytest.mark.parametrize(
    ("text", "ids", "again"),
    [
        ("", [], ""),
        ("the market", [1, 2], "the market"),
        ("  The   market \n", [1, 2, 0], "the market\n"),
        ("N n\n\nfell\n", [3, 4, 0, 0, 4, 0], "N <unk>\n\n<unk>\n"),
        ("\nthe", [0, 1], "\nthe"),
    ],
)
def test_words(text, ids, again):
    tokens = TextTokens(WORDS, "word")
    found = tokens.encode(text)
    assert found.dtype == np.int32 and found.tolist() == ids
    assert tokens.decode(found) == again
    assert tokens.encode(again).tolist() == ids


def test_without_an_unknown_word_each_is_named():
    tokens = TextTokens(["the", "market"], "word")
    with pytest.raises(UserError, match="the model's 3 words. Received: 'fell', 'ro"):
        tokens.encode("the market rose\nfell")


def test_characters_are_as_they_are():
    tokens = TextTokens(list(" aA"), "character")
    text = "a A\n\n  a\n"
    assert tokens.encode(text).tolist() == [2, 1, 3, 0, 0, 1, 1, 2, 0]
    assert tokens.decode(tokens.encode(text)) == text
    with pytest.raises(UserError, match=r"of the model's 4 characters.*: '\\t', 'b'$"):
        tokens.encode("ab\tb")


def test_what_is_no_text():
    with pytest.raises(UserError, match="a text must be a string. Received: 3"):
        TextTokens([], "word").encode(3)
