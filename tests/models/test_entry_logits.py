import numpy as np
import pytest

from keras_seqzoo.models.entry_logits import EntryLogits


@pytest.mark.parametrize("first", [0, 2])
def test_only_its_entries_are_scored(first):
    layer = EntryLogits(first, 3)
    scores = np.arange(12, dtype="float32").reshape(1, 2, 6)
    assert layer.compute_output_shape(scores.shape) == layer(scores).shape == (1, 2, 3)
    layer.bias.assign([10.0, 20.0, 30.0])
    expected = [
        [first + 10, first + 21, first + 32],
        [first + 16, first + 27, first + 38],
    ]
    np.testing.assert_array_equal(layer(scores)[0], expected)
    again = EntryLogits.from_config(layer.get_config())
    assert (again.first, again.count) == (first, 3)
