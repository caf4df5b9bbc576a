import keras
import numpy as np
import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.models import CharacterModel, WordModel


def made(kind, **more):
    keras.utils.set_random_seed(2)
    return kind(**{**kind.tiny(), **more})


@pytest.fixture
def model():
    return made(WordModel, num_layers=1, cell="simple_rnn")


def test_the_logits_are_those_of_the_equations(model):
    """One tanh layer after Elman 1990, and an embedding and a softmax around it."""
    weights = {name: np.asarray(w) for name, w in model.named_weights().items()}
    embeddings, kernel, recurrent, bias, out, out_bias = weights.values()
    tokens = np.array([[0, 3, 6, 1, 1]], "int32")
    h, expected = np.zeros(8), []
    for token in tokens[0]:
        h = np.tanh(embeddings[token] @ kernel + h @ recurrent + bias)
        expected.append(h @ out + out_bias)
    found = np.asarray(model({"tokens": tokens}))
    assert found.shape == (1, 5, 7)  # Six words, and the end of a line.
    np.testing.assert_allclose(found[0], expected, atol=1e-6)


def test_ids_outside_the_vocabulary_are_ends_of_lines(model):
    wrong = model({"tokens": np.array([[1, 7, -1, 99]], "int32")})
    right = model({"tokens": np.array([[1, 0, 0, 0]], "int32")})
    np.testing.assert_array_equal(wrong, right)


@pytest.mark.parametrize("cell", ["lstm", "clockwork_rnn"])
def test_a_step_after_the_other_is_the_whole_text(cell):
    model = made(CharacterModel, cell=cell)
    tokens = model.example_inputs(1, 9)["tokens"]
    whole = np.asarray(model({"tokens": tokens}))
    found, states = [], None
    for chunk in (tokens[:, :4], tokens[:, 4:5], tokens[:, 5:]):
        answer, states = model.step({"tokens": chunk}, states)
        found.append(answer["scores"])
    np.testing.assert_allclose(np.concatenate(found, axis=1), whole, atol=1e-6)


def test_a_step_reads_the_weights_that_the_model_has_now(model):
    tokens = np.array([[1, 2]], "int32")
    model.step({"tokens": tokens})
    model.get_layer("head").bias.assign(np.arange(7.0))
    answer, _ = model.step({"tokens": tokens})
    np.testing.assert_allclose(answer["scores"], model({"tokens": tokens}), atol=1e-6)


def test_greedy_text_takes_the_likeliest_token_each_time():
    model = made(WordModel)
    ids = [0, *model.tokens.encode("the market")]
    for _ in range(6):
        scores = np.array(model({"tokens": np.array([ids], "int32")})[0, -1])
        scores[model.config["vocabulary"].index("<unk>") + 1] = -np.inf
        ids.append(int(scores.argmax()))
        if ids[-2:] == [0, 0]:
            break
    expected = model.tokens.decode(ids[1:])
    for seed in (1, 2):
        options = {"seed": seed, "temperature": 0, "primer": "the market"}
        assert model.generate(6, **options) == expected
        assert model.generate(6, seed=seed, top_k=1, primer="the market") == expected


def test_the_primer_stays_as_it_is_and_no_unknown_word_is_drawn(model):
    model.get_layer("head").bias.assign([0, 0, 0, 0, 0, 1e9, 0])  # of <unk>
    text = model.generate(20, primer="Zxqwv  1234")
    assert text.startswith("Zxqwv  1234") and "<unk>" not in text
    added = text.removeprefix("Zxqwv  1234")
    assert added and model.generate(20, primer="<unk> N") == f"<unk> N{added}"


def test_a_seed_makes_its_text():
    model = made(CharacterModel)
    texts = [model.generate(30, seed=seed) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    assert set("".join(texts)) <= {"\n", *model.config["vocabulary"]}


def test_a_text_ends_at_an_empty_line_or_after_the_usual_number(model):
    head, usual = model.get_layer("head"), 100
    head.kernel.assign(np.zeros((8, 7)))
    head.bias.assign([-1e9, 0, 0, 0, 0, 0, 0])
    assert len(model.generate(primer="the").split()) == 1 + usual
    head.bias.assign([1e9, 0, 0, 0, 0, 0, 0])
    assert model.generate(primer="the") == "the\n\n"


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (CharacterModel, {"vocabulary": ["ab"]}, "`vocabulary` must be single charact"),
        (CharacterModel, {"vocabulary": ["a", "a"]}, "'a' more than once"),
        (CharacterModel, {"vocabulary": ["a", "\n"]}, "but for the end of a line"),
        (WordModel, {"vocabulary": ["a b"]}, "`vocabulary` must be words without"),
        (WordModel, {"units": 0}, "`units` must be a positive integer"),
        (WordModel, {"embedding_size": 0}, "`embedding_size` must be a positive"),
        (WordModel, {"dropout": 1.0}, r"`dropout` must be a number in \[0, 1\)"),
        (WordModel, {"cell_arguments": {"units": 3}}, "`cell_arguments` must be"),
    ],
)
def test_wrong_arguments(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(**{**kind.tiny(), **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": -1}, "temperature must be a number from 0 on"),
        ({"top_p": 1.5}, "top_p must be above 0 and at most 1"),
        ({"top_k": 0}, "`top_k` must be a positive integer"),
        ({"steps": 0}, "`steps` must be a positive integer"),
        ({"primer": None}, "a text must be a string. Received: None"),
    ],
)
def test_wrong_ways_to_draw(model, arguments, message):
    with pytest.raises(UserError, match=message):
        model.generate(**arguments)
