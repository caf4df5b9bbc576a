"""The labels that the best path says, each at the step where it begins."""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.layers.ctc import BLANK, NO_LABEL


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class NewLabels(keras.layers.Layer):
    """Best path decoding: of the likeliest ids, repeats and then blanks go.

    Call: logits `(batch, time, 1 + labels)`, the blank first, as `CTC` gives them;
    `initial_state`, a list of the best id `(batch, 1)` before them, for streams.
    Returns numbers of labels `(batch, time)`, int32, -1 where none begins; and the next
    state too if `return_state` is set, as of a recurrent layer.

    Source: Graves et al. 2006, section 3.2.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.carries_state = True
        self.return_state = False

    def get_initial_state(self, batch_size: Any) -> list:
        """No label."""
        return [ops.full((batch_size, 1), BLANK, "int32")]

    def call(self, logits: Any, initial_state: list | None = None) -> Any:
        ids = ops.cast(ops.argmax(logits, axis=-1), "int32")  # (batch, time)
        if initial_state is None:
            before = ops.zeros_like(ids[:, :1]) + BLANK
        else:
            (before,) = initial_state
        before = ops.concatenate([before, ids], axis=1)
        begins = ops.logical_and(ids != BLANK, ids != before[:, :-1])
        labels = ops.where(begins, ids - 1, NO_LABEL)
        return (labels, before[:, -1:]) if self.return_state else labels
