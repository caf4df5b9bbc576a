"""Recurrent layers by the name of their cell."""

from typing import Any

import keras

from keras_seqzoo.layers.clockwork_rnn import ClockworkRNN
from keras_seqzoo.layers.coupled_lstm import CoupledLSTM
from keras_seqzoo.layers.lru import LRU
from keras_seqzoo.layers.min_gru import MinGRU
from keras_seqzoo.layers.min_lstm import MinLSTM
from keras_seqzoo.layers.peephole_lstm import PeepholeLSTM
from keras_seqzoo.layers.scrn import SCRN


def _gru(units: int, **kwargs: Any) -> keras.layers.Layer:
    return keras.layers.GRU(units, **{"reset_after": False, **kwargs})


RECURRENT_LAYERS = {
    "simple_rnn": keras.layers.SimpleRNN,
    "lstm": keras.layers.LSTM,
    "peephole_lstm": PeepholeLSTM,
    "coupled_lstm": CoupledLSTM,
    "gru": _gru,
    "clockwork_rnn": ClockworkRNN,
    "scrn": SCRN,
    "min_gru": MinGRU,
    "min_lstm": MinLSTM,
    "lru": LRU,
}


def recurrent_layer(cell: str, units: int, **kwargs: Any) -> keras.layers.Layer:
    """Make the recurrent layer whose cell has this name.

    Args:
        cell: "simple_rnn", "lstm", "peephole_lstm", "coupled_lstm", "gru" (in the
            papers' form, `reset_after=False`), "clockwork_rnn", "scrn", "min_gru",
            "min_lstm" or "lru".
        units: Positive integer, the size of the hidden state.
        **kwargs: Arguments of the layer (`return_sequences`, `periods`, ...).

    Raises:
        ValueError: if there is no such cell, or an argument is wrong.
    """
    if not isinstance(cell, str) or cell not in RECURRENT_LAYERS:
        raise ValueError(
            f"`cell` must be one of {', '.join(RECURRENT_LAYERS)}. "
            f"Received: cell={cell!r}"
        )
    return RECURRENT_LAYERS[cell](units, **kwargs)
