"""The labels that the best path says, each at the step where it begins."""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.decoding.ctc_best_path import ctc_best_path
from keras_seqzoo.layers.ctc import BLANK


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class NewLabels(keras.layers.Layer):
    """`decoding.ctc_best_path` with the state of a recurrent layer, for streams.

    Call: logits `(batch, time, 1 + labels)`; `initial_state`, a list of the likeliest
    id `(batch, 1)` before them. Returns numbers of labels `(batch, time)`, int32, -1
    where none begins; and the next state too if `return_state` is set.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.carries_state = True
        self.return_state = False

    def get_initial_state(self, batch_size: Any) -> list:
        """No label."""
        return [ops.full((batch_size, 1), BLANK, "int32")]

    def call(self, logits: Any, initial_state: list | None = None) -> Any:
        labels, last = ctc_best_path(logits, *(initial_state or ()))
        return (labels, last) if self.return_state else labels
