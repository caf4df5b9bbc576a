import keras
import numpy as np
import pytest

from keras_seqzoo.models import CharacterModel
from keras_seqzoo.training.tasks import task_of
from keras_seqzoo.training.tasks.character_language_modelling import (
    CharacterLanguageModelling,
)

ROWS = ["X: 2\nK:G\nGAB|\n", "X:\n", "X: 2\nK:D\nDEF GAB|\nA|\n"]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(4)
    return CharacterModel(**CharacterModel.tiny())


def probabilities(model, ids):
    logits = np.asarray(model({"tokens": np.array([ids], "int32")}))[0]
    p = np.exp(logits.astype("float64"))
    return p / p.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_the_figure_counts_every_character_of_the_file(model, batch_size):
    file = "\n".join(ROWS)
    bits, characters = 0.0, 0
    for tune in (*(f"{row}\n" for row in ROWS[:2]), ROWS[2]):
        ids = model.tokens.encode(tune).tolist()
        p = probabilities(model, [0, *ids[:-1]])
        bits -= np.log2([p[t, one] for t, one in enumerate(ids)]).sum()
        characters += len(tune)
    assert characters == len(file)
    found = CharacterLanguageModelling.scorer(model, ROWS, batch_size)()
    assert found == pytest.approx(bits / characters, rel=1e-6)


def test_a_model_that_knows_nothing_has_the_logarithm_of_its_characters(model):
    flat = CharacterModel(**CharacterModel.tiny())
    flat.get_layer("head").kernel.assign(np.zeros((8, 14)))
    found = CharacterLanguageModelling.scorer(flat, ROWS)()
    assert found == pytest.approx(np.log2(14), rel=1e-6)


def test_rows_are_read_from_a_line_end_and_lead_to_an_empty_line(model):
    examples = CharacterLanguageModelling.encode(ROWS, model)
    assert examples.lengths.numpy().tolist() == [len(row) + 1 for row in ROWS]
    for row, inputs, targets in zip(ROWS, examples.inputs["tokens"], examples.targets):
        assert model.tokens.decode(targets.numpy()) == f"{row}\n"
        assert model.tokens.decode(inputs.numpy()) == f"\n{row}"
    padded = CharacterLanguageModelling.inputs(model, ROWS)["tokens"]
    expected = examples.inputs["tokens"].to_tensor()
    np.testing.assert_array_equal(padded, expected)


def test_the_vocabulary_is_all_characters_but_the_end_of_a_line():
    assets = CharacterLanguageModelling.assets(["abca\n", "b a\n"], None)
    assert assets == {"vocabulary": ["a", "b", " ", "c"]}


def test_it_is_the_task_of_its_models():
    assert task_of("lstm_character_model") is CharacterLanguageModelling
