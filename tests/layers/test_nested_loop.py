"""The nested loop against a step-by-step NumPy loop with Keras' rules for masks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.layers.nested_loop import nested_loop


def step(x, states):
    """A step with a nest of inputs and states, whose output is not a state."""
    a, b = x["a"], x["b"]  # (batch, 3), (batch, 2, 3)
    (h, c), count = states
    h = 0.5 * h + a
    c = 0.9 * c + b[:, 0] - b[:, 1]
    return h - c, [[h, c], count + 1.0]


def by_numpy(x, states, mask, go_backwards, zero_output):
    (h, c), count = (np.array(states[0]), np.array(states[1]))
    batch, length = x["a"].shape[:2]
    previous, outputs = np.zeros((batch, 3), "float32"), []
    for t in reversed(range(length)) if go_backwards else range(length):
        output, new = step({k: v[:, t] for k, v in x.items()}, [[h, c], count])
        (new_h, new_c), new_count = new
        if mask is not None:
            m = mask[:, t, None]
            output = np.where(m, output, 0 * output if zero_output else previous)
            new_h, new_c = np.where(m, new_h, h), np.where(m, new_c, c)
            new_count = np.where(m, new_count, count)
        previous, h, c, count = output, new_h, new_c, new_count
        outputs.append(output)
    stacked = np.stack(outputs, 1) if outputs else np.zeros((batch, 0, 3), "float32")
    return previous, stacked, [[h, c], count]


@pytest.fixture(scope="module")
def graph():
    """The loop as TensorFlow graphs of unknown batch and length."""
    graphs = {}

    def run(x, states, mask, go_backwards, zero_output, return_sequences):
        key = (mask is not None, go_backwards, zero_output, return_sequences)
        if key not in graphs:
            graphs[key] = tf.function(
                lambda a, b, h, c, count, mask: nested_loop(
                    step,
                    {"a": a, "b": b},
                    [[h, c], count],
                    mask=mask if key[0] else None,
                    go_backwards=go_backwards,
                    zero_output_for_mask=zero_output,
                    return_sequences=return_sequences,
                ),
                input_signature=[
                    tf.TensorSpec((None, None, 3)),
                    tf.TensorSpec((None, None, 2, 3)),
                    *[tf.TensorSpec((None, 3))] * 2,
                    tf.TensorSpec((None, 1)),
                    tf.TensorSpec((None, None), tf.bool),
                ],
            )
        (h, c), count = states
        given = np.ones(x["a"].shape[:2], bool) if mask is None else mask
        return graphs[key](x["a"], x["b"], h, c, count, given)

    return run


def example(batch, length, seed=0):
    random = np.random.default_rng(seed)

    def normal(*shape):
        return random.normal(size=shape).astype("float32")

    x = {"a": normal(batch, length, 3), "b": normal(batch, length, 2, 3)}
    states = [[normal(batch, 3), normal(batch, 3)], normal(batch, 1)]
    return x, states, random


def assert_same(found, wanted):
    for f, w in zip(keras.tree.flatten(found), keras.tree.flatten(wanted), strict=True):
        assert f.shape == w.shape
        np.testing.assert_allclose(f, w, atol=1e-5)


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 255, 256, 257, 271, 1000])
def test_lengths_around_a_block(graph, length):
    x, states, _ = example(2, length)
    found = graph(x, states, None, False, False, True)
    assert_same(found, by_numpy(x, states, None, False, False))


@pytest.mark.parametrize("zero_output", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("padding", ["right", "left", "any"])
def test_masks(graph, padding, go_backwards, zero_output):
    x, states, random = example(5, 37)
    lengths = np.array([37, 20, 16, 1, 0])[:, None]
    mask = {
        "right": np.arange(37) < lengths,
        "left": np.arange(37) >= 37 - lengths,
        "any": random.random((5, 37)) < 0.5,
    }[padding]
    wanted = by_numpy(x, states, mask, go_backwards, zero_output)
    assert_same(graph(x, states, mask, go_backwards, zero_output, True), wanted)
    last, only, end = graph(x, states, mask, go_backwards, zero_output, False)
    assert_same((last, only, end), (wanted[0], wanted[0][:, None], wanted[2]))


def test_agrees_with_keras_and_runs_eagerly():
    layer = keras.layers.LSTM(4, return_sequences=True, return_state=True)
    x = np.random.default_rng(0).normal(size=(3, 18, 5)).astype("float32")
    mask = np.random.default_rng(1).random((3, 18)) < 0.6
    outputs, *states = layer(x, mask=mask)
    zeros = [np.zeros((3, 4), "float32")] * 2
    _, found, end = nested_loop(layer.cell, x, zeros, mask=mask[..., None])
    assert_same((found, end), (outputs, states))
