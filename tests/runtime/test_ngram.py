"""ARPA files as tables of states: the back-off rule, by hand."""

import numpy as np
import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.runtime.ngram import NGram

# From the format's own description: p(b|a) is there, p(a|a) backs off.
LINES = r"""
\data\
ngram 1=5
ngram 2=4
ngram 3=1

\1-grams:
-0.5 a -0.2
-0.6 b -0.3
-99 <s> -0.1
-0.7 </s>
-0.9 <space>

\2-grams:
-0.25 a b -0.05
-0.15 <s> a
-0.35 b </s>
-0.4 b <space>

\3-grams:
-0.11 a b a
\end\
""".splitlines()
A, B, GAP = 0, 1, 2


@pytest.fixture(scope="module")
def model():
    return NGram(LINES, ["a", "b", " "])


def walk(model, labels):
    """log10 of each label's probability in turn, and of the end's."""
    state, found = model.start, []
    for label in labels:
        found.append(model.log_p[state, label] / np.log(10))
        state = model.next_state[state, label]
    return [*found, model.end_log_p[state] / np.log(10)]


@pytest.mark.parametrize(
    ("labels", "log10"),
    [
        ([], [-0.1 - 0.7]),  # <s> backs off to the end
        ([A], [-0.15, -0.2 - 0.7]),
        ([A, B], [-0.15, -0.25, -0.05 - 0.35]),  # a b </s>: b </s> is there
        ([A, B, A], [-0.15, -0.25, -0.11, -0.2 - 0.7]),
        ([A, A], [-0.15, -0.2 - 0.5, -0.2 - 0.7]),
        ([B, GAP], [-0.1 - 0.6, -0.4, -0.7]),  # no context ends in a space
        ([A, B, GAP], [-0.15, -0.25, -0.05 - 0.4, -0.7]),
    ],
)
def test_back_off(model, labels, log10):
    np.testing.assert_allclose(walk(model, labels), log10, atol=1e-5)


def test_a_label_that_the_file_lacks_is_all_but_impossible():
    model = NGram(LINES, ["a", "c"])
    assert model.log_p[model.start, 1] < -200
    assert np.isfinite(model.log_p).all()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "must be the lines of an ARPA file"),
        (["hello"], r"must be the lines of an ARPA file.*\['hello'\]"),
        (["\\1-grams:", "-1 q"], "with the model's labels"),
        (["\\1-grams:", "x a"], "line 2 of an ARPA file must be a log-probability, 1"),
        (["\\2-grams:", "-1 a"], "line 2 of an ARPA file must be .*, 2 words"),
    ],
)
def test_what_is_no_arpa_file(lines, message):
    with pytest.raises(UserError, match=message):
        NGram(lines, ["a", "b"])
