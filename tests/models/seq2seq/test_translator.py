"""Translators: sentences in, sentences out, in Keras and in exported files."""

import functools
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
from keras_seqzoo.models.compiled import compiled
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


@functools.cache
def searching(model, beams):
    """The model's search of source ids with so many beams, as a graph."""
    spec = tf.TensorSpec((None, None), tf.int32)
    return compiled(lambda source: model.search(source, beams), [spec])


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
            answer = searching(model, beams)(source)
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
            tokens = searching(model, beams)(model.pieces.source_ids(SENTENCES))
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


def runs(path):
    """`serve` of an exported file in its own runtime: arrays in, arrays out."""
    if path.suffix:
        return runtime.load(path)
    serve = tf.saved_model.load(str(path)).signatures["serve"]

    def run(inputs):
        found = serve(source=tf.constant(inputs["source"]))
        return {name: value.numpy() for name, value in found.items()}

    run.keeps = serve  # its variables go with it
    return run


# Of some of these each model's beam search finds what its greedy search does not.
PAIRS = [
    f"{one} {other}{end}"
    for one, other in itertools.product(("a", "dog", "ein", "dogs"), repeat=2)
    for end in ("", ".")
]
FORMATS = (".tflite", ".onnx", "")
# A beam search of each model in each format, and greedy search of each in one.
SEARCHES = [
    *((name, suffix, 2) for name in NAMES for suffix in FORMATS),
    *zip(NAMES, itertools.cycle(FORMATS), itertools.repeat(1)),
]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A function that gives a model, and its file, which is made once."""

    @functools.cache
    def made(name, suffix, beams):
        model = varied(name, beams=beams)
        path = tmp_path_factory.mktemp("exported") / f"model{suffix}"
        report = seqzoo.export(model, path, batches=(2,), lengths=(5,))
        assert report.max_difference < 1e-5
        return model, path

    return made


@pytest.mark.parametrize(("name", "suffix", "beams"), SEARCHES)
def test_a_file_translates_as_keras_does(exported, name, suffix, beams):
    model, path = exported(name, suffix, beams)
    run, in_keras = runs(path), searching(model, None)
    sentences = [*SENTENCES, *PAIRS, "", "dog " * 60]
    ids = {"source": model.pieces.source_ids([one for one in sentences if one])}
    found, wanted = run(ids), in_keras(ids["source"])
    assert set(found) == set(wanted)
    np.testing.assert_array_equal(found["tokens"], wanted["tokens"])
    np.testing.assert_allclose(found["scores"], wanted["scores"], atol=1e-4)
    texts = model.pieces.translate(run, sentences)
    assert texts == model.translate(sentences) and len({*texts}) > 2
    if not suffix:
        return
    assert run.translate(sentences) == texts
    assert run.attends == model.attends
    if run.attends:
        for found, wanted in zip(run.attention(sentences), model.attention(sentences)):
            assert found[:3] == wanted[:3]
            np.testing.assert_allclose(found[3], wanted[3], atol=1e-4)
    else:
        with pytest.raises(UserError, match="does not attend"):
            run.attention(sentences)


def test_beams_find_what_greedy_search_does_not():
    """Else the files above could have either search in them."""
    for name in NAMES:
        model = varied(name)
        ids = model.pieces.source_ids(PAIRS)
        beam, greedy = (searching(model, beams)(ids) for beams in (2, 1))
        assert not np.array_equal(beam["tokens"], greedy["tokens"])


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


def test_a_saved_model_translates_strings_alone_in_a_process(exported):
    model, path = exported("gru_luong_translator", "", 2)
    sentences = [*SENTENCES, "", "dogs. EIN ?"]
    done = subprocess.run(
        [
            *(sys.executable, "-c", TRANSLATED_ALONE),
            *(str(path), json.dumps(sentences)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for line in done.stdout.splitlines():
        assert json.loads(line) == model.translate(sentences)


def through(layer, x):
    """Outputs (steps, size) of one direction, step by step, and its last states."""
    states, outputs = layer.cell.get_initial_state(batch_size=1), []
    states = states if isinstance(states, list | tuple) else [states]
    for one in x:
        output, states = layer.cell(one[None], list(states))
        states = states if isinstance(states, list | tuple) else [states]
        outputs.append(np.asarray(output)[0])
    return np.stack(outputs), [np.asarray(state) for state in states]


def dense(layer, x):
    y = x @ np.asarray(layer.kernel)
    return y + np.asarray(layer.bias) if layer.use_bias else y


def attended(attention, query, values):
    """The context of one query (1, size) over values (steps, size)."""
    keys = values @ np.asarray(attention.key_kernel)
    if attention.score == "general":
        scores = keys @ query[0]
    else:
        hidden = query @ np.asarray(attention.query_kernel) + keys
        hidden = np.tanh(hidden + np.asarray(attention.bias))
        scores = (hidden @ np.asarray(attention.score_kernel))[:, 0]
    shares = np.exp(scores - scores.max())
    return (shares / shares.sum() @ values)[None]


def by_steps(model, source, tokens):
    """Logits (length, entries) of one sentence: cell by cell, and the equations."""
    network, table = model.parts["network"], np.asarray(model.parts["words"].embeddings)
    (layer,) = network.encoder.rnn_layers
    x = table[source]
    if network.directions == 2:
        values, states = through(layer.forward_layer, x)
        backward, last = through(layer.backward_layer, x[::-1])
        values, states = np.concatenate([values, backward[::-1]], 1), [states, last]
    else:
        values, states = through(layer, x)
        states = [states]
    decoder = network.decoder
    cell, sizes = decoder.stack.rnn_layers[0].cell, decoder.state_sizes[0]
    if [[one.shape[1] for one in each] for each in states] == [sizes]:
        states = states[0]
    else:
        first = [np.zeros((1, size), "float32") for size in sizes]
        for place, layer in decoder.bridge.first.items():
            j = int(place.split("_")[1])
            # The same state of the encoder's cell, or the first where it has none.
            given = [each[j if j < len(each) else 0] for each in states]
            first[j] = np.tanh(dense(layer, np.concatenate(given, axis=1)))
        states = first
    fed, logits = np.zeros((1, decoder.size), "float32"), []
    for word in table[tokens][:, None]:
        if model.config["decoder"] == "bahdanau":
            context = attended(decoder.attention, states[0], values)
            s, states = cell(np.concatenate([word, context], 1), states)
            output = np.concatenate([s, word, context], 1)
        else:
            h, states = cell(np.concatenate([word, fed], 1), states)
            context = attended(decoder.attention, np.asarray(h), values)
            output = np.concatenate([context, h], 1)
        states = states if isinstance(states, list | tuple) else [states]
        states = [np.asarray(state) for state in states]
        fed = np.tanh(dense(decoder.combine, output))
        logits.append((fed @ table.T)[0, END:] + np.asarray(model.parts["logits"].bias))
    return np.stack(logits)


@pytest.mark.parametrize("cell", [*RECURRENT_LAYERS])
@pytest.mark.parametrize(
    "arguments",
    [
        {"bidirectional": False, "encoder_units": 8},
        {"encoder_cell": "lstm"},
        {"decoder": "bahdanau", "of_encoder": True},
    ],
    ids=["both", "decoder", "encoder"],
)
def test_any_cell_goes_in_encoder_and_decoder(cell, arguments):
    arguments = {
        **RecurrentTranslator.tiny(),
        "units": 8,
        "encoder_units": 4,
    } | arguments
    cells = {"cell": cell}
    if arguments.pop("of_encoder", False):
        cells = {"cell": "gru", "encoder_cell": cell}
    model = RecurrentTranslator(**arguments, **cells)
    rng = np.random.default_rng(5)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    inputs = model.example_inputs(2, 4)
    found = np.asarray(model(inputs))
    assert found.shape == (2, 4, 7)
    for row, source, tokens in zip(found, inputs["source"], inputs["tokens"]):
        wanted = by_steps(model, source[source != 0], tokens)
        np.testing.assert_allclose(row, wanted, atol=1e-4)


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
        ({"beams": 100_000}, "`beams` must be .* of at most 256. .*beams=100000"),
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
