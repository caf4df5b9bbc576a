"""The private parts of Keras that export replaces are still where they were."""

import inspect

import keras
import pytest
import tensorflow as tf
from keras.src import backend

from keras_seqzoo.export import fused_nodes, keras_backend
from keras_seqzoo.layers.cell_layer import CellLayer

LAYERS = (keras.layers.RNN, keras.layers.LSTM, keras.layers.GRU, CellLayer)


@pytest.mark.parametrize(
    ("original", "ours"),
    [
        (backend.rnn, keras_backend._nested(backend.rnn)),
        (backend.numpy.argmax, keras_backend._argmax),
        (keras.layers.TimeDistributed.call, keras_backend._time_distributed),
        (
            keras.layers.Bidirectional.call,
            fused_nodes._both_directions(keras.layers.Bidirectional.call),
        ),
    ],
)
def test_arguments_are_the_same(original, ours):
    assert inspect.signature(original) == inspect.signature(ours)


@pytest.mark.parametrize("layer", LAYERS)
def test_inner_loop_takes_what_it_took(layer):
    names = list(inspect.signature(layer.inner_loop).parameters)
    assert names == ["self", "sequences", "initial_state", "mask", "training"]


def test_keras_layers_run_through_the_backends_rnn(monkeypatch):
    calls = []

    def counting(*args, rnn=backend.rnn, **kwargs):
        calls.append(1)
        return rnn(*args, **kwargs)

    monkeypatch.setattr(backend, "rnn", counting)
    x = tf.zeros((1, 3, 2))
    keras.layers.RNN(keras.layers.LSTMCell(2))(x)
    keras.layers.GRU(2)(x)
    assert len(calls) == 2


def test_everything_is_put_back_after_an_error():
    def now():
        loops = [layer.__dict__["inner_loop"] for layer in LAYERS]
        others = [backend.rnn, backend.numpy.argmax, keras.layers.TimeDistributed.call]
        return [*loops, *others, tf.Tensor.__getitem__]

    before = now()
    with (
        pytest.raises(ZeroDivisionError),
        keras_backend.nested_loops(),
        keras_backend.plain_operators(),
    ):
        assert not any(a is b for a, b in zip(now(), before, strict=True))
        raise ZeroDivisionError
    assert now() == before


@pytest.mark.parametrize(
    "index",
    [
        (..., None),
        None,
        (slice(None), None),
        (None, slice(1, 3), ..., None),
        (1, ..., None, 1),
        (slice(None), 0, None, ..., None),
    ],
)
def test_new_axes(index):
    x = tf.reshape(tf.range(24), (4, 3, 2))
    wanted = x.numpy()[index]
    with keras_backend.plain_operators():
        found = x[index]
    assert found.shape == wanted.shape
    assert (found.numpy() == wanted).all()
