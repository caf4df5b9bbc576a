import importlib.util
import os
import re
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_seqzoo as seqzoo
from keras_seqzoo.datasets import fsdd
from keras_seqzoo.errors import UserError
from keras_seqzoo.preprocessing.log_mel import LogMel

RATE = 8000
BUILTIN = re.compile(r"(?!CUSTOM)[A-Z0-9_]+")  # Flex and custom ones are CamelCase


def sound(rows, samples, seed=0):
    """Noise, each row a tenth as loud as the one before."""
    noise = np.random.default_rng(seed).normal(0, 0.3, (rows, samples))
    return (np.clip(noise, -1, 1) * 0.1 ** np.arange(rows)[:, None]).astype("float32")


def reference(samples, layer):
    """By tf.signal, in float64: its float32 is off by up to 1e-4 in quiet bands."""
    samples = tf.constant(samples, tf.float64)
    spectra = tf.signal.stft(samples, layer.window, layer.hop)
    mel = tf.signal.linear_to_mel_weight_matrix(
        layer.bands,
        spectra.shape[-1],
        layer.sample_rate,
        layer.lowest_hz,
        layer.highest_hz,
        tf.float64,
    )
    return tf.math.log(tf.abs(spectra) ** 2 @ mel + layer.floor).numpy()


@pytest.mark.parametrize(
    "arguments",
    [
        {"sample_rate": RATE},
        {"sample_rate": 16000, "bands": 80},
        {"sample_rate": 22050, "window_ms": 25.0},  # 551 samples, an odd number
        {"sample_rate": RATE, "window_ms": 32, "hop_ms": 32},  # no padding to a power
        {"sample_rate": RATE, "bands": 7, "lowest_hz": 0, "highest_hz": 3000.0},
        {"sample_rate": RATE, "floor": 1e-2},
    ],
)
def test_is_that_of_tf_signal(arguments):
    layer = LogMel(**arguments)
    samples = sound(3, layer.sample_rate)
    found = layer(samples)
    assert found.dtype == tf.float32
    expected = reference(samples, layer)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    assert found.shape[1] == layer.frame_count(layer.sample_rate)


def test_real_speech(data_dir):
    layer = LogMel(RATE)
    with zipfile.ZipFile(f"{data_dir}/fsdd/{fsdd.ARCHIVE}") as archive:
        for name in archive.namelist()[5::300]:
            samples = fsdd.samples(archive.read(name))[None]
            expected = reference(samples / 32768, layer)
            np.testing.assert_allclose(layer(samples), expected, rtol=0, atol=1e-4)


def test_int16_is_the_same_as_floats():
    samples = np.random.default_rng(0).integers(-(2**15), 2**15, (2, 500), np.int16)
    layer = LogMel(RATE)
    np.testing.assert_array_equal(layer(samples), layer(samples / np.float32(32768)))


@pytest.mark.parametrize("hertz", [250, 440, 1000, 1234, 2500, 3700])
def test_a_tone_is_loudest_in_its_band(hertz):
    layer = LogMel(RATE, bands=30)

    def mel(f):
        return 2595 * np.log10(1 + f / 700)

    step = (mel(RATE / 2) - mel(60)) / 31
    band = round((mel(hertz) - mel(60)) / step) - 1  # whose middle is nearest
    tone = np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)[None]
    assert (np.argmax(layer(tone)[0], axis=-1) == band).all()


def test_silence_is_the_floor():
    found = LogMel(RATE, floor=1e-3)(np.zeros((1, 300), np.int16))
    np.testing.assert_allclose(found, np.log(1e-3), rtol=1e-6)


@pytest.mark.parametrize("samples", [0, 1, 80, 199, 200])
def test_less_than_a_window_is_filled_up_with_zeros(samples):
    layer = LogMel(RATE)
    short = sound(2, samples)
    filled = np.pad(short, ((0, 0), (0, 200 - samples)))
    found = layer(short)
    assert found.shape == (2, 1, 40)
    np.testing.assert_array_equal(found, layer(filled))
    free = tf.function(
        lambda x: layer(x), input_signature=[tf.TensorSpec((None, None))]
    )
    np.testing.assert_allclose(free(short), found, rtol=0, atol=1e-5)


def test_frame_count():
    layer = LogMel(RATE)
    assert (layer.window, layer.hop) == (200, 80)
    lengths = [0, 1, 199, 200, 279, 280, 8000]
    counts = [layer.frame_count(length) for length in lengths]
    assert counts == [1, 1, 1, 1, 1, 2, 98]
    assert all(type(count) is int for count in counts)
    assert layer.frame_count(tf.constant(lengths)).numpy().tolist() == counts
    assert layer.frame_count(np.array(lengths)).numpy().tolist() == counts


def test_rows_do_not_see_each_other():
    layer, samples = LogMel(RATE), sound(4, 900)
    together = layer(samples)
    for row, alone in zip(together, samples):
        np.testing.assert_allclose(row, layer(alone[None])[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("sizes", [[80] * 20, [1, 199, 0, 79, 3, 700, 81, 537], [1600]])
@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_chunks_of_a_stream_have_the_frames_of_the_whole(sizes, dtype):
    layer, samples = LogMel(RATE), sound(2, sum(sizes))
    if dtype == "int16":
        samples = (samples * 32767).astype("int16")
    kept, found = None, []
    for chunk in np.split(samples, np.cumsum(sizes)[:-1], axis=1):
        frames, kept = layer.stream(chunk, kept)
        assert kept.shape[1] < layer.window
        assert kept.dtype == dtype
        found.append(frames)
    whole = layer(samples)
    np.testing.assert_allclose(np.concatenate(found, 1), whole, rtol=0, atol=1e-5)


def test_in_chunks_of_hops_the_last_window_less_a_hop_is_kept():
    layer, samples = LogMel(RATE), sound(1, 200 + 7 * 80)
    _, kept = layer.stream(samples)
    np.testing.assert_array_equal(kept, samples[:, -120:])
    frames, kept = layer.stream(samples[:, :160], kept)
    assert (frames.shape, kept.shape) == ((1, 2, 40), (1, 120))


def test_half_precision_elsewhere_does_not_touch_it():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layer, samples = LogMel(RATE), sound(2, 900)
        found = layer(samples)
    finally:
        keras.config.set_dtype_policy(before)
    expected = reference(samples, layer)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def hearing_model(dtype):
    """Gives frames and, in the end, three scores."""
    keras.utils.set_random_seed(0)
    samples = keras.Input((None,), dtype=dtype, name="samples")
    frames = LogMel(RATE, bands=20)(samples)
    assert frames.shape == (None, None, 20)
    x = keras.layers.Conv1D(8, 3, padding="same", activation="relu")(frames)
    scores = keras.layers.Dense(3)(keras.layers.GRU(8)(x))
    return keras.Model(samples, {"frames": frames, "scores": scores})


def test_saved_and_loaded(tmp_path):
    arguments = {
        "sample_rate": 16000,
        "bands": 12,
        "window_ms": 20.0,
        "hop_ms": 5.0,
        "lowest_hz": 100.0,
        "highest_hz": 7000.0,
        "floor": 1e-4,
    }
    model = keras.Sequential([keras.Input((None,)), LogMel(**arguments)])
    assert not model.weights
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert arguments.items() <= again.layers[0].get_config().items()
    samples = sound(2, 1000)
    np.testing.assert_array_equal(again(samples), model(samples))


@pytest.mark.parametrize("dtype", ["float32", "int16"])
@pytest.mark.parametrize("form", ["tflite", "onnx"])
def test_exported(tmp_path, form, dtype):
    model, path = hearing_model(dtype), tmp_path / f"hearing.{form}"
    report = seqzoo.export(model, path, batches=(1, 2), lengths=(50, 1000))
    assert report.cases == [(b, n) for b in (1, 2) for n in (50, 1000)]
    assert report.no_step  # Windows overlap; `stream` is for that.
    if form == "tflite":
        assert all(BUILTIN.fullmatch(name) for name in report.operators)
    run = {"tflite": litert, "onnx": onnx}[form](path)
    for rows, length in ((1, 130), (3, 2000)):
        samples = sound(rows, length)
        if dtype == "int16":
            samples = (samples * 32767).astype("int16")
        expected, found = model(samples), run(samples)
        for name in ("frames", "scores"):
            np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-4)


def litert(path):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    return lambda x: interpreter.get_signature_runner("serve")(samples=x)


def onnx(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    names = [output.name for output in session.get_outputs()]
    return lambda x: dict(zip(names, session.run(None, {"samples": x})))


ON_ANOTHER_BACKEND = """
import sys
import keras, numpy as np
from keras_seqzoo.preprocessing.log_mel import LogMel

samples = np.load(sys.argv[1])
layer = LogMel(8000)
inputs = keras.Input((None,))
model = keras.Model(inputs, layer(inputs))
assert model.output_shape == (None, None, 40), model.output_shape
found = model.predict(samples, verbose=0)
short = model.predict(samples[:, :90], verbose=0)
first, kept = layer.stream(samples[:, :777])
rest, _ = layer.stream(samples[:, 777:], kept)
stream = [keras.ops.convert_to_numpy(frames) for frames in (first, rest)]
np.testing.assert_allclose(np.concatenate(stream, 1), found, rtol=0, atol=1e-5)
int16 = layer((samples * 32767).astype("int16"))
np.savez(sys.argv[2], found=found, short=short, int16=keras.ops.convert_to_numpy(int16))
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    given, written, samples = tmp_path / "in.npy", tmp_path / "out.npz", sound(3, 2000)
    np.save(given, samples)
    done = subprocess.run(
        [sys.executable, "-c", ON_ANOTHER_BACKEND, given, written],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    layer, found = LogMel(RATE), np.load(written)
    expected = {
        "found": samples,
        "short": np.pad(samples[:, :90], ((0, 0), (0, 110))),
        "int16": (samples * 32767).astype("int16") / 32768,
    }
    for name, x in expected.items():
        np.testing.assert_allclose(found[name], reference(x, layer), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"sample_rate": 0}, "`sample_rate` must be a positive integer.*=0"),
        ({"sample_rate": 8000.5}, "`sample_rate` must be a positive integer.*=8000.5"),
        ({"bands": 0}, "`bands` must be a positive integer.*=0"),
        ({"bands": 200}, "`bands` must be so few.*bands=200, window_ms=25.0"),
        ({"window_ms": "25"}, "`window_ms` must be a positive number.*='25'"),
        ({"window_ms": 0.1}, "`window_ms` must be two samples or more.*=0.1"),
        ({"window_ms": float("nan")}, "`window_ms` must be a positive number.*=nan"),
        ({"hop_ms": -10}, "`hop_ms` must be a positive number.*=-10"),
        ({"hop_ms": 0.01}, "`hop_ms` must be a sample or more.*hop_ms=0.01"),
        ({"hop_ms": 26}, "`hop_ms` must be .*at most `window_ms`.*hop_ms=26"),
        ({"lowest_hz": -1}, "`lowest_hz` must be under.*lowest_hz=-1"),
        ({"lowest_hz": 4000}, "`lowest_hz` must be under.*highest_hz=4000"),
        ({"highest_hz": 4001}, "half of `sample_rate`.*highest_hz=4001"),
        ({"highest_hz": "all"}, "`lowest_hz` must be under.*highest_hz='all'"),
        ({"floor": 0}, "`floor` must be a positive number.*=0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(UserError, match=message):
        LogMel(**{"sample_rate": RATE} | arguments)


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_samples_must_be_floats_or_int16(dtype):
    with pytest.raises(UserError, match=f"floats or int16.*dtype={dtype}"):
        LogMel(RATE)(np.zeros((1, 300), dtype))


def test_samples_must_have_a_batch_axis():
    with pytest.raises(ValueError, match="expected ndim=2, found ndim=1"):
        LogMel(RATE)(np.zeros(300, "float32"))
