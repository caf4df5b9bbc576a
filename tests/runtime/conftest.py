import keras
import numpy as np
import pytest

from keras_seqzoo.export import export
from keras_seqzoo.models import SlotTagger

QUICK = {"batches": (1,), "lengths": (5,)}


@pytest.fixture(scope="session")
def tagger():
    """A tiny tagger of one direction whose slots vary."""
    keras.utils.set_random_seed(1)
    tiny = SlotTagger.tiny() | {"characters": list("abcdefghijklmnopqrstuvwxyz0")}
    tagger = SlotTagger(**tiny, bidirectional=False, cell="lstm")
    random = np.random.default_rng(0)
    for weight in tagger.weights:
        if weight.name != "bias":
            weight.assign(random.normal(0, 0.9, weight.shape))
    tagger.architecture, tagger.tag = "lstm_tagger", "test"
    tagger.card = "# A card\n\nKissa istuu: ä, 猫.\n"
    return tagger


@pytest.fixture(scope="session")
def files(tagger, tmp_path_factory):
    """The tagger exported, and a model of arrays, by name."""
    folder = tmp_path_factory.mktemp("files")
    keras.utils.set_random_seed(0)
    x = keras.Input((None, 3), name="x")
    arrays = keras.Model(x, keras.layers.GRU(4, return_sequences=True)(x))
    x = keras.Input((None, 3), name="x")
    both = keras.Model(x, keras.layers.Bidirectional(keras.layers.GRU(2))(x))
    for suffix in ("tflite", "onnx"):
        export(tagger, folder / f"tagger.{suffix}", streaming=True, **QUICK)
        export(arrays, folder / f"arrays.{suffix}", streaming=True, **QUICK)
    export(both, folder / "both.tflite", **QUICK)
    return folder
