"""The cells cut at their product: what Keras' own layers compute."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.export.projected_cells import KNOWN_CELLS, projected
from keras_seqzoo.layers import ClockworkRNN, PeepholeLSTM

LAYERS = {
    "simple_rnn": (keras.layers.SimpleRNN, {}),
    "simple_rnn without bias": (keras.layers.SimpleRNN, {"use_bias": False}),
    "lstm": (keras.layers.LSTM, {}),
    "gru": (keras.layers.GRU, {"reset_after": False}),
    "gru reset_after": (keras.layers.GRU, {}),
    "gru without bias": (keras.layers.GRU, {"use_bias": False}),
    "clockwork_rnn": (ClockworkRNN, {"periods": (1, 3)}),
}


def filled(kind, **arguments):
    layer = kind(4, return_sequences=True, return_state=True, **arguments)
    layer.build((None, None, 3))
    rng = np.random.default_rng(0)
    for weight in layer.weights:
        if "seed" not in weight.path:
            weight.assign(rng.normal(0, 0.7, weight.shape))
    return layer


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("masked_backwards", [False, True])
def test_it_is_the_layer(name, masked_backwards):
    kind, arguments = LAYERS[name]
    layer = filled(kind, go_backwards=masked_backwards, **arguments)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 6, 3)).astype("float32")
    mask = None
    if masked_backwards:
        mask = np.array([[True] * 6, [True, False, True, True, False, False]])
    start = [tf.constant(state) for state in layer.get_initial_state(2)]
    start[0] = tf.constant(rng.normal(size=(2, 4)).astype("float32"))
    expected = layer(x, initial_state=start, mask=mask)
    last, outputs, states = projected(layer, tf.constant(x), start, mask)
    np.testing.assert_allclose(outputs, expected[0], atol=1e-5)
    np.testing.assert_allclose(last, np.asarray(expected[0])[:, -1], atol=1e-5)
    for one, other in zip(states, expected[1:]):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_only_of_the_exact_cells():
    class Mine(keras.layers.LSTMCell):
        pass

    x = tf.zeros((1, 2, 3))
    layer = keras.layers.RNN(Mine(4))
    assert projected(layer, x, layer.get_initial_state(1), None) is None
    peephole = filled(PeepholeLSTM)
    assert type(peephole.cell) not in KNOWN_CELLS
    assert projected(peephole, x, peephole.get_initial_state(1), None) is None
