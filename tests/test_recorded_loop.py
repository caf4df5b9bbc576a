import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.recorded_loop import Run, inner_loops, recorded_loop


def recorded(layer, x, mask=None):
    """The layer's answer in the recorded loop, and that run."""
    runs, tape = [], tf.GradientTape(watch_accessed_variables=False)
    loop = functools.partial(recorded_loop, tape=tape, runs=runs)
    with inner_loops([layer], loop), tape:
        answer = layer(x, mask=mask)
    (run,) = runs
    return answer, run, tape


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("zeros", [False, True])
def test_it_answers_as_the_layer_does(backwards, zeros):
    layer = keras.layers.SimpleRNN(
        3,
        return_sequences=True,
        return_state=True,
        go_backwards=backwards,
        zero_output_for_mask=zeros,
    )
    x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    mask = np.array([[True] * 5, [True, False, True, True, False]])
    expected = layer(x, mask=mask)
    answer, run, _ = recorded(layer, x, mask)
    for one, other in zip(answer, expected):
        np.testing.assert_allclose(one, other, atol=1e-6)
    np.testing.assert_array_equal(run.valid, mask.T)
    states = np.array(run.states)[:, 0]  # (time, batch, units)
    by_time = np.asarray(expected[0])[:, ::-1] if backwards else expected[0]
    whole = np.moveaxis(np.asarray(by_time), 0, 1)[:, 0]  # the row without padding
    np.testing.assert_allclose(states[:, 0], whole, atol=1e-6)


def test_the_tape_has_seen_each_step():
    layer = keras.layers.SimpleRNN(1, activation=None, use_bias=False)
    layer.build((1, 3, 1))
    layer.set_weights([np.array([[1.0]]), np.array([[0.5]])])
    runs, tape = [], tf.GradientTape(watch_accessed_variables=False)
    loop = functools.partial(recorded_loop, tape=tape, runs=runs)
    with inner_loops([layer], loop), tape:
        loss = tf.reduce_sum(layer(np.ones((1, 3, 1), "float32")))
    found = tape.gradient(loss, runs[0].states)
    assert [float(step[0][0, 0]) for step in found] == [0.25, 0.5, 1.0]
    squares = runs[0].squared_norms(found)
    assert squares.ravel().tolist() == [0.0625, 0.25, 1.0]


def test_means_are_over_the_steps_that_count():
    valid = np.array([[True, True], [True, False], [False, False]])
    run = Run(keras.layers.SimpleRNN(1), valid, [])
    norms = np.array([[1.0, 3.0], [5.0, 100.0], [7.0, 9.0]])
    assert run.mean(norms).tolist() == [2.0, 5.0, 0.0]


def test_the_layers_get_their_loop_back():
    layer = keras.layers.LSTM(2)
    before = dict(vars(layer))
    with pytest.raises(ZeroDivisionError), inner_loops([layer], lambda *_, **__: 1 / 0):
        assert tf.config.functions_run_eagerly()
        layer(np.zeros((1, 2, 3)))
    assert not tf.config.functions_run_eagerly()
    assert "inner_loop" not in vars(layer)
    assert vars(layer).get("use_cudnn") == before.get("use_cudnn")
