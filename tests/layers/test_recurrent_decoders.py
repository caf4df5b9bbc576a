"""The recurrent decoders: their equations, and one step at a time as all at once."""

import keras
import numpy as np
import pytest

from keras_seqzoo.layers.bahdanau_decoder import BahdanauDecoder
from keras_seqzoo.layers.bridge import Bridge
from keras_seqzoo.layers.by_name import RECURRENT_LAYERS
from keras_seqzoo.layers.luong_decoder import LuongDecoder
from keras_seqzoo.layers.plain_decoder import PlainDecoder
from keras_seqzoo.layers.reversed_steps import ReversedSteps

BATCH, LENGTH, SOURCE = 2, 4, 5
UNITS, SIZE, WORD, SOURCE_SIZE = 6, 3, 4, 10
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], "float32")


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def made(kind, cell="gru", num_layers=1, states=1, **arguments):
    """A decoder with random weights, and its inputs."""
    if cell == "gru":
        arguments.setdefault("cell_arguments", {"reset_after": False})
    layer = kind(cell, UNITS, SIZE, num_layers, **arguments)
    inputs = (
        random(BATCH, LENGTH, WORD),
        random(BATCH, SOURCE, SOURCE_SIZE, seed=1),
        MASK,
        [
            [
                [random(BATCH, 5, seed=9 * i + 3 * k + j) for j in range(states)]
                for k in range(2)
            ]
            for i in range(num_layers)
        ],
    )
    layer(*inputs)
    rng = np.random.default_rng(7)
    for weight in layer.weights:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    return layer, inputs


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru(layer, x, h):
    """One step of Keras' GRU with reset_after=False."""
    kernel, recurrent, bias = (np.asarray(w) for w in layer.weights)
    z, r, n = np.split(x @ kernel + bias, 3, axis=-1)
    u_z, u_r, u_n = np.split(recurrent, 3, axis=-1)
    z, r = sigmoid(z + h @ u_z), sigmoid(r + h @ u_r)
    n = np.tanh(n + (r * h) @ u_n)
    return z * h + (1 - z) * n


def attended(attention, query, values):
    if attention.score == "general":
        scores = np.einsum("bq,sq,bks->bk", query, attention.key_kernel.numpy(), values)
    else:
        hidden = query[:, None] @ attention.query_kernel.numpy()
        hidden = np.tanh(
            hidden + values @ attention.key_kernel.numpy() + attention.bias.numpy()
        )
        scores = (hidden @ attention.score_kernel.numpy())[..., 0]
    shares = np.exp(scores) * MASK
    weights = shares / shares.sum(axis=1, keepdims=True)
    return np.einsum("bs,bsk->bk", weights, values), weights


def dense(layer, x):
    y = x @ np.asarray(layer.kernel)
    return y + np.asarray(layer.bias) if layer.use_bias else y


def first_state(layer, states):
    (bridge,) = layer.bridge.first.values()
    return np.tanh(dense(bridge, np.concatenate([one[0] for one in states[0]], -1)))


@pytest.mark.parametrize("input_feeding", [True, False])
def test_luong_is_the_equations(input_feeding):
    layer, inputs = made(LuongDecoder, input_feeding=input_feeding)
    words, source, _, states = inputs
    cell = layer.stack.rnn_layers[0]
    h, fed, expected = first_state(layer, states), np.zeros((BATCH, SIZE)), []
    for t in range(LENGTH):
        x = np.concatenate([words[:, t], fed], -1) if input_feeding else words[:, t]
        h = gru(cell, x, h)
        context, _ = attended(layer.attention, h, source)
        fed = np.tanh(dense(layer.combine, np.concatenate([context, h], axis=-1)))
        expected.append(fed)
    np.testing.assert_allclose(layer(*inputs), np.stack(expected, 1), atol=1e-5)


def test_bahdanau_is_the_equations():
    layer, inputs = made(BahdanauDecoder, attention_units=7)
    words, source, _, states = inputs
    cell = layer.stack.rnn_layers[0]
    s, expected = first_state(layer, states), []
    for t in range(LENGTH):
        context, _ = attended(layer.attention, s, source)
        s = gru(cell, np.concatenate([words[:, t], context], axis=-1), s)
        joined = np.concatenate([s, words[:, t], context], axis=-1)
        expected.append(np.tanh(dense(layer.combine, joined)))
    np.testing.assert_allclose(layer(*inputs), np.stack(expected, 1), atol=1e-5)


CASES = [
    *((LuongDecoder, cell, 1) for cell in RECURRENT_LAYERS),
    (BahdanauDecoder, "scrn", 1),
    (BahdanauDecoder, "clockwork_rnn", 1),
    (BahdanauDecoder, "lstm", 3),
    (LuongDecoder, "gru", 2),
    (PlainDecoder, "peephole_lstm", 2),
    (PlainDecoder, "scrn", 1),
]


@pytest.mark.parametrize(("kind", "cell", "num_layers"), CASES)
def test_word_by_word_as_all_at_once(kind, cell, num_layers):
    arguments = {"clockwork_rnn": {"periods": (1, 2)}, "scrn": {"context_units": 2}}
    states = {"scrn": 2, "clockwork_rnn": 2, "lru": 2, "lstm": 2}.get(cell, 1)
    states = 2 if cell in ("peephole_lstm", "coupled_lstm") else states
    layer, (words, source, mask, given) = made(
        kind, cell, num_layers, states, cell_arguments=arguments.get(cell)
    )
    whole = np.asarray(layer(words, source, mask, given))
    assert whole.shape == (BATCH, LENGTH, SIZE)
    fixed, states = layer.begin(source, mask, given)
    for t in range(LENGTH):
        output, states, weights = layer.follow(words[:, t], states, fixed)
        np.testing.assert_allclose(output, whole[:, t], atol=1e-5)
        assert (weights is not None) == kind.attends
        if kind.attends:
            np.testing.assert_allclose(np.sum(weights, axis=1), 1.0, atol=1e-5)
            assert not np.asarray(weights)[1, 3:].any()


@pytest.mark.parametrize("kind", [LuongDecoder, BahdanauDecoder, PlainDecoder])
def test_comes_back_from_its_config(kind):
    layer, inputs = made(kind)
    again = kind.from_config(layer.get_config())
    again(*inputs)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(*inputs), layer(*inputs))


def test_dropout_acts_in_training_alone():
    layer, inputs = made(LuongDecoder, num_layers=2, dropout=0.5)
    np.testing.assert_array_equal(layer(*inputs), layer(*inputs))
    keras.utils.set_random_seed(1)
    trained = np.asarray(layer(*inputs, training=True))
    assert np.abs(trained - np.asarray(layer(*inputs))).max() > 1e-3


def test_a_bridge_of_equal_states_hands_them_on():
    states = [[[random(2, 6), random(2, 6, seed=1)]], [[random(2, 6, seed=2)] * 2]]
    bridge = Bridge([[6, 6], [6, 6]], 6)
    found = bridge(states)
    assert not bridge.weights
    for given, taken in zip(states, found):
        for a, b in zip(*given, taken):
            np.testing.assert_array_equal(a, b)


def test_a_bridge_makes_what_is_of_units_and_zeros_of_others():
    states = [[[random(2, 5), random(2, 1)], [random(2, 5, seed=3), random(2, 1)]]]
    bridge = Bridge([[6, 1]], 6)
    (found,) = bridge(states)
    (layer,) = bridge.first.values()
    expected = np.tanh(dense(layer, np.concatenate([one[0] for one in states[0]], -1)))
    np.testing.assert_allclose(found[0], expected, atol=1e-6)
    np.testing.assert_array_equal(found[1], np.zeros((2, 1)))


def test_reversed_steps_leave_the_padding_behind():
    x = np.arange(20, dtype="float32").reshape(2, 5, 2)
    found = np.asarray(ReversedSteps()(x, MASK))
    np.testing.assert_array_equal(found[0], x[0, ::-1])
    np.testing.assert_array_equal(found[1, :3], x[1, 2::-1])
    np.testing.assert_array_equal(found[1, 3:], x[1, 3:])
