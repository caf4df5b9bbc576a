"""What is said of an operator that a format lacks."""

import keras
import pytest

from keras_seqzoo.export.unsupported import unsupported


@pytest.fixture(scope="module")
def model():
    x = keras.Input((None, 3))
    y = keras.layers.GRU(2, name="gru")(x)
    return keras.Model(x, keras.layers.Dense(1, name="odd")(y), name="whole")


@pytest.mark.parametrize(
    ("operator", "advice"),
    [
        ("StringSplitV2", "give the model ids"),
        ("RFFT", "compute spectra before the model"),
        ("RandomStandardNormal", "make it an input"),
        ("EagerPyFunc", "write its function with keras.ops"),
        ("TensorListReserve", "the cell of a keras.layers.RNN"),
        ("MatrixDeterminant", "compute it once"),
        ("Erfinv", "use operators of keras.ops"),
    ],
)
def test_what_to_use_instead(operator, advice, model):
    message = unsupported(operator, "whole/odd/Op", model, "TFLite")
    assert message.startswith(f"layer 'odd' uses {operator}, which TFLite has no ")
    assert advice in message and "\n" not in message


@pytest.mark.parametrize(
    ("place", "whose"),
    [
        ("whole_1/gru_1/gru_cell_1/Op", "layer 'gru_cell' uses"),
        ("whole/gru/Op", "layer 'gru' uses"),
        ("elsewhere/Op", "the model uses, at elsewhere/Op,"),
    ],
)
def test_whose_it_is(place, whose, model):
    assert unsupported("Erfinv", place, model, "ONNX").startswith(whose)
