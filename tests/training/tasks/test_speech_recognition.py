"""Speech recognition: rows and splits, assets, targets, augmentation, WER."""

import types

import numpy as np
import pytest
import tensorflow as tf

import keras_seqzoo as seqzoo
from keras_seqzoo.datasets import catalogue, pipeline
from keras_seqzoo.errors import UserError
from keras_seqzoo.models import SpeechRecogniser
from keras_seqzoo.training.ngram_learning import learned_ngram
from keras_seqzoo.training.tasks.speech_recognition import SpeechRecognition
from keras_seqzoo.training.tasks.utterances import (
    HELD_OUT,
    SPEAKERS,
    Utterance,
    frames_of,
)

DATA = {
    "dataset": "connected_digits",
    "ngram": 0,
    "signal_to_noise": None,
    "time_shift": 0.0,
}
RNG = np.random.default_rng(0)


def sound(samples):
    return RNG.integers(-9000, 9000, samples).astype("int16")


ROWS = [
    Utterance(sound(4000), "one two", "ann"),
    Utterance(sound(9000), "two two three", "bob"),
    Utterance(sound(2000), "zero", "ann"),
]


def data(**changes):
    return types.SimpleNamespace(**DATA | changes)


@pytest.fixture(scope="module")
def model():
    return seqzoo.create(
        "bi_peephole_speech",
        **SpeechRecognition.assets(ROWS, data()),
        units=8,
        convolution_strides=[2],
        features=10,
    )


def test_digits_know_their_words_and_an4_its_characters():
    assets = SpeechRecognition.assets(ROWS, data())
    assert assets["labels"][:3] == ["zero", "one", "two"]
    assert len(assets["labels"]) == 10
    assert (assets["separator"], assets["sample_rate"]) == (" ", 8000)
    assert assets["language_model"] == []
    frames = [Utterance(np.zeros((9, 13), "float32"), "GO A", "x")] * 2
    assets = SpeechRecognition.assets(frames, data(dataset="an4_mfcc", ngram=3))
    assert assets["labels"] == [" ", "A", "G", "O"] and assets["separator"] == ""
    assert (assets["sample_rate"], assets["features"]) == (None, 13)
    assert any("G O <space>" in line for line in assets["language_model"])
    lines = SpeechRecognition.assets(ROWS, data(ngram=2))["language_model"]
    assert any(line.split()[1:3] == ["two", "two"] for line in lines[8:])


def test_the_trained_model_has_the_rows_mean_and_deviation(model):
    assert SpeechRecognition.trained_part(model, ROWS, data()) is model
    layer = model.get_layer("normalization")
    frames = np.concatenate(frames_of(model, [row.sound for row in ROWS]))
    np.testing.assert_allclose(layer.mean, frames.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(layer.deviation, frames.std(axis=0), rtol=1e-3)


def test_frames_are_those_that_the_model_serves(model):
    frames = frames_of(model, [row.sound for row in ROWS])
    for row, one in zip(ROWS, frames):
        wanted = model.log_mel(row.sound[None] / np.float32(32768))
        np.testing.assert_allclose(one, wanted[0], atol=1e-4)
    examples = SpeechRecognition.encode(ROWS, model)
    inputs = SpeechRecognition.inputs(model, ROWS)
    served = model.serve({k: tf.constant(x) for k, x in inputs.items()})["scores"]
    logits = model({"frames": examples.inputs["frames"].to_tensor()}, training=False)
    np.testing.assert_allclose(served, logits, atol=1e-4)


def test_targets_are_numbers_of_labels_of_one_width(model):
    examples = SpeechRecognition.encode(ROWS, model)
    assert examples.targets.numpy().tolist() == [[1, 2, -1], [2, 2, 3], [0, -1, -1]]
    lengths = [model.log_mel.frame_count(len(row.sound)) for row in ROWS]
    assert examples.lengths.numpy().tolist() == lengths
    assert examples.inputs["frames"].row_lengths().numpy().tolist() == lengths


def test_silence_has_a_target_of_its_own(model):
    rows = SpeechRecognition.read("fsdd", "quiet", None)
    assert len(rows) == 300 and {row.text for row in rows} == {""}
    examples = SpeechRecognition.encode([*ROWS, rows[0]], model)
    assert examples.targets.numpy()[3].tolist() == [-2, -1, -1]


def batches(model, options, epochs):
    """Those of some epochs, as a training with these options has them."""
    examples = SpeechRecognition.training_examples(ROWS, model, options)
    return pipeline.training_batches(
        examples,
        pipeline.Plan.of(examples.lengths, batch_size=2),
        seed=1,
        epochs=epochs,
        augment=SpeechRecognition.augment(options),
        front_end=SpeechRecognition.front_end(model, options),
    )


def later(sound, samples):
    """The sound with silence before it, or of what is left with silence behind it."""
    silence = np.zeros(abs(samples), sound.dtype)
    if samples < 0:
        return np.concatenate([sound[-samples:], silence])
    return np.concatenate([silence, sound[: len(sound) - samples]])


def test_frames_are_those_of_shifted_sounds(model):
    options = data(time_shift=40 / 8000)
    found, again = (list(batches(model, options, range(4))) for _ in range(2))
    wanted, shifts = {}, np.arange(-40, 41)
    for row in ROWS:
        sounds = np.stack([later(row.sound, k) for k in shifts])
        labels = tuple(model.transcripts.numbers(row.text))
        wanted[labels] = np.asarray(model.log_mel(sounds))  # (shifts, frames, features)
    drawn = {labels: [] for labels in wanted}
    for (inputs, targets, _), (same, *_) in zip(found, again):
        np.testing.assert_array_equal(inputs["frames"], same["frames"])
        for frames, target in zip(inputs["frames"].numpy(), targets.numpy()):
            labels = tuple(label for label in target if label >= 0)
            shifted = wanted[labels]
            assert not frames[shifted.shape[1] :].any()
            apart = np.abs(shifted - frames[: shifted.shape[1]]).max(axis=(1, 2))
            assert np.sort(apart)[0] < 1e-3 < np.sort(apart)[1]
            drawn[labels].append(int(shifts[apart.argmin()]))
    assert [len(one) for one in drawn.values()] == [4, 4, 4]
    every = np.concatenate([*drawn.values()])
    assert len(set(every)) > 8 and every.min() < -10 and every.max() > 10


def test_noise_is_of_the_ratio_that_is_asked_for():
    options = data(signal_to_noise=[9.0, 21.0])
    augment = SpeechRecognition.augment(options)
    clean, ratios = ROWS[1].sound.astype(float), []
    sound = tf.constant(ROWS[1].sound)
    for number in range(30):
        seed = tf.constant([1, number], tf.int64)
        inputs, target = augment({"samples": sound}, 3, seed)
        again, _ = augment({"samples": sound}, 3, seed)
        np.testing.assert_array_equal(inputs["samples"], again["samples"])
        assert target == 3 and inputs["samples"].dtype == sound.dtype
        noise = inputs["samples"].numpy() - clean
        power = np.mean(np.square(clean))
        ratios.append(10 * np.log10(power / noise.var()))
    assert 8.5 < min(ratios) < 12 and 18 < max(ratios) < 21.5


def test_noise_is_on_what_is_shifted_in_too():
    """So no frame at the end is taken for padding, as after a shift alone."""
    loud = tf.fill((2000,), tf.constant(9000, tf.int16))
    shares = []
    for ratios in (None, [10.0, 10.0]):
        options = data(time_shift=0.05, signal_to_noise=ratios)
        augment = SpeechRecognition.augment(options)
        found = [
            augment({"samples": loud}, 0, tf.constant([1, k], tf.int64))[0]["samples"]
            for k in range(10)
        ]
        shares.append([np.mean(samples == 0) for samples in found])
    assert min(shares[0]) < 0.1 < max(shares[0]) <= 0.2
    assert max(shares[1]) < 0.01


def test_lengths_and_labels_are_those_of_the_rows(model):
    plain = SpeechRecognition.training_examples(ROWS, model, data())
    whole = SpeechRecognition.training_examples(ROWS, model, data(time_shift=0.01))
    assert list(plain.inputs) == ["frames"] and list(whole.inputs) == ["samples"]
    np.testing.assert_array_equal(plain.lengths, whole.lengths)
    np.testing.assert_array_equal(plain.targets, whole.targets)
    assert SpeechRecognition.augment(data()) is None
    assert SpeechRecognition.front_end(model, data()) is None
    pairs = zip(
        batches(model, data(), range(1)),
        batches(model, data(time_shift=0.01), range(1)),
    )
    for (inputs, *some), (others, *more) in pairs:  # the same order and shapes
        assert inputs["frames"].shape == others["frames"].shape
        for one, other in zip(some, more):
            np.testing.assert_array_equal(one, other)


def test_a_shift_leaves_what_is_said(model):
    message = (
        "data.time_shift: must be at most half of the shortest sound that says "
        "something, in seconds: 0.125. Received: 0.126"
    )
    rows = [*ROWS, Utterance(sound(900), "", "nobody")]
    SpeechRecognition.training_examples(rows, model, data(time_shift=0.125))
    with pytest.raises(UserError, match=message):
        SpeechRecognition.training_examples(rows, model, data(time_shift=0.126))
    rows = [*ROWS, Utterance(sound(2000), "one two one two one two one", "ann")]
    SpeechRecognition.training_examples(rows, model, data(time_shift=0.05))
    with pytest.raises(UserError, match="row 3, 'one two .*: 7 labels must have 7 "):
        SpeechRecognition.training_examples(rows, model, data(time_shift=0.125))


def test_only_sounds_are_shifted_and_noisy():
    for name in ("fsdd", "connected_digits"):
        assert SpeechRecognition.options(name) == SpeechRecognition.OPTIONS
    assert SpeechRecognition.options("an4_mfcc") == {"ngram"}


def test_a_label_longer_than_its_input_allows_is_named(model):
    short = Utterance(sound(400), "one one", "ann")  # 3 frames, 2 steps
    with pytest.raises(UserError, match="row 1, 'one one': 2 labels must have 3 "):
        SpeechRecognition.encode([ROWS[0], short], model)


def test_wer_is_pooled_over_rows_of_any_order(model):
    texts = {4000: "one two", 9000: "two three", 2000: "one"}

    def run(inputs):
        labels = np.full((len(inputs["samples"]), 5), -1)
        for row, samples in enumerate(inputs["samples"]):
            said = texts[int(np.flatnonzero(samples)[-1]) + 1]
            numbers = model.transcripts.numbers(said)
            labels[row, 1 : 1 + len(numbers)] = numbers
        return {"labels": labels}

    rows = [row._replace(sound=np.full(len(row.sound), 5, "int16")) for row in ROWS]
    found = SpeechRecognition.metric(model, rows, batch_size=2)(run)
    assert found == pytest.approx(100 * 2 / 6)  # one deleted, one substituted


def test_splits_by_speaker(monkeypatch):
    assert {f"of_{one}" for one in SPEAKERS} <= set(SpeechRecognition.splits("fsdd"))
    assert "train_in_pauses" in SpeechRecognition.splits("fsdd")
    found = {
        "train": [{"audio": sound(9), "digits": b"one", "speaker": b"theo"}],
        "validation": [{"audio": sound(9), "digits": b"two", "speaker": b"lucas"}],
        "test": [{"audio": sound(9), "digits": b"six", "speaker": b"theo"}],
    }
    monkeypatch.setattr(catalogue, "rows", lambda name, split, folder: found[split])

    def texts(split):
        rows = SpeechRecognition.read("connected_digits", split, None)
        return [row.text for row in rows]

    assert texts("train") == ["one"]
    assert texts("of_theo") == ["one", "six"]
    assert texts("without_theo") == ["two"]
    with pytest.raises(UserError, match="split must be one of"):
        texts("of_nobody")


def test_an4_has_whole_speakers_held_out(monkeypatch):
    speakers = [*HELD_OUT[:2], "fash"]
    rows = [
        {"frames": np.zeros((4, 13)), "text": b"GO", "speaker": one.encode()}
        for one in speakers
    ]
    monkeypatch.setattr(catalogue, "rows", lambda name, split, folder: rows)

    def found(split):
        read = SpeechRecognition.read("an4_mfcc", split, None)
        return [row.speaker for row in read]

    assert found("validation") == speakers[:2] and found("fit") == ["fash"]
    assert found("train") == speakers


def test_recordings_in_pauses_are_the_train_ones(monkeypatch):
    recordings = [sound(800), sound(900)]
    rows = [{"audio": x, "label": 3, "speaker": b"theo"} for x in recordings]
    names = types.SimpleNamespace(names=["a", "b", "c", "three"])
    info = types.SimpleNamespace(features={"label": names})
    builder = types.SimpleNamespace(info=info)
    monkeypatch.setattr(catalogue, "rows", lambda name, split, folder: rows)
    monkeypatch.setattr(catalogue, "builder", lambda name, folder: builder)
    plain = SpeechRecognition.read("fsdd", "train", None)
    paused = SpeechRecognition.read("fsdd", "train_in_pauses", None)
    assert [row.text for row in plain] == [row.text for row in paused] == ["three"] * 2
    for before, after in zip(plain, paused):
        assert len(after.sound) >= len(before.sound) + 800


@pytest.mark.parametrize(
    ("dataset", "config", "ngram", "calls"),
    [
        ("fsdd", {}, 0, ["predict_audio"]),
        ("connected_digits", {"bidirectional": False}, 0, ["predict_audio", "stream"]),
        (
            "connected_digits",
            {"bidirectional": False, "beams": 2},
            0,
            ["predict_audio"],
        ),
        ("an4_mfcc", {"sample_rate": None}, 5, ["predict_frames", "beams=16"]),
    ],
)
def test_a_card_shows_what_its_model_answers(dataset, config, ngram, calls):
    own = {"sample_rate": 8000, "features": 13, "bidirectional": True, "beams": 1}
    metadata = {"dataset": dataset, "recipe": {"data": {"ngram": ngram}}}
    words = SpeechRecognition.words({**own, **config}, metadata)
    every = ("predict_audio", "predict_frames", "stream", "beams=16")
    assert [one for one in every if one in words.usage] == calls
    sound = "frames" if dataset == "an4_mfcc" else "samples"
    assert f"{sound} = np" in words.usage and f"({sound}, " in words.own_rows
    assert ("n-gram of 5 labels" in words.further_data) == bool(ngram)
    assert words.further_figures == ""
    found = {**metadata, "beams": 16, "beam_value": 7.63}
    row = SpeechRecognition.words({**own, **config}, found).further_figures
    line = "| WER with beam 16 and the language model | 7.63 |\n"
    assert row == (line if ngram else "")
    assert ("one spoken digit at a time" in words.limits) == (dataset == "fsdd")
    assert ("spelled names" in words.limits) == (dataset == "an4_mfcc")


def test_a_language_models_own_figure_is_measured(model):
    assert SpeechRecognition.further_figures(model, ROWS) == {}
    sizes = {"sample_rate": None, "features": 3, "units": 4}
    lines = learned_ngram([["a"]], 1, 1)
    model = SpeechRecogniser(labels=["a"], language_model=lines, **sizes)
    # Over two steps no label has 0.55 x 0.55, "a" all else: the best path says none.
    head = model.get_layer("head")
    head.kernel.assign(np.zeros(head.kernel.shape))
    head.bias.assign(np.log([0.55, 0.45]))
    rows = [Utterance(np.ones((2, 3), "float32"), "a")]
    assert SpeechRecognition.scorer(model, rows)() == 100.0
    found = SpeechRecognition.further_figures(model, rows)
    assert found == {"beams": 16, "beam_value": 0.0}
    assert model.config["beams"] == 1
