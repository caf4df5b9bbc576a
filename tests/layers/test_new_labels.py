import numpy as np

from keras_seqzoo.decoding import ctc_best_path
from keras_seqzoo.layers.new_labels import NewLabels


def test_a_stream_says_no_label_twice():
    layer = NewLabels()
    layer.return_state = True
    whole = np.eye(4, dtype="float32")[[[2, 2, 2, 0, 2, 1]]]
    state, parts = layer.get_initial_state(1), []
    for start, end in ((0, 1), (1, 4), (4, 6)):
        part, last = layer(whole[:, start:end], initial_state=state)
        parts.append(part)
        state = [last]
    layer.return_state = False
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), layer(whole))
    np.testing.assert_array_equal(layer(whole), ctc_best_path(whole)[0])
