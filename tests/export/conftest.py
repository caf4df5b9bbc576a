import keras
import numpy as np
import pytest

from keras_seqzoo.export import export
from keras_seqzoo.layers.by_name import recurrent_layer
from keras_seqzoo.models import SlotTagger

QUICK = {"batches": (1, 3), "lengths": (1, 17)}


@pytest.fixture(scope="session")
def tagger():
    """A tiny zoo model."""
    keras.utils.set_random_seed(0)
    return SlotTagger(**SlotTagger.tiny())


@pytest.fixture(scope="session")
def small():
    """A small Keras model of one LSTM."""
    keras.utils.set_random_seed(0)
    x = keras.Input((None, 5), name="x")
    return keras.Model(x, keras.layers.LSTM(4, return_sequences=True)(x))


@pytest.fixture(scope="session")
def masked_model():
    """Makes a model that runs a cell one way and both ways, under any mask."""

    def make(cell, **arguments):
        keras.utils.set_random_seed(0)
        x = keras.Input((None, 5), name="x")
        mask = keras.Input((None,), dtype="bool", name="mask")

        def layer(**more):
            return recurrent_layer(cell, 4, **arguments, **more)

        one_way = layer(return_sequences=True, go_backwards=True)(x, mask=mask)
        both = keras.layers.Bidirectional(layer(return_sequences=True))(x, mask=mask)
        last = layer(dropout=0.3, recurrent_dropout=0.3)(x)
        model = keras.Model([x, mask], [one_way, both, last])
        random = np.random.default_rng(0)
        for weight in model.weights:
            if "seed" not in weight.path:  # biases and peepholes off their zeros
                weight.assign(weight + random.normal(0, 0.2, weight.shape))
        return model

    return make


@pytest.fixture(scope="session")
def exported(small, tagger, tmp_path_factory):
    """The reports of a few exports that many tests look at, by name."""
    folder = tmp_path_factory.mktemp("exported")
    return {
        "small.tflite": export(small, folder / "small.tflite"),
        "small.onnx": export(small, folder / "small.onnx"),
        "tagger.tflite": export(tagger, folder / "tagger.tflite", **QUICK),
        "tagger.onnx": export(tagger, folder / "tagger.onnx", **QUICK),
        "tagger": export(tagger, folder / "tagger", **QUICK),
    }
