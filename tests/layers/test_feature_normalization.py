import numpy as np

from keras_seqzoo.layers.feature_normalization import (
    FeatureNormalization,
    normalized_utterance,
)


def test_features_get_mean_0_and_deviation_1_and_the_weights_stay():
    features = np.random.default_rng(0).normal(3.0, [1.0, 5.0], (4, 50, 2))
    layer = FeatureNormalization()
    np.testing.assert_allclose(layer(features), features, rtol=1e-6)
    layer.mean.assign(features.mean(axis=(0, 1)))
    layer.deviation.assign(features.std(axis=(0, 1)))
    found = np.asarray(layer(features))
    np.testing.assert_allclose(found.mean(axis=(0, 1)), 0.0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis=(0, 1)), 1.0, atol=1e-5)
    assert not layer.trainable_weights and len(layer.weights) == 2
    assert layer.compute_output_shape((None, None, 2)) == (None, None, 2)


def test_an_utterance_is_normalised_by_the_steps_that_are_there():
    rng = np.random.default_rng(1)
    frames = rng.normal(3.0, 2.0, (2, 6, 2)).astype("float32")
    lengths = (6, 4)
    mask = np.arange(6) < np.array(lengths)[:, None]
    found = np.asarray(normalized_utterance(frames, mask))
    for row, length in enumerate(lengths):
        own = frames[row, :length]
        expected = (own - own.mean(axis=0)) / np.sqrt(own.var(axis=0) + 1e-5)
        np.testing.assert_allclose(found[row, :length], expected, atol=1e-5)
