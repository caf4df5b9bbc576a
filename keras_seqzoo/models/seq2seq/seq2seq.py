"""Translation without attention: all of a sentence goes through the states."""

from typing import Any

from keras_seqzoo.models.seq2seq.recurrent_translator import RecurrentTranslator
from keras_seqzoo.registry import register

DEFAULTS = {
    "decoder": "plain",
    "bidirectional": False,
    "reverse_source": True,
    "num_layers": 2,
}


@register(pattern="seq2seq", cell="lstm")
def lstm_seq2seq(**overrides: Any) -> RecurrentTranslator:
    """Translation by an LSTM without attention (Sutskever et al. 2014)."""
    return RecurrentTranslator(**{"cell": "lstm", **DEFAULTS, **overrides})


@register(pattern="seq2seq", cell="gru")
def gru_seq2seq(**overrides: Any) -> RecurrentTranslator:
    """Translation by a GRU without attention (Sutskever et al. 2014)."""
    return RecurrentTranslator(**{"cell": "gru", **DEFAULTS, **overrides})


@register(pattern="seq2seq", cell="peephole_lstm")
def peephole_lstm_seq2seq(**overrides: Any) -> RecurrentTranslator:
    """Translation by a peephole LSTM without attention (Sutskever et al. 2014)."""
    return RecurrentTranslator(**{"cell": "peephole_lstm", **DEFAULTS, **overrides})


@register(pattern="seq2seq", cell="coupled_lstm")
def coupled_lstm_seq2seq(**overrides: Any) -> RecurrentTranslator:
    """Translation by a coupled LSTM without attention (Sutskever et al. 2014)."""
    return RecurrentTranslator(**{"cell": "coupled_lstm", **DEFAULTS, **overrides})
