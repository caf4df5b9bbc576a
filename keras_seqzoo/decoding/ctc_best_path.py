"""The labels of the likeliest alignment, each at the step where it begins."""

from typing import Any

from keras import ops

from keras_seqzoo.errors import UserError
from keras_seqzoo.layers.ctc import BLANK, NO_LABEL


def ctc_best_path(logits: Any, before: Any = None) -> tuple[Any, Any]:
    """Best path (greedy) decoding: of the likeliest ids, repeats and then blanks go.

    Args:
        logits: `(batch, time, 1 + labels)`, the blank first, as `layers.CTC` has them.
        before: Of a stream the likeliest id `(batch, 1)`, int32, of the step before;
            by default the blank.

    Returns:
        `(labels, last)`: numbers of labels `(batch, time)`, int32, -1 where none
        begins; and the likeliest id of the last step, `(batch, 1)`, for what follows.

    Raises:
        UserError: The logits have another number of dimensions.

    Source: Graves et al. 2006, Connectionist Temporal Classification, section 3.2.
    """
    if len(logits.shape) != 3:
        raise UserError(
            "`logits` must be (batch, time, 1 + labels). Received: shape "
            f"{tuple(logits.shape)}"
        )
    ids = ops.cast(ops.argmax(logits, axis=-1), "int32")  # (batch, time)
    if before is None:
        before = ops.zeros_like(ids[:, :1]) + BLANK
    ids_before = ops.concatenate([before, ids], axis=1)
    begins = ops.logical_and(ids != BLANK, ids != ids_before[:, :-1])
    return ops.where(begins, ids - 1, NO_LABEL), ids_before[:, -1:]
