"""Witten-Bell by hand, and that every state's probabilities sum to one."""

import numpy as np
import pytest

from keras_seqzoo.runtime.ngram import NGram
from keras_seqzoo.training.ngram_learning import learned_ngram


def test_probabilities_are_witten_bells():
    # Of a, b and the end: a comes 3 times, b once, the end twice.
    model = NGram(learned_ngram(["aab", "a"], 2, 1), ["a", "b"])
    n, kinds, uniform = 6, 3, 1 / 3
    p_a, p_b, p_end = ((c + kinds * uniform) / (n + kinds) for c in (3, 1, 2))
    # After a: a, b and the end once each.
    after_a = [(1 + 3 * p) / (3 + 3) for p in (p_a, p_b, p_end)]
    state = model.next_state[model.start, 0]
    found = [*np.exp(model.log_p[state]), np.exp(model.end_log_p[state])]
    np.testing.assert_allclose(found, after_a, rtol=1e-3)
    # After the beginning: a twice, the only kind; b backs off.
    first = np.exp(model.log_p[model.start])
    np.testing.assert_allclose(first, [(2 + p_a) / 3, p_b / 3], rtol=1e-3)


@pytest.mark.parametrize("min_count", [1, 2])
def test_all_that_may_follow_sums_to_one(min_count):
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("abc "), 12)) for _ in range(30)]
    model = NGram(learned_ngram(texts, 4, min_count), ["a", "b", "c", " "])
    total = np.exp(model.log_p).sum(axis=1) + np.exp(model.end_log_p)
    np.testing.assert_allclose(total, 1.0, atol=2e-3)  # of four digits
    fewer = NGram(learned_ngram(texts, 4, 3), ["a", "b", "c", " "])
    assert len(fewer.log_p) < len(model.log_p)


def test_it_likes_what_it_saw():
    lines = learned_ngram(["seven", "seven", "six"], 5)
    model = NGram(lines, sorted(set("sevenix")))
    labels = {label: i for i, label in enumerate(sorted(set("sevenix")))}

    def score(text):
        state, total = model.start, 0.0
        for letter in text:
            total += model.log_p[state, labels[letter]]
            state = model.next_state[state, labels[letter]]
        return total + model.end_log_p[state]

    assert score("seven") > score("six") > score("sevex") > score("xxxxx")


def test_labels_may_be_words():
    lines = learned_ngram([["go", "home"], ["go"]], 3, 1)
    assert lines[0] == "\\data\\" and lines[-1] == "\\end\\"
    model = NGram(lines, ["go", "home", "stop"])
    assert np.exp(model.log_p[model.start, 0]) > 0.7
    assert learned_ngram([], 3)[0] == "\\data\\"
