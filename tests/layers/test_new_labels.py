import itertools

import numpy as np

from keras_seqzoo.layers.new_labels import NewLabels


def logits_of(ids, classes=4):
    return np.eye(classes, dtype="float32")[np.asarray(ids)]


def test_repeats_and_then_blanks_go():
    ids = [[1, 1, 0, 1, 2, 2, 0, 0], [0, 3, 3, 2, 3, 0, 0, 3]]
    found = NewLabels()(logits_of(ids))
    assert found.dtype == "int32"
    for row, path in zip(np.asarray(found), ids):
        expected = [i - 1 for i, _ in itertools.groupby(path) if i]
        assert [i for i in row if i >= 0] == expected
    np.testing.assert_array_equal(found[0], [0, -1, -1, 0, 1, -1, -1, -1])


def test_a_stream_says_no_label_twice():
    layer = NewLabels()
    layer.return_state = True
    whole = logits_of([[2, 2, 2, 0, 2, 1]])
    state, parts = layer.get_initial_state(1), []
    for start, end in ((0, 1), (1, 4), (4, 6)):
        part, last = layer(whole[:, start:end], initial_state=state)
        parts.append(part)
        state = [last]
    layer.return_state = False
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), layer(whole))
