"""The clockwork RNN layer, as a cascade of simple recurrences."""

import math
from typing import Any

import keras
from keras import ops

from keras_seqzoo.cells.clockwork_rnn import ClockworkRNNCell
from keras_seqzoo.cells.recurrent_cell import dropped
from keras_seqzoo.layers.bptt import engine_runs
from keras_seqzoo.layers.cell_layer import CellLayer
from keras_seqzoo.layers.loop_order import loop_order
from keras_seqzoo.layers.simple_equations import DERIVATIVES
from keras_seqzoo.layers.simple_recurrence import simple_recurrence
from keras_seqzoo.layers.xla import compiled


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class ClockworkRNN(CellLayer):
    """Clockwork RNN: `ClockworkRNNCell` run over time.

    Takes the cell's arguments (`units`, `periods`, `activation`, ...) and those of
    `CellLayer` (`return_sequences`, ...). Weights: `kernel`, `recurrent_kernel`
    (only the lower blocks act), `bias`. States: `[h, t]`.

    A module reads itself and slower modules only. So from the slowest to the
    fastest, each is a simple recurrence over every T_k-th step, and all that it
    reads besides itself is known beforehand: a module that does not tick costs
    nothing. A carried state may stand at any t; such a call goes step by step.

    Source: Koutník et al. 2014, A Clockwork RNN, arXiv 1402.3511.
    """

    cell_class = ClockworkRNNCell
    _from_zero = False  # whether the call at hand starts from zeros, at t = 0

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
    ) -> Any:
        self._from_zero = initial_state is None and not self.stateful
        return super().call(sequences, initial_state, mask, training)

    def inner_loop(
        self, sequences: Any, initial_state: list, mask: Any, training: bool = False
    ) -> tuple[Any, Any, list]:
        if not self._from_zero or self.tbptt_steps is not None:
            return super().inner_loop(sequences, initial_state, mask, training)
        sequences = self.cell.drop_inputs(sequences, training)
        sequences, mask = loop_order(sequences, mask, self.go_backwards)
        recurrent_mask = self.cell.recurrent_mask(initial_state[0], training)
        if mask is None:
            outputs = self._outputs(sequences, recurrent_mask)
            steps = ops.shape(sequences)[1]
            t = ops.zeros_like(initial_state[1]) + ops.cast(
                steps % self.cell.cycle, initial_state[1].dtype
            )
            return outputs[:, -1], outputs, [outputs[:, -1], t]

        # Masked steps do not count: run over the valid ones alone, then lay each
        # result where its step was.
        outputs = self._outputs(_compacted(sequences, mask), recurrent_mask)
        valid = ops.cumsum(ops.cast(mask, "int32"), axis=1)  # valid steps up to here
        outputs = _gathered(outputs, ops.maximum(valid - 1, 0))
        seen = ops.expand_dims(valid > 0, axis=-1)
        outputs = ops.where(seen, outputs, ops.zeros_like(outputs))
        h = outputs[:, -1]
        t = ops.cast(valid[:, -1:] % self.cell.cycle, initial_state[1].dtype)
        if self.zero_output_for_mask:
            outputs = outputs * ops.expand_dims(ops.cast(mask, outputs.dtype), -1)
        return outputs[:, -1], outputs, [h, t]

    def _outputs(self, sequences: Any, recurrent_mask: Any) -> Any:
        """`_cascade`, compiled as one piece where all its loops are the engine's."""
        compiles = self.cell.activation in DERIVATIVES and not self.unroll
        if compiles and engine_runs(sequences):
            return compiled(self._cascade)(sequences, recurrent_mask)
        return self._cascade(sequences, recurrent_mask)

    def _cascade(self, sequences: Any, recurrent_mask: Any) -> Any:
        """All outputs (batch, time, units) from a zero state, with no mask."""
        cell = self.cell
        size = cell.module_units
        batch, length = ops.shape(sequences)[0], ops.shape(sequences)[1]
        outputs = None  # of the slower modules, at every multiple of `every` steps
        every = 0
        for k in reversed(range(len(cell.periods))):
            period = cell.periods[k]
            own = slice(k * size, (k + 1) * size)
            slower = slice((k + 1) * size, None)
            inputs = sequences[:, ::period]  # (batch, ticks, features)
            kernel = cell.kernel[:, own]
            before, every = every, math.gcd(every, period)
            if outputs is not None:
                outputs = _held(outputs, before // every, length, every)
                # What the slower modules held on the step before each tick.
                held = ops.pad(outputs[:, :-1], [(0, 0), (1, 0), (0, 0)])
                held = held[:, :: period // every]
                if recurrent_mask is not None:
                    held = dropped(held, recurrent_mask[:, None, slower])
                inputs = ops.concatenate([inputs, held], axis=-1)
                kernel = ops.concatenate(
                    [kernel, cell.recurrent_kernel[slower, own]], axis=0
                )
            _, sequence = simple_recurrence(
                inputs,
                kernel,
                cell.recurrent_kernel[own, own],
                None if cell.bias is None else cell.bias[own],
                cell.activation,
                ops.zeros((batch, size), dtype=sequences.dtype),
                recurrent_dropout_mask=(
                    None if recurrent_mask is None else recurrent_mask[:, own]
                ),
                unroll=self.unroll,
            )
            sequence = _held(sequence, period // every, length, every)
            outputs = (
                sequence
                if outputs is None
                else ops.concatenate([sequence, outputs], axis=-1)
            )
        return _held(outputs, every, length, 1)


def _held(values: Any, times: int, length: Any, every: int) -> Any:
    """Each of the values `times` times: those at every `every`-th of `length` steps."""
    if times == 1:
        return values
    batch, steps, units = ops.shape(values)
    values = ops.broadcast_to(values[:, :, None], (batch, steps, times, units))
    values = ops.reshape(values, (batch, steps * times, units))
    return values[:, : (length + every - 1) // every]


def _compacted(sequences: Any, mask: Any) -> Any:
    """Move the valid steps of each row to its front, keeping their order."""
    length = ops.shape(sequences)[1]
    steps = ops.arange(length, dtype="int32")[None, :]
    order = ops.argsort(ops.where(mask, steps, steps + length), axis=1)
    return _gathered(sequences, order)


def _gathered(sequences: Any, positions: Any) -> Any:
    """Row by row: `sequences[b, positions[b]]`, as one flat gather."""
    batch, length = ops.shape(sequences)[0], ops.shape(sequences)[1]
    rows = ops.arange(batch, dtype="int32")[:, None] * length
    flat = ops.reshape(sequences, (-1, sequences.shape[-1]))
    return ops.take(flat, ops.cast(positions, "int32") + rows, axis=0)
