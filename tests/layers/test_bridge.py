"""An encoder's last states become a decoder's first."""

import numpy as np
import pytest

from keras_seqzoo.layers.bridge import Bridge

RNG = np.random.default_rng(0)


def states(*sizes):
    return [RNG.normal(size=(2, size)).astype("float32") for size in sizes]


def test_states_of_the_same_sizes_go_on():
    given = states(3, 3)
    layer = Bridge([[3, 3]], 3)
    (found,) = layer([[given]])
    for a, b in zip(found, given, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not layer.weights


def test_two_directions_begin_one_by_tanh():
    ahead, back = states(3, 3), states(3, 3)
    layer = Bridge([[4, 4]], 4)
    (found,) = layer([[ahead, back]])
    assert len(layer.weights) == 4
    for j in range(2):
        kernel, bias = (np.asarray(w) for w in layer.first[f"0_{j}"].weights)
        both = np.concatenate([ahead[j], back[j]], axis=-1)
        np.testing.assert_allclose(found[j], np.tanh(both @ kernel + bias), atol=1e-6)


@pytest.mark.parametrize("units", [4, 3])
def test_states_of_unlike_cells(units):
    (given,) = states(3)  # a GRU's, for a peephole LSTM or one with a count beside
    layer = Bridge([[units, 1]], units)
    (found,) = layer([[[given]]])
    kernel, bias = (np.asarray(w) for w in layer.first["0_0"].weights)
    np.testing.assert_allclose(found[0], np.tanh(given @ kernel + bias), atol=1e-6)
    np.testing.assert_array_equal(found[1], np.zeros((2, 1)))
    assert layer.compute_output_shape([[[(2, 3)]]]) == [[(2, units), (2, 1)]]


def test_it_is_kept():
    again = Bridge.from_config(Bridge([[4, 1], [4]], 4).get_config())
    assert (again.sizes, again.units) == ([[4, 1], [4]], 4)
