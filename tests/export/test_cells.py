"""Every cell in every format: export runs the file and compares it with Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.export import export
from keras_seqzoo.export.keras_backend import plain_operators
from keras_seqzoo.export.recurrent_node import is_right_padding
from keras_seqzoo.runtime import load

CASES = {
    "simple_rnn": ("simple_rnn", {}, "RNN"),
    "lstm": ("lstm", {}, "LSTM"),
    "peephole_lstm": ("peephole_lstm", {}, "LSTM"),
    "coupled_lstm": ("coupled_lstm", {}, "LSTM"),
    "coupled_lstm with peepholes": ("coupled_lstm", {"peephole": True}, "LSTM"),
    "gru": ("gru", {}, "GRU"),
    "gru reset_after": ("gru", {"reset_after": True}, "GRU"),
    "clockwork_rnn": ("clockwork_rnn", {"periods": (1, 3)}, "RNN"),
    "scrn": ("scrn", {"context_units": 3}, "RNN"),
}
QUICK = {"batches": (1, 3), "lengths": (1, 17)}


@pytest.mark.parametrize("case", CASES)
def test_tflite(case, masked_model, tmp_path):
    cell, arguments, _ = CASES[case]
    model = masked_model(cell, **arguments)
    report = export(model, tmp_path / "x.tflite", tolerance=2e-6, **QUICK)
    assert "WHILE" in report.operators
    foreign = ("custom", "Flex", "TENSOR_LIST", "CALL_ONCE", "READ_VARIABLE", "RANDOM")
    assert not [name for name in report.operators if name.startswith(foreign)]


@pytest.mark.parametrize("case", CASES)
def test_onnx(case, masked_model, tmp_path):
    cell, arguments, node = CASES[case]
    model = masked_model(cell, **arguments)
    report = export(model, tmp_path / "x.onnx", tolerance=4e-6, **QUICK)
    # Two layers of one direction, and one of both, which is a single node. Of modules
    # or parts there are two, each with a node a direction.
    nodes = 2 * 4 if cell in ("clockwork_rnn", "scrn") else 3
    assert report.operators[node] == nodes
    assert not {"Loop", "Scan", "If"} & set(report.operators)


class LengthMask(keras.layers.Layer):
    def call(self, x, lengths):
        steps = keras.ops.arange(keras.ops.shape(x)[1], dtype="int32")
        return steps[None] < lengths[:, None]


def test_padding_on_the_right_is_known(masked_model, tmp_path):
    x = keras.Input((None, 5), name="x")
    lengths = keras.Input((), dtype="int32", name="lengths")
    mask = LengthMask()(x, lengths)
    lstm = keras.layers.LSTM(3, return_sequences=True, return_state=True)
    model = keras.Model([x, lengths], keras.layers.Bidirectional(lstm)(x, mask=mask))
    report = export(model, tmp_path / "x.onnx", **QUICK)
    assert report.operators["LSTM"] == 1
    assert not {"TopK", "Gather", "GatherND"} & set(report.operators)  # no sorting
    runner = load(report.path)
    inputs = {"x": np.random.default_rng(0).normal(size=(4, 9, 5)).astype("float32")}
    inputs["lengths"] = np.array([9, 0, 4, 20], "int32")
    for found, wanted in zip(runner(inputs).values(), model(inputs), strict=True):
        np.testing.assert_allclose(found, wanted, atol=2e-6)


@pytest.mark.parametrize(
    ("is_right", "make"),
    [
        (True, lambda n, x: tf.sequence_mask(n, tf.shape(x)[1])),
        (True, lambda n, x: tf.range(tf.shape(x)[1])[None] <= n[:, None]),
        (True, lambda n, x: n[:, None] > tf.range(3, 3 + 2 * tf.shape(x)[1], 2)),
        (True, lambda n, x: tf.sequence_mask(n, 4) & tf.sequence_mask(n + 1, 4)),
        (False, lambda n, x: x > 0),
        (False, lambda n, x: tf.range(tf.shape(x)[1]) >= n[:, None]),
        (False, lambda n, x: tf.range(tf.shape(x)[1], 0, -1) < n[:, None]),
        (False, lambda n, x: tf.range(tf.shape(x)[1]) < tf.cast(x, tf.int32)),
        (False, lambda n, x: tf.range(tf.shape(n)[0])[:, None] < n[:, None]),
        (False, lambda n, x: tf.sequence_mask(n, 4) & (x[:, :4] > 0)),
    ],
)
def test_what_is_right_padding_for_sure(is_right, make):
    found = []

    @tf.function(
        input_signature=[tf.TensorSpec((None,), tf.int32), tf.TensorSpec((None, None))],
        autograph=False,
    )
    def trace(lengths, x):
        with plain_operators():  # as while tracing for export
            found.append(is_right_padding(make(lengths, x)))

    trace.get_concrete_function()
    assert found == [is_right]


@pytest.mark.parametrize("cell", ["coupled_lstm", "scrn"])
def test_saved_model(cell, masked_model, tmp_path):
    # A folder by its slash, whatever its suffix.
    path = f"{tmp_path}/x.v2/"
    report = export(masked_model(cell), path, tolerance=2e-6, **QUICK)
    assert report.format == "saved_model"
    assert (tmp_path / "x.v2" / "saved_model.pb").exists()


@keras.saving.register_keras_serializable("test_export")
class Decay(keras.layers.Layer):
    """Somebody's own cell."""

    state_size = 4

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 4), initializer="normal")

    def call(self, x, states):
        h = 0.5 * states[0] + keras.ops.matmul(x, self.kernel)
        return h, [h]


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
def test_other_peoples_cells(suffix, tmp_path):
    x = keras.Input((None, 5))
    mask = keras.Input((None,), dtype="bool")
    own = keras.layers.Bidirectional(keras.layers.RNN(Decay(), return_sequences=True))
    cells = [keras.layers.GRUCell(3, dropout=0.2), keras.layers.LSTMCell(4)]
    stacked = keras.layers.RNN(cells, return_sequences=True)
    # An activation that ONNX's LSTM does not have.
    odd = keras.layers.LSTM(3, activation="silu")
    outputs = [own(x, mask=mask), stacked(x), odd(x, mask=mask)]
    model = keras.Model([x, mask], outputs)
    report = export(model, tmp_path / f"x{suffix}", tolerance=2e-6, **QUICK)
    assert report.operators["WHILE" if suffix == ".tflite" else "Loop"] >= 4


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
def test_common_surroundings(suffix, tmp_path):
    """A fixed length, states in and out, a new axis, argmax, dicts of tensors."""
    a = keras.Input((12, 5), name="a")
    state = keras.Input((4,), name="state")
    lstm = keras.layers.LSTM(4, return_sequences=True, return_state=True, unroll=True)
    sequence, h, c = lstm(a, initial_state=[state, 0.5 * state])
    gru = keras.layers.GRU(
        4, activation="linear", recurrent_activation="hard_sigmoid", use_bias=False
    )(sequence[..., None][..., 0])
    labels = keras.ops.argmax(sequence, axis=-1)
    model = keras.Model(
        {"a": a, "state": state}, {"h": h, "c": c, "gru": gru, "labels": labels}
    )
    report = export(model, tmp_path / f"x{suffix}", tolerance=2e-6)
    assert report.cases == [(1, 12), (3, 12)]
