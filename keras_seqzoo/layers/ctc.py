"""Connectionist temporal classification: labels whose places in time are not known."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_seqzoo.arguments import positive_integer
from keras_seqzoo.errors import UserError

BLANK = 0  # The id of no label; label i of a list has id i + 1.
NO_LABEL = -1  # Padding of targets.
SILENCE = -2  # The only entry of a target in which there is no label.
NEVER = -100.0  # The logit of labels at padding, whose blank has 0.


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class CTC(keras.layers.Layer):
    """The scores of no label, the blank, and of each label at every step.

    A padded step says blank, beyond doubt. So an alignment of the padded sequence has
    the probability of that of the sequence alone, and neither the loss nor a search
    needs to know its length.

    Args:
        num_labels: Number of labels, the blank not among them.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call: `(batch, time, features)` and `mask`, booleans `(batch, time)` or None.
    Returns logits `(batch, time, 1 + num_labels)`; the blank is first.

    Source: Graves et al. 2006, Connectionist Temporal Classification: Labelling
    Unsegmented Sequence Data with Recurrent Neural Networks, section 3.
    """

    def __init__(self, num_labels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_labels = positive_integer("num_labels", num_labels)
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        size = 1 + self.num_labels
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], size))
        self.bias = self.add_weight(name="bias", shape=(size,), initializer="zeros")

    def call(self, inputs: Any, mask: Any = None) -> Any:
        logits = ops.matmul(inputs, self.kernel) + self.bias
        if mask is None:
            return logits
        silent = np.full(1 + self.num_labels, NEVER)
        silent[BLANK] = 0.0
        silent = ops.convert_to_tensor(silent, logits.dtype)
        return ops.where(mask[..., None], logits, silent)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: a padded step has an answer, and the loss weighs labels, not steps."""
        return

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return *input_shape[:-1], 1 + self.num_labels

    def get_config(self) -> dict:
        return {**super().get_config(), "num_labels": self.num_labels}


class CTCLoss(keras.losses.Loss):
    """Minus the logarithm of the probability of all alignments of the labels.

    Targets are `(batch, labels)`, integers: numbers of labels, -1 behind them; of a
    sound in which nothing is said -2 and then -1.
    Predictions are `(batch, time, 1 + num_labels)`, logits as `CTC` gives them.

    Each label is given the same share of its example's loss, so that the weights of a
    pipeline, which are of labels, apply.

    Raises:
        UserError: Called with values (not in a compiled step), a target has more labels
            than its steps allow.

    Source: Graves et al. 2006, section 4.1, over `keras.ops.ctc_loss`.
    """

    def __init__(self, name: str = "ctc_loss") -> None:
        super().__init__(name=name, reduction="sum")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Of targets (batch, labels) the loss of each label, (batch, labels)."""
        labels = ops.cast(y_true, "int32")
        count = ops.sum(ops.cast(labels >= 0, "int32"), axis=1)  # (batch,)
        _check(labels, y_pred)
        steps = ops.zeros_like(count) + ops.shape(y_pred)[1]
        ids = ops.where(labels >= 0, labels + 1, 0)
        logits = ops.cast(y_pred, "float32")
        loss = ops.ctc_loss(ids, logits, count, steps, mask_index=BLANK)  # (batch,)
        share = loss / ops.cast(ops.maximum(count, 1), loss.dtype)
        return ops.where(labels != NO_LABEL, share[:, None], 0.0)


def steps_needed(labels: Sequence[int]) -> int:
    """Steps of the shortest alignment: one a label, and a blank between equal ones."""
    labels = list(labels)
    return len(labels) + sum(a == b for a, b in zip(labels, labels[1:]))


def check_alignable(labels: Sequence[int], steps: int, what: str) -> None:
    """Raises UserError if no alignment of the labels is as short as `steps`.

    Args:
        labels: Their numbers or names.
        steps: Steps that there are.
        what: Which example it is, for the message.
    """
    needed = steps_needed(labels)
    if needed > steps:
        raise UserError(
            f"{what}: {len(labels)} labels must have {needed} steps or more, one each "
            f"and one between equal ones. Received: {steps} steps"
        )


def _check(labels: Any, logits: Any) -> None:
    """`check_alignable` of a batch, if it has values here."""
    try:
        labels, logits = np.asarray(labels), np.asarray(logits, "float32")
    except Exception:  # symbolic: each backend has its own error
        return
    said = (logits[..., BLANK + 1 :] > NEVER).any(axis=-1).sum(axis=1)
    for row, (one, steps) in enumerate(zip(labels, said)):
        check_alignable(one[one >= 0], int(steps), f"example {row} of the batch")
