"""Translators: sentences in, sentences out, in Keras and in exported files."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import keras_seqzoo as seqzoo
from keras_seqzoo import runtime
from keras_seqzoo.errors import UserError
from keras_seqzoo.layers.by_name import RECURRENT_LAYERS
from keras_seqzoo.models import RecurrentTranslator, Transformer
from keras_seqzoo.preprocessing.subword_learning import learn_subwords
from keras_seqzoo.registry import architectures
from keras_seqzoo.runtime.subwords import END, START

NAMES = (
    "lstm_seq2seq",
    "gru_luong_translator",
    "peephole_lstm_bahdanau_translator",
    "transformer",
)
SENTENCES = ["a dog", "a dog ein dogs.", "ein", "dogs. a a a ein ein dog."]


def varied(name, **arguments):
    """A model with weights that make translations of several lengths."""
    kind = architectures()[name].model_class
    model = seqzoo.create(name, **{**kind.tiny(), "max_length": 9, **arguments})
    rng = np.random.default_rng(3)
    for weight in model.weights:
        large = weight.name not in ("bias", "gamma", "beta")
        mean, deviation = float(weight.name == "gamma"), 0.8 if large else 0.3
        weight.assign(rng.normal(mean, deviation, weight.shape))
    return model


@pytest.fixture(scope="module", params=NAMES)
def model(request):
    return varied(request.param)


def log_p(model, source, tokens):
    """Of each translation's tokens (END last), by the model as it is trained."""
    tokens = np.asarray(tokens, "int32")
    start = np.full((len(tokens), 1), START, "int32")
    before = np.concatenate([start, tokens[:, :-1]], axis=1)
    source = np.repeat(source, len(tokens), axis=0)
    scores = model({"source": source, "tokens": before}, training=False)
    found = np.asarray(ops.log_softmax(scores))
    return np.take_along_axis(found, tokens[..., None] - END, axis=2)[..., 0]


def test_the_search_scores_as_the_trained_model_does(model):
    for sentence in SENTENCES:
        source = model.pieces.source_ids([sentence])
        for beams in (1, 3):
            answer = model.search(source, beams=beams)
            tokens = np.asarray(answer["tokens"])
            ends = np.flatnonzero(tokens[0] == END)
            length = ends[0] + 1 if len(ends) else tokens.shape[1]
            mean = log_p(model, source, tokens[:, :length]).mean()
            assert float(answer["scores"][0]) == pytest.approx(mean, abs=1e-4)


@pytest.mark.parametrize("name", ["gru_luong_translator", "transformer"])
def test_a_beam_of_all_there_are_finds_the_best_of_all(name):
    model = varied(name, vocabulary=[" a", " b"], max_length=3)
    source = model.pieces.source_ids(["a b b"])
    best = {}
    for length in (1, 2, 3):
        words = [
            one
            for one in itertools.product((END, END + 1, END + 2), repeat=length)
            if END not in one[:-1] and (length == 3 or one[-1] == END)
        ]
        best |= dict(zip(words, log_p(model, source, words).sum(axis=1)))
    for penalty in (0.0, 1.0, 2.0):
        wanted = max(best, key=lambda one: best[one] / len(one) ** penalty)
        answer = model.search(source, beams=27, length_penalty=penalty)
        assert tuple(np.asarray(answer["tokens"])[0][: len(wanted)]) == wanted
        score = best[wanted] / len(wanted) ** penalty
        assert float(answer["scores"][0]) == pytest.approx(score, abs=1e-5)


def test_sentences_of_any_kind(model):
    found = model.translate(SENTENCES)
    assert model.translate(SENTENCES[1:2]) == found[1:2]
    assert len({*found}) > 1
    assert model.translate(["", "  "]) == ["", ""]
    assert model.translate([]) == []
    # Longer than any in training; signs that are not known; white space and case.
    assert len(model.translate(["a dog " * 150, "犬 \u0000 ?"])) == 2
    assert model.translate(["  A  DOG "]) == found[:1]
    with pytest.raises(UserError, match="sentences"):
        model.translate("a dog")
    with pytest.raises(UserError, match="sentences"):
        model.translate([3])
    with pytest.raises(UserError, match="`beams` must be a positive integer"):
        model.translate(SENTENCES, beams=0)
    with pytest.raises(UserError, match="`length_penalty` must be a number from 0"):
        model.translate(SENTENCES, length_penalty=-1)
    with pytest.raises(UserError, match="must be left out of greedy search.*beams=1"):
        model.translate(SENTENCES, beams=1, length_penalty=2)


def test_a_translation_that_never_ends_stops_at_the_limit(model):
    bias = np.array(model.parts["logits"].bias)
    model.parts["logits"].bias.assign(bias - 99.0 * (np.arange(len(bias)) == 0))
    try:
        for beams in (1, 3):
            tokens = model.search(model.pieces.source_ids(SENTENCES), beams=beams)
            assert np.asarray(tokens["tokens"]).shape == (4, 9)
            assert END not in np.asarray(tokens["tokens"])
    finally:
        model.parts["logits"].bias.assign(bias)


def test_each_words_attention_is_a_share_of_the_source(model):
    if not model.attends:
        with pytest.raises(UserError, match="does not attend"):
            model.attention(SENTENCES)
        return
    found = model.attention([*SENTENCES, ""])
    assert [one[0] for one in found] == [*model.translate(SENTENCES), ""]
    for sentence, (translation, words, source, weights) in zip(SENTENCES, found):
        assert "".join(words) == "".join(translation.split())
        assert "".join(source) == "".join(sentence.lower().split()) + "(end)"
        assert weights.shape == (len(words), len(source))
        np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-5)
    assert found[-1][1:3] == ([], [])


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("lstm_seq2seq", ".tflite"),
        ("gru_luong_translator", ".onnx"),
        ("transformer", ".tflite"),
    ],
)
def test_a_file_translates_as_keras_does(name, suffix, tmp_path):
    model = varied(name)
    report = seqzoo.export(
        model, tmp_path / f"model{suffix}", batches=(2,), lengths=(5,)
    )
    assert report.max_difference < 1e-5
    runner = runtime.load(report.path)
    sentences = [*SENTENCES, "", "dog " * 60]
    assert runner.translate(sentences) == model.translate(sentences)
    assert runner.attends == model.attends
    if runner.attends:
        for found, wanted in zip(
            runner.attention(sentences), model.attention(sentences)
        ):
            assert found[:3] == wanted[:3]
            np.testing.assert_allclose(found[3], wanted[3], atol=1e-4)
    else:
        with pytest.raises(UserError, match="does not attend"):
            runner.attention(sentences)


ENGLISH = [
    "Two young, White males are outside near many bushes.",
    "A man in a blue shirt is standing on a ladder cleaning a window.",
    "A little girl climbing into a wooden playhouse.",
]
GERMAN = [
    "Zwei junge weiße Männer sind im Freien in der Nähe vieler Büsche.",
    "Ein Mann in einem blauen Hemd steht auf einer Leiter und putzt ein Fenster.",
    "Ein kleines Mädchen klettert in ein Spielhaus aus Holz.",
]
AWKWARD = ["", " \u3000\t", "\xa0A  MAN\n", "犬 \0 zählt 2020?", "MÄNNER \U0001f600"]


@pytest.mark.parametrize("name", ["lstm_seq2seq", "transformer"])
def test_strings_are_translated_in_the_graph(name):
    low = learn_subwords(ENGLISH, 90, lower_case=True)
    model = varied(name, vocabulary=[*dict.fromkeys(low + learn_subwords(GERMAN, 90))])
    sentences = [*ENGLISH, *AWKWARD, *GERMAN]
    serve_text = tf.function(
        model.serve_text, input_signature=[tf.TensorSpec((None,), tf.string)]
    )
    found = serve_text(tf.constant(sentences))
    texts = [text.decode() for text in found["translations"].numpy()]
    assert texts == model.translate(sentences)
    assert texts[3:5] == ["", ""] and len({*texts}) > 5
    source = {"source": model.pieces.source_ids(ENGLISH)}
    tokens = np.asarray(model.serve(source)["tokens"])
    assert found["tokens"][:3].numpy().tolist() == tokens.tolist()


TRANSLATED_ALONE = """
import json, sys
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
assert {"serve", "serve_text"} <= set(model.signatures)
sentences = tf.constant(json.loads(sys.argv[2]))
for name in ("serve_text", "serving_default"):
    found = model.signatures[name](text=sentences)["translations"].numpy()
    print(json.dumps([text.decode() for text in found]))
assert not [m for m in sys.modules if m.split(".")[0] == "keras_seqzoo"]
"""


def test_a_saved_model_translates_strings_alone_in_a_process(tmp_path):
    model = varied("gru_luong_translator")
    seqzoo.export(model, tmp_path / "model", batches=(2,), lengths=(5,))
    sentences = [*SENTENCES, "", "dogs. EIN ?"]
    done = subprocess.run(
        [
            *(sys.executable, "-c", TRANSLATED_ALONE),
            *(str(tmp_path / "model"), json.dumps(sentences)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for line in done.stdout.splitlines():
        assert json.loads(line) == model.translate(sentences)


@pytest.mark.parametrize("cell", [*RECURRENT_LAYERS])
def test_any_cell_goes_in_encoder_and_decoder(cell):
    for arguments in (
        {"cell": cell, "bidirectional": False},
        {"cell": "gru", "encoder_cell": cell, "decoder": "bahdanau"},
    ):
        sizes = {"units": 8, "encoder_units": 4}
        model = RecurrentTranslator(
            **{**RecurrentTranslator.tiny(), **sizes, **arguments}
        )
        inputs = model.example_inputs(2, 4)
        assert model(inputs).shape == (2, 4, 7)


def test_a_plain_decoder_goes_on_where_the_encoder_ended():
    model = varied("lstm_seq2seq", encoder_units=6)
    assert not [name for name in model.named_weights() if "bridge" in name]
    assert model.config["reverse_source"]
    # Reading from the end is reading the reversed sentence forward.
    forward = varied("lstm_seq2seq", encoder_units=6, reverse_source=False)
    inputs = model.example_inputs(3, 5)
    flipped = {**inputs, "source": inputs["source"].copy()}
    for row in flipped["source"]:
        count = np.count_nonzero(row)
        row[:count] = row[:count][::-1]
    forward.set_weights(model.get_weights())
    np.testing.assert_allclose(forward(flipped), model(inputs), atol=1e-6)


@pytest.mark.parametrize("pre_norm", [True, False])
def test_both_norms_score_word_by_word_as_all_at_once(pre_norm):
    model = varied("transformer", pre_norm=pre_norm, num_layers=2)
    source = model.pieces.source_ids(["a dog ein"])
    answer = model.search(source, beams=1)
    tokens = np.asarray(answer["tokens"])
    ends = np.flatnonzero(tokens[0] == END)
    length = ends[0] + 1 if len(ends) else tokens.shape[1]
    mean = log_p(model, source, tokens[:, :length]).mean()
    assert float(answer["scores"][0]) == pytest.approx(mean, abs=1e-4)
    norms = {n.split("/")[0] for n in model.named_weights() if "_norm/" in n}
    assert ({"encoder_norm", "decoder_norm"} <= norms) == pre_norm


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decoder": "cnn"}, "`decoder` must be one of plain, luong, bahdanau"),
        ({"decoder_arguments": {"heads": 2}}, "heads"),
        ({"decoder_arguments": {"score": "cosine"}}, "`score` must be one of dot"),
        ({"decoder_arguments": {"score": len}}, "score one of dot.*Received: score=<"),
        (
            {"decoder_arguments": {"score": "dot"}},
            "`units` must be 2 x `encoder_units` .* units=6, encoder_units=5",
        ),
        ({"cell": "tanh"}, "`cell` must be one of"),
        ({"encoder_cell": "tanh"}, "`cell` must be one of"),
        ({"beams": 0}, "`beams` must be a positive integer"),
        ({"length_penalty": "long"}, "`length_penalty` must be a number"),
        ({"vocabulary": [" a", " a"]}, "`vocabulary` must be"),
        ({"cell_arguments": {"units": 3}}, "`cell_arguments` must be without units"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        tiny = RecurrentTranslator.tiny()
        seqzoo.create("lstm_luong_translator", **{**tiny, **arguments})


def test_a_transformers_size_fits_its_heads():
    with pytest.raises(UserError, match="a multiple of the 3 heads"):
        Transformer(**{**Transformer.tiny(), "heads": 3})
