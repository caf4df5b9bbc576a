"""Gradients that refuse gradients of their own."""

import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.layers.first_order import first_order


def cubed_gradient(upstream, arguments):
    (dy,), (x,) = upstream, arguments
    return 3 * dy * x * x


X = tf.constant([1.0, -2.0])


def test_the_gradients_are_what_was_given():
    found = first_order(cubed_gradient, [tf.ones(2)], [X])
    np.testing.assert_array_equal(found, [3.0, 12.0])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_second_derivative_says_what_to_build(jit_compile):
    @tf.function(jit_compile=jit_compile)
    def second():
        with tf.GradientTape() as tape:
            tape.watch(X)
            found = first_order(cubed_gradient, [tf.ones(2)], [X])
        return tape.gradient(found, X)

    with pytest.raises(tf.errors.OpError, match=r"unroll.True"):
        second()


def test_a_tape_that_never_asks_is_no_error():
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(X)
        found = first_order(cubed_gradient, [tf.ones(2)], [X])
        y = tf.stop_gradient(found) * X
    np.testing.assert_array_equal(tape.gradient(y, X), found)
