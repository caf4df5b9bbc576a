"""The minimal gated recurrent unit's layer."""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.cells.linear_cell import wide
from keras_seqzoo.cells.min_gru import MinGRUCell
from keras_seqzoo.layers.bptt import seen
from keras_seqzoo.layers.cell_layer import CellLayer
from keras_seqzoo.layers.linear_recurrence import linear_recurrence
from keras_seqzoo.layers.loop_order import loop_order


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class MinGRU(CellLayer):
    """Minimal gated recurrent unit: `MinGRUCell` over all time steps in parallel.

    Takes the cell's arguments (`units`, ...) and those of `CellLayer`
    (`return_sequences`, ...). Weights: `kernel` and `bias`, in the order z, h.
    States: `[h]`.

    The gates of all steps are one matrix product; what is left is the linear
    recurrence of `linear_recurrence`, run in float32 at least. (The paper runs it on
    logarithms, which in float32 lose 5 % of h within 4,000 steps.)

    Source: Feng et al. 2024, Were RNNs All We Needed?, arXiv 2410.01201.
    """

    cell_class = MinGRUCell

    def inner_loop(
        self, sequences: Any, initial_state: list, mask: Any, training: bool = False
    ) -> tuple[Any, Any, list]:
        return run_in_parallel(self, sequences, initial_state, mask, training)


def run_in_parallel(
    layer: CellLayer,
    sequences: Any,
    initial_state: list,
    mask: Any,
    training: bool,
) -> tuple[Any, Any, list]:
    """`inner_loop` of a layer whose cell has `coefficients`, h = a ⊙ h' + b."""
    cell = layer.cell
    sequences, mask = loop_order(
        cell.drop_inputs(sequences, training), mask, layer.go_backwards
    )
    a, b = cell.coefficients(cell.project(sequences))  # (batch, time, units)
    h = linear_recurrence(
        a,
        b,
        wide(initial_state[0]),
        mask=mask,
        tbptt_steps=layer.tbptt_steps,
        unroll=layer.unroll,
    )
    h = ops.cast(h, cell.compute_dtype)
    if mask is None:
        return h[:, -1], h, [h[:, -1]]
    # Masked steps repeat the output before them, and h0 is not an output.
    shown = mask if layer.zero_output_for_mask else seen(mask)
    outputs = ops.where(ops.expand_dims(shown, -1), h, ops.zeros_like(h))
    return outputs[:, -1], outputs, [h[:, -1]]
