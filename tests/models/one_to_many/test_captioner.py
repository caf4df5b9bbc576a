"""Captioners: pictures in, sentences out, in Keras and in exported files."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import keras_seqzoo as seqzoo
from keras_seqzoo import runtime
from keras_seqzoo.errors import UserError
from keras_seqzoo.models import ShowAndTell, ShowAttendAndTell
from keras_seqzoo.runtime.captions import BEGIN, CaptionWords

RNG = np.random.default_rng(0)
PICTURES = [
    RNG.integers(0, 256, (32, 32, 3)).astype("uint8"),
    RNG.integers(0, 256, (9, 40)).astype("uint8"),
    RNG.integers(0, 256, (1, 1, 4)).astype("uint8"),
]


def varied(kind):
    """A model with weights that make captions of several words, not all alike."""
    model = kind(**{**kind.tiny(), "max_length": 9})
    rng = np.random.default_rng(1)
    for weight in model.weights:
        small = weight.name == "bias" or "convolution" in weight.path
        weight.assign(rng.normal(0, 0.3 if small else 1.0, weight.shape))
    name = "show_and_tell" if kind is ShowAndTell else "show_attend_and_tell"
    model.architecture = f"lstm_{name}"
    return model


@pytest.fixture(scope="module", params=[ShowAndTell, ShowAttendAndTell])
def model(request):
    return varied(request.param)


def log_p(model, picture, words):
    """Of a caption and its end, by the model as it is trained."""
    ids = [*model.words.ids(words), BEGIN]
    pixels = np.asarray(model.resized(picture[None]))
    tokens = np.array([[BEGIN, *ids[:-1]]], "int32")
    scores = model({"images": pixels, "tokens": tokens}, training=False)
    log_p = np.asarray(ops.log_softmax(scores))[0]
    return sum(log_p[place, one] for place, one in enumerate(ids))


def test_the_search_scores_as_the_trained_model_does(model):
    scored = 0
    for picture in RNG.integers(0, 256, (12, 32, 32, 3)).astype("uint8"):
        answer = model.serve({"images": picture[None]})
        words = model.words.words(np.asarray(answer["tokens"])[0])
        if len(words) < 9:  # it ended by itself
            mean = log_p(model, picture, words) / (len(words) + 1)
            assert float(answer["scores"][0]) == pytest.approx(mean, abs=1e-4)
            scored += 1
    assert scored


def test_captions_of_pictures_of_any_kind(model):
    captions = model.caption(PICTURES)
    assert all(isinstance(one, str) for one in captions)
    assert model.caption(PICTURES[1:2]) == captions[1:2]
    assert len(model.caption(PICTURES, beams=1)) == 3
    with pytest.raises(UserError, match="`beams` must be a positive integer"):
        model.caption(PICTURES, beams=0)
    with pytest.raises(UserError, match="`length_penalty` must be a number from 0"):
        model.caption(PICTURES, length_penalty=-1)


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [
        (ShowAndTell, ".tflite"),
        (ShowAttendAndTell, ".tflite"),
        (ShowAttendAndTell, ".onnx"),
    ],
)
def test_a_file_says_what_keras_says(kind, suffix, tmp_path):
    model = varied(kind)
    report = seqzoo.export(
        model, tmp_path / f"model{suffix}", batches=(2,), lengths=(5,)
    )
    assert report.max_difference < 1e-5
    assert report.latency_shape == (1, model.image_size)  # one picture as it sees it
    assert report.no_step.startswith("the model reads its input whole")
    runner = runtime.load(report.path)
    assert runner.caption(PICTURES) == model.caption(PICTURES)
    assert runner.attends == isinstance(model, ShowAttendAndTell)
    if runner.attends:
        for (caption, found), (same, wanted) in zip(
            runner.attention(PICTURES), model.attention(PICTURES)
        ):
            assert caption == same
            for (word, weights), (other, expected) in zip(found, wanted, strict=True):
                assert word == other
                np.testing.assert_allclose(weights, expected, atol=1e-4)


def test_a_saved_model_gives_sentences(model, tmp_path):
    report = seqzoo.export(model, tmp_path / "model", batches=(1,), lengths=(32,))
    assert "serve_text" in report.signatures
    serve_text = tf.saved_model.load(report.path).signatures["serve_text"]
    pictures = RNG.integers(0, 256, (6, 32, 32, 3)).astype("uint8")
    found = serve_text(images=tf.constant(pictures))["text"].numpy()
    wanted = model.caption(list(pictures))
    assert [text.decode() for text in found] == wanted
    assert len({*wanted}) > 1


def test_each_words_attention_is_a_share_of_the_picture():
    model = varied(ShowAttendAndTell)
    for caption, words in model.attention(PICTURES):
        assert caption.split() == [word for word, _ in words]
        for _, weights in words:
            assert weights.shape == (2, 2)
            assert weights.min() >= 0 and weights.sum() == pytest.approx(1, abs=1e-5)


def test_any_cell_goes():
    for kind, cell in ((ShowAndTell, "clockwork_rnn"), (ShowAttendAndTell, "scrn")):
        model = kind(**kind.tiny(), cell=cell)
        answer = model.serve({"images": PICTURES[0][None]})
        assert answer["tokens"].shape == (1, 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cell_arguments": {"dropout": 0.1}}, "`cell_arguments` must be without drop"),
        ({"image_size": 33}, "`image_size` must be a multiple of 32"),
        ({"beams": 0}, "`beams` must be a positive integer"),
        ({"beams": 100_000}, "`beams` must be .* of at most 256. .*beams=100000"),
        ({"length_penalty": "long"}, "`length_penalty` must be a number"),
        ({"vocabulary": ["a b"]}, "`vocabulary` must be words without white space"),
        ({"cell": "tanh"}, "`cell` must be one of"),
        ({"decoder_arguments": {"heads": 2}}, "heads"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        tiny = ShowAttendAndTell.tiny()
        seqzoo.create("lstm_show_attend_and_tell", **{**tiny, **arguments})


def test_words_and_their_ids():
    words = CaptionWords(["a", "dog"])
    assert words.ids(["dog", "a", "cat"]) == [2, 1, words.unknown]
    assert words.unknown == 3
    assert words.sentence([2, 1, BEGIN, 1]) == "dog a"
    assert words.sentence([BEGIN]) == ""
