"""Our layers in Keras' own export to LiteRT, which knows nothing of this package."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from keras_seqzoo import layers
from keras_seqzoo.export.tflite import operators
from keras_seqzoo.layers.bptt import engine_runs
from keras_seqzoo.layers.scan import loops_for_export

LAYERS = {
    "ClockworkRNN": {"periods": (1, 2)},
    "CoupledLSTM": {"peephole": True},
    "LRU": {},
    "MinGRU": {},
    "MinLSTM": {},
    "PeepholeLSTM": {},
    "SCRN": {"context_units": 3},
}


def make(name, **arguments):
    return getattr(layers, name)(4, **LAYERS[name], **arguments)


def assert_runs_alike(content, model, sizes):
    foreign = [name for name in operators(content) if name.startswith("custom")]
    assert foreign == []
    for batch, length in sizes:
        x = np.random.default_rng(length).normal(size=(batch, length, 3))
        x = x.astype("float32")
        x[0, length // 2 :] = 0  # padding, where a layer is masked
        run = Interpreter(model_content=content).get_signature_runner()
        (name,) = run.get_input_details()
        found = list(run(**{name: x}).values())
        wanted = [np.asarray(y) for y in keras.tree.flatten(model(x))]
        wanted, found = (sorted(ys, key=np.ndim) for ys in (wanted, found))
        for y, z in zip(wanted, found, strict=True):
            assert y.shape == z.shape
            np.testing.assert_allclose(z, y, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_of_a_free_length(name, tmp_path):
    x = keras.Input((None, 3))
    masked = make(name, return_sequences=True, zero_output_for_mask=True)(
        keras.layers.Masking()(x)
    )
    last = make(name, go_backwards=True, dropout=0.2)(x)
    model = keras.Model(x, [masked, last])
    path = tmp_path / "x.tflite"
    model.export(str(path), format="litert", verbose=False)
    assert_runs_alike(path.read_bytes(), model, [(1, 1), (2, 20), (3, 33)])


def test_layers_of_a_fixed_length(tmp_path):
    x = keras.Input((20, 3))
    y = keras.layers.Masking()(x)
    y = make("PeepholeLSTM", return_sequences=True, unroll=True)(y)
    for name in ("ClockworkRNN", "MinGRU"):
        y = make(name, return_sequences=True)(y)
    model = keras.Model(x, y)
    path = tmp_path / "x.tflite"
    model.export(str(path), format="litert", verbose=False)
    assert_runs_alike(path.read_bytes(), model, [(1, 20), (2, 20)])


def test_tensorflows_own_converter():
    x = keras.Input((None, 3))
    model = keras.Model(x, make("PeepholeLSTM", return_sequences=True)(x))
    content = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    assert_runs_alike(content, model, [(1, 20)])


class Traced(keras.layers.Layer):
    """Notes in what way our layers would run where it is called."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def call(self, x):
        if hasattr(x, "graph"):
            self.seen.add((loops_for_export(), bool(engine_runs(x))))
        return x


def test_only_an_export_to_litert_has_its_loops(tmp_path):
    x = keras.Input((4, 3))
    traced = Traced()
    model = keras.Model(x, keras.layers.Dense(1)(traced(x)))
    compiled, for_export = {(False, True)}, {(True, False)}

    def ways(run):
        traced.seen.clear()
        run()
        return traced.seen

    data = np.zeros((2, 4, 3), "float32"), np.zeros((2, 4, 1), "float32")
    model.compile("sgd", "mse", jit_compile=False)
    path = str(tmp_path / "x.tflite")
    assert ways(lambda: model.predict(data[0], verbose=0)) == compiled
    assert ways(lambda: model.export(path, format="litert", verbose=False)) == (
        for_export
    )
    assert ways(lambda: model.fit(*data, verbose=0)) == compiled
    assert ways(lambda: model.evaluate(*data, verbose=0)) == compiled
    assert ways(lambda: tf.function(model)(data[0])) == compiled
    folder = str(tmp_path / "saved")
    assert ways(lambda: model.export(folder, verbose=False)) == compiled
