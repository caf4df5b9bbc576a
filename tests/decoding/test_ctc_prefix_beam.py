"""Prefix beam search against the enumeration of all paths."""

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.decoding import ctc_prefix_beam
from keras_seqzoo.errors import UserError
from keras_seqzoo.runtime.ngram import NGram
from keras_seqzoo.training.ngram_learning import learned_ngram

ENOUGH = 200  # beams: as many as there are prefixes


def said(path):
    """What a path of ids says; a label is its id less 1."""
    return tuple(i - 1 for i, _ in itertools.groupby(path) if i)


def log_probabilities(logits):
    """Of all that can be said, by enumeration of all paths: {labels: log p}."""
    logits = logits.astype(np.float64)
    log_y = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    steps, ids = log_y.shape
    found = defaultdict(lambda: -math.inf)
    for path in itertools.product(range(ids), repeat=steps):
        score = log_y[np.arange(steps), path].sum()
        found[said(path)] = np.logaddexp(found[said(path)], score)
    return found


def judged(labels, model, weight, bonus):
    """What the language model adds, label by label."""
    state, total = model.start, 0.0
    for label in labels:
        total += weight * model.log_p[state, label] + bonus
        state = model.next_state[state, label]
    return total + weight * model.end_log_p[state]


def best_of(scores):
    return max(scores, key=scores.get)


def searched(logits, beams, *model):
    labels, scores = ctc_prefix_beam(logits, beams, *model)
    labels = [tuple(int(i) for i in row if i >= 0) for row in np.asarray(labels)]
    return labels, np.asarray(scores)


LANGUAGE = NGram(learned_ngram(["ab", "ab", "abb", "ca"], 3, 1), "abc")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("model", [(), (LANGUAGE, 0.7, 0.4), (LANGUAGE, 2.0, 0.0)])
def test_with_enough_beams_it_is_exact(seed, model):
    logits = 2.0 * np.random.default_rng(seed).normal(size=(2, 5, 4))
    labels, scores = searched(logits.astype("float32"), ENOUGH, *model)
    for row in range(2):
        expected = log_probabilities(logits[row])
        if model:
            expected = {x: p + judged(x, *model) for x, p in expected.items()}
        assert labels[row] == best_of(expected)
        assert scores[row] == pytest.approx(expected[labels[row]], abs=1e-4)


def test_it_sums_alignments_where_the_best_path_does_not():
    # Blank is likeliest at both steps, but a, -a and a- together are likelier.
    logits = np.log([[[0.6, 0.4], [0.6, 0.4]]]).astype("float32")
    labels, scores = searched(logits, 4)
    assert labels == [(0,)]
    assert np.exp(scores[0]) == pytest.approx(1.0 - 0.6**2, rel=1e-5)


def test_hello_keeps_both_l():
    # h e l l o in six steps, and the blank between the l is not sure.
    logits = np.full((1, 6, 5), -9.0, "float32")
    for step, i in enumerate([2, 1, 3, 0, 3, 4]):
        logits[0, step, i] = 0.0
    logits[0, 3, 3] = -0.5
    assert searched(logits, 8)[0] == [(1, 0, 2, 2, 3)]


def test_a_language_model_decides_what_sounds_alike():
    logits = np.zeros((1, 3, 4), "float32")
    logits[0, 0, 1] = logits[0, 1, 0] = 9.0  # a, blank, and then b or c
    logits[0, 2, [0, 1]] = -9.0
    logits[0, 2, 3] = 0.1  # c is a little likelier
    assert searched(logits, 8)[0] == [(0, 2)]
    assert searched(logits, 8, LANGUAGE, 1.0)[0] == [(0, 1)]


@pytest.mark.parametrize("beams", [1, 3, 16])
def test_few_beams_find_what_is_clear_and_padding_changes_nothing(beams):
    rng = np.random.default_rng(5)
    ids = [1, 1, 0, 2, 0, 2, 3, 3, 0]
    logits = rng.normal(size=(1, 9, 4)).astype("float32")
    logits[0, np.arange(9), ids] += 9.0
    alone, score = searched(logits, beams, LANGUAGE, 0.1)
    assert alone == [(0, 1, 1, 2)]
    padding = np.tile(np.float32([0.0, -100.0, -100.0, -100.0]), (1, 4, 1))
    padded = np.concatenate([logits, padding], axis=1)
    both = np.concatenate([padded, np.tile(padding, (1, 4, 1))[:, :13]])
    labels, scores = searched(both, beams, LANGUAGE, 0.1)
    assert labels == [alone[0], ()]
    assert scores[0] == pytest.approx(score[0], abs=1e-4)


def test_a_graph_of_any_size_finds_the_same():
    search = tf.function(
        lambda logits: ctc_prefix_beam(logits, 6, LANGUAGE, 0.5, 0.2),
        input_signature=[tf.TensorSpec((None, None, 4), tf.float32)],
    )
    for batch, steps in ((1, 1), (3, 7)):
        logits = np.random.default_rng(steps).normal(size=(batch, steps, 4))
        logits = logits.astype("float32")
        labels, scores = search(logits)
        eager = ctc_prefix_beam(logits, 6, LANGUAGE, 0.5, 0.2)
        np.testing.assert_array_equal(labels, eager[0])
        np.testing.assert_allclose(scores, eager[1], atol=1e-5)
        assert labels.shape == (batch, steps)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "`beams` must be a positive integer of at most 256. .*=0"),
        ((2.5,), "`beams` must be a positive integer of at most 256. .*2.5"),
        ((257,), "`beams` must be a positive integer of at most 256. .*257"),
        ((2, None, math.nan), "`language_weight` must be a number"),
        ((2, None, 1.0, "x"), "`label_bonus` must be a number"),
        ((2, NGram(learned_ngram(["ab"], 2, 1), "ab")), "of the 3 labels.*Received: 2"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(UserError, match=message):
        ctc_prefix_beam(np.zeros((1, 4, 4), "float32"), *arguments)
    with pytest.raises(UserError, match="`logits` must be"):
        ctc_prefix_beam(np.zeros((4, 4), "float32"), 2)
