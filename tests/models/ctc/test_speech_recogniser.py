"""The recogniser: sound in, text out; streams; beams; what it refuses."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import tensorflow as tf
from resident import resident
from whistles import RATE, TONES, recogniser, whistled

import keras_seqzoo as seqzoo
from keras_seqzoo.errors import UserError
from keras_seqzoo.models import SpeechRecogniser
from keras_seqzoo.training.ngram_learning import learned_ngram

BOTH = ("coupled_lstm_speech", "bi_peephole_speech")
FRAMES = {"sample_rate": None, "features": 4, "units": 4, "labels": ["a", "b"]}


def strings(count, words, seed=5):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        said = [str(one) for one in rng.choice(list(TONES), words)]
        yield " ".join(said), whistled(said, rng)


@pytest.mark.parametrize("name", BOTH)
def test_it_hears_what_is_whistled_at_any_rate(name):
    model = recogniser(name)
    rng = np.random.default_rng(7)
    for text, sound in strings(8, 5):
        assert model.predict_audio(sound) == text
        loud = (sound * 32768).astype("int16")
        assert model.predict_audio(np.stack([loud, loud], axis=1), RATE) == text
    words = ["low", "high", "high", "mid"]
    for rate in (4410, 800):
        sound = whistled(words, rng, rate)
        expected = words if rate > 800 else None  # 400 Hz is too high for the lower
        if expected:
            assert model.predict_audio(sound, rate) == " ".join(expected)
        else:
            assert model.predict_audio(sound, rate).startswith("low")


@pytest.mark.parametrize("name", BOTH)
def test_silence_and_ten_milliseconds_are_empty(name):
    model = recogniser(name)
    for sound in (np.zeros(5 * RATE), np.zeros(1), np.zeros(0), np.full(10, 0.5)):
        assert model.predict_audio(sound) == ""
    noise = np.random.default_rng(0).normal(0, 0.002, 3 * RATE)
    assert model.predict_audio(noise) == ""


def test_a_stream_says_words_as_they_come():
    model = recogniser()
    ((text, sound),) = strings(1, 6)
    for size in (37, 500):
        stream, parts = model.stream(), []
        for start in range(0, len(sound), size):
            parts.append(stream(sound[start : start + size]))
        assert len([part for part in parts if part]) >= 3  # not all at the end
        assert "".join([*parts, stream.end()]) == text


def test_the_serving_function_says_the_same_as_the_stream():
    model = recogniser()
    pairs = list(strings(4, 4))
    longest = max(len(sound) for _, sound in pairs)
    batch = np.stack([np.pad(x, (0, longest - len(x))) for _, x in pairs])
    answer = model.serve({"samples": batch})
    for (text, _), labels in zip(pairs, np.asarray(answer["labels"])):
        assert model.transcripts.text(labels) == text


WRITTEN_ALONE = """
import sys
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
batch = np.load(sys.argv[2])
for name in ("serve_text", "serving_default"):
    found = model.signatures[name](samples=tf.constant(batch))["text"].numpy()
    print([text.decode() for text in found])
step = model.signatures["step_text"]
specs = step.structured_input_signature[1]
states = {
    name: tf.zeros([len(batch), *spec.shape[1:]], spec.dtype)
    for name, spec in specs.items()
    if name != "samples"
}
said = [[] for _ in batch]
for chunk in np.split(batch, batch.shape[1] // 480, axis=1):
    found = step(samples=tf.constant(chunk), **states)
    states = {name: found["next_" + name] for name in states}
    for words, text in zip(said, found["text"].numpy()):
        words += text.decode().split()
print([" ".join(words) for words in said])
assert not [m for m in sys.modules if m.split(".")[0] == "keras_seqzoo"]
"""


def test_a_saved_model_writes_text_alone_in_a_process(tmp_path):
    model = seqzoo.create("coupled_lstm_speech", **SpeechRecogniser.tiny())
    rng = np.random.default_rng(3)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(0.0, 2.0, weight.shape))
    batch = rng.uniform(-0.5, 0.5, (3, 4800)).astype("float32")
    np.save(tmp_path / "batch.npy", batch)
    labels = np.asarray(model.serve({"samples": batch})["labels"])
    texts = [model.transcripts.text(row) for row in labels]
    assert len({*texts}) == 3
    seqzoo.export(model, tmp_path / "model", batches=(2,), lengths=(40,))
    done = subprocess.run(
        [
            *(sys.executable, "-c", WRITTEN_ALONE),
            *(str(tmp_path / "model"), str(tmp_path / "batch.npy")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == [str(texts)] * 3


@pytest.mark.parametrize("separator", [" ", "", "<>"])
def test_the_text_in_the_graph_is_that_of_the_transcripts(separator):
    labels = ["a", " ", "éö", "b"]
    model = seqzoo.create(
        "bi_peephole_speech",
        **{**FRAMES, "labels": labels, "separator": separator, "num_layers": 1},
    )
    frames = np.random.default_rng(0).normal(0, 5, (4, 30, 4)).astype("float32")
    frames[3] = 0.0  # nothing is heard
    found = model.serve_text(tf.constant(frames))
    texts = [text.decode() for text in found["text"].numpy()]
    wanted = [model.transcripts.text(row) for row in found["labels"].numpy()]
    assert texts == wanted and len({*wanted}) > 1


@pytest.mark.parametrize("name", BOTH)
def test_ten_minutes_are_heard_in_constant_memory(name):
    model = recogniser(name)
    ((text, sound),) = strings(1, 5)
    block = np.pad(sound, (0, 10 * RATE - len(sound)))  # ten seconds
    block = block + np.random.default_rng(1).normal(0, 1e-3, len(block))
    block = block.astype("float32")

    held = []

    def made(count):
        for _ in range(count):
            yield from np.array_split(block, 20)
            held.append(resident())

    "".join(model.transcribe(made(3), RATE))
    tracemalloc.start()
    held.clear()
    found = "".join(model.transcribe(made(60), RATE))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == " ".join([text] * 60)
    assert peak < 1_000_000  # bytes; the sound alone has 2.4 million
    # Of TensorFlow's memory too, after the first minute.
    assert max(held) - max(held[:6]) < 5_000_000


def test_posteriors_are_probabilities_over_time():
    model = recogniser("bi_peephole_speech")
    ((text, sound),) = strings(1, 3)
    p, seconds = model.posteriors(sound)
    assert p.shape == (len(p), 4) and seconds * len(p) == pytest.approx(
        len(sound) / RATE
    )
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-6)
    assert {model.labels[i - 1] for i in p.argmax(axis=1) if i} == set(text.split())


def test_beams_and_a_language_model_are_in_the_served_function():
    model = recogniser("bi_peephole_speech")
    weights = model.get_weights()
    config = model.get_config()
    lines = learned_ngram([["low", "mid"], ["mid", "low"]] * 3, 3)
    for more in ({}, {"language_model": lines, "language_weight": 0.01}):
        searching = SpeechRecogniser(**config | {"beams": 4} | more)
        searching.set_weights(weights)
        for text, sound in strings(3, 3):
            assert searching.predict_audio(sound) == text
    # One that must be believed: nothing is ever high.
    believing = SpeechRecogniser(
        **config | {"beams": 4, "language_model": lines, "language_weight": 50.0}
    )
    believing.set_weights(weights)
    for _, sound in strings(3, 3):
        assert "high" not in believing.predict_audio(sound)


def test_the_search_is_kept_and_can_be_another_one(tmp_path):
    model = recogniser("bi_peephole_speech")
    config = model.get_config() | {
        "language_model": learned_ngram([["low", "mid"]], 2, 1),
    }
    made = SpeechRecogniser(**config)
    made.architecture = "bi_peephole_speech"
    made.set_weights(model.get_weights())
    made.save_to_preset(tmp_path / "preset")
    loaded = seqzoo.load(tmp_path / "preset", beams=3, language_weight=0.01)
    assert loaded.config["beams"] == 3 and loaded.ngram is not None
    ((text, sound),) = strings(1, 2)
    assert loaded.predict_audio(sound) == text
    with pytest.raises(UserError, match="`language_model`"):
        seqzoo.load(tmp_path / "preset", language_model=[])


def test_frames_of_features_are_read_as_they_are():
    model = SpeechRecogniser(**FRAMES, separator="", convolution_strides=[1, 3])
    frames = np.random.default_rng(0).normal(size=(20, 4))
    (text,) = model.predict_frames([frames])
    assert set(text) <= {"a", "b"}
    p, seconds = model.posteriors(frames.astype("float32"))
    assert p.shape == (7, 3) == (model.steps(20), 3) and seconds is None
    for bad in (frames[:, :3], frames[:0], np.full((2, 4), np.nan), "frames"):
        with pytest.raises(UserError, match=r"frames\[0\] must be"):
            model.predict_frames([bad])
    with pytest.raises(UserError, match="It starts at frames .*4.*: use predict_fra"):
        model.predict_audio(np.zeros(9))


def test_utterances_are_normalised_by_themselves():
    options = {**FRAMES, "utterance_normalization": True, "input_noise": 0.5}
    model = SpeechRecogniser(**options, convolution_strides=[2])
    frames = np.random.default_rng(0).normal(size=(1, 9, 4)).astype("float32")
    found = model({"frames": frames}, training=False)
    louder = model({"frames": 3.0 * frames + 2.0}, training=False)
    np.testing.assert_allclose(louder, found, atol=1e-4)
    padded = np.pad(3.0 * frames + 2.0, ((0, 0), (0, 5), (0, 0)))
    again = np.asarray(model({"frames": padded}, training=False))
    np.testing.assert_allclose(again[:, :5], found, atol=1e-4)
    np.testing.assert_array_equal(again[:, 5:], [[[0.0, -100.0, -100.0]] * 2])
    noisy = [np.asarray(model({"frames": frames}, training=True)) for _ in range(2)]
    assert np.abs(noisy[0] - noisy[1]).max() > 1e-3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": None}, "needs `labels`"),
        ({"convolution_strides": [0]}, "`convolution_strides` must be a positive"),
        ({"convolution_strides": 2}, "`convolution_strides` must be a list"),
        (
            {"convolution_strides": [2], "bidirectional": False},
            r"`convolution_strides` must be \[\] in one direction",
        ),
        (
            {"utterance_normalization": True, "bidirectional": False},
            "`utterance_normalization` must be False in one direction",
        ),
        ({"input_noise": -1}, "`input_noise` must be a number from 0 on"),
        ({"beams": 0}, "`beams` must be a positive integer"),
        ({"beams": 100_000}, "`beams` must be .* of at most 256. .*beams=100000"),
        ({"language_weight": "much"}, "`language_weight` must be a number"),
        ({"language_model": ["hello"]}, "must be the lines of an ARPA file"),
        ({"sample_rate": 8000, "hop_ms": 30.0}, "`hop_ms` must be a sample or more"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(UserError, match=message):
        SpeechRecogniser(**FRAMES | arguments)


def test_who_cannot_stream_says_why():
    for arguments in (
        {"bidirectional": True, "sample_rate": 1000},
        {"bidirectional": False},
        {"bidirectional": False, "sample_rate": 1000, "beams": 2},
    ):
        sizes = {"window_ms": 32.0, "hop_ms": 16.0}
        model = SpeechRecogniser(**FRAMES | sizes | arguments)
        assert not model.hears_on
        with pytest.raises(UserError, match="must read in one direction, hear sound"):
            model.stream()


def test_fit_and_evaluate_name_a_target_that_is_too_long():
    model = SpeechRecogniser(**FRAMES, convolution_strides=[2])
    model.compile("adam", model.example_loss())
    x = {"frames": np.ones((2, 5, 4), "float32")}
    for call in (model.fit, model.evaluate):
        assert call(x, np.array([[0, 1, -1], [1, -1, -1]]), verbose=0)
        with pytest.raises(UserError) as error:
            call(x, np.array([[0, 1, -1], [0, 1, 1]]), verbose=0)
        assert "labels [0, 1, 1]: 3 labels must have 4 steps or" in str(error.value)
        assert len(str(error.value).splitlines()) == 1
