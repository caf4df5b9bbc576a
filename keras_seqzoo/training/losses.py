"""The tagger's loss: cross-entropy over the words that are there."""

from collections.abc import Callable

import keras
from keras import ops

from keras_seqzoo.datasets.pipeline import IGNORED_LABEL


def tagging_loss(label_smoothing: float = 0.0) -> Callable:
    """Mean cross-entropy of logits (batch, length, classes) over labels >= 0.

    Args:
        label_smoothing: Share of each target that is spread over all classes.
    """
    if not label_smoothing:
        return keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, ignore_class=IGNORED_LABEL
        )

    def smoothed_crossentropy(labels, logits):
        words = ops.cast(labels != IGNORED_LABEL, logits.dtype)  # (batch, length)
        log_p = ops.log_softmax(logits)
        label = ops.maximum(ops.cast(labels, "int32"), 0)[..., None]
        hit = -ops.take_along_axis(log_p, label, axis=-1)[..., 0]
        spread = -ops.mean(log_p, axis=-1)
        loss = (1.0 - label_smoothing) * hit + label_smoothing * spread
        return ops.sum(loss * words) / ops.maximum(ops.sum(words), 1.0)

    return smoothed_crossentropy
