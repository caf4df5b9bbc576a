"""What export writes, what it refuses, and that it leaves nothing half-written."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf

import keras_seqzoo
from keras_seqzoo import runtime
from keras_seqzoo.errors import UserError
from keras_seqzoo.export import ExportError, export, runtimes, verify
from keras_seqzoo.export.files import format_of
from keras_seqzoo.layers import ClockworkRNN, PeepholeLSTM

QUICK = {"batches": (1, 3), "lengths": (1, 17)}


def test_report_of_a_zoo_model(exported):
    report = exported["tagger.tflite"]
    assert (report.format, report.quantize) == ("tflite", None)
    assert report.bytes == os.path.getsize(report.path)
    assert report.max_difference <= report.tolerance
    assert 1e-5 <= report.tolerance < 1e-3  # 1e-5 of the largest score
    assert report.cases == [(1, 1), (1, 17), (3, 1), (3, 17)]
    assert report.latency_ms > 0 and report.latency_shape == (1, 100)
    text = str(report)
    assert report.path in text.replace("\n" + " " * 13, "") and "WHILE" in text
    # 1 and 17 words of a sentence, and of three, of which two are shorter.
    assert report.different_labels == 0 and 40 <= report.compared_labels < 72
    words = f"; 0 of {report.compared_labels} words differ"
    assert words in " ".join(text.split())
    assert exported["small.tflite"].different_labels is None
    assert "differ" not in str(exported["small.tflite"]).replace("difference", "")
    assert json.loads(json.dumps(report.to_dict()))["operators"] == report.operators


def test_the_package_itself_is_callable(small, tmp_path):
    report = keras_seqzoo.export(small, str(tmp_path / "x.onnx"))
    assert isinstance(report, keras_seqzoo.ExportReport)


def test_tflite_resizes_and_repeats(exported, tagger):
    run = runtimes.tflite(pathlib.Path(exported["tagger.tflite"].path))
    answers = {}
    for batch, length in [(2, 5), (1, 40), (4, 16), (2, 5), (2, 5)]:
        outputs = run(tagger.example_inputs(batch, length))
        assert outputs["labels"].shape == (batch, length)
        assert outputs["labels"].dtype == np.int32
        first = answers.setdefault((batch, length), outputs["scores"].copy())
        np.testing.assert_array_equal(outputs["scores"], first)


def test_tflite_takes_ids_it_never_saw(exported, tagger):
    run = runtimes.tflite(pathlib.Path(exported["tagger.tflite"].path))
    inputs = tagger.example_inputs(1, 6)
    inputs["words"][0, 2] = 10**6
    inputs["words"][0, 3] = -5
    inputs["characters"][0, 1, 1] = 10**6
    np.testing.assert_allclose(run(inputs)["scores"], tagger(inputs), atol=1e-5)


def test_onnx_names_and_types(exported):
    session = onnxruntime.InferenceSession(exported["tagger.onnx"].path)
    inputs = {x.name: (x.type, x.shape) for x in session.get_inputs()}
    assert inputs == {
        "words": ("tensor(int32)", ["batch", "words_1"]),
        "characters": ("tensor(int32)", ["batch", "characters_1", 8]),
    }
    outputs = {x.name: (x.type, x.shape) for x in session.get_outputs()}
    assert outputs == {
        "labels": ("tensor(int32)", ["batch", "labels_1"]),
        "scores": ("tensor(float)", ["batch", "scores_1", 4]),
    }
    assert exported["tagger.onnx"].operators["LSTM"] == 2


def test_saved_model_alone_in_a_process(exported, tagger):
    program = """
import json, sys
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
answers = {}
for name in ("serve_text", "serving_default"):
    answer = model.signatures[name](text=tf.constant(["a cat and a bag", ""]))
    answers[name] = [
        [(w.decode(), s.decode()) for w, s in zip(words, slots) if w]
        for words, slots in zip(answer["words"].numpy(), answer["slots"].numpy())
    ]
assert "serve" in model.signatures
assert not [m for m in sys.modules if m.split(".")[0] == "keras_seqzoo"]
print(json.dumps(answers))
"""
    result = subprocess.run(
        [sys.executable, "-c", program, exported["tagger"].path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    found = json.loads(result.stdout)
    assert found["serve_text"] == found["serving_default"]
    sentences = [[tuple(pair) for pair in sentence] for sentence in found["serve_text"]]
    assert sentences == tagger.predict_text(["a cat and a bag", ""])


def test_nothing_is_said_and_the_model_is_as_before(tmp_path, capfd):
    x = keras.Input((None, 5))
    gru = keras.layers.GRU(3, dropout=0.4, recurrent_dropout=0.3)
    model = keras.Model(x, gru(x))
    capfd.readouterr()
    export(model, tmp_path / "x.tflite", batches=(1,), lengths=(5,))
    assert capfd.readouterr() == ("", "")
    assert (gru.dropout, gru.recurrent_dropout, gru.use_cudnn) == (0.4, 0.3, "auto")


class Determinant(keras.layers.Layer):
    def call(self, x):
        return tf.linalg.det(tf.matmul(x, x, transpose_a=True))


@pytest.fixture(scope="module")
def impossible():
    x = keras.Input((None, 5))
    return keras.Model(x, Determinant(name="determinant")(x))


def test_an_operator_that_needs_flex_is_refused(impossible, tmp_path):
    found = "layer 'determinant' uses .*Determinant, which TFLite has no .*: compute it"
    with pytest.raises(ExportError, match=found):
        export(impossible, tmp_path / "x.tflite")
    assert not os.listdir(tmp_path)


def test_a_custom_operator_in_a_file_is_refused(monkeypatch):
    from keras_seqzoo.export import tflite

    monkeypatch.setattr(tflite, "operators", lambda content: {"custom FlexDet": 1})
    with pytest.raises(ExportError, match="builtin operators only.*custom FlexDet"):
        tflite.refuse_foreign_operators(b"")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x.pb", "that ends in .tflite or .onnx.*x.pb"),
        ("x.tflite.", "that ends in .tflite or .onnx.*x.tflite.'"),
        ("folder.onnx/x.", "that ends in .tflite or .onnx.*x.'"),
        ("missing/x.tflite", "folder that can be written"),
        ("file/x.onnx", "folder that can be written"),
        ("full", "new or empty folder, or a SavedModel"),
        ("file", "new or empty folder, or a SavedModel"),
        ("folder.onnx", "must be a file's"),
    ],
)
def test_wrong_paths(name, message, small, tmp_path):
    (tmp_path / "file").write_text("mine")
    for folder in ("full", "folder.onnx"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match=message) as caught:
        export(small, tmp_path / name)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("path", "arguments", "message"),
    [
        ("x.tflite", {"quantize": "int4"}, "float16, int8, .*or None. .*'int4'"),
        ("x.onnx", {"quantize": "int8"}, "for .tflite files only"),
        ("x.onnx", {"tolerance": 0}, "positive number"),
        ("x.onnx", {"lengths": ()}, "lengths must be positive integers"),
        ("x.onnx", {"batches": (1, 0)}, "batches must be positive integers"),
        ("", {}, "file or folder name"),
        (None, {}, "file or folder name. Received: path=None"),
        (b"x.onnx", {}, "file or folder name"),
        (".tflite", {}, "a name that ends in .tflite"),
        ("folder/.onnx", {}, "a name that ends in .tflite"),
        ("x.onnx", {"tolerance": "x"}, "positive number. Received: tolerance='x'"),
        ("x.onnx", {"tolerance": float("nan")}, "positive number"),
        ("x.onnx", {"lengths": "12"}, "lengths must be positive integers"),
        ("x.onnx", {"batches": 3}, "batches must be positive integers"),
        ("x.onnx", {"batches": (1, 2.0)}, "batches must be positive integers"),
        ("x.onnx", {"overwrite": "no"}, "True or False. Received: overwrite='no'"),
        ("x.onnx", {"overwrite": None}, "True or False. Received: overwrite=None"),
        ("x.onnx", {"streaming": "no"}, "True or False. Received: streaming='no'"),
        ("x.onnx", {"streaming": 0}, "True or False. Received: streaming=0"),
    ],
)
def test_wrong_arguments(path, arguments, message, small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        export(small, path, **arguments)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("a.b/x.onnx", "onnx"),
        ("a.b/x.y.tflite", "tflite"),
        ("x", "saved_model"),
        ("a.b/x", "saved_model"),
        ("x.tflite/", "saved_model"),
        ("v1.0/", "saved_model"),
        (".hidden", "saved_model"),
        ("..", "saved_model"),
    ],
)
def test_formats(path, form):
    assert format_of(path) == form


class Subclassed(keras.Model):
    def call(self, x):
        return x


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("a string", "must be a keras.Model.*type str"),
        (keras.layers.LSTM(3), "must be a keras.Model.*type LSTM"),
        (Subclassed(), "known inputs.*type Subclassed: Keras has no record"),
        (keras.Sequential([keras.layers.LSTM(3)]), "known inputs.*Keras has no record"),
    ],
)
def test_wrong_models(model, message, tmp_path):
    with pytest.raises(UserError, match=message):
        export(model, tmp_path / "x.onnx")
    assert not os.listdir(tmp_path)


def test_nan_is_named(tmp_path):
    x = keras.Input((None, 5))
    gru = keras.layers.GRU(3, name="gru")
    model = keras.Model(x, gru(x))
    gru.cell.kernel.assign(np.full((5, 9), np.nan))
    with pytest.raises(UserError, match="NaN or infinity in gru/gru_cell/kernel$"):
        export(model, tmp_path / "x.tflite")
    model = keras.Model(x, keras.ops.log(keras.layers.GRU(3)(x) - 2.0))
    with pytest.raises(ExportError, match="none of the sizes: output 'output' has NaN"):
        export(model, tmp_path / "x.onnx")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("policy", "name"),
    [
        ("mixed_float16", "x.tflite"),
        ("mixed_bfloat16", "x.onnx"),
        ("mixed_float16", "x"),
    ],
)
def test_mixed_precision_is_exported_in_float32(policy, name, tmp_path):
    x = keras.Input((None, 5))
    y = keras.layers.GRU(3, dtype=policy, return_sequences=True)(x)
    model = keras.Model(x, PeepholeLSTM(3, dtype=policy)(y))
    report = export(model, tmp_path / name, **QUICK)
    assert report.max_difference <= 1e-6
    assert model.layers[-1].compute_dtype == policy.removeprefix("mixed_")
    assert "float16" in model(np.ones((1, 2, 5))).dtype.name


def test_half_precision_is_compared_as_such(tmp_path):
    x = keras.Input((None, 5))
    for policy, name in (("float16", "x.onnx"), ("bfloat16", "x")):
        gru = keras.layers.GRU(3, dtype=policy, recurrent_initializer="glorot_uniform")
        model = keras.Model(x, gru(x))
        report = export(model, tmp_path / name, **QUICK)
        assert 1e-4 < report.tolerance < 0.1
    with pytest.raises(UserError, match="must be float32 for TFLite.* in bfloat16"):
        export(model, tmp_path / "x.tflite")


@pytest.mark.parametrize("name", ["x.tflite", "x.onnx", "x"])
def test_time_distributed(name, tmp_path):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    frames = keras.Input((None, 6, 6, 2), name="frames")
    ids = keras.Input((None,), dtype="int32", name="ids")
    y = layers.TimeDistributed(layers.Conv2D(3, 2, strides=2))(frames)
    y = layers.GRU(4)(layers.TimeDistributed(layers.Flatten())(y))
    z = layers.LSTM(3, return_sequences=True)(
        layers.Embedding(9, 4, mask_zero=True)(ids)
    )
    z = layers.TimeDistributed(layers.Dense(2))(z)
    report = export(keras.Model([frames, ids], [y, z]), tmp_path / name, **QUICK)
    assert report.max_difference <= 1e-6


def test_exact_gelu(tmp_path):
    model = keras.Sequential([keras.Input((None, 5)), ClockworkRNN(4, (1, 2), "gelu")])
    report = export(model, tmp_path / "x.onnx", streaming=False, **QUICK)
    assert report.max_difference <= 1e-6


@pytest.mark.parametrize("name", ["small.onnx", "tagger"])
def test_export_twice_replaces_the_first_if_asked(name, exported, small, tagger):
    path = pathlib.Path(exported[name].path)
    before = sorted(os.listdir(path.parent))
    model = small if name == "small.onnx" else tagger
    with pytest.raises(UserError, match=f"{path.name} exists already"):
        export(model, path, batches=(1,), lengths=(3,))
    export(model, path, batches=(1,), lengths=(3,), overwrite=True)
    assert sorted(os.listdir(path.parent)) == before


NAMED = """
import sys
import keras
from keras_seqzoo.export import export

layers = keras.layers
keras.utils.set_random_seed(0)
x = keras.Input((None, 5), name="x")
mask = keras.Input((None,), dtype="bool", name="mask")
lstm = layers.LSTM(4, return_sequences=True, return_state=True, name="lstm")
y, h, c = lstm(x, mask=mask)
odd = layers.GRU(3, activation="silu", return_sequences=True, name="odd")(y)  # a Loop
outputs = {"odd": layers.Dense(2, name="dense")(odd), "h": h, "again": h}
model = keras.Model({"x": x, "mask": mask}, outputs, name="model")

def write(path):
    export(model, path, streaming=False, batches=(1,), lengths=(3,))
"""


def test_the_same_model_has_the_same_onnx_bytes(tmp_path):
    here = {}
    exec(NAMED, here)
    for name in ("a", "b"):
        here["write"](str(tmp_path / f"{name}.onnx"))
    subprocess.run(
        [sys.executable, "-c", NAMED + "write(sys.argv[1])", tmp_path / "c.onnx"],
        check=True,
        capture_output=True,
        # Another order of Python's sets than here.
        env=os.environ | {"PYTHONHASHSEED": "7"},
    )
    a, b, c = ((tmp_path / f"{name}.onnx").read_bytes() for name in "abc")
    assert a == b == c


@pytest.mark.parametrize("name", ["x.onnx", "x"])
def test_an_unrolled_layer_is_a_loop_in_the_file(name, tmp_path):
    sizes = []
    for length in (4, 40):
        x = keras.Input((length, 5), name="x")
        unrolled = keras.layers.GRU(3, activation="silu", unroll=True)
        model = keras.Model(x, unrolled(x))
        path = tmp_path / f"{length}{name}"
        report = export(model, path, batches=(1,), streaming=False)
        assert unrolled.unroll
        sizes.append(sum(report.operators.values()))
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("name", ["x.tflite", "x.onnx"])
def test_an_unrolled_backward_layer_is_what_keras_makes_of_it(name, tmp_path):
    keras.utils.set_random_seed(0)
    x = keras.Input((6, 5), name="x")
    mask = keras.Input((6,), dtype="bool", name="mask")
    lstm = keras.layers.LSTM(3, unroll=True, return_sequences=True)
    both = keras.layers.Bidirectional(lstm)(x, mask=mask)
    report = export(keras.Model([x, mask], both), tmp_path / name, batches=(3,))
    assert report.max_difference <= 1e-6


def wrong_by(monkeypatch, error):
    """Makes the runtime's answers wrong."""
    right = runtimes.onnx

    def wrong(path):
        run = right(path)
        return lambda inputs: {k: y + np.float32(error) for k, y in run(inputs).items()}

    monkeypatch.setattr(runtimes, "onnx", wrong)


@pytest.mark.parametrize("error", [1e-3, float("nan")])
def test_a_wrong_file_is_an_error_and_goes(error, small, tmp_path, monkeypatch):
    (tmp_path / "x.onnx").write_text("an older file")
    wrong_by(monkeypatch, error)
    with pytest.raises(ExportError, match="differs from Keras by"):
        export(small, tmp_path / "x.onnx", overwrite=True)
    assert os.listdir(tmp_path) == ["x.onnx"]
    assert (tmp_path / "x.onnx").read_text() == "an older file"
    wrong_by(monkeypatch, 0.0)


def test_an_interrupted_export_leaves_nothing(small, tmp_path, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(verify, "verify", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export(small, tmp_path / "x.onnx")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("suffix", ["tflite", "onnx"])
@pytest.mark.parametrize(
    ("name", "written"),
    [("in", "input_in"), ("my in-put.1", "my_in_put_1"), ("1st", "input_1st")],
)
def test_inputs_whose_names_are_no_identifiers(name, written, suffix, tmp_path):
    x = keras.Input((None, 2), name=name)
    model = keras.Model(x, keras.layers.SimpleRNN(3)(x))
    path = tmp_path / f"x.{suffix}"
    export(model, path, streaming=False, **QUICK)
    array = np.ones((1, 4, 2), "float32")
    (answer,) = runtime.load(path)({written: array}).values()
    np.testing.assert_allclose(answer, model(array), atol=1e-5)


def test_a_model_with_a_serve_of_its_own(tmp_path):
    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.rnn = keras.layers.GRU(3)

        def call(self, x):
            return self.rnn(x)

        def serve(self, port):
            raise AssertionError("not for us")

    model = Mine()
    model(np.zeros((1, 4, 2)))
    assert export(model, tmp_path / "x.onnx", **QUICK).cases


def test_infinite_weights(tmp_path):
    x = keras.Input((None, 2))
    model = keras.Model(x, keras.layers.SimpleRNN(3)(x))
    model.layers[1].cell.bias.assign([1.0, np.inf, 0.0])
    with pytest.raises(UserError, match="must be finite numbers.*infinity in .*bias"):
        export(model, tmp_path / "x.onnx", **QUICK)


def test_double_precision_for_tflite(tmp_path):
    x = keras.Input((None, 2), dtype="float64")
    model = keras.Model(x, keras.layers.GRU(3, dtype="float64")(x))
    with pytest.raises(UserError, match="must be float32 for TFLite.* in float64"):
        export(model, tmp_path / "x.tflite", **QUICK)
    assert not list(tmp_path.iterdir())
