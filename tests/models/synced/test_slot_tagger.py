import keras
import numpy as np
import pytest

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


def test_one_string_instead_of_a_list_is_refused(tagger):
    with pytest.raises(UserError, match="list of strings"):
        tagger.predict_text("cat dog")


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
        ({"num_classes": 3}, "num_classes=3"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"cell": "clockwork_rnn", "units": 7}, "units=7"),
    ],
)
def test_bad_arguments_are_named_in_one_line(changes, message):
    with pytest.raises(ValueError, match=message) as error:
        SlotTagger(**{**SlotTagger.tiny(), **changes})
    assert "\n" not in str(error.value)
