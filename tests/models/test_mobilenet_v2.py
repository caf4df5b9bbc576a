"""MobileNetV2 with folded weights, out of a quantised file."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.datasets.mobilenet_v2_imagenet import weights_file
from keras_seqzoo.errors import UserError
from keras_seqzoo.models.mobilenet_v2 import (
    mobilenet_v2,
    read_tflite_weights,
    set_folded_weights,
)
from keras_seqzoo.models.picture_encoder import picture_encoder


def quantised_file(path):
    """A TFLite file of a convolution, a depthwise one and one of 1x1, int8."""
    rng = np.random.default_rng(1)
    shapes = (3, 3, 3, 4), (3, 3, 4, 1), (1, 1, 4, 5)
    kernels = [rng.normal(0, 0.3, shape).astype("float32") for shape in shapes]
    biases = [rng.normal(size=n).astype("float32") for n in (4, 4, 5)]

    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 3), tf.float32)])
    def network(x):
        x = tf.nn.relu6(tf.nn.conv2d(x, kernels[0], 1, "SAME") + biases[0])
        strides = [1, 1, 1, 1]
        x = tf.nn.depthwise_conv2d(x, kernels[1], strides, "SAME") + biases[1]
        return tf.nn.conv2d(tf.nn.relu6(x), kernels[2], 1, "SAME") + biases[2]

    def examples():
        for _ in range(20):
            yield [rng.normal(size=(1, 8, 8, 3)).astype("float32")]

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [network.get_concrete_function()], network
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = examples
    path.write_bytes(converter.convert())
    return kernels, biases


def test_weights_of_a_quantised_file_are_those_it_was_made_of(tmp_path):
    kernels, biases = quantised_file(tmp_path / "model.tflite")
    found = read_tflite_weights(tmp_path / "model.tflite")
    assert len(found) == 3
    for (kernel, bias), wanted, wanted_bias in zip(found, kernels, biases):
        assert kernel.shape == wanted.shape
        # Half of a step of 1/127 of the channel's largest weight.
        np.testing.assert_allclose(kernel, wanted, atol=np.abs(wanted).max() / 250)
        np.testing.assert_allclose(bias, wanted_bias, atol=1e-2)


def test_a_file_that_is_none_is_an_error(tmp_path):
    path = tmp_path / "x.tflite"
    path.write_bytes(b"not a model")
    with pytest.raises(UserError, match="x.tflite: must be a TFLite file of quantised"):
        read_tflite_weights(path)


def test_folded_weights_are_convolutions_with_a_bias():
    keras.utils.set_random_seed(2)
    images = keras.Input((32, 32, 3))
    network = mobilenet_v2(images, alpha=0.35)
    layers = [x for x in network.layers if hasattr(x, "kernel")]
    rng = np.random.default_rng(3)
    weights = []
    for layer in layers:
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        count = layer.kernel.shape[2 if depthwise else 3]
        kernel = rng.normal(0, 0.3, layer.kernel.shape).astype("float32")
        weights.append((kernel, rng.normal(0, 0.3, count).astype("float32")))
    set_folded_weights(network, weights)
    picture = rng.uniform(-1, 1, (1, 32, 32, 3)).astype("float32")
    first = keras.Model(images, network.get_layer("Conv1_relu").output)(picture)
    expected = tf.nn.conv2d(picture, weights[0][0], 2, "SAME") + weights[0][1]
    np.testing.assert_allclose(first, np.clip(expected, 0, 6), atol=1e-4)
    with pytest.raises(UserError, match="weights must be those of a MobileNetV2"):
        set_folded_weights(network, weights[1:])


def test_the_real_weights_fit(data_dir):
    weights = read_tflite_weights(weights_file(data_dir))
    assert len(weights) == 53
    encoder = picture_encoder("mobilenet_v2", 32)
    set_folded_weights(encoder, weights)
    norms = [x for x in encoder.layers if type(x).__name__ == "BatchNormalization"]
    np.testing.assert_allclose(norms[-1].beta, weights[-2][1])
    assert encoder.output.shape == (None, 1, 1, 1280)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("vgg", 32), "`encoder` must be mobilenet_v2 or convolution"),
        (("mobilenet_v2", 100), "`image_size` must be a multiple of 32"),
        (("mobilenet_v2", 32, -1.0), "`alpha` must be a positive number"),
    ],
)
def test_encoders_that_cannot_be(arguments, message):
    with pytest.raises(UserError, match=message):
        picture_encoder(*arguments)
