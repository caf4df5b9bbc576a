import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.models import WordModel
from keras_seqzoo.training.losses import LabelLoss
from keras_seqzoo.training.tasks import task_of, word_language_modelling
from keras_seqzoo.training.tasks.word_language_modelling import (
    WordLanguageModelling,
    moved_windows,
)

RNG = np.random.default_rng(0)
STREAM = RNG.choice(["the", "market", "fell", "N", "\n", "<unk>"], 47).tolist()
ROWS = [" ".join(STREAM[start : start + 10]) for start in range(0, 47, 10)]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(4)
    return WordModel(**{**WordModel.tiny(), "cell": "lstm", "num_layers": 1})


def log_probabilities(logits):
    p = np.exp(logits.astype("float64"))
    return np.log(p / p.sum(axis=-1, keepdims=True))


def ids_of(model, words):
    entries = ["\n", *model.config["vocabulary"]]
    return np.array([entries.index(word) for word in words], "int32")


def reference(model):
    """By the definition, of the stream in one call."""
    ids = ids_of(model, STREAM)
    before = np.array([[0, *ids[:-1]]], "int32")
    log_p = log_probabilities(np.asarray(model({"tokens": before}))[0])
    return np.exp(-np.mean([log_p[t, one] for t, one in enumerate(ids)]))


@pytest.mark.parametrize("chunk", [1, 9, 47, 1000])
def test_the_figure_is_of_one_stream_with_its_state(model, chunk, monkeypatch):
    monkeypatch.setattr(word_language_modelling, "CHUNK", chunk)
    found = WordLanguageModelling.scorer(model, ROWS)()
    assert found == pytest.approx(reference(model), rel=1e-6)


def test_without_states_each_chunk_is_read_after_the_one_before(model, monkeypatch):
    monkeypatch.setattr(word_language_modelling, "CHUNK", 16)

    def run(inputs):
        assert inputs["tokens"].shape[1] <= 32
        return {"scores": np.asarray(model(inputs))}

    found = WordLanguageModelling.metric(model, ROWS)(run)
    assert found == pytest.approx(reference(model), rel=1e-3)


def test_the_loss_is_the_logarithm_of_the_figure(model):
    examples = WordLanguageModelling.encode(ROWS, model)
    targets = examples.targets.to_tensor(-1)
    logits = RNG.normal(size=(*targets.shape, 7)).astype("float32")
    there = targets.numpy() >= 0
    weights = (there / there.sum()).astype("float32")
    log_p = log_probabilities(logits)
    chosen = np.take_along_axis(log_p, np.maximum(targets, 0)[..., None], -1)[..., 0]
    found = float(LabelLoss()(targets, logits, weights))
    assert found == pytest.approx(-(chosen * weights).sum(), rel=1e-5)


def test_windows_are_of_the_stream(model):
    examples = WordLanguageModelling.encode(ROWS, model)
    ids = ids_of(model, STREAM)
    assert examples.lengths.numpy().tolist() == [10, 10, 10, 10, 7]
    np.testing.assert_array_equal(examples.targets.values, ids)
    before = examples.inputs["tokens"]
    np.testing.assert_array_equal(before.values, [0, *ids[:-1]])
    np.testing.assert_array_equal(
        WordLanguageModelling.inputs(model, ROWS)["tokens"], before.to_tensor()
    )


def test_with_each_epoch_the_stream_is_cut_elsewhere(model):
    examples = WordLanguageModelling.encode(ROWS, model)
    ids, cuts = examples.targets.values.numpy(), set()
    for epoch in range(30):
        moved = moved_windows(examples, tf.constant([1, epoch], tf.int64))
        assert moved.targets.row_lengths().numpy().tolist() == [10, 10, 10, 10, 7]
        found = moved.targets.values.numpy()
        (by,) = (n for n in range(47) if np.array_equal(np.roll(ids, n), found))
        expected = np.roll(examples.inputs["tokens"].values, by)
        np.testing.assert_array_equal(moved.inputs["tokens"].values, expected)
        cuts.add(by)
    assert len(cuts) > 10


def test_sentences_become_windows(monkeypatch):
    sentences = [b"the market fell", b"N", b"the <unk> market"]
    rows = [{"text": sentence} for sentence in sentences]
    monkeypatch.setattr(catalogue, "rows", lambda *_: rows)
    monkeypatch.setattr(word_language_modelling, "WINDOW", 4)
    found = WordLanguageModelling.read("ptb", "test", None)
    assert found == ["the market fell \n", "N \n the <unk>", "market \n"]
    assert WordLanguageModelling.lengths(found) == [4, 4, 2]
    assets = WordLanguageModelling.assets(found, None)
    assert assets == {"vocabulary": ["market", "the", "<unk>", "N", "fell"]}


def test_it_is_the_task_of_its_models():
    assert task_of("scrn_word_model") is WordLanguageModelling
