"""What the cells with a linear recurrence share, by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_seqzoo.cells import LRUCell, MinGRUCell, MinLSTMCell
from keras_seqzoo.cells.linear_cell import STATE_READING, positive, wide


def test_positive_is_a_half_more_or_a_sigmoid():
    v = np.array([-200.0, -1.0, -1e-7, 0.0, 1e-7, 2.0], "float32")
    expected = [0.0, 1 / (1 + np.e), 0.5, 0.5, 0.5, 2.5]
    found = ops.convert_to_numpy(positive(ops.convert_to_tensor(v)))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize(
    ("given", "kept"),
    [("float16", "float32"), ("bfloat16", "float32"), ("float32", "float32")],
)
def test_half_precision_is_widened(given, kept):
    assert keras.backend.standardize_dtype(wide(ops.ones(2, given)).dtype) == kept


@pytest.mark.parametrize("cell", [LRUCell, MinGRUCell, MinLSTMCell])
@pytest.mark.parametrize("argument", STATE_READING)
def test_no_weight_of_theirs_reads_the_state(cell, argument):
    with pytest.raises((TypeError, ValueError), match=argument):
        cell(2, **{argument: 0.5 if argument.endswith("dropout") else "l2"})
