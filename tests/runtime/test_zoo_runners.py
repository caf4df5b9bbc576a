"""Runners of zoo models give what the Keras models give, from natural inputs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_seqzoo as seqzoo
from keras_seqzoo import runtime
from keras_seqzoo.errors import UserError
from keras_seqzoo.models import (
    CharacterModel,
    PianoRollModel,
    SentenceClassifier,
    SeriesClassifier,
    WordModel,
)
from keras_seqzoo.runtime.series import checked_chunk

SENTENCES = ["apple bag cat", "", "dog \0 nobody  ELEPHANT bag", "cat"]
RNG = np.random.default_rng(0)
SERIES = [RNG.normal(size=(n, 2)).astype("float32") for n in (1, 7, 40)]


def exported(model, path):
    seqzoo.export(model, path, batches=(1,), lengths=(5,))
    return runtime.load(path)


def made(kind, **more):
    keras.utils.set_random_seed(3)
    return kind(**{**kind.tiny(), **more})


@pytest.mark.parametrize("name", ["x.tflite", "x.onnx"])
def test_a_sentence_classifier(name, tmp_path):
    model = made(SentenceClassifier)
    runner = exported(model, tmp_path / name)
    for found, expected in zip(
        runner.explain(SENTENCES, batch_size=2), model.explain(SENTENCES), strict=True
    ):
        assert found[0] == expected[0]
        assert found[1] == pytest.approx(expected[1], abs=1e-5)
        assert [word for word, _ in found[2]] == [word for word, _ in expected[2]]
        weights = [weight for _, weight in expected[2]]
        assert [w for _, w in found[2]] == pytest.approx(weights, abs=1e-5)
        assert sum(weights) == pytest.approx(1.0 if weights else 0.0, abs=1e-5)
    assert runner.predict_text(SENTENCES) == [e[:2] for e in runner.explain(SENTENCES)]
    assert runner.predict_text([]) == []


@pytest.mark.parametrize("name", ["x.tflite", "x.onnx", "saved_model"])
def test_both_spellings_of_a_sentence_get_one_answer(name, tmp_path):
    model = made(SentenceClassifier, splitting="penn", vocabulary=["cat", "'s", "``"])
    texts = ['Cat\'s "bag".', "Cat 's `` bag '' ."]
    expected = model.explain(texts)
    if name == "saved_model":
        seqzoo.export(model, tmp_path / name, batches=(1,), lengths=(5,))
        serve_text = tf.saved_model.load(tmp_path / name).signatures["serve_text"]
        answer = serve_text(text=tf.constant(texts))
        chances = answer["probabilities"].numpy().max(axis=1)
        words = [[w.decode() for w in row] for row in answer["words"].numpy()]
    else:
        found = exported(model, tmp_path / name).explain(texts)
        chances = [chance for _, chance, _ in found]
        words = [[word for word, _ in weights] for _, _, weights in found]
    assert chances[0] == pytest.approx(chances[1], abs=1e-6)
    assert chances == pytest.approx([chance for _, chance, _ in expected], abs=1e-5)
    assert words == [["Cat", "'s", '"', "bag", '"', "."], texts[1].split()]
    assert words == [[word for word, _ in weights] for _, _, weights in expected]


@pytest.mark.parametrize("name", ["x.tflite", "x.onnx"])
def test_a_series_classifier_and_its_stream(name, tmp_path):
    model = made(SeriesClassifier, bidirectional=False, cell="coupled_lstm")
    runner = exported(model, tmp_path / name)
    expected = model.predict_series(SERIES)
    in_chunks, stream = [], runner.stream()
    for one in SERIES:
        chunks = np.array_split(one, 1 + len(one) // 3)
        in_chunks.append([stream(chunk) for chunk in chunks][-1])
        stream.reset()
    for found in (runner.predict_series(SERIES), streamed(runner, SERIES), in_chunks):
        assert [label for label, _ in found] == [label for label, _ in expected]
        chances = [chance for _, chance in expected]
        assert [chance for _, chance in found] == pytest.approx(chances, abs=1e-5)


def streamed(runner, series):
    """Each series a step at a time; what is said after the last one."""
    found = []
    for one in series:
        stream = runner.stream()
        found.append([stream(sample) for sample in one][-1])
    return found


@pytest.mark.parametrize(
    "chunk, received",
    [
        (np.ones(3), "shape (3,)"),
        (np.ones((4, 3)), "shape (4, 3)"),
        (np.ones((0, 2)), "shape (0, 2)"),
        (0.5, "0.5"),
        ("walk.csv", "'walk.csv'"),
    ],
)
def test_a_chunk_is_samples_or_one(chunk, received):
    with pytest.raises(UserError) as caught:
        checked_chunk(chunk, ["x", "y"])
    rule = "chunk must be an array (time, 2) or one sample (2,) of x, y"
    assert str(caught.value) == f"{rule}. Received: {received}"


def test_a_chunk_is_of_finite_numbers():
    for chunk in ([np.nan, 0.0], [[0.0, 0.0], [0.0, np.inf]]):
        with pytest.raises(UserError, match="^chunk must be finite numbers"):
            checked_chunk(chunk, ["x", "y"])


def test_both_directions_do_not_stream(tmp_path):
    runner = exported(made(SeriesClassifier), tmp_path / "x.tflite")
    with pytest.raises(UserError, match="no signature `step`"):
        runner.stream()


@pytest.mark.parametrize(
    "series, message",
    [
        (3, "`series` must be a list of arrays"),
        (
            [np.zeros((4, 3))],
            r"series\[0\] must be an array \(time, 2\) of x, y.*\(4, 3\)",
        ),
        ([SERIES[0], np.zeros((0, 2))], r"series\[1\] must be"),
        ([[["a", "b"]]], r"series\[0\] must be an array"),
        ([[[0.0, np.nan]]], r"series\[0\] must be finite.*nan.*step 0"),
    ],
)
def test_what_is_no_series(series, message):
    with pytest.raises(UserError, match=message):
        made(SeriesClassifier).predict_series(series)


@pytest.mark.parametrize("name", ["x.tflite", "x.onnx"])
def test_a_piano_roll_model_makes_the_same_music(name, tmp_path):
    model = made(PianoRollModel, cell="gru")
    runner = exported(model, tmp_path / name)
    assert (runner.num_keys, runner.lowest_pitch) == (12, 21)
    primer = np.eye(5, 12, dtype="uint8")
    for options in ({"seed": 1}, {"seed": 2, "primer": primer, "temperature": 0.7}):
        roll = model.generate(30, **options)
        np.testing.assert_array_equal(runner.generate(30, **options), roll)
        assert roll.shape == (30 + len(options.get("primer", ())), 12)
        assert set(np.unique(roll)) == {0, 1}
    assert not np.array_equal(model.generate(30, seed=1), model.generate(30, seed=2))


def test_generated_chances_are_those_of_the_whole_roll():
    """The stream of steps that `generate` takes is the model over the roll."""
    model = made(PianoRollModel, cell="lstm")
    roll = (RNG.random((1, 9, 12)) < 0.3).astype("float32")
    whole = np.asarray(model({"roll": roll}))
    found, states = [], None
    for chunk in (roll[:, :4], roll[:, 4:5], roll[:, 5:]):
        answer, states = model.step({"roll": chunk}, states)
        found.append(answer["scores"])
    np.testing.assert_allclose(np.concatenate(found, axis=1), whole, atol=1e-6)


@pytest.mark.parametrize("name", ["x.tflite", "x.onnx"])
def test_a_language_model_writes_the_same_text(name, tmp_path):
    model = made(WordModel, cell="scrn")
    runner = exported(model, tmp_path / name)
    assert runner.vocabulary == model.config["vocabulary"]
    for options in (
        {"seed": 1},
        {"seed": 2, "primer": "the Market rallied\n", "temperature": 0.7},
        {"temperature": 0, "top_k": 3},
        {"seed": 4, "top_p": 0.8, "primer": "the fell " * 300},
    ):
        assert runner.generate(30, **options) == model.generate(30, **options)
    for wrong in (runner, model):
        with pytest.raises(UserError, match="top_p must be above 0"):
            wrong.generate(top_p=0.0)


def test_characters_keep_their_spaces_in_a_file(tmp_path):
    model = made(CharacterModel)
    runner = exported(model, tmp_path / "x.tflite")
    assert runner.vocabulary == model.config["vocabulary"]
    assert " " in runner.vocabulary
    text = model.generate(40, seed=5, primer="X: 2\nK:G\n")
    assert runner.generate(40, seed=5, primer="X: 2\nK:G\n") == text
    with pytest.raises(UserError, match="of the model's 14 characters.*'é', 'ö'"):
        runner.generate(primer="Xéö")
