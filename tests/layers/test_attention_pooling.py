import keras
import numpy as np
import pytest

from keras_seqzoo.layers.attention_pooling import AttentionPooling


def reference(x, mask, layer):
    """The formula row by row, over the steps that are there."""
    kernel, bias, v = (np.asarray(w) for w in layer.weights)
    means, weights = np.zeros((len(x), x.shape[-1])), np.zeros(x.shape[:2])
    for row, there in enumerate(mask):
        steps = np.flatnonzero(there)
        if len(steps):
            scores = np.tanh(x[row, steps] @ kernel + bias) @ v[:, 0]
            share = np.exp(scores) / np.exp(scores).sum()
            weights[row, steps] = share
            means[row] = share @ x[row, steps]
    return means, weights


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_the_formula_with_any_mask(policy):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32")
    mask = np.array([[1] * 5, [1, 1, 0, 0, 0], [0, 1, 0, 1, 0], [0] * 5], bool)
    layer = AttentionPooling(6, dtype=policy)
    layer.build(x.shape)
    for weight in layer.weights:
        weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    found = [np.asarray(y, "float32") for y in layer(x, mask=mask)]
    tolerance = {"float32": 1e-6, "mixed_float16": 4e-3, "mixed_bfloat16": 4e-2}
    for y, expected in zip(found, reference(x, mask, layer)):
        np.testing.assert_allclose(y, expected, atol=tolerance[policy])


def test_without_a_mask_all_steps_count():
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    layer = AttentionPooling(2)
    found = layer(x)
    everywhere = layer(x, mask=np.ones((2, 4), bool))
    for y, expected in zip(found, everywhere):
        np.testing.assert_array_equal(y, expected)


def test_a_model_with_it_is_saved_and_loaded(tmp_path):
    ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(9, 4, mask_zero=True)(ids)
    model = keras.Model(ids, AttentionPooling(3)(x))
    model.save(tmp_path / "x.keras")
    again = keras.models.load_model(tmp_path / "x.keras")
    x = np.array([[1, 2, 0], [3, 0, 0]])
    for y, expected in zip(again.predict(x, verbose=0), model.predict(x, verbose=0)):
        np.testing.assert_array_equal(y, expected)
        assert not np.asarray(again(x)[1])[1, 1:].any()  # the embedding's mask


def test_units_are_positive():
    with pytest.raises(ValueError, match="`units` must be"):
        AttentionPooling(0)
