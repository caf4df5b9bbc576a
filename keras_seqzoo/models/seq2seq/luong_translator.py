"""Translation with Luong attention."""

from typing import Any

from keras_seqzoo.models.seq2seq.recurrent_translator import RecurrentTranslator
from keras_seqzoo.registry import register

DEFAULTS = {"decoder": "luong"}


@register(pattern="seq2seq", cell="lstm")
def lstm_luong_translator(**overrides: Any) -> RecurrentTranslator:
    """Translation by an LSTM with Luong attention (Luong et al. 2015)."""
    return RecurrentTranslator(**{"cell": "lstm", **DEFAULTS, **overrides})


@register(pattern="seq2seq", cell="gru")
def gru_luong_translator(**overrides: Any) -> RecurrentTranslator:
    """Translation by a GRU with Luong attention (Luong et al. 2015)."""
    return RecurrentTranslator(**{"cell": "gru", **DEFAULTS, **overrides})


@register(pattern="seq2seq", cell="peephole_lstm")
def peephole_lstm_luong_translator(**overrides: Any) -> RecurrentTranslator:
    """Translation by a peephole LSTM with Luong attention (Luong et al. 2015)."""
    return RecurrentTranslator(**{"cell": "peephole_lstm", **DEFAULTS, **overrides})


@register(pattern="seq2seq", cell="coupled_lstm")
def coupled_lstm_luong_translator(**overrides: Any) -> RecurrentTranslator:
    """Translation by a coupled LSTM with Luong attention (Luong et al. 2015)."""
    return RecurrentTranslator(**{"cell": "coupled_lstm", **DEFAULTS, **overrides})
