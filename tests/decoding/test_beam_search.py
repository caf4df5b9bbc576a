"""The search against all sequences there are, in NumPy."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops
from word_chains import (
    END,
    LONGEST,
    SEARCH,
    START,
    WORDS,
    chain,
    first_states,
    padded,
    step_of,
)

from keras_seqzoo.decoding import beam_search, for_each_beam
from keras_seqzoo.errors import UserError


def sequences():
    """All sequences: END only at the end, or none in LONGEST words."""
    for length in range(1, LONGEST + 1):
        for words in itertools.product(range(WORDS), repeat=length):
            if END in words[:-1] or (length < LONGEST and words[-1] != END):
                continue
            yield words


def log_probability(table, words):
    before = (START, *words[:-1])
    return sum(table[b, w] for b, w in zip(before, words))


def best_of_all(table, length_penalty):
    def score(words):
        return log_probability(table, words) / len(words) ** length_penalty

    best = max(sequences(), key=score)
    return best, score(best)


def beams_in_numpy(table, beams, length_penalty):
    """Beam search as a list of sequences that is sorted at each step."""
    alive, done = [((), 0.0)], []
    for _ in range(LONGEST):
        room = beams - len(done)
        grown = [
            ((*words, w), total + table[words[-1] if words else START, w])
            for words, total in alive
            for w in range(WORDS)
        ]
        grown = sorted(grown, key=lambda one: -one[1])[:room]
        done += [one for one in grown if one[0][-1] == END]
        alive = [one for one in grown if one[0][-1] != END]
    scored = [(t / len(words) ** length_penalty, words) for words, t in done + alive]
    return max(scored)[::-1]


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_as_many_beams_as_sequences_find_the_best_of_all(length_penalty):
    for seed in range(3):
        table = chain(seed)
        tokens, scores, _ = beam_search(
            step_of(table),
            first_states(len(table)),
            beams=WORDS**LONGEST,
            length_penalty=length_penalty,
            **SEARCH,
        )
        for row, one in enumerate(table):
            words, score = best_of_all(one, length_penalty)
            assert ops.convert_to_numpy(tokens)[row].tolist() == padded(words)
            assert float(scores[row]) == pytest.approx(score, abs=1e-5)


@pytest.mark.parametrize("beams", [1, 2, 3])
def test_a_few_beams_are_those_of_a_sorted_list(beams):
    missed = 0
    for seed in range(3):
        table = chain(seed)
        tokens, scores, _ = beam_search(
            step_of(table), first_states(len(table)), beams=beams, **SEARCH
        )
        for row, one in enumerate(table):
            words, score = beams_in_numpy(one, beams, 1.0)
            assert ops.convert_to_numpy(tokens)[row].tolist() == padded(words)
            assert float(scores[row]) == pytest.approx(score, abs=1e-5)
            missed += words != best_of_all(one, 1.0)[0]
    if beams == 1:
        assert missed  # else it would be a search of everything


def test_states_follow_their_beam():
    table = chain(5)
    tokens, _, (number, seen, _) = beam_search(
        step_of(table), first_states(len(table)), beams=3, **SEARCH
    )
    tokens, seen = ops.convert_to_numpy(tokens), ops.convert_to_numpy(seen)
    assert ops.convert_to_numpy(number)[:, 0].tolist() == [0, 1, 2]
    for words, before in zip(tokens, seen):
        length = min([*np.flatnonzero(words == END), LONGEST - 1]) + 1
        assert before[:length].tolist() == [START, *words[: length - 1]]


def test_each_row_comes_several_times_in_a_row():
    x = ops.convert_to_tensor([[1, 2], [3, 4]])
    found = for_each_beam({"x": x}, 2)["x"]
    assert ops.convert_to_numpy(found).tolist() == [[1, 2], [1, 2], [3, 4], [3, 4]]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="its graphs")
def test_in_a_graph_with_a_free_batch():
    import tensorflow as tf

    table = chain(1)
    specs = [tf.TensorSpec((None, n), tf.float32) for n in (1, LONGEST, 1)]

    @tf.function(input_signature=[specs])
    def search(states):
        return beam_search(step_of(table), states, beams=3, **SEARCH)[:2]

    for batch in (1, 3):
        tokens, scores = search(first_states(batch))
        eager = beam_search(step_of(table), first_states(batch), beams=3, **SEARCH)
        np.testing.assert_array_equal(tokens, eager[0])
        np.testing.assert_allclose(scores, eager[1], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beams": 0}, "`beams` must be a positive integer of at most 256. .*=0"),
        ({"beams": 2.5}, "`beams` must be a positive integer of at most 256. .*2.5"),
        ({"beams": 257}, "`beams` must be a positive integer of at most 256. .*257"),
        ({"max_length": 0}, "`max_length` must be a positive integer"),
        ({"length_penalty": -1}, "`length_penalty` must be a number from 0"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(UserError, match=message):
        beam_search(None, [np.zeros((1, 2))], **{**SEARCH, **arguments})
