import keras
import numpy as np
import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.models import SentenceClassifier

SENTENCES = ["apple  bag CAT", "", "dog nobody \0 elephant dog"]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return SentenceClassifier(**SentenceClassifier.tiny())


def test_what_is_explained_is_what_is_served(model):
    inputs = model.preprocessor(SENTENCES)
    served = {key: np.asarray(x) for key, x in model.serve(inputs).items()}
    logits = np.asarray(model(inputs))
    np.testing.assert_allclose(served["scores"], logits, atol=1e-6)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for row, (label, chance, words) in enumerate(model.explain(SENTENCES, 2)):
        assert label == model.labels[logits[row].argmax()]
        assert chance == pytest.approx(shares[row].max(), abs=1e-6)
        assert [word for word, _ in words] == SENTENCES[row].split()
        weights = served["word_weights"][row]
        assert [w for _, w in words] == pytest.approx(
            weights[: len(words)].tolist(), abs=1e-6
        )
        assert not weights[len(words) :].any()
        assert sum(w for _, w in words) == pytest.approx(float(bool(words)), abs=1e-6)
    assert model.predict_text(SENTENCES) == [e[:2] for e in model.explain(SENTENCES)]


def test_raw_english_is_read_as_the_treebank_is_split():
    keras.utils.set_random_seed(1)
    words = ["it", "'s", "``", "dog", "''", "-lrb-", "."]
    options = {**SentenceClassifier.tiny(), "vocabulary": words}
    model = SentenceClassifier(**options, splitting="penn")
    raw, tokenised = 'It\'s "dog" (.', "It 's `` dog '' -lrb- ."
    ids = np.asarray(model.preprocessor([raw])["words"])
    assert ids.tolist() == [[2, 3, 4, 5, 6, 7, 8]]
    found, expected = model.explain([raw, tokenised])
    assert found[0] == expected[0]
    assert found[1] == pytest.approx(expected[1], abs=1e-6)
    assert [word for word, _ in found[2]] == ["It", "'s", '"', "dog", '"', "(", "."]
    weights = [w for _, w in expected[2]]
    assert [w for _, w in found[2]] == pytest.approx(weights, abs=1e-6)
    whole = SentenceClassifier(**options)
    assert np.asarray(whole.preprocessor([raw])["words"]).tolist() == [[1, 1, 1]]


def test_an_unknown_splitting_is_named():
    with pytest.raises(UserError, match="one of white_space, penn.*splitting='moses'"):
        SentenceClassifier(**SentenceClassifier.tiny(), splitting="moses")
