"""The simple recurrence on the engine against `keras.layers.SimpleRNN`."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from cell_cases import FEATURES, UNITS, inputs

from keras_seqzoo.layers import simple_recurrence as module

MASK = np.array([[1, 1, 1, 1, 1], [0, 1, 0, 1, 1], [0, 0, 0, 0, 0]], bool)


# SCRN has the sigmoid and clockwork layers tanh, neither with `go_backwards`.
@pytest.mark.parametrize(
    ("activation", "backwards"), [("relu", False), ("linear", True)]
)
def test_outputs_and_gradients_are_those_of_keras(activation, backwards, monkeypatch):
    engine_calls = []
    engine = module.recurrent

    def counting(*args, **kwargs):
        engine_calls.append(1)
        return engine(*args, **kwargs)

    monkeypatch.setattr(module, "recurrent", counting)
    rng = np.random.default_rng(0)
    layer = keras.layers.SimpleRNN(
        UNITS,
        activation=activation,
        go_backwards=backwards,
        return_sequences=True,
        return_state=True,
    )
    layer.build((None, None, FEATURES))
    layer.set_weights([rng.normal(0, 0.4, w.shape) for w in layer.weights])
    x = tf.constant(inputs(3, 5))
    h = tf.constant(rng.normal(size=(3, UNITS)), "float32")
    factors = tf.constant(rng.normal(size=(3, 5, UNITS)), "float32")
    sources = [x, h, *(w.value for w in layer.weights)]

    def with_gradients(run):
        with tf.GradientTape() as tape:
            tape.watch(sources)
            outputs, last = run()
            loss = tf.reduce_sum(outputs * factors) + tf.reduce_sum(tf.sin(last))
        return outputs, last, *tape.gradient(loss, sources)

    def ours():
        kernel, recurrent_kernel, bias = (w.value for w in layer.weights)
        activation = layer.cell.activation
        run = module.simple_recurrence(
            x, kernel, recurrent_kernel, bias, activation, h, MASK, backwards
        )
        return run[::-1]

    found = tf.function(lambda: with_gradients(ours))()
    expected = with_gradients(lambda: layer(x, mask=MASK, initial_state=[h]))
    assert engine_calls
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)
