import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.errors import UserError
from keras_seqzoo.models import SlotTagger


@pytest.fixture(scope="module")
def tagger():
    return SlotTagger(**SlotTagger.tiny())


def test_predict_text_keeps_the_words_as_written(tagger):
    tagged = tagger.predict_text(["Apple  dog zzz", "", "cat"])
    assert [[word for word, _ in row] for row in tagged] == [
        ["Apple", "dog", "zzz"],
        [],
        ["cat"],
    ]
    assert {slot for row in tagged for _, slot in row} <= set(tagger.labels)


def test_predict_text_agrees_with_the_logits(tagger):
    sentence = "cat dog apple"
    logits = tagger(tagger.preprocessor([sentence]))
    names = [tagger.labels[i] for i in np.argmax(logits[0], axis=-1)]
    assert [slot for _, slot in tagger.predict_text([sentence])[0]] == names


def test_empty_one_word_and_very_long_sentences(tagger):
    assert tagger.predict_text([]) == []
    assert tagger.predict_text([""]) == [[]]
    assert len(tagger.predict_text(["cat"])[0]) == 1
    assert len(tagger.predict_text([" ".join(["cat"] * 1000)])[0]) == 1000


@pytest.mark.parametrize(
    ("sentences", "received"),
    [
        ("cat dog", "one string: 'cat dog'"),
        (None, "None"),
        (3, "3"),
        ([None], "position 0: None"),
        (["cat", 3], "position 1: 3"),
        ([["cat", "dog"]], r"position 0: \['cat', 'dog'\]"),
        (["\ud800"], "position 0: '.ud800'"),
        (np.array("x"), "sentences=array"),
    ],
)
def test_what_is_no_list_of_sentences_is_refused(tagger, sentences, received):
    with pytest.raises(UserError, match=f"`sentences` must be .*Received.*{received}"):
        tagger.predict_text(sentences)


@pytest.mark.parametrize("batch_size", [0, -3, 1.5])
def test_a_batch_has_a_sentence_or_more(tagger, batch_size):
    with pytest.raises(UserError, match=f"`batch_size` must be.*={batch_size}"):
        tagger.predict_text(["cat"], batch_size=batch_size)


def test_a_word_that_is_a_nul_is_as_unknown_as_any(tagger):
    (nul, dog), (zebra, _) = tagger.predict_text(["\0 dog", "\ufffd dog"])
    assert nul == ("\0", zebra[1]) and nul[1] in tagger.labels
    assert dog[0] == "dog"


def test_an_array_of_sentences_is_read_too(tagger):
    assert len(tagger.predict_text(np.array(["cat dog", "bag"]))[0]) == 2


@pytest.mark.parametrize("cell", ["peephole_lstm", "gru"])
def test_a_batch_of_no_sentence_gives_an_empty_answer(cell):
    tagger = SlotTagger(**{**SlotTagger.tiny(), "cell": cell, "character_filters": 5})
    serve = tf.function(
        tagger.serve_text, input_signature=[tf.TensorSpec((None,), tf.string)]
    )
    answer = serve(tf.constant([], tf.string))
    assert answer["words"].shape == answer["slots"].shape == (0, 1)
    assert answer["scores"].shape == (0, 1, 4)
    ids = {"words": tf.TensorSpec((None, None), tf.int32)}
    ids["characters"] = tf.TensorSpec((None, None, 8), tf.int32)
    serve_ids = tf.function(tagger.serve, input_signature=[ids])
    none = {
        name: tf.zeros((0, 5, 8)[: len(x.shape)], x.dtype) for name, x in ids.items()
    }
    assert serve_ids(none)["scores"].shape == (0, 5, 4)
    assert serve(tf.constant(["cat dog", ""]))["words"].numpy().tolist() == [
        [b"cat", b"dog"],
        [b"", b""],
    ]


def test_ids_beyond_the_vocabulary_count_as_unknown(tagger):
    inputs = tagger.example_inputs(2, 5)
    inputs["words"][0, 1] = 1
    inputs["characters"][0, 1, 0] = 1
    expected = tagger.serve(inputs)["scores"]
    inputs["words"][0, 1] = 10**6
    inputs["characters"][0, 1, 0] = -3
    np.testing.assert_array_equal(tagger.serve(inputs)["scores"], expected)


def test_padding_has_label_minus_one(tagger):
    inputs = tagger.example_inputs(3, 6)
    labels = np.asarray(tagger.serve(inputs)["labels"])
    np.testing.assert_array_equal(labels == -1, inputs["words"] == 0)


def test_one_direction_never_reads_ahead():
    tagger = SlotTagger(**{**SlotTagger.tiny(), "bidirectional": False})
    inputs = tagger.example_inputs(1, 6)
    before = np.asarray(tagger(inputs))[:, :4]
    inputs["words"][:, 4:] = 3
    np.testing.assert_allclose(np.asarray(tagger(inputs))[:, :4], before, atol=1e-6)


def test_one_hot_words_and_no_characters():
    tagger = SlotTagger(
        **{**SlotTagger.tiny(), "embedding_size": 0, "character_size": 0}
    )
    assert tagger.predict_text(["cat unknown"])[0][1][0] == "unknown"


def test_keras_save_and_load_is_bit_equal(tagger, tmp_path):
    tagger.save(tmp_path / "tagger.keras")
    loaded = keras.saving.load_model(tmp_path / "tagger.keras")
    inputs = tagger.example_inputs(2, 7)
    np.testing.assert_array_equal(loaded(inputs), tagger(inputs))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cell": "peephole"}, "cell='peephole'"),
        ({"units": -3}, "units=-3"),
        ({"labels": None}, "labels"),
        ({"labels": ["O", "O"]}, "different"),
        ({"labels": "O"}, "labels='O'"),
        ({"labels": ["O", 1]}, r"labels=\['O', 1\]"),
        ({"labels": []}, r"labels=\[\]"),
        ({"vocabulary": "abc"}, "vocabulary='abc'"),
        ({"vocabulary": ["a", "b", "a"]}, "vocabulary.*'a' more than once"),
        ({"characters": ["a", ""]}, "`characters` must be a list of non-empty"),
        ({"characters": ["a", "bc"]}, "single characters.*characters='bc'"),
        ({"vocabulary": ["a", "b c"]}, "without white space.*vocabulary='b c'"),
        ({"vocabulary": ["a\t"]}, "without white space"),
        ({"word_length": 10**9}, "at most 1000.*word_length=1000000000"),
        ({"bidirectional": "no"}, "bidirectional='no'"),
        ({"embedding_size": "x"}, "embedding_size='x'"),
        ({"embedding_size": -1}, "embedding_size=-1"),
        ({"character_size": 2.5}, "character_size=2.5"),
        ({"character_filters": 2.5}, "character_filters=2.5"),
        ({"cell": ["gru"]}, r"cell=\['gru'\]"),
        ({"cell_arguments": [1]}, r"cell_arguments=\[1\]"),
        ({"cell_arguments": {"stateful": True}}, "`cell_arguments` must be without"),
        ({"cell_arguments": {"dropout": "x"}}, "cell_arguments.dropout='x'"),
        ({"cell": "lstm", "cell_arguments": {"no": 1}}, "`cell_arguments` of lstm"),
        ({"cell_arguments": {"tbptt_steps": 10**30}}, "`cell_arguments` of peephole"),
        ({"dropout": "x"}, "dropout='x'"),
        ({"num_classes": 3}, "num_classes=3"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"cell": "clockwork_rnn", "units": 7}, "units=7"),
    ],
)
def test_bad_arguments_are_named_in_one_line(changes, message):
    with pytest.raises(ValueError, match=message) as error:
        SlotTagger(**{**SlotTagger.tiny(), **changes})
    assert "\n" not in str(error.value)
