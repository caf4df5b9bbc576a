"""The `step` signature: chunks with states in and out equal the whole sequence."""

import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from keras import layers, ops

from keras_seqzoo.errors import UserError
from keras_seqzoo.export import ExportError, export, runtimes, verify
from keras_seqzoo.export.serving import serving_function
from keras_seqzoo.export.step import step_function
from keras_seqzoo.layers import ClockworkRNN, PeepholeLSTM
from keras_seqzoo.layers.by_name import RECURRENT_LAYERS, recurrent_layer
from keras_seqzoo.models import SlotTagger
from keras_seqzoo.runtime import load
from keras_seqzoo.streaming import NotStreamable

QUICK = {"batches": (3,), "lengths": (19,)}


def sequential(*parts, shape=(None, 5), dtype="float32"):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input(shape, dtype=dtype), *parts])


def stacked_cells(**arguments):
    cells = [layers.GRUCell(3), layers.LSTMCell(4)]
    return layers.RNN(cells, return_sequences=True, **arguments)


@keras.saving.register_keras_serializable("test_step")
class Countdown(keras.layers.Layer):
    """A cell that does not start from zero, and gives something else than its state."""

    state_size = 2

    def get_initial_state(self, batch_size=None):
        return [ops.tile(ops.convert_to_tensor([[3.0, -1.0]]), (batch_size, 1))]

    def call(self, x, states):
        h = 0.9 * states[0] - 0.1 * ops.sum(x, -1, keepdims=True)
        return 2.0 * h + 1.0, [h]


class Functional:
    """Models that are not sequential."""

    @staticmethod
    def words():
        """Right padding by mask, the last output only, two layers."""
        return sequential(
            layers.Embedding(9, 4, mask_zero=True),
            layers.GRU(3, return_sequences=True),
            PeepholeLSTM(4),
            shape=(None,),
            dtype="int32",
        )

    @staticmethod
    def any_mask():
        """Any mask, on cells whose output is and is not their state."""
        keras.utils.set_random_seed(0)
        x, mask = keras.Input((None, 5), name="x"), keras.Input((None,), dtype="bool")
        parts = [stacked_cells(), layers.RNN(Countdown())]
        parts += [layers.LSTM(3, zero_output_for_mask=True)]
        return keras.Model([x, mask], [part(x, mask=mask) for part in parts])

    @staticmethod
    def several_inputs():
        """A sequence beside an input without time, states out, a layer used twice."""
        keras.utils.set_random_seed(0)
        x, fixed = keras.Input((None, 4), name="x"), keras.Input((4,), name="fixed")
        lstm = layers.LSTM(4, return_sequences=True, return_state=True)
        y, h, c = lstm(x + layers.Dense(4)(fixed)[:, None])
        z, *_ = lstm(y)
        return keras.Model({"x": x, "fixed": fixed}, {"z": z, "h": h, "c": c})

    @staticmethod
    def characters_of_words():
        """A bidirectional layer along another axis than the stream's."""
        inner = layers.Bidirectional(layers.LSTM(3))
        return sequential(
            layers.TimeDistributed(inner), layers.GRU(4), shape=(None, 6, 2)
        )


# What it is, and the layers that its states are of.
STREAMED = {
    "words": (Functional.words, ["gru", "peephole_lstm"]),
    "any_mask": (Functional.any_mask, ["lstm", "rnn"]),
    "several_inputs": (Functional.several_inputs, ["lstm"]),
    "characters_of_words": (Functional.characters_of_words, ["gru"]),
    # Sizes are fixed, but a step is a step.
    "fixed_length": (
        lambda: sequential(
            layers.LSTM(4, return_sequences=True, name="lstm"),
            layers.Conv1D(2, 1),
            layers.LayerNormalization(),
            shape=(19, 5),
        ),
        ["lstm"],
    ),
}


def in_chunks(model, run, inputs, sizes):
    """The whole answer of a step function, put together here and not by the export."""
    step = step_function(serving_function(model))
    length = inputs[step.sequences[0]].shape[1]
    batch = len(inputs[step.sequences[0]])
    states = {s.name: np.stack([s.start] * batch) for s in step.states}
    answers, start = [], 0
    while start < length:
        stop = min(length, start + sizes[len(answers) % len(sizes)])
        chunk = {k: x[:, start:stop] if k in step.sequences else x
                 for k, x in inputs.items()}  # fmt: skip
        answer = run(chunk | states)
        states = {name: answer.pop(f"next_{name}") for name in states}
        answers.append(answer)
        start = stop
    return {
        name: np.concatenate([a[name] for a in answers], 1) if axis else y
        for (name, y), axis in zip(answers[-1].items(), map(
            step.time_axes.get, answers[-1]), strict=True)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("words", "tflite"),
        ("words", "onnx"),
        ("any_mask", "tflite"),
        ("any_mask", "onnx"),
        ("several_inputs", "onnx"),
        ("characters_of_words", "tflite"),
        ("fixed_length", "tflite"),
    ],
)
def test_chunks_equal_keras(name, suffix, tmp_path):
    make, layers_of_states = STREAMED[name]
    model = make()
    report = export(model, tmp_path / f"x.{suffix}", streaming=True, **QUICK)
    assert report.signatures == ["serve", "step"] and report.no_step is None
    assert report.step_difference <= 1e-5 and report.step_latency_ms > 0
    runner = load(report.path)
    of = [one["layer"] for one in runner.description["initial_states"]]
    assert sorted({name.rstrip("_0123456789") for name in of}) == layers_of_states

    served = serving_function(model)
    inputs = served.example(3, 19, seed=7)
    expected = served.call({k: tf.constant(x) for k, x in inputs.items()})
    if suffix == "tflite":
        run = runtimes.tflite(pathlib.Path(report.path), "step")
    else:
        run = runtimes.onnx(pathlib.Path(report.step_path))
    for sizes in ([1], [4, 1, 17]):
        found = in_chunks(model, run, inputs, sizes)
        assert sorted(found) == sorted(expected)
        for key, y in expected.items():
            np.testing.assert_allclose(found[key], y, atol=2e-6, err_msg=key)
    if name == "words":
        a_padded_chunk_leaves_the_states_alone(runner)


def a_padded_chunk_leaves_the_states_alone(runner):
    answer, states = runner.step(np.array([[3, 5, 0], [4, 0, 0]], "int32"))
    again, after = runner.step(np.zeros((2, 4), "int32"), states)
    for name, state in states.items():
        assert np.abs(state).max() > 0
        np.testing.assert_array_equal(after[name], state)
    np.testing.assert_array_equal(again["output"], answer["output"])


def test_states_that_do_not_start_from_zero(tmp_path):
    model = sequential(layers.RNN(Countdown(), return_sequences=True))
    export(model, tmp_path / "x.tflite", streaming=True, **QUICK)
    runner = load(tmp_path / "x.tflite")
    (state,) = runner.description["initial_states"]
    assert state["value"] == [3.0, -1.0]
    x = np.zeros((1, 2, 5), "float32")
    (y,) = runner.stream()(x).values()
    np.testing.assert_allclose(y[0], [[6.4, -0.8], [5.86, -0.62]], atol=1e-6)


@pytest.mark.parametrize("suffix", ["tflite", "onnx"])
def test_ten_thousand_steps_one_by_one(suffix, tmp_path):
    clockwork = ClockworkRNN(6, periods=(1, 2, 5), return_sequences=True)
    parts = [layers.LSTM(8, return_sequences=True), clockwork]
    model = sequential(*parts, layers.Dense(3), shape=(None, 4))
    export(model, tmp_path / f"x.{suffix}", streaming=True, **QUICK)
    runner = load(tmp_path / f"x.{suffix}")
    x = np.random.default_rng(0).normal(size=(1, 10_000, 4)).astype("float32")
    expected = model.predict_on_batch(x)
    (whole,) = runner(x).values()
    found = one_by_one(runner, x)["output"]
    np.testing.assert_allclose(found, whole, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def one_by_one(runner, x):
    stream = runner.stream()
    steps = [stream(x[:, t : t + 1]) for t in range(x.shape[1])]
    return {name: np.concatenate([s[name] for s in steps], 1) for name in steps[0]}


def test_two_thousand_steps_of_every_cell(tmp_path):
    keras.utils.set_random_seed(0)
    x = keras.Input((None, 4), name="x")
    cells = {cell: {} for cell in RECURRENT_LAYERS}
    cells["clockwork_rnn"] = {"periods": (1, 2, 5)}
    parts = {
        cell: recurrent_layer(cell, 6, return_sequences=True, **arguments)(x)
        for cell, arguments in cells.items()
    }
    parts["reset_after"] = layers.GRU(6, return_sequences=True)(x)
    path = tmp_path / "x.tflite"
    export(keras.Model(x, parts), path, streaming=True, **QUICK)
    x = np.random.default_rng(0).normal(size=(1, 2_000, 4)).astype("float32")
    runner = load(path)
    whole, found = runner(x), one_by_one(runner, x)
    assert sorted(whole) == sorted(parts)
    for cell, wanted in whole.items():
        np.testing.assert_allclose(found[cell], wanted, rtol=0, atol=1e-5, err_msg=cell)


def test_a_stateful_model_streams_as_keras_does(tmp_path):
    keras.utils.set_random_seed(0)
    batch = 2
    x = keras.Input((None, 4), batch, name="x")
    stacked = layers.RNN(
        [layers.GRUCell(3), Countdown()], stateful=True, return_sequences=True
    )
    y = layers.LSTM(5, stateful=True, return_sequences=True)(x)
    model = keras.Model(x, stacked(ClockworkRNN(4, periods=(1, 3), stateful=True,
                                                return_sequences=True)(y)))  # fmt: skip
    first = [np.asarray(v) for layer in model.layers[1:]
             for v in keras.tree.flatten(layer.states)]  # fmt: skip
    inputs = np.random.default_rng(0).normal(size=(batch, 23, 4)).astype("float32")
    model(inputs[:, :3])  # states that a file must know nothing of
    held = [v.numpy() for v in model.variables]
    report = export(model, tmp_path / "x.onnx", streaming=True, **QUICK)
    export(model, tmp_path / "x.tflite", streaming=True, **QUICK)
    assert all((a == b.numpy()).all() for a, b in zip(held, model.variables))
    assert all(layer.stateful for layer in model.layers[1:])
    assert report.cases == [(3, 19)]  # the batch is free

    variables = [v for layer in model.layers[1:]
                 for v in keras.tree.flatten(layer.states)]  # fmt: skip
    for variable, value in zip(variables, first, strict=True):
        variable.assign(value)
    wanted = [model(inputs[:, :8]), model(inputs[:, 8:9]), model(inputs[:, 9:])]
    for suffix in ("onnx", "tflite"):
        runner = load(tmp_path / f"x.{suffix}")
        stream = runner.stream()
        for chunk, answer in zip(np.split(inputs, [8, 9], 1), wanted, strict=True):
            np.testing.assert_allclose(stream(chunk)["output"], answer, atol=2e-6)
        for _ in range(2):  # serve starts anew each time
            whole = np.concatenate(wanted, 1)
            np.testing.assert_allclose(runner(inputs)["output"], whole, atol=2e-6)


def test_a_saved_model_takes_text_chunk_by_chunk(tmp_path):
    keras.utils.set_random_seed(0)
    tiny = SlotTagger.tiny() | {"num_layers": 1, "bidirectional": False}
    tagger = SlotTagger(**tiny, cell="lstm")
    report = export(tagger, tmp_path / "x", streaming=True, **QUICK)
    assert report.signatures == ["serve", "serve_text", "step", "step_text"]
    step = tf.saved_model.load(str(tmp_path / "x")).signatures["step_text"]
    about = json.loads((tmp_path / "x/assets.extra/seqzoo.json").read_text("utf-8"))
    states = {
        state["name"]: tf.zeros([2, *state["shape"][1:]])
        for state in about["initial_states"]
    }
    found = [[], []]
    for chunk in (["a cat", "elephant"], ["and", ""], ["a bag of bags", "dog"]):
        answer = step(text=tf.constant(chunk), **states)
        states = {name: answer[f"next_{name}"] for name in states}
        for row, pairs in enumerate(zip(answer["words"], answer["slots"])):
            found[row] += [
                (word.decode(), slot.decode())
                for word, slot in zip(*[x.numpy() for x in pairs])
                if word
            ]
    assert found == tagger.predict_text(["a cat and a bag of bags", "elephant dog"])


def test_weights_are_in_a_tflite_file_once(tmp_path):
    clockwork = ClockworkRNN(64, periods=(1, 3), return_sequences=True)
    model = sequential(clockwork, layers.LSTM(64))
    sizes = []
    for streaming in (False, True):
        path = tmp_path / f"{streaming}.tflite"
        export(model, path, streaming=streaming, **QUICK)
        buffers = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0).buffers
        sizes.append(sum(len(b.data) for b in buffers if b.data is not None))
    assert sizes[0] <= sizes[1] < sizes[0] + 400  # a few scalars more


# What cannot stream


class Positions(keras.layers.Layer):
    def call(self, x):
        return x + ops.cast(ops.arange(ops.shape(x)[1]), "float32")[None, :, None]


def with_attention():
    x = keras.Input((None, 5))
    y = layers.LSTM(4, return_sequences=True)(x)
    return keras.Model(x, layers.Attention(name="attention")([y, y]))


def with_flip():
    x = keras.Input((None, 5))
    return keras.Model(x, layers.LSTM(3)(ops.flip(x, 1)))


def from_a_given_state():
    x, state = keras.Input((None, 5)), keras.Input((4,))
    return keras.Model([x, state], layers.GRU(4, name="gru")(x, initial_state=state))


def from_a_state_of_that_name():
    x, state = keras.Input((None, 5)), keras.Input((4,), name="state_0")
    return keras.Model([x, state], layers.GRU(4)(x) + state)


NOT_STREAMED = [
    (
        lambda: sequential(layers.Bidirectional(layers.LSTM(3), name="both")),
        "layer 'both' is bidirectional",
    ),
    (
        lambda: sequential(layers.GRU(3, go_backwards=True, name="gru")),
        "layer 'gru' has go_backwards=True",
    ),
    (
        lambda: sequential(
            layers.Conv1D(4, 3, padding="causal", name="conv"), layers.LSTM(3)
        ),
        "layer 'conv' gives another answer in chunks",
    ),
    (
        lambda: sequential(layers.Conv1D(4, 20, name="conv"), layers.LSTM(3)),
        "layer 'conv' fails: .* .on one chunk",
    ),
    (
        lambda: sequential(
            layers.LSTM(3, return_sequences=True),
            layers.GlobalAveragePooling1D(name="pool"),
        ),
        "layer 'pool' gives another answer in chunks",
    ),
    (
        lambda: sequential(
            layers.LSTM(3, return_sequences=True),
            layers.Reshape((8, 3), name="fixed"),
            layers.Dense(2),
            shape=(8, 5),
        ),
        "layer 'fixed' fails: .* .on one chunk",
    ),
    (
        lambda: sequential(Positions(name="positions"), layers.GRU(3)),
        "layer 'positions' gives another answer in chunks",
    ),
    (with_attention, "layer 'attention' gives another answer in chunks"),
    (with_flip, "operation 'flip.*' gives another answer in chunks"),
    (from_a_given_state, "layer 'gru' starts from a state that it is given"),
    (from_a_state_of_that_name, "an input or output of its own named 'state_0'"),
    (lambda: sequential(layers.Dense(3)), "its input whole: no recurrent layer"),
    (
        lambda: sequential(layers.Reshape((20, 2)), layers.GRU(3), shape=(8, 5)),
        "no input is as long as the sequence that layer 'gru.*' reads",
    ),
]


@pytest.mark.parametrize(("make", "reason"), NOT_STREAMED)
def test_the_layer_that_cannot_stream_is_named(make, reason):
    with pytest.raises(NotStreamable, match=reason) as caught:
        step_function(serving_function(make()))
    assert "\n" not in str(caught.value)


def test_streaming_may_be_refused_left_out_or_asked_for(small, tmp_path):
    report = export(small, tmp_path / "left_out.tflite", streaming=False, **QUICK)
    assert report.signatures == ["serve"] and report.no_step == "streaming=False"
    assert report.step_latency_ms is report.step_difference is None
    assert "none: streaming=False" in str(report)
    model = sequential(layers.Bidirectional(layers.LSTM(3), name="both"))
    report = export(model, tmp_path / "both.onnx", **QUICK)
    assert report.signatures == ["serve"] and "'both'" in report.no_step
    assert not (tmp_path / "both.step.onnx").exists()
    with pytest.raises(UserError, match="cannot stream: layer 'both' is bidirectional"):
        export(model, tmp_path / "x.onnx", streaming=True)
    with pytest.raises(UserError, match="`streaming` must be True or False"):
        export(model, tmp_path / "x.onnx", streaming="yes")
    assert not (tmp_path / "x.onnx").exists()


@pytest.mark.parametrize("name", ["x.onnx", "x"])
def test_a_step_that_is_wrong_is_left_out_or_an_error(
    name, small, tmp_path, monkeypatch
):
    right = verify.Step.answer

    def forgetful(step, run, inputs, chunks):
        """Starts each chunk from the first states."""
        first = {s.name: np.stack([s.start] * 3) for s in step.states}
        return right(step, lambda chunk: run(chunk | first), inputs, chunks)

    monkeypatch.setattr(verify.Step, "answer", forgetful)
    with pytest.raises(ExportError, match="step differs from its whole answer by"):
        export(small, tmp_path / name, streaming=True, **QUICK)
    report = export(small, tmp_path / name, **QUICK)
    assert "step differs from its whole answer" in report.no_step
    assert report.signatures == ["serve"]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_older_step_does_not_stay_behind(small, tmp_path, monkeypatch):
    export(small, tmp_path / "x.onnx", **QUICK)
    names = {"x.onnx", "x.step.onnx"}
    assert {path.name for path in tmp_path.iterdir()} == names
    before = {name: (tmp_path / name).read_bytes() for name in names}
    with monkeypatch.context() as patch:
        patch.setattr(verify, "verify_step", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            export(small, tmp_path / "x.onnx", overwrite=True, **QUICK)
    assert before == {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    export(small, tmp_path / "x.onnx", streaming=False, overwrite=True, **QUICK)
    assert [path.name for path in tmp_path.iterdir()] == ["x.onnx"]


def test_the_model_is_as_before():
    model = sequential(layers.LSTM(3, name="lstm"), layers.Dense(2))
    step_function(serving_function(model))
    for layer in model.layers:
        assert "call" not in vars(layer)
    assert model.layers[0].return_state is False
    assert keras.config.is_traceback_filtering_enabled()
