"""The structurally constrained recurrent network's layer."""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.cells.scrn import SCRNCell
from keras_seqzoo.layers.bptt import seen
from keras_seqzoo.layers.cell_layer import CellLayer
from keras_seqzoo.layers.linear_recurrence import linear_recurrence
from keras_seqzoo.layers.loop_order import loop_order
from keras_seqzoo.layers.scan import loops_for_export
from keras_seqzoo.layers.simple_recurrence import simple_recurrence


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class SCRN(CellLayer):
    """Structurally constrained recurrent network: `SCRNCell` run over time.

    Takes the cell's arguments (`units`, `context_units`, `alpha`, `learn_alpha`,
    ...) and those of `CellLayer` (`return_sequences`, ...). Weights:
    `context_kernel` B, `kernel` A, `context_recurrent_kernel` P,
    `recurrent_kernel` R, and `alpha_logit` with `learn_alpha`. Output:
    concat(h, s), `units + context_units` wide. States: `[h, s]`.

    The context s does not read h, so it runs first; then h is a simple recurrence
    over inputs that are all known.

    Source: Mikolov et al. 2014, Learning Longer Memory in Recurrent Neural
    Networks, arXiv 1412.7753.
    """

    cell_class = SCRNCell

    def inner_loop(
        self, sequences: Any, initial_state: list, mask: Any, training: bool = False
    ) -> tuple[Any, Any, list]:
        cell = self.cell
        sequences = cell.drop_inputs(sequences, training)
        h, s = initial_state
        if self.tbptt_steps is not None:
            dropped = cell.recurrent_mask(h, training)
            return self._step_by_step(sequences, initial_state, mask, dropped)
        decay = cell.decay() * ops.ones((cell.context_units,), dtype=s.dtype)
        sequences, mask = loop_order(sequences, mask, self.go_backwards)
        s, contexts = self._contexts(sequences, s, decay, mask)
        h, hidden = simple_recurrence(
            ops.concatenate([sequences, contexts], axis=-1),
            ops.concatenate([cell.kernel, cell.context_recurrent_kernel], axis=0),
            cell.recurrent_kernel,
            None,
            keras.activations.sigmoid,
            h,
            mask=mask,
            recurrent_dropout_mask=cell.recurrent_mask(h, training),
            unroll=self.unroll,
        )
        outputs = ops.concatenate([hidden, contexts], axis=-1)
        if mask is not None and self.zero_output_for_mask:
            outputs = outputs * ops.expand_dims(ops.cast(mask, outputs.dtype), -1)
        return outputs[:, -1], outputs, [h, s]

    def _contexts(self, sequences: Any, s: Any, decay: Any, mask: Any) -> tuple:
        """The last context and all, as `simple_recurrence` returns them."""
        kernel = self.cell.context_kernel * (1.0 - decay)
        if self.unroll or loops_for_export():  # ONNX has a node for this form
            return simple_recurrence(
                sequences,
                kernel,
                ops.diag(decay),
                None,
                keras.activations.linear,
                s,
                mask=mask,
                unroll=self.unroll,
            )
        inputs = ops.matmul(sequences, kernel)
        contexts = linear_recurrence(decay[None, None], inputs, s, mask)
        last = contexts[:, -1]
        if mask is not None:
            zeros = ops.zeros_like(contexts)
            contexts = ops.where(seen(mask)[..., None], contexts, zeros)
        return last, contexts
