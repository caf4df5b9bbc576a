"""Two steps of the minLSTM written out."""

from math import exp

import numpy as np
import tensorflow as tf

from keras_seqzoo.cells import MinLSTMCell


def sigmoid(z):
    return 1 / (1 + exp(-z))


def made(kernel, bias):
    cell = MinLSTMCell(1)
    cell.build((None, 1))
    cell.set_weights([np.array([kernel]), np.array(bias)])
    return cell


def test_two_steps_from_a_state():
    cell = made([2.0, 1.0, -1.5], [0.25, -0.5, 0.5])  # i, f, h
    # x = 0.5, h' = 0.75: v = -0.25 is below zero, so g(v) = σ(v).
    i, f = sigmoid(1.25), sigmoid(0.0)
    h = (f * 0.75 + i * sigmoid(-0.25)) / (f + i)
    output, states = cell(np.array([[0.5]]), [np.array([[0.75]])])
    np.testing.assert_allclose(output, [[h]], 0, 1e-6)
    np.testing.assert_array_equal(states[0], output)
    # x = -1: v = 2 is above zero, so g(v) = v + 1/2.
    i, f = sigmoid(-1.75), sigmoid(-1.5)
    h = (f * h + i * 2.5) / (f + i)
    output, states = cell(np.array([[-1.0]]), states)
    np.testing.assert_allclose(output, [[h]], 0, 1e-6)
    np.testing.assert_array_equal(states[0], output)


def test_two_shut_gates_still_share_the_state():
    """i / (f + i) where i and f are both zero in float32."""
    cell = made([0.0, 1.0, 0.0], [-210.0, 0.0, 0.5])  # g(v) = 1
    x = tf.constant([[-210.0], [-212.0], [-1e4], [1e4]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        output, _ = cell(x, [tf.fill((4, 1), 3.0)])
    i = np.array([[0.5], [sigmoid(2.0)], [1.0], [0.0]])
    np.testing.assert_allclose(output, 3.0 * (1 - i) + i, 0, 1e-5)
    expected = 2.0 * i * (1 - i)  # d h / d k_f = (h' − g) i f
    np.testing.assert_allclose(tape.gradient(output, x), expected, 0, 1e-5)


def test_the_input_gates_share_to_its_last_digits():
    """i / (f + i) against float64, from gates all but shut to gates wide open."""
    k = np.linspace(-80.0, 30.0, 111)
    k_i, k_f = (grid.reshape(-1, 1) for grid in np.meshgrid(k, k))
    v = np.full_like(k_i, 0.5)  # g(v) = 1
    projected = tf.constant(np.concatenate([k_i, k_f, v], axis=1), "float32")
    _, share = made([0.0] * 3, [0.0] * 3).coefficients(projected)
    ratio = np.logaddexp(0.0, -k_i) - np.logaddexp(0.0, -k_f)  # log f − log i
    np.testing.assert_allclose(share, np.exp(-np.logaddexp(0.0, ratio)), 2e-5)


def test_gradient_of_gates_at_zero():
    """Zero inputs and biases are common, and no branch may have its edge there."""
    cell = made([1.0, 0.0, 0.0], [0.0, 0.0, 0.5])
    x = tf.zeros((1, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        output, _ = cell(x, [tf.fill((1, 1), 3.0)])
    # i / (f + i) at 1/2; its slope in k_i is 1/2 · 1/2 · (1 − σ(0)).
    np.testing.assert_allclose(tape.gradient(output, x), [[-0.25]], 0, 1e-6)
