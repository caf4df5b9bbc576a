"""Two steps of the peephole LSTM written out."""

from math import exp, tanh

import numpy as np

from keras_seqzoo.cells import PeepholeLSTMCell


def sigmoid(z):
    return 1 / (1 + exp(-z))


def test_two_steps_from_a_state():
    cell = PeepholeLSTMCell(1)
    cell.build((None, 1))
    cell.set_weights(
        [
            np.array([[0.5, -0.25, 1.0, 0.75]]),  # i, f, c, o
            np.array([[0.1, 0.2, -0.3, 0.4]]),
            np.array([[0.6], [-0.7], [0.8]]),  # i, f, o
            np.array([0.05, 1.0, -0.1, 0.2]),
        ]
    )
    # x = 1, h' = 0.5, c' = -1
    i = sigmoid(0.5 + 0.05 + 0.05 - 0.6)  # = σ(0)
    f = sigmoid(-0.25 + 0.1 + 1.0 + 0.7)
    c = f * -1.0 + i * tanh(1.0 - 0.15 - 0.1)
    o = sigmoid(0.75 + 0.2 + 0.2 + 0.8 * c)  # the new c
    h = o * tanh(c)
    assert i == 0.5
    output, states = cell(np.array([[1.0]]), [np.array([[0.5]]), np.array([[-1.0]])])
    np.testing.assert_allclose([output, *states], [[[h]], [[h]], [[c]]], 0, 1e-6)
    # x = -2
    i = sigmoid(-1.0 + 0.1 * h + 0.05 + 0.6 * c)
    f = sigmoid(0.5 + 0.2 * h + 1.0 - 0.7 * c)
    c = f * c + i * tanh(-2.0 - 0.3 * h - 0.1)
    o = sigmoid(-1.5 + 0.4 * h + 0.2 + 0.8 * c)
    h = o * tanh(c)
    output, states = cell(np.array([[-2.0]]), states)
    np.testing.assert_allclose([output, *states], [[[h]], [[h]], [[c]]], 0, 1e-6)
