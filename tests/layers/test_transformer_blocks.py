"""The Transformer's blocks: equations, causality, and word by word."""

import numpy as np
import pytest

from keras_seqzoo.layers.transformer_blocks import (
    TransformerDecoderBlock,
    TransformerEncoderBlock,
    positions,
)

SIZE, HEADS, HIDDEN = 8, 2, 12


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def filled(block, *inputs):
    block(*inputs)
    rng = np.random.default_rng(4)
    for weight in block.weights:
        weight.assign(rng.normal(0, 0.4, weight.shape))
    return block


def test_positions_are_the_papers_sinusoids():
    place = np.array([0.0, 1.0, 7.0, 90.0], "float32")
    found = np.asarray(positions(place, 6))
    for row, p in zip(found, place):
        angles = [p / 10000 ** (2 * i / 6) for i in range(3)]
        expected = [*np.sin(angles), *np.cos(angles)]
        np.testing.assert_allclose(row, expected, atol=1e-5)


def norm(layer, x):
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return x * np.asarray(layer.gamma) + np.asarray(layer.beta)


def dense(layer, x):
    return x @ np.asarray(layer.kernel) + np.asarray(layer.bias)


@pytest.mark.parametrize("pre_norm", [True, False])
def test_encoder_block_is_the_equations(pre_norm):
    x, mask = random(2, 5, SIZE), np.array([[1] * 5, [1, 1, 1, 0, 0]], "float32")
    block = filled(
        TransformerEncoderBlock(SIZE, HEADS, HIDDEN, pre_norm=pre_norm), x, mask
    )

    def attend(y):
        found = block.self_attention(y, y, mask=mask[:, None, None, :])
        return np.asarray(found[0])

    def feed(y):
        return dense(block.back, np.maximum(dense(block.hidden, y), 0))

    expected = x
    for layer, f in zip(block.norms, (attend, feed)):
        if pre_norm:
            expected = expected + f(norm(layer, expected))
        else:
            expected = norm(layer, expected + f(expected))
    np.testing.assert_allclose(block(x, mask), expected, atol=1e-4)


@pytest.mark.parametrize("pre_norm", [True, False])
def test_decoder_block_sees_no_later_word_and_goes_word_by_word(pre_norm):
    x, source = random(2, 6, SIZE), random(2, 4, SIZE, seed=1)
    mask = np.array([[1, 1, 1, 1], [1, 1, 0, 0]], "float32")
    block = filled(
        TransformerDecoderBlock(SIZE, HEADS, HIDDEN, pre_norm=pre_norm), x, source, mask
    )
    whole = np.asarray(block(x, source, mask))
    later = np.concatenate([x[:, :3], random(2, 3, SIZE, seed=2)], axis=1)
    np.testing.assert_allclose(block(later, source, mask)[:, :3], whole[:, :3], 0, 1e-5)
    assert np.abs(np.asarray(block(later, source, mask)) - whole)[:, 3:].max() > 0.01
    keys, values = block.keys_values(x)
    of_source = *block.source_keys_values(source), mask[:, None, None, :]
    for t in range(6):
        own = keys[:, :, : t + 1], values[:, :, : t + 1], np.ones((1, 1, 1, t + 1))
        found, weights = block.attend(x[:, t], own, of_source)
        np.testing.assert_allclose(found, whole[:, t], atol=1e-5)
        assert weights.shape == (2, HEADS, 4)
        assert not np.asarray(weights)[1, ..., 2:].any()


def test_vectors_must_have_the_blocks_size():
    with pytest.raises(ValueError, match=r"size 8 must .* Received: shape \(2, 5, 7\)"):
        TransformerEncoderBlock(SIZE, HEADS, HIDDEN)(
            random(2, 5, 7), np.ones((2, 5), "float32")
        )
