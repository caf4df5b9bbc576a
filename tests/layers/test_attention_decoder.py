"""The attention's equations in NumPy, and its loop against its steps."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_seqzoo.layers.attention_decoder import AttentionDecoder
from keras_seqzoo.layers.by_name import RECURRENT_LAYERS
from keras_seqzoo.layers.picture_start_decoder import PictureStartDecoder

BATCH, PLACES, SIZE, LENGTH, FEATURES, UNITS = 2, 5, 3, 4, 6, 8


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def softmax(x):
    shares = np.exp(x - x.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def inputs(seed=0):
    rng = np.random.default_rng(seed)
    grid = rng.normal(size=(BATCH, PLACES, SIZE)).astype("float32")
    words = rng.normal(size=(BATCH, LENGTH, FEATURES)).astype("float32")
    return grid, words


def decoder(cell="lstm", **arguments):
    """With weights that all differ from where they start."""
    keras.utils.set_random_seed(3)
    layer = AttentionDecoder(cell, UNITS, 4, **arguments)
    layer.build((None, PLACES, SIZE), (None, None, FEATURES))
    rng = np.random.default_rng(4)
    layer.set_weights([rng.normal(0, 0.5, w.shape) for w in layer.weights])
    return layer


def numpy_lstm_attention(layer, grid, words):
    """Xu et al.'s equations, one word after the other."""
    w = {x.path.split("/", 1)[1]: np.asarray(x) for x in layer.weights}
    name = {key.rpartition("cell/")[2]: key for key in w if "cell/" in key}
    kernel, recurrent, bias = (
        w[name[key]] for key in ("kernel", "recurrent_kernel", "bias")
    )
    mean = grid.mean(axis=1)
    h = np.tanh(mean @ w["first_0/kernel"] + w["first_0/bias"])
    c = np.tanh(mean @ w["first_1/kernel"] + w["first_1/bias"])
    outputs, weights = [], []
    for word in words.transpose(1, 0, 2):
        keys = grid @ w["key/kernel"] + w["key/bias"]
        e = np.tanh(keys + (h @ w["query/kernel"])[:, None]) @ w["score/kernel"]
        a = softmax(e[..., 0])
        z = sigmoid(h @ w["gate/kernel"] + w["gate/bias"])
        z = z * np.einsum("bp,bpn->bn", a, grid)
        gates = np.concatenate([word, z], axis=1) @ kernel + h @ recurrent + bias
        i, f, g, o = np.split(gates, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(np.concatenate([h, z], axis=1))
        weights.append(a)
    return np.stack(outputs, axis=1), np.stack(weights, axis=1)


def test_it_is_the_papers_equations():
    layer, (grid, words) = decoder(), inputs()
    outputs, weights = layer(grid, words)
    expected = numpy_lstm_attention(layer, grid, words)
    np.testing.assert_allclose(outputs, expected[0], atol=1e-5)
    np.testing.assert_allclose(weights, expected[1], atol=1e-5)
    np.testing.assert_allclose(np.sum(weights, axis=-1), 1.0, atol=1e-5)
    assert np.ptp(weights) > 0.05  # else it would not attend


@pytest.mark.parametrize("cell", RECURRENT_LAYERS)
def test_steps_are_the_loop(cell):
    layer, (grid, words) = decoder(cell), inputs()
    whole, weights = layer(grid, words)
    states, keys = layer.begin(ops.convert_to_tensor(grid)), layer.key(grid)
    for time in range(LENGTH):
        output, states, a = layer.step(words[:, time], states, grid, keys)
        np.testing.assert_allclose(output, whole[:, time], atol=1e-5)
        np.testing.assert_allclose(a, weights[:, time], atol=1e-5)


@pytest.mark.parametrize("cell", RECURRENT_LAYERS)
def test_a_picture_starts_the_other_decoder(cell):
    layer = PictureStartDecoder(cell, UNITS)
    picture, words = inputs()[1][:, 0], inputs(1)[1]
    whole = layer(picture, words)
    states = layer.begin(ops.convert_to_tensor(picture))
    for time in range(LENGTH):
        output, states = layer.step(ops.convert_to_tensor(words[:, time]), states)
        np.testing.assert_allclose(output, whole[:, time], atol=1e-5)
    other = layer(2.0 * picture, words)
    assert np.abs(np.asarray(other) - np.asarray(whole)).max() > 1e-3


def test_the_regulariser_counts_what_no_word_looked_at():
    layer, (grid, words) = decoder(doubly_stochastic=0.7), inputs()
    mask = np.array([[True] * LENGTH, [True, True, False, False]])
    _, weights = layer(grid, words, mask=mask, training=True)
    total = np.sum(np.asarray(weights) * mask[..., None], axis=1)
    expected = 0.7 * np.sum((1.0 - total) ** 2) / mask.sum()
    np.testing.assert_allclose(layer.losses[0], expected, rtol=1e-5)
    layer(grid, words, mask=mask)
    assert not layer.losses


def test_configurations_come_back():
    for layer in (
        AttentionDecoder("gru", 4, 3, 0.2, {"reset_after": True}),
        PictureStartDecoder("scrn", 4, {"context_units": 2}),
    ):
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
