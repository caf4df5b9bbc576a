"""The search against a loop in NumPy that takes the likeliest word each time."""

import numpy as np
import pytest
from word_chains import (
    END,
    LONGEST,
    SEARCH,
    START,
    chain,
    first_states,
    padded,
    step_of,
)

from keras_seqzoo.decoding import beam_search, greedy_search
from keras_seqzoo.errors import UserError


def likeliest(table):
    words, before, total = [], START, 0.0
    while len(words) < LONGEST and (not words or words[-1] != END):
        word = int(table[before].argmax())
        total += table[before, word]
        words.append(word)
        before = word
    return words, total / len(words)


def test_each_word_is_the_likeliest_after_the_one_before():
    lengths = set()
    for seed in range(3):
        table = chain(seed)
        found = greedy_search(step_of(table), first_states(len(table)), **SEARCH)
        tokens, scores, (number, seen, _) = found
        assert np.asarray(number)[:, 0].tolist() == [0, 1, 2]
        for row, one in enumerate(table):
            words, mean = likeliest(one)
            assert np.asarray(tokens)[row].tolist() == padded(words)
            assert float(scores[row]) == pytest.approx(mean, abs=1e-5)
            before = np.asarray(seen)[row, : len(words)].tolist()
            assert before == [START, *words[:-1]]
            lengths.add(len(words))
    assert len(lengths) > 1  # rows end at different times


def test_it_is_one_beam():
    for seed in range(3):
        table = chain(seed)
        step, states = step_of(table), first_states(len(table))
        greedy, mean, _ = greedy_search(step, states, **SEARCH)
        beam, scores, _ = beam_search(step, states, beams=1, **SEARCH)
        np.testing.assert_array_equal(greedy, beam)
        np.testing.assert_allclose(mean, scores, atol=1e-5)


def test_a_wrong_length_is_named():
    with pytest.raises(UserError, match="`max_length` must be .* max_length=0"):
        greedy_search(None, [np.zeros((1, 2))], **{**SEARCH, "max_length": 0})
