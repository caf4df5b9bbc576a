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


def test_an_unknown_number_is_n():
    tokens = TextTokens([*WORDS, "1990s"], "word")
    text = "1234 1,234.5 1/2 1990s 3rd -"
    assert tokens.encode(text).tolist() == [3, 3, 3, 5, 4, 4]
    assert TextTokens(["<unk>"], "word").encode("1234").tolist() == [1]


def test_unknown_words_are_never_drawn():
    assert TextTokens(WORDS, "word").never_drawn == [4]
    assert TextTokens(["the"], "word").never_drawn == []
    assert TextTokens(list("<unk>"), "character").never_drawn == []


@pytest.mark.parametrize(
    ("text", "ids", "whole"),
    [
        ("The  1234 fell", [1, 2], "The  1234 fell the market"),
        ("The\n", [1], "The\nthe"),
        ("The", [0, 1], "The\nthe"),
        ("", [1], "the"),
        ("The", [], "The"),
    ],
)
def test_a_text_that_goes_on_stays_as_it_is(text, ids, whole):
    assert TextTokens(WORDS, "word").continued(text, ids) == whole


def test_without_an_unknown_word_each_is_named():
    tokens = TextTokens(["the", "market"], "word")
    with pytest.raises(UserError, match="the model's 3 words. Received: 'fell', 'ro"):
        tokens.encode("the market rose\nfell")


def test_characters_are_as_they_are():
    tokens = TextTokens(list(" aA"), "character")
    text = "a A\n\n  a\n"
    assert tokens.encode(text).tolist() == [2, 1, 3, 0, 0, 1, 1, 2, 0]
    assert tokens.decode(tokens.encode(text)) == text
    assert tokens.continued(text, [2, 1]) == f"{text}a "
    assert tokens.continued("A", [2]) == "Aa"
    with pytest.raises(UserError, match=r"of the model's 4 characters.*: '\\t', 'b'$"):
        tokens.encode("ab\tb")


def test_what_is_no_text():
    with pytest.raises(UserError, match="a text must be a string. Received: 3"):
        TextTokens([], "word").encode(3)
