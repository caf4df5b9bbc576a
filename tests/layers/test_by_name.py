"""Recurrent layers by name."""

import keras
import pytest

from keras_seqzoo import layers
from keras_seqzoo.layers import recurrent_layer

CLASSES = {
    "simple_rnn": keras.layers.SimpleRNN,
    "lstm": keras.layers.LSTM,
    "peephole_lstm": layers.PeepholeLSTM,
    "coupled_lstm": layers.CoupledLSTM,
    "gru": keras.layers.GRU,
    "clockwork_rnn": layers.ClockworkRNN,
    "scrn": layers.SCRN,
    "min_gru": layers.MinGRU,
    "min_lstm": layers.MinLSTM,
    "lru": layers.LRU,
}


@pytest.mark.parametrize("name", CLASSES)
def test_name_gives_the_layer(name):
    layer = recurrent_layer(name, 8, return_sequences=True, name="mine")
    assert type(layer) is CLASSES[name]
    assert (layer.units if hasattr(layer, "units") else layer.cell.units) == 8
    assert layer.return_sequences and layer.name == "mine"


def test_gru_is_the_papers_form_unless_asked():
    assert recurrent_layer("gru", 4).reset_after is False
    assert recurrent_layer("gru", 4, reset_after=True).reset_after is True


@pytest.mark.parametrize("name", ["lstmm", "", "LSTM", None])
def test_unknown_name_says_what_is_allowed(name):
    with pytest.raises(ValueError) as error:
        recurrent_layer(name, 4)
    message = str(error.value)
    assert "\n" not in message and f"cell={name!r}" in message
    assert all(allowed in message for allowed in CLASSES)


@pytest.mark.parametrize("name", ["peephole_lstm", "coupled_lstm", "scrn"])
def test_unknown_argument_names_it_and_the_allowed_ones(name):
    with pytest.raises(TypeError, match="'hiden'.*units.*return_sequences") as error:
        recurrent_layer(name, 4, hiden=3)
    assert "\n" not in str(error.value)


def test_scrn_has_no_bias_to_use():
    with pytest.raises(TypeError, match="use_bias"):
        recurrent_layer("scrn", 4, use_bias=True)
