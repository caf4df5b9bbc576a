"""The models whose exports are compared."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np

from keras_seqzoo import cells, layers


class Sizes(NamedTuple):
    """How large the models are, and the lengths they are run at, at batch 1."""

    inputs: int
    units: int
    lengths: tuple[int, ...]


SIZES = Sizes(inputs=128, units=256, lengths=(100, 1000))


@dataclasses.dataclass(frozen=True)
class ExportModel:
    """A model of one recurrent layer that returns sequences.

    Attributes:
        in_keras: `(units, **arguments)` -> the layer that Keras' own exporters get;
            `unroll=True` is among the arguments.
        ours: `(units)` -> our layer of the same weights, None if there is none.
        torch: The class in torch.nn that does about the same work, if any.
        fused: Whether LiteRT has one operator for it.
        bidirectional: Whether PyTorch's is.
        masked: Whether the last quarter of the steps is padding, masked.
    """

    in_keras: Callable[..., keras.layers.Layer]
    ours: Callable[[int], keras.layers.Layer] | None = None
    torch: str | None = None
    fused: bool = False
    bidirectional: bool = False
    masked: bool = False

    def build(
        self, layer: keras.layers.Layer, inputs: int, length: int | None
    ) -> keras.Model:
        """A model of the layer, of a free length if it is None."""
        x = keras.Input((length, inputs), name="x")
        y = keras.layers.Masking()(x) if self.masked else x
        return keras.Model(x, layer(y))

    def example(self, inputs: int, length: int) -> np.ndarray:
        """Inputs `(1, length, inputs)`, float32."""
        x = np.random.default_rng(0).normal(size=(1, length, inputs))
        if self.masked:
            x[:, length - length // 4 :] = 0
        return x.astype("float32")


def _layer(layer_class: type) -> Callable[..., keras.layers.Layer]:
    def make(units, **arguments):
        return layer_class(units, return_sequences=True, **arguments)

    return make


def _cell(cell_class: type) -> Callable[..., keras.layers.Layer]:
    def make(units, **arguments):
        cell = cell_class(units)
        return keras.layers.RNN(cell, return_sequences=True, **arguments)

    return make


def _both_ways(make: Callable) -> Callable[..., keras.layers.Layer]:
    def both(units, **arguments):
        return keras.layers.Bidirectional(make(units, **arguments))

    return both


# Usual Keras models, none of which Keras' own LiteRT export brings to a phone.
KERAS_MODELS = {
    "lstm": ExportModel(_layer(keras.layers.LSTM), torch="LSTM", fused=True),
    "gru": ExportModel(_layer(keras.layers.GRU), torch="GRU"),
    "simple_rnn": ExportModel(_layer(keras.layers.SimpleRNN), torch="RNN"),
    "peephole_cell": ExportModel(
        _cell(cells.PeepholeLSTMCell), torch="LSTM", fused=True
    ),
    "masked_bilstm": ExportModel(
        _both_ways(_layer(keras.layers.LSTM)),
        torch="LSTM",
        bidirectional=True,
        masked=True,
    ),
}
OUR_MODELS = {
    "peephole_lstm": ExportModel(
        _cell(cells.PeepholeLSTMCell),
        ours=_layer(layers.PeepholeLSTM),
        torch="LSTM",
        fused=True,
    ),
    "coupled_lstm": ExportModel(
        _cell(cells.CoupledLSTMCell), ours=_layer(layers.CoupledLSTM), torch="LSTM"
    ),
    "clockwork_rnn": ExportModel(
        _cell(cells.ClockworkRNNCell), ours=_layer(layers.ClockworkRNN), torch="RNN"
    ),
    "scrn": ExportModel(_cell(cells.SCRNCell), ours=_layer(layers.SCRN)),
}
MODELS = {**KERAS_MODELS, **OUR_MODELS}


def set_random_weights(model: keras.Model) -> None:
    """Moves biases and peepholes off their zeros.

    The kernels stay as they were drawn: larger ones would make some models chaotic,
    and rounding visible.
    """
    random = np.random.default_rng(0)
    for weight in model.weights:
        if weight.name in ("bias", "peephole_kernel"):
            weight.assign(weight + random.normal(0, 0.1, weight.shape))
