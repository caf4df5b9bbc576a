"""Cross-entropy over the labels that are there."""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.datasets.pipeline import IGNORED


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class LabelLoss(keras.losses.Loss):
    """Cross-entropy of logits (..., classes) over labels >= 0.

    The sum over the labels: the weights that the pipeline gives make it their mean.
    So the devices that share a batch need not know how many labels the others have.

    Args:
        label_smoothing: Share of each target that is spread over all classes.
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__(name="label_loss", reduction="sum")
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Of labels (...) the loss of each, (...)."""
        log_p = ops.log_softmax(y_pred)
        label = ops.maximum(ops.cast(y_true, "int32"), 0)[..., None]
        loss = -ops.take_along_axis(log_p, label, axis=-1)[..., 0]
        if self.label_smoothing:
            spread = -ops.mean(log_p, axis=-1)
            loss = (1.0 - self.label_smoothing) * loss + self.label_smoothing * spread
        return ops.where(y_true != IGNORED, loss, ops.zeros_like(loss))

    def get_config(self) -> dict[str, Any]:
        return {"label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class NoteLoss(keras.losses.Loss):
    """Cross-entropy of logits (batch, time, keys) over notes 0 and 1, summed over keys.

    The sum over the steps, as of `LabelLoss`; a step with notes below 0 is padding.

    Args:
        label_smoothing: Moves each target this share of the way to one half.
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__(name="note_loss", reduction="sum")
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Of notes (batch, time, keys) the loss of each step, (batch, time)."""
        notes = ops.cast(y_true, y_pred.dtype)
        notes += self.label_smoothing * (0.5 - notes)
        loss = ops.sum(ops.softplus(y_pred) - notes * y_pred, axis=-1)
        there = ops.all(y_true != IGNORED, axis=-1)
        return ops.where(there, loss, ops.zeros_like(loss))

    def get_config(self) -> dict[str, Any]:
        return {"label_smoothing": self.label_smoothing}
