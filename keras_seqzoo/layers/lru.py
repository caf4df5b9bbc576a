"""The linear recurrent unit's layer."""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.cells.linear_cell import wide
from keras_seqzoo.cells.lru import LRUCell
from keras_seqzoo.layers.cell_layer import CellLayer
from keras_seqzoo.layers.linear_recurrence import (
    complex_linear_recurrence,
    linear_recurrence,
)
from keras_seqzoo.layers.loop_order import loop_order


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class LRU(CellLayer):
    """Linear recurrent unit: `LRUCell` over all time steps in parallel.

    Takes the cell's arguments (`units`, `output_units`, `r_min`, ...) and those of
    `CellLayer` (`return_sequences`, ...). Weights: `nu_log`, `theta_log`,
    `gamma_log`, `kernel` B, `output_kernel` C, `skip_kernel` D. Output:
    `output_units` wide, or as wide as the input. States: `[Re h, Im h]`.

    The recurrence runs in float32 at least, whatever the layer computes in.

    Source: Orvieto et al. 2023, Resurrecting Recurrent Neural Networks for Long
    Sequences, arXiv 2303.06349.
    """

    cell_class = LRUCell

    def compute_output_shape(
        self, sequences_shape: tuple, initial_state_shape: Any = None
    ) -> Any:
        if not self.built:  # the output may be as wide as the input
            self.build(sequences_shape)
        return super().compute_output_shape(sequences_shape, initial_state_shape)

    def inner_loop(
        self, sequences: Any, initial_state: list, mask: Any, training: bool = False
    ) -> tuple[Any, Any, list]:
        cell = self.cell
        sequences, mask = loop_order(
            cell.drop_inputs(sequences, training), mask, self.go_backwards
        )
        h = complex_linear_recurrence(
            cell.eigenvalues()[None, None, :],
            cell.drive(sequences),
            wide(ops.concatenate(initial_state, axis=-1)),
            mask=mask,
            tbptt_steps=self.tbptt_steps,
            unroll=self.unroll,
        )  # (batch, time, 2·units)
        states = ops.split(ops.cast(h[:, -1], cell.compute_dtype), 2, axis=-1)
        outputs = cell.readout(h) + cell.skip(sequences)
        if mask is not None:
            outputs = self._masked(outputs, mask)
        return outputs[:, -1], outputs, list(states)

    def _masked(self, outputs: Any, mask: Any) -> Any:
        """Masked steps repeat the output before them (at first zeros), or are zero."""
        if self.zero_output_for_mask:
            return ops.where(
                ops.expand_dims(mask, -1), outputs, ops.zeros_like(outputs)
            )
        # As a recurrence: h = y where a step counts, and h = h' where it does not.
        forget = ops.zeros((1, 1, outputs.shape[-1]), dtype=outputs.dtype)
        start = ops.zeros_like(outputs[:, 0])
        return linear_recurrence(
            forget,
            outputs,
            start,
            mask=mask,
            tbptt_steps=self.tbptt_steps,
            unroll=self.unroll,
        )
