"""One time step of each recurrence; Keras' own cells are used as they are."""

from keras_seqzoo.cells.clockwork_rnn import ClockworkRNNCell
from keras_seqzoo.cells.coupled_lstm import CoupledLSTMCell
from keras_seqzoo.cells.lru import LRUCell
from keras_seqzoo.cells.min_gru import MinGRUCell
from keras_seqzoo.cells.min_lstm import MinLSTMCell
from keras_seqzoo.cells.peephole_lstm import PeepholeLSTMCell
from keras_seqzoo.cells.scrn import SCRNCell

__all__ = [
    "ClockworkRNNCell",
    "CoupledLSTMCell",
    "LRUCell",
    "MinGRUCell",
    "MinLSTMCell",
    "PeepholeLSTMCell",
    "SCRNCell",
]
