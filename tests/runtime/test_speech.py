"""Texts of labels, streams over any step, and the runners of exported files."""

import numpy as np
import pytest
from whistles import RATE, TONES, recogniser, whistled

import keras_seqzoo as seqzoo
from keras_seqzoo import runtime
from keras_seqzoo.errors import UserError
from keras_seqzoo.models import SpeechRecogniser
from keras_seqzoo.runtime.speech import SpeechStream, Transcripts

WORDS = Transcripts(["one", "two"], " ")
LETTERS = Transcripts([" ", "a", "b"], "")


def test_texts_and_numbers():
    assert WORDS.numbers("two one two") == [1, 0, 1]
    assert WORDS.numbers("two three") == [1] and WORDS.numbers("") == []
    assert WORDS.text([-1, 1, -1, 0, -1]) == "two one" and WORDS.text([]) == ""
    assert LETTERS.numbers("ab a") == [1, 2, 0, 1]
    assert LETTERS.text([0, 1, 2, 0, 0, 1, 0]) == "ab a"  # single blanks


def test_a_stream_keeps_what_is_no_whole_hop():
    seen = []

    def step(inputs, states):
        samples = inputs["samples"][0].reshape(-1, 10)
        seen.append(samples)
        labels = np.round(samples.mean(axis=1)).astype(int) - 1
        return {"labels": labels[None]}, (states or 0) + 1

    stream = SpeechStream(step, 10, 25, 100, WORDS)
    sound = np.repeat([0.0, 1.0, 0.0, 2.0, 1.0], 10).astype("float32")
    parts = [stream(sound[start : start + 7]) for start in range(0, 50, 7)]
    assert "".join(parts) == "one two one"
    assert [part for part in parts if part] == ["one", " two", " one"]
    assert stream.end() == ""
    heard = np.concatenate(seen).ravel()
    np.testing.assert_array_equal(heard[:50], sound)
    assert len(heard) == 90 and not heard[50:].any()  # 0.3 s of silence, in hops
    short = SpeechStream(step, 10, 25, 100, WORDS)
    assert short(np.ones(24, "float32")) + short.end() == "one one"
    shorter = SpeechStream(step, 10, 25, 100, WORDS)
    assert shorter(np.ones(9, "float32")) + shorter.end() == ""


def test_a_long_chunk_is_heard_in_steps_of_a_block():
    sizes = []

    def step(inputs, states):
        samples = inputs["samples"][0]
        sizes.append(len(samples))
        ones = samples.reshape(-1, 10).mean(axis=1).astype(int) - 1
        return {"labels": ones[None]}, None

    sound = np.zeros(50_003, "float32")
    sound[:10] = sound[7990:8000] = sound[8000:8010] = sound[49_990:50_000] = 1.0
    stream = SpeechStream(step, 10, 25, 100, WORDS)
    assert stream(sound) == "one one one one"
    assert sizes == [8000] * 6 + [2000]
    with pytest.raises(UserError, match="must be finite"):  # and nothing is heard
        stream(np.append(sound, np.nan))
    assert len(sizes) == 7


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One recogniser that streams, one that reads both ways, one of frames."""
    folder = tmp_path_factory.mktemp("speech")
    sizes = {"batches": (1, 2), "lengths": (3, 20)}
    for suffix in ("tflite", "onnx"):
        seqzoo.export(recogniser(), folder / f"stream.{suffix}", **sizes)
    seqzoo.export(recogniser("bi_peephole_speech"), folder / "both.tflite", **sizes)
    frames = SpeechRecogniser(
        labels=["a"], separator="", sample_rate=None, features=3, units=4, num_layers=1
    )
    seqzoo.export(frames, folder / "frames.onnx", **sizes)
    return folder


@pytest.mark.parametrize("name", ["stream.tflite", "stream.onnx", "both.tflite"])
def test_a_file_hears_what_the_model_hears(folder, name):
    runner = runtime.load(folder / name)
    assert runner.labels == list(TONES) and runner.sample_rate == RATE
    assert runner.hears_on == name.startswith("stream")
    rng = np.random.default_rng(11)
    for _ in range(3):
        words = [str(one) for one in rng.choice(list(TONES), 4)]
        assert runner.predict_audio(whistled(words, rng)) == " ".join(words)
        sound = whistled(words, rng, 4410)
        assert runner.predict_audio(sound, 4410) == " ".join(words)
    assert runner.predict_audio(np.zeros(2 * RATE)) == ""
    assert runner.predict_audio(np.full(10, 0.5)) == ""
    p, seconds = runner.posteriors(whistled(["low"], rng))
    assert p.shape[1] == 4 and 0.04 < seconds < 0.06


def test_a_file_streams(folder):
    words = ["low", "low", "high", "mid"]
    sound = whistled(words, np.random.default_rng(3))
    stream = runtime.load(folder / "stream.tflite").stream()
    parts = [stream(sound[start : start + 100]) for start in range(0, len(sound), 100)]
    assert len([part for part in parts if part]) >= 3
    assert "".join([*parts, stream.end()]) == " ".join(words)
    with pytest.raises(UserError, match="has no signature `step`"):
        runtime.load(folder / "both.tflite").stream()


@pytest.mark.parametrize("rate", [RATE, 4410])
def test_a_long_array_is_heard_in_steps_of_a_block(folder, monkeypatch, rate):
    words = ["mid", "low", "high"]
    sound = np.tile(whistled(words, np.random.default_rng(5), rate), 20)
    runner, sizes = runtime.load(folder / "stream.tflite"), []
    step = runner.step

    def recorded(inputs, states):
        sizes.append(inputs["samples"].shape[1])
        return step(inputs, states)

    monkeypatch.setattr(runner, "step", recorded)
    assert runner.predict_audio(sound, rate) == " ".join(words * 20)
    assert len(sizes) > 3 and max(sizes) <= 8000 + 48  # and what was no whole hop


def test_a_file_of_frames(folder):
    runner = runtime.load(folder / "frames.onnx")
    (text,) = runner.predict_frames([np.random.default_rng(0).normal(size=(9, 3))])
    assert set(text) <= {"a"}
    with pytest.raises(UserError, match="It starts at frames .*: use predict_fr"):
        runner.predict_audio(np.zeros(100))
    with pytest.raises(UserError, match="hears sound: use predict_audio"):
        runtime.load(folder / "both.tflite").predict_frames([np.zeros((9, 8))])
