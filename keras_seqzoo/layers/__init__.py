"""What runs a cell over time; Keras' own layers are used as they are."""

from keras_seqzoo.layers.by_name import recurrent_layer
from keras_seqzoo.layers.clockwork_rnn import ClockworkRNN
from keras_seqzoo.layers.coupled_lstm import CoupledLSTM
from keras_seqzoo.layers.peephole_lstm import PeepholeLSTM
from keras_seqzoo.layers.rnn_stack import RNNStack
from keras_seqzoo.layers.scrn import SCRN

__all__ = [
    "SCRN",
    "ClockworkRNN",
    "CoupledLSTM",
    "PeepholeLSTM",
    "RNNStack",
    "recurrent_layer",
]
