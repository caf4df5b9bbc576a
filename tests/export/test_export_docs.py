"""The tables of docs/export.md name what zoo models really take, give and bring."""

import pathlib
import re

import tensorflow as tf

import keras_seqzoo as seqzoo
from keras_seqzoo.export.metadata import texts
from keras_seqzoo.models import (
    SentenceClassifier,
    SlotTagger,
    SpeechRecogniser,
    Transformer,
)
from keras_seqzoo.registry import architectures
from keras_seqzoo.runtime.subwords import END, PADDING, START, UNKNOWN

DOCS = (pathlib.Path(__file__).parents[2] / "docs" / "export.md").read_text("utf-8")


def documented(*models):
    """(kind, name) -> (dtype, rank) of the tensors of these lines of the table."""
    found = {}
    for line in DOCS.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[0] in models:
            _, kind, name, dtype, shape = cells
            found[kind, name.strip("`")] = dtype, len(shape.split(", "))
    return found


def tensors(model, given=None):
    """The same of what the model has, of `serve` or, of strings, of `serve_text`."""
    inputs = model.served_examples(2, 5) if given is None else given
    tensors = {name: tf.constant(x) for name, x in inputs.items()}
    outputs = (
        model.serve(tensors) if given is None else model.serve_text(*tensors.values())
    )
    both = (("input", tensors), ("output", outputs))
    return {
        (kind, name): (tf.as_dtype(x.dtype).name, len(x.shape))
        for kind, some in both
        for name, x in some.items()
    }


def outputs(found):
    return {name: tensor for (kind, name), tensor in found.items() if kind == "output"}


def test_sentiment():
    model = seqzoo.create("bi_peephole_sentiment", **SentenceClassifier.tiny())
    assert documented("sentiment, tagger", "sentiment") == tensors(model)
    found = tensors(model, {"text": ["a dog", ""]})
    written = documented("sentiment", "sentiment, `serve_text`")
    assert outputs(found) == outputs(written)


def test_taggers():
    model = seqzoo.create("bi_gru_tagger", **SlotTagger.tiny())
    assert documented("sentiment, tagger", "tagger") == tensors(model)
    found = tensors(model, {"text": ["a dog", ""]})
    written = outputs(documented("tagger", "tagger, `serve_text`"))
    assert outputs(found) == {
        name: tensor for name, tensor in written.items() if name != "labels"
    }


def test_recognisers():
    tiny = SpeechRecogniser.tiny()
    sound = seqzoo.create("bi_peephole_speech", **tiny)
    assert documented("recogniser of sound", "recogniser") == tensors(sound)
    frames = {**tiny, "sample_rate": None, "loudness": 0.0, "beams": 2}
    frames = seqzoo.create("bi_peephole_speech", **frames)
    lines = ("recogniser of frames", "recogniser", "recogniser with beams")
    assert documented(*lines) == tensors(frames)
    written = documented(*lines, "recogniser, `serve_text`")
    assert written == tensors(frames, frames.served_examples(2, 5))


def test_translators():
    model = seqzoo.create("transformer", **Transformer.tiny())
    assert documented("translator", "translator that attends") == tensors(model)
    plain = architectures()["lstm_seq2seq"].model_class.tiny()
    plain = seqzoo.create("lstm_seq2seq", **plain)
    assert documented("translator") == tensors(plain)
    found = tensors(plain, {"text": ["a dog", ""]})
    written = documented("translator", "translator, `serve_text`")
    assert outputs(found) == outputs(written)


def test_ids():
    rows = re.findall(r"^\| (\d) \| (\w+ \w+|\w+)", DOCS, re.MULTILINE)
    assert [(int(number), words) for number, words in rows] == [
        (PADDING, "padding"),
        (UNKNOWN, "a character"),
        (START, "the start"),
        (END, "the end"),
    ]


def test_texts():
    kinds = {entry.model_class for entry in architectures().values()}
    keys = {key for kind in kinds for key in kind.asset_keys}
    found = re.findall(r"`(\w+)\.txt`", DOCS.partition("## Metadata")[2])
    assert {*found} == keys
    model = seqzoo.create("bi_peephole_speech", **SpeechRecogniser.tiny())
    assert {"labels.txt", "language_model.txt"} == {*texts(model)}


def test_captioners():
    for name, *lines in (
        ("lstm_show_and_tell", "captioner"),
        ("lstm_show_attend_and_tell", "captioner", "captioner that attends"),
    ):
        kind = architectures()[name].model_class
        model = seqzoo.create(name, **kind.tiny())
        assert documented(*lines) == tensors(model)
        found = tensors(model, model.served_examples(2, 5))
        written = documented(*lines, "captioner, `serve_text`")
        assert outputs(found) == outputs(written)


def test_models_of_arrays():
    for name, line in (
        ("lstm_word_model", "language model"),
        ("lstm_character_model", "language model"),
        ("lstm_piano_roll", "piano roll"),
        ("bi_gru_series", "series"),
    ):
        model = seqzoo.create(name, **architectures()[name].model_class.tiny())
        assert documented(line) == tensors(model)
