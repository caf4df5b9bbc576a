"""What a model expects of a piece, against its whole answer in one call."""

import numpy as np
import pytest
from scipy import special

from keras_seqzoo import registry
from keras_seqzoo.models import CharacterModel, PianoRollModel
from keras_seqzoo.runtime import expectation


@pytest.fixture(params=[3, 256])
def chunk(request, monkeypatch):
    monkeypatch.setattr(expectation, "CHUNK", request.param)


def test_of_a_text(chunk):
    arguments = CharacterModel.tiny() | {"num_layers": 1}
    model = registry.create("gru_character_model", **arguments)
    text = "X: 2\nK:G\n"
    ids = model.tokens.encode(text)
    read = np.array([[0, *ids]], np.int32)
    log_p = special.log_softmax(np.asarray(model({"tokens": read}))[0], axis=-1)
    found = expectation.expected_tokens(model, text, 3)
    assert found.steps == 9
    expected = -np.mean([log_p[i, one] for i, one in enumerate(ids)])
    assert found.nats == pytest.approx(expected, abs=1e-5)
    likeliest = np.argsort(-log_p[-1])[:3]
    assert [one for one, _ in found.next] == likeliest.tolist()
    chances = [p for _, p in found.next]
    np.testing.assert_allclose(chances, np.exp(log_p[-1][likeliest]), atol=1e-5)


def test_of_a_roll(chunk):
    model = registry.create("scrn_piano_roll", **PianoRollModel.tiny())
    roll = (np.random.default_rng(0).random((7, 12)) < 0.3).astype(np.uint8)
    read = np.concatenate([np.zeros((1, 12)), roll]).astype(np.float32)[None]
    p = special.expit(np.asarray(model({"roll": read}), np.float64))[0]
    of_keys = np.where(roll == 1, p[:-1], 1 - p[:-1])
    found = expectation.expected_notes(model, roll, 12)
    assert found.steps == 7
    assert found.nats == pytest.approx(-np.log(of_keys).sum() / 7, abs=1e-5)
    np.testing.assert_allclose([q for _, q in found.next], -np.sort(-p[-1]), atol=1e-5)


def test_of_nothing_it_says_what_may_begin():
    arguments = CharacterModel.tiny() | {"num_layers": 1}
    model = registry.create("gru_character_model", **arguments)
    found = expectation.expected_tokens(model, "")
    assert found.steps == 0 and found.nats is None and len(found.next) == 5
