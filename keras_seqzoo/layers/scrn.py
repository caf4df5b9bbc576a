"""The structurally constrained recurrent network's layer."""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.cells.scrn import SCRNCell
from keras_seqzoo.layers.cell_layer import CellLayer
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
        decay = cell.decay() * ops.ones((cell.context_units,), dtype=s.dtype)
        s, contexts = simple_recurrence(
            sequences,
            cell.context_kernel * (1.0 - decay),
            ops.diag(decay),
            None,
            "linear",
            s,
            mask=mask,
            go_backwards=self.go_backwards,
            unroll=self.unroll,
        )
        # The contexts already come in the order of the loop.
        if self.go_backwards:
            sequences = ops.flip(sequences, axis=1)
            mask = None if mask is None else ops.flip(mask, axis=1)
        h, hidden = simple_recurrence(
            ops.concatenate([sequences, contexts], axis=-1),
            ops.concatenate([cell.kernel, cell.context_recurrent_kernel], axis=0),
            cell.recurrent_kernel,
            None,
            "sigmoid",
            h,
            mask=mask,
            recurrent_dropout_mask=cell.recurrent_mask(h, training),
            unroll=self.unroll,
        )
        outputs = ops.concatenate([hidden, contexts], axis=-1)
        if mask is not None and self.zero_output_for_mask:
            outputs = outputs * ops.cast(mask, outputs.dtype)[..., None]
        return outputs[:, -1], outputs, [h, s]
