"""The minimal LSTM's layer."""

from typing import Any

import keras

from keras_seqzoo.cells.min_lstm import MinLSTMCell
from keras_seqzoo.layers.cell_layer import CellLayer
from keras_seqzoo.layers.min_gru import run_in_parallel


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class MinLSTM(CellLayer):
    """Minimal LSTM: `MinLSTMCell` over all time steps in parallel, as `MinGRU` is.

    Takes the cell's arguments (`units`, ...) and those of `CellLayer`
    (`return_sequences`, ...). Weights: `kernel` and `bias`, in the order i, f, h.
    States: `[h]`.

    Source: Feng et al. 2024, Were RNNs All We Needed?, arXiv 2410.01201.
    """

    cell_class = MinLSTMCell

    def inner_loop(
        self, sequences: Any, initial_state: list, mask: Any, training: bool = False
    ) -> tuple[Any, Any, list]:
        return run_in_parallel(self, sequences, initial_state, mask, training)
