"""The peephole LSTM layer."""

import keras

from keras_seqzoo.cells.peephole_lstm import PeepholeLSTMCell
from keras_seqzoo.layers.bptt import Recurrence
from keras_seqzoo.layers.cell_layer import CellLayer
from keras_seqzoo.layers.lstm_equations import has_equations, peephole_lstm


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class PeepholeLSTM(CellLayer):
    """LSTM with peephole connections: `PeepholeLSTMCell` run over time.

    Takes the cell's arguments (`units`, ...) and those of `CellLayer`
    (`return_sequences`, ...). Weights: `kernel`, `recurrent_kernel` (gates in the
    order i, f, c, o), `peephole_kernel` (i, f, o), `bias`. States: `[h, c]`.

    Source: Gers & Schmidhuber 2000, Recurrent Nets that Time and Count.
    """

    cell_class = PeepholeLSTMCell

    def recurrence(self) -> tuple[Recurrence, list] | None:
        if not has_equations(self.cell):
            return None
        return peephole_lstm(), [self.cell.peephole_kernel]
