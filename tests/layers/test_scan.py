"""The loop over time against a step-by-step NumPy loop, in both of its forms."""

from contextlib import nullcontext

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_seqzoo import layers
from keras_seqzoo.layers.scan import nested_loops, scan

X = np.random.default_rng(0).normal(size=(3, 6, 2)).astype("float32")
STATES = [np.ones((3, 2), "float32"), np.array([[3.0], [0.0], [7.0]], "float32")]
MASK = np.array([[0, 1, 1, 0, 1, 0], [0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0]], bool)


def step(x, states):
    h, count = states
    h = 0.5 * h + x
    return h * 2.0, [h, count + 1.0]


def by_numpy(mask, go_backwards, zero_output):
    """Row by row: a masked step keeps the states, and repeats the output or is zero."""
    outputs, h, count = np.zeros((3, 6, 2)), STATES[0].copy(), STATES[1].copy()
    for row in range(3):
        last = np.zeros(2)
        for at, time in enumerate(reversed(range(6)) if go_backwards else range(6)):
            if mask is None or mask[row, time]:
                h[row] = 0.5 * h[row] + X[row, time]
                count[row] += 1
                last = outputs[row, at] = 2.0 * h[row]
            else:
                outputs[row, at] = 0.0 if zero_output else last
    return outputs, [h, count]


@pytest.mark.parametrize("form", [nullcontext, nested_loops])
@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
@pytest.mark.parametrize("go_backwards", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("zero_output", [False, True], ids=["repeat", "zero"])
def test_result_is_that_of_a_plain_loop(form, masked, go_backwards, zero_output):
    mask = MASK if masked else None
    expected, expected_states = by_numpy(mask, go_backwards, zero_output)
    for sequences in (True, False):
        with form():
            last, outputs, states = scan(
                step,
                ops.convert_to_tensor(X),
                [ops.convert_to_tensor(s) for s in STATES],
                mask=None if mask is None else ops.convert_to_tensor(mask),
                go_backwards=go_backwards,
                zero_output_for_mask=zero_output,
                return_sequences=sequences,
            )
        np.testing.assert_allclose(last, expected[:, -1], 0, 1e-6)
        if sequences:
            np.testing.assert_allclose(outputs, expected, 0, 1e-6)
        for state, reference in zip(states, expected_states, strict=True):
            np.testing.assert_allclose(state, reference, 0, 1e-6)


def test_the_usual_form_differentiates():
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        last, _, _ = scan(step, x, [tf.constant(s) for s in STATES])
        total = tf.reduce_sum(last)
    halves = 2.0 * 0.5 ** np.arange(5, -1, -1.0)
    expected = np.broadcast_to(halves[None, :, None], X.shape)
    np.testing.assert_allclose(tape.gradient(total, x), expected, 1e-6)


def test_nested_loops_end_with_their_block(monkeypatch):
    from keras_seqzoo.layers import scan as module

    used = []

    def spy(name):
        return lambda *args, **kwargs: used.append(name)

    monkeypatch.setattr(module, "nested_loop", spy("nested"))
    monkeypatch.setattr(module, "differentiable_loop", spy("usual"))
    scan(step, X, STATES)
    with nested_loops():
        scan(step, X, STATES)
        with nested_loops():
            pass
        scan(step, X, STATES)
    scan(step, X, STATES)
    with pytest.raises(KeyError), nested_loops():
        raise KeyError
    scan(step, X, STATES)
    assert used == ["usual", "nested", "nested", "usual", "usual"]


def test_a_scan_leaves_the_names_of_other_layers_alone():
    keras.backend.clear_session()
    layers.PeepholeLSTM(4)(np.zeros((1, 3, 2), "float32"))
    assert keras.layers.RNN(keras.layers.SimpleRNNCell(4)).name == "rnn"
