import keras
import numpy as np

from keras_seqzoo.models.ctc.frame_convolutions import frame_convolutions


def model(strides, filters=2):
    x = keras.Input((None, 3), name="x")
    mask = keras.Input((None,), dtype="bool", name="mask")
    outputs = frame_convolutions(x, mask, filters, strides, dropout=0.5)
    found = keras.Model([x, mask], outputs)
    rng = np.random.default_rng(0)
    for weight in found.weights:
        weight.assign(rng.normal(size=weight.shape))
    return found


def test_it_is_a_strided_convolution_normalised():
    found = model([2])
    frames = np.random.default_rng(1).normal(size=(1, 7, 3))
    there = np.ones((1, 7), bool)
    y, mask = (np.asarray(one) for one in found([frames, there], training=False))
    kernel, bias, gamma, beta = (np.asarray(weight) for weight in found.weights)
    padded = np.pad(frames[0], ((2, 2), (0, 0)))
    for step in range(4):
        window = padded[2 * step : 2 * step + 5]
        z = np.einsum("wi,wio->o", window, kernel) + bias
        z = (z - z.mean()) / np.sqrt(z.var() + 1e-3) * gamma + beta
        np.testing.assert_allclose(y[0, step], np.maximum(z, 0.0), atol=1e-4)
    assert y.shape == (1, 4, 2) and mask.all()


def test_padding_stays_zero_and_changes_nothing():
    found = model([1, 2, 2])
    frames = np.random.default_rng(2).normal(size=(1, 9, 3))
    short, _ = found([frames, np.ones((1, 9), bool)], training=False)
    padded = np.pad(frames, ((0, 0), (0, 6), (0, 0)))
    there = np.arange(15)[None, :] < 9
    y, mask = (np.asarray(one) for one in found([padded, there], training=False))
    assert mask.tolist() == [[True, True, True, False]]
    np.testing.assert_allclose(y[:, :3], short, atol=1e-5)
    assert not y[:, 3:].any()
