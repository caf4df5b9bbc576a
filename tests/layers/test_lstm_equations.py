"""The engine's LSTM steps against the papers' equations in NumPy."""

import numpy as np
import pytest
from keras import ops

from keras_seqzoo.cells import PeepholeLSTMCell
from keras_seqzoo.layers.lstm_equations import (
    coupled_lstm,
    has_equations,
    peephole_lstm,
)

RNG = np.random.default_rng(0)
UNITS = 3
STATES = [RNG.normal(size=(2, UNITS)).astype("float32") for _ in range(2)]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def random(*shape):
    return RNG.normal(size=shape).astype("float32")


def test_peephole_step():
    z, p, (_, c) = random(2, 4, UNITS), random(3, UNITS), STATES
    i, f = sigmoid(z[:, 0] + p[0] * c), sigmoid(z[:, 1] + p[1] * c)
    new = f * c + i * np.tanh(z[:, 2])
    h = sigmoid(z[:, 3] + p[2] * new) * np.tanh(new)
    check(peephole_lstm(), z, [p], h, new)


@pytest.mark.parametrize("peephole", [False, True])
def test_coupled_step(peephole):
    z, p, (_, c) = random(2, 3, UNITS), random(2, UNITS), STATES
    p = p if peephole else np.zeros_like(p)
    f = sigmoid(z[:, 0] + p[0] * c)
    new = f * c + (1 - f) * np.tanh(z[:, 1])
    h = sigmoid(z[:, 2] + p[1] * new) * np.tanh(new)
    check(coupled_lstm(peephole), z, [p] if peephole else [], h, new)


def check(recurrence, z, weights, h, c):
    given = [ops.convert_to_tensor(x) for x in STATES]
    _, found = recurrence.step(ops.convert_to_tensor(z), given, weights)
    for a, b in zip(found, [h, c], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_other_activations_have_no_equations():
    assert has_equations(PeepholeLSTMCell(2))
    assert not has_equations(PeepholeLSTMCell(2, activation="relu"))
    assert not has_equations(PeepholeLSTMCell(2, recurrent_activation="hard_sigmoid"))
