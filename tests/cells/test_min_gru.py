"""Two steps of the minGRU written out."""

from math import exp

import numpy as np

from keras_seqzoo.cells import MinGRUCell


def sigmoid(z):
    return 1 / (1 + exp(-z))


def made(kernel, bias):
    cell = MinGRUCell(1)
    cell.build((None, 1))
    cell.set_weights([np.array([kernel]), np.array(bias)])
    return cell


def test_two_steps_from_a_state():
    cell = made([2.0, -1.5], [0.25, 0.5])  # z, h
    # x = 0.5, h' = 0.75: v = -0.25 is below zero, so g(v) = σ(v).
    z = sigmoid(1.25)
    h = (1 - z) * 0.75 + z * sigmoid(-0.25)
    output, states = cell(np.array([[0.5]]), [np.array([[0.75]])])
    np.testing.assert_allclose(output, [[h]], 0, 1e-6)
    np.testing.assert_array_equal(states[0], output)
    # x = -1: v = 2 is above zero, so g(v) = v + 1/2.
    z = sigmoid(-1.75)
    h = (1 - z) * h + z * 2.5
    output, states = cell(np.array([[-1.0]]), states)
    np.testing.assert_allclose(output, [[h]], 0, 1e-6)
    np.testing.assert_array_equal(states[0], output)


def test_gates_wide_open_or_shut():
    cell = made([1.0, 0.0], [0.0, 0.5])
    x = np.array([[-1e4], [-200.0], [200.0], [1e4]])
    output, _ = cell(x, [np.full((4, 1), 3.0)])
    np.testing.assert_allclose(output, [[3.0], [3.0], [1.0], [1.0]], 0, 1e-6)


def test_state_is_one_tensor_of_its_units():
    assert MinGRUCell(4).state_size == [4]
