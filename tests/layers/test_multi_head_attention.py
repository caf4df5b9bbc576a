"""Attention of several heads against Keras' layer."""

import keras
import numpy as np
import pytest

from keras_seqzoo.layers.multi_head_attention import MultiHeadAttention


def arrays():
    rng = np.random.default_rng(0)
    query = rng.normal(size=(2, 3, 8)).astype("float32")
    memory = rng.normal(size=(2, 5, 8)).astype("float32")
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]], bool)[:, None, None, :]
    return query, memory, mask


def filled(layer, query, memory):
    layer(query, memory)
    rng = np.random.default_rng(3)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape))
    return layer


def test_is_keras_multi_head_attention():
    query, memory, mask = arrays()
    ours = filled(MultiHeadAttention(2, 8), query, memory)
    theirs = keras.layers.MultiHeadAttention(2, 4)
    theirs(query, memory)
    names = {"query": "query", "key": "key", "value": "value"}
    for weight in theirs.weights:
        part, name = weight.path.split("/")[-2:]
        own = getattr(ours, names.get(part, "output_projection"))
        weight.assign(np.reshape(getattr(own, name), weight.shape))
    expected, weights = theirs(
        query, memory, attention_mask=mask[:, 0], return_attention_scores=True
    )
    found = ours(query, memory, mask=mask)
    np.testing.assert_allclose(found[0], expected, atol=1e-5)
    np.testing.assert_allclose(found[1], weights, atol=1e-6)


def test_kept_keys_and_values_serve_as_the_memory_does():
    query, memory, mask = arrays()
    layer = filled(MultiHeadAttention(4, 8), query, memory)
    keys, values = layer.keys_values(memory)
    assert keys.shape == values.shape == (2, 4, 5, 2)
    expected, of_all = layer(query, memory, mask=mask)
    for t in range(3):
        found, weights = layer.attend(query[:, t], keys, values, mask)
        np.testing.assert_allclose(found, expected[:, t], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(weights, of_all[:, :, t], atol=1e-6)
    one = layer.keys_values(memory[:, 2])
    np.testing.assert_allclose(one[0][:, :, 0], keys[:, :, 2], atol=1e-6)
    np.testing.assert_allclose(one[1][:, :, 0], values[:, :, 2], atol=1e-6)


def test_size_must_be_a_multiple_of_the_heads():
    with pytest.raises(ValueError, match="a multiple of the 3 heads. Received: size=8"):
        MultiHeadAttention(3, 8)
