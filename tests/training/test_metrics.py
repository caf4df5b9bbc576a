import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.training.metrics import error_rates, slot_scores


@pytest.mark.parametrize(
    "gold, predicted, precision, recall",
    [
        ("B-a I-a O B-b", "B-a I-a O B-b", 100, 100),
        ("B-a I-a O B-b", "B-a O O B-b", 50, 50),  # A cut chunk is wrong.
        ("B-a I-a O B-b", "B-a I-a O B-c", 50, 50),  # So is another name.
        ("B-a O O O", "B-a O B-a B-a", 100 / 3, 100),
        ("O O I-a I-a", "O O B-a I-a", 100, 100),  # I- after O begins a chunk.
        ("B-new O O B-b", "O O O B-b", 100, 50),  # A tag no model knows: a miss.
        ("O O O O", "O O O O", 0, 0),
    ],
)
def test_slot_scores(gold, predicted, precision, recall):
    scores = slot_scores([gold.split()], [predicted.split()])
    assert scores["precision"] == pytest.approx(precision)
    assert scores["recall"] == pytest.approx(recall)
    total = precision + recall
    f1 = 2 * precision * recall / total if total else 0
    assert scores["f1"] == pytest.approx(f1)


def test_scores_need_a_tag_for_each_word():
    with pytest.raises(UserError, match="as many as gold tags"):
        slot_scores([["O", "O"]], [["O"]])


def test_error_rates_are_pooled_edits():
    references = ["one two three", "four"]
    # One deletion and one substitution of four words; 3 + 1 + 4 of 17 characters: "two"
    # with a blank is 4, and "four" to "five" 3.
    wer, cer = error_rates(references, ["one three", "five"])
    assert wer == pytest.approx(100 * 2 / 4)
    assert cer == pytest.approx(100 * (4 + 3) / 17)
    assert error_rates(references, references) == (0.0, 0.0)
    assert error_rates(references, ["", ""]) == (100.0, 100.0)
    assert error_rates(["a"], ["a b c"])[0] == pytest.approx(200.0)


def test_error_rates_need_a_text_for_each_reference():
    with pytest.raises(UserError, match="as many as the references, 1. Received: 2"):
        error_rates(["a"], ["a", "b"])
    with pytest.raises(UserError, match="references must have a word"):
        error_rates([""], ["a"])
