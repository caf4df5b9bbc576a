"""Cross-entropy over the labels that are there."""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.datasets.pipeline import IGNORED


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
