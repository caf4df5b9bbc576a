"""A tagger that streams gives each word the slot that predict_text gives it."""

import keras
import numpy as np
import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.models import SlotTagger

SENTENCE = "A cat\tand 7 dogs  saw an Elephant 猫"


@pytest.mark.parametrize("cell", ["peephole_lstm", "gru", "clockwork_rnn", "scrn"])
def test_word_by_word(cell):
    keras.utils.set_random_seed(0)
    arguments = {"periods": (1, 3)} if cell == "clockwork_rnn" else {}
    tagger = SlotTagger(
        **SlotTagger.tiny(), cell=cell, bidirectional=False, cell_arguments=arguments
    )
    random = np.random.default_rng(0)
    for weight in tagger.weights:
        weight.assign(random.normal(0, 0.9, weight.shape))
    expected = tagger.predict_text([SENTENCE])[0]
    assert len({slot for _, slot in expected}) > 1
    stream = tagger.stream()
    assert [p for word in SENTENCE.split() for p in stream(word)] == expected
    stream.reset()
    assert stream("A cat\tand") + stream([]) + stream("") == expected[:3]
    assert stream(["7", "dogs saw"]) == expected[3:6]
    other = tagger.stream()  # each has its own states
    assert other("A") + stream("an Elephant 猫") == expected[:1] + expected[6:]


def test_both_directions_cannot_stream():
    tagger = SlotTagger(**SlotTagger.tiny())
    with pytest.raises(UserError, match="one direction to stream: .*bidirectional"):
        tagger.stream()
