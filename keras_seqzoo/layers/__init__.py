"""What runs a cell over time; Keras' own layers are used as they are."""

from keras_seqzoo.layers.attention import Attention
from keras_seqzoo.layers.by_name import recurrent_layer
from keras_seqzoo.layers.clockwork_rnn import ClockworkRNN
from keras_seqzoo.layers.coupled_lstm import CoupledLSTM
from keras_seqzoo.layers.ctc import CTC, CTCLoss
from keras_seqzoo.layers.lru import LRU
from keras_seqzoo.layers.min_gru import MinGRU
from keras_seqzoo.layers.min_lstm import MinLSTM
from keras_seqzoo.layers.peephole_lstm import PeepholeLSTM
from keras_seqzoo.layers.rnn_stack import RNNStack
from keras_seqzoo.layers.scrn import SCRN

__all__ = [
    "CTC",
    "CTCLoss",
    "LRU",
    "SCRN",
    "Attention",
    "ClockworkRNN",
    "CoupledLSTM",
    "MinGRU",
    "MinLSTM",
    "PeepholeLSTM",
    "RNNStack",
    "recurrent_layer",
]
