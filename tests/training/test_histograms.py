import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.layers import CoupledLSTM, PeepholeLSTM
from keras_seqzoo.training.histograms import Histograms, gate_values, gradients

X = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def small(layer):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((None, 3)), layer, keras.layers.Dense(1)])


def test_the_gates_of_an_lstm_are_those_of_its_equations():
    layer = keras.layers.LSTM(4, return_sequences=True, name="lstm")
    model = small(layer)
    found = gate_values(model, X)
    kernel, recurrent, bias = layer.get_weights()
    h = c = np.zeros((2, 4))
    expected = {"input": [], "forget": [], "output": []}
    for t in range(5):
        i, f, g, o = np.split(X[:, t] @ kernel + h @ recurrent + bias, 4, axis=1)
        i, f, o = sigmoid(i), sigmoid(f), sigmoid(o)
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        for name, gate in zip(expected, (i, f, o)):
            expected[name].append(gate)
    assert len(found) == 3
    for name, values in expected.items():
        (key,) = [key for key in found if key.endswith(f"/{name}")]
        np.testing.assert_allclose(found[key], np.stack(values), atol=1e-6)
    assert layer.cell.recurrent_activation is keras.activations.sigmoid


@pytest.mark.parametrize(
    ("layer", "gates"),
    [
        (PeepholeLSTM, ["forget", "input", "output"]),
        (CoupledLSTM, ["forget", "output"]),
        (keras.layers.GRU, ["reset", "update"]),
    ],
)
def test_names_and_shapes(layer, gates):
    model = small(layer(4, return_sequences=True))
    found = gate_values(model, X)
    assert sorted(key.rpartition("/")[2] for key in found) == gates
    assert {values.shape for values in found.values()} == {(5, 2, 4)}


def test_a_saturated_forget_gate_shows():
    model = small(keras.layers.LSTM(4))
    bias = np.zeros(16)
    bias[4:8] = 9.0
    model.layers[0].cell.bias.assign(bias)
    means = {k.rpartition("/")[2]: v.mean() for k, v in gate_values(model, X).items()}
    assert means["forget"] > 0.99 and means["output"] < 0.9


def test_gradients_are_those_of_the_loss():
    model = small(keras.layers.SimpleRNN(4, return_sequences=True))
    model.compile("sgd", "mse")
    y, weights = np.ones((2, 5, 1), "float32"), np.ones((2, 5), "float32")
    found = gradients(model, X, y, weights)
    path = model.layers[-1].bias.path
    expected = 2 * (model.predict(X, verbose=0) - y).mean()
    assert found[path] == pytest.approx(expected, rel=1e-5)
    assert len(found) == len(model.trainable_weights)


def test_one_histogram_of_each_an_epoch(tmp_path):
    model = small(keras.layers.LSTM(4, return_sequences=True))
    model.compile("sgd", "mse")
    batch = X, np.ones((2, 5, 1), "float32"), np.ones((2, 5), "float32")
    model.fit(X, batch[1], epochs=2, verbose=0, callbacks=[Histograms(tmp_path, batch)])
    tags = [
        (event.step, value.tag.partition("/")[0])
        for file in tmp_path.iterdir()
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
    ]
    for step in (0, 1):
        assert tags.count((step, "gate")) == 3
        assert tags.count((step, "gradient")) == 5
        assert tags.count((step, "weight")) == 5
