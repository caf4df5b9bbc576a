"""The attention layer against Keras' own, NumPy, and by its masks."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_seqzoo.layers import Attention
from keras_seqzoo.layers.attention import SCORES, attention_weights

BATCH, STEPS, SOURCE, SIZE = 2, 3, 5, 4


def arrays(query_size=SIZE, seed=0):
    rng = np.random.default_rng(seed)
    query = rng.normal(size=(BATCH, STEPS, query_size)).astype("float32")
    values = rng.normal(size=(BATCH, SOURCE, SIZE)).astype("float32")
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], bool)
    return query, values, mask


def filled(score, query_size=SIZE, **arguments):
    """A layer whose weights are all random, biases among them."""
    layer = Attention(score, **arguments)
    query, values, _ = arrays(query_size)
    layer(query, values)
    rng = np.random.default_rng(5)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape))
    return layer


def softmax(x):
    shares = np.exp(x - x.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("score", ["dot", "scaled_dot"])
def test_dot_is_keras_attention(score):
    query, values, mask = arrays()
    theirs = keras.layers.Attention()
    scale = 1.0 if score == "dot" else SIZE**-0.5
    expected, weights = theirs(
        [query * scale, values], mask=[None, mask], return_attention_scores=True
    )
    found = Attention(score)(query, values, mask=mask)
    np.testing.assert_allclose(found[0], expected, atol=1e-6)
    np.testing.assert_allclose(found[1], weights, atol=1e-6)


@pytest.mark.parametrize("score", ["concat", "additive"])
def test_additive_is_keras_additive_attention(score):
    query, values, mask = arrays()
    theirs = keras.layers.AdditiveAttention()
    theirs.build([query.shape, values.shape])
    scale = np.array([0.5, -1.0, 2.0, 1.5], "float32")
    theirs.scale.assign(scale)
    expected, weights = theirs(
        [query, values], mask=[None, mask], return_attention_scores=True
    )
    layer = filled(score)
    layer.query_kernel.assign(np.eye(SIZE))
    layer.key_kernel.assign(np.eye(SIZE))
    layer.score_kernel.assign(scale[:, None])
    if score == "additive":
        layer.bias.assign(np.zeros(SIZE))
    found = layer(query, values, mask=mask)
    np.testing.assert_allclose(found[0], expected, atol=1e-6)
    np.testing.assert_allclose(found[1], weights, atol=1e-6)


def numpy_scores(layer, query, values):
    weights = {w.name: np.asarray(w) for w in layer.weights}
    scores = np.zeros((BATCH, STEPS, SOURCE))
    for b, t, s in np.ndindex(*scores.shape):
        h_t, h_s = query[b, t], values[b, s]
        if layer.score == "general":
            scores[b, t, s] = h_t @ (weights["key_kernel"].T @ h_s)
        else:
            joined = np.concatenate([weights["query_kernel"], weights["key_kernel"]])
            hidden = np.concatenate([h_t, h_s]) @ joined + weights.get("bias", 0.0)
            scores[b, t, s] = np.tanh(hidden) @ weights["score_kernel"][:, 0]
    return scores


@pytest.mark.parametrize(
    ("score", "arguments"),
    [("general", {}), ("concat", {"units": 7}), ("additive", {"units": 3})],
)
def test_scores_are_the_papers(score, arguments):
    query, values, _ = arrays(query_size=6)
    layer = filled(score, query_size=6, **arguments)
    expected = softmax(numpy_scores(layer, query, values))
    context, weights = layer(query, values)
    np.testing.assert_allclose(weights, expected, atol=1e-5)
    np.testing.assert_allclose(context, expected @ values, atol=1e-5)


@pytest.mark.parametrize("score", SCORES)
def test_what_is_masked_does_not_matter_and_one_step_is_a_row_of_many(score):
    query, values, mask = arrays()
    layer = filled(score)
    context, weights = layer(query, values, mask=mask)
    other = np.where(mask[..., None], values, 99.0).astype("float32")
    np.testing.assert_allclose(layer(query, other, mask=mask)[0], context, atol=1e-6)
    assert np.all(np.asarray(weights)[1, :, 3:] == 0)
    np.testing.assert_allclose(np.asarray(weights).sum(axis=-1), 1.0, atol=1e-6)
    one, of_one = layer(query[:, 1], values, mask=mask)
    np.testing.assert_allclose(one, np.asarray(context)[:, 1], atol=1e-6)
    np.testing.assert_allclose(of_one, np.asarray(weights)[:, 1], atol=1e-6)


@pytest.mark.parametrize("steps", [1, 3])
def test_the_mask_that_keras_keeps_is_that_of_keras_attention(steps):
    words = keras.Input((None,), dtype="int32")
    query = keras.Input((steps, SIZE))
    values = keras.layers.Embedding(10, SIZE, mask_zero=True)(words)
    theirs = keras.layers.Attention()([query, values], return_attention_scores=True)
    if steps == 1:
        ours = Attention("dot")(query[:, 0], values)
    else:
        ours = Attention("dot")(query, values)
    model = keras.Model([words, query], [*theirs, *ours])
    ids = np.array([[1, 2, 0, 0], [3, 4, 5, 0]])
    found = model.predict([ids, arrays()[0][:, :steps]], verbose=0)
    for expected, one in zip(found[:2], found[2:]):
        np.testing.assert_allclose(one.reshape(expected.shape), expected, atol=1e-6)
    assert not found[3][0, ..., 2:].any()
    explicit = Attention("dot")(query, values, mask=ops.equal(words, 1))
    weights = keras.Model([words, query], explicit[1])([ids, arrays()[0][:, :steps]])
    np.testing.assert_allclose(weights[0, :, 0], 1.0)  # a mask that is given counts


def test_the_bias_starts_at_zeros():
    layer = Attention("additive", 3)
    layer(*arrays()[:2])
    assert not np.asarray(layer.bias).any()


@pytest.mark.parametrize(
    ("query", "values", "mask", "words"),
    [
        ((1, 2, 3), (2, 3), None, "`values` must have the shape"),
        ((1, 2, 2, 3), (1, 2, 3), None, "`query` must .*Received: .1, 2, 2, 3."),
        (
            (1, 2, 3),
            (1, 4, 3),
            (1, 3),
            r"`mask` must .*\(None, 4\). Received: \(1, 3\)",
        ),
        ((1, 2, 3), (1, 4, 3), (4,), r"`mask` must .*Received: \(4,\)"),
    ],
)
def test_wrong_shapes_are_named(query, values, mask, words):
    mask = None if mask is None else np.ones(mask, bool)
    with pytest.raises(ValueError, match=words):
        Attention("dot")(np.zeros(query), np.zeros(values), mask=mask)


def test_scores_of_another_shape_are_named():
    with pytest.raises(ValueError, match=r"`score` must .*\(2, 3, 5\). Received"):
        Attention(lambda query, values: query)(*arrays()[:2])


def test_a_row_without_a_source_step_sees_nothing():
    query, values, mask = arrays()
    mask[1] = False
    context, weights = Attention("dot")(query, values, mask=mask)
    assert np.isfinite(context).all()
    assert not np.asarray(context)[1].any() and not np.asarray(weights)[1].any()


def test_large_scores_neither_overflow_nor_lose_the_mask():
    scores = np.array([[1e6, -1e6, 0.0], [3e4, 3e4, 1e6]], "float32")
    mask = np.array([[1, 1, 1], [1, 1, 0]])
    found = np.asarray(attention_weights(scores, mask))
    np.testing.assert_allclose(found, [[1, 0, 0], [0.5, 0.5, 0]], atol=1e-6)


@keras.saving.register_keras_serializable(package="tests")
def farness(query, values):
    apart = ops.expand_dims(query, 2) - ops.expand_dims(values, 1)
    return -ops.sum(ops.square(apart), axis=-1)


def test_a_score_may_be_a_function():
    query, values, _ = arrays()
    layer = Attention(farness)
    apart = query[:, :, None] - values[:, None]
    expected = softmax(-(apart**2).sum(axis=-1))
    np.testing.assert_allclose(layer(query, values)[1], expected, atol=1e-5)
    again = Attention.from_config(layer.get_config())
    np.testing.assert_allclose(again(query, values)[1], expected, atol=1e-5)


@pytest.mark.parametrize("score", SCORES)
def test_comes_back_from_its_config_and_all_its_weights_learn(score):
    query, values, mask = arrays()
    layer = filled(score)
    again = Attention.from_config(layer.get_config())
    again(query, values)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(query, values)[0], layer(query, values)[0])
    tf = pytest.importorskip("tensorflow")
    with tf.GradientTape() as tape:
        loss = ops.sum(ops.sin(layer(query, values, mask=mask)[0]))
    for weight, gradient in zip(
        layer.weights, tape.gradient(loss, layer.trainable_weights)
    ):
        # A bias of all keys, as any constant, is nothing to a softmax unless in a tanh.
        assert np.abs(gradient).max() > 1e-6, weight.path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cosine",), "`score` must be one of dot, .*Received: score='cosine'"),
        (("dot", 4), "`units` must be left out"),
        (("additive", 0), "units"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Attention(*arguments)


def test_dot_needs_equal_sizes():
    query, values, _ = arrays(query_size=6)
    with pytest.raises(ValueError, match="the values' size, 4. Received: query size 6"):
        Attention("dot")(query, values)
