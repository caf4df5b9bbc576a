import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo.models.character_convolution import CharacterConvolution


def test_it_is_a_convolution_and_takes_no_row_too():
    layer = CharacterConvolution(6, (1, 3), padding="same")
    keras_layer = keras.layers.Conv2D(6, (1, 3), padding="same")
    random = np.random.default_rng(0)
    for made in (layer, keras_layer):
        made.build((None, None, 5, 4))
    layer.set_weights([random.normal(size=w.shape) for w in layer.weights])
    keras_layer.set_weights(layer.get_weights())
    x = random.normal(size=(2, 3, 5, 4)).astype("float32")
    np.testing.assert_allclose(layer(x), keras_layer(x), atol=1e-6)
    call = tf.function(layer, input_signature=[tf.TensorSpec((None, None, 5, 4))])
    assert call(tf.zeros((0, 3, 5, 4))).shape == (0, 3, 5, 6)
