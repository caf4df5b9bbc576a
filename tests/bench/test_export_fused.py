import keras
import numpy as np
import pytest

from keras_seqzoo.bench.export_contenders import start
from keras_seqzoo.bench.export_fused import fused_lstm
from keras_seqzoo.export.tflite import operators
from keras_seqzoo.layers import PeepholeLSTM


@pytest.mark.parametrize("layer_class", [keras.layers.LSTM, PeepholeLSTM])
def test_one_operator_computes_what_the_layer_does(layer_class):
    random = np.random.default_rng(0)
    layer = layer_class(4, return_sequences=True)
    x = random.normal(size=(1, 7, 3)).astype("float32")
    layer(x)
    layer.set_weights([random.normal(0, 0.5, w.shape) for w in layer.get_weights()])
    kernel, recurrent_kernel, *peephole_kernel, bias = layer.get_weights()
    (peephole_kernel,) = peephole_kernel or [None]
    content = fused_lstm(kernel, recurrent_kernel, bias, peephole_kernel, 7)
    assert operators(content) == {"UNIDIRECTIONAL_SEQUENCE_LSTM": 1}
    run = start("tflite", content, x)
    for _ in range(2):  # the states start from zero at each call
        np.testing.assert_allclose(run(), np.asarray(layer(x)), atol=1e-6)
