"""Two steps of the coupled LSTM written out."""

from math import exp, tanh

import numpy as np
import pytest

from keras_seqzoo.cells import CoupledLSTMCell


def sigmoid(z):
    return 1 / (1 + exp(-z))


@pytest.mark.parametrize("peephole", [False, True])
def test_two_steps_from_a_state(peephole):
    cell = CoupledLSTMCell(1, peephole=peephole)
    cell.build((None, 1))
    p_f, p_o = (0.75, -0.5) if peephole else (0.0, 0.0)
    cell.set_weights(
        [
            np.array([[0.5, 1.0, -0.75]]),  # f, c, o
            np.array([[0.5, -0.25, 0.125]]),
            *([np.array([[p_f], [p_o]])] if peephole else []),
            np.array([0.25, 0.125, 0.5]),
        ]
    )
    # x = 1, h' = 0.5, c' = -1
    f = sigmoid(0.5 + 0.25 + 0.25 - p_f)
    c = -f + (1 - f) * tanh(1.0 - 0.125 + 0.125)
    o = sigmoid(-0.75 + 0.0625 + 0.5 + p_o * c)  # the new c
    h = o * tanh(c)
    output, states = cell(np.array([[1.0]]), [np.array([[0.5]]), np.array([[-1.0]])])
    np.testing.assert_allclose([output, *states], [[[h]], [[h]], [[c]]], 0, 1e-6)
    # x = -2
    f = sigmoid(-1.0 + 0.5 * h + 0.25 + p_f * c)
    c = f * c + (1 - f) * tanh(-2.0 - 0.25 * h + 0.125)
    o = sigmoid(1.5 + 0.125 * h + 0.5 + p_o * c)
    h = o * tanh(c)
    output, states = cell(np.array([[-2.0]]), states)
    np.testing.assert_allclose([output, *states], [[[h]], [[h]], [[c]]], 0, 1e-6)
