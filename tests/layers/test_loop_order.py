"""A loop meets its steps from the first, or from the last."""

import numpy as np

from keras_seqzoo.layers.loop_order import loop_order

X = np.arange(12.0).reshape(2, 3, 2)
MASK = np.array([[True, True, False], [True, False, False]])


def test_forwards_all_stays():
    x, mask = loop_order(X, MASK, go_backwards=False)
    assert x is X and mask is MASK


def test_backwards_both_are_turned_in_time_alone():
    x, mask = loop_order(X, MASK, go_backwards=True)
    np.testing.assert_array_equal(x, X[:, ::-1])
    np.testing.assert_array_equal(mask, MASK[:, ::-1])
    assert loop_order(X, None, go_backwards=True)[1] is None
