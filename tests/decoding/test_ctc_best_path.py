"""Best path decoding of whole sequences and of their parts."""

import itertools

import numpy as np
import pytest

from keras_seqzoo.decoding import ctc_best_path
from keras_seqzoo.errors import UserError


def logits_of(ids, classes=4):
    return np.eye(classes, dtype="float32")[np.asarray(ids)]


def test_repeats_and_then_blanks_go():
    ids = [[1, 1, 0, 1, 2, 2, 0, 0], [0, 3, 3, 2, 3, 0, 0, 3]]
    found, last = ctc_best_path(logits_of(ids))
    assert found.dtype == "int32" and np.asarray(last).tolist() == [[0], [3]]
    for row, path in zip(np.asarray(found), ids):
        expected = [i - 1 for i, _ in itertools.groupby(path) if i]
        assert [i for i in row if i >= 0] == expected
    np.testing.assert_array_equal(found[0], [0, -1, -1, 0, 1, -1, -1, -1])


def test_parts_say_together_what_the_whole_says():
    whole = logits_of([[2, 2, 2, 0, 2, 1]])
    found, last = ctc_best_path(whole[:, :2])
    rest, _ = ctc_best_path(whole[:, 2:], last)
    both = np.concatenate([found, rest], axis=1)
    np.testing.assert_array_equal(both, ctc_best_path(whole)[0])


def test_a_wrong_shape_is_named():
    with pytest.raises(UserError, match=r"`logits` must .*Received: shape \(3, 4\)"):
        ctc_best_path(np.zeros((3, 4)))
