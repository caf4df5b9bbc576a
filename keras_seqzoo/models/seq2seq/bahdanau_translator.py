"""Translation with Bahdanau attention."""

from typing import Any

from keras_seqzoo.models.seq2seq.recurrent_translator import RecurrentTranslator
from keras_seqzoo.registry import register

DEFAULTS = {"decoder": "bahdanau"}


@register(pattern="seq2seq", cell="lstm")
def lstm_bahdanau_translator(**overrides: Any) -> RecurrentTranslator:
    """Translation by an LSTM with Bahdanau attention (Bahdanau et al. 2015)."""
    return RecurrentTranslator(**{"cell": "lstm", **DEFAULTS, **overrides})


@register(pattern="seq2seq", cell="gru")
def gru_bahdanau_translator(**overrides: Any) -> RecurrentTranslator:
    """Translation by a GRU with Bahdanau attention (Bahdanau et al. 2015)."""
    return RecurrentTranslator(**{"cell": "gru", **DEFAULTS, **overrides})


@register(pattern="seq2seq", cell="peephole_lstm")
def peephole_lstm_bahdanau_translator(**overrides: Any) -> RecurrentTranslator:
    """Translation by a peephole LSTM with Bahdanau attention (Bahdanau et al. 2015)."""
    return RecurrentTranslator(**{"cell": "peephole_lstm", **DEFAULTS, **overrides})


@register(pattern="seq2seq", cell="coupled_lstm")
def coupled_lstm_bahdanau_translator(**overrides: Any) -> RecurrentTranslator:
    """Translation by a coupled LSTM with Bahdanau attention (Bahdanau et al. 2015)."""
    return RecurrentTranslator(**{"cell": "coupled_lstm", **DEFAULTS, **overrides})
