"""The coupled LSTM layer."""

import keras

from keras_seqzoo.cells.coupled_lstm import CoupledLSTMCell
from keras_seqzoo.layers.bptt import Recurrence
from keras_seqzoo.layers.cell_layer import CellLayer
from keras_seqzoo.layers.lstm_equations import coupled_lstm, has_equations


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class CoupledLSTM(CellLayer):
    """LSTM with coupled input and forget gates: `CoupledLSTMCell` run over time.

    Takes the cell's arguments (`units`, `peephole`, ...) and those of `CellLayer`
    (`return_sequences`, ...). Weights: `kernel`, `recurrent_kernel` (gates in the
    order f, c, o), `peephole_kernel` (f, o) with `peephole`, `bias`. States:
    `[h, c]`.

    Source: Greff et al. 2015, LSTM: A Search Space Odyssey, arXiv 1503.04069.
    """

    cell_class = CoupledLSTMCell

    def recurrence(self) -> tuple[Recurrence, list] | None:
        cell = self.cell
        if not has_equations(cell):
            return None
        weights = [cell.peephole_kernel] if cell.peephole else []
        return coupled_lstm(cell.peephole), weights
